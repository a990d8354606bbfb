//! What quantization did to a forest.

use tenebra_circuit::{Op, TreeNode};

use super::choose::sample;
use super::leaves::{ErrorSum, LeafCodes, ScoreDeviation};
use super::options::BinsMode;
use crate::data::Table;
use crate::forest::ForestModel;
use crate::quantized::{Codec, InputCodec, QuantizeError, QuantizedModel, code_interval};

/// What quantization did to a forest.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestReport {
    /// The codec of the inputs.
    pub bins: BinsMode,
    /// Sum over the inputs of the bits of a code.
    pub input_bits: u32,
    /// Cut points that the client learns.
    pub cut_points: usize,
    /// Cut points among them that no split uses: decoys or, without decoys, those that move others to codes that are cheaper to compare with.
    pub unused_cuts: usize,
    /// Inputs all of whose cut points are the model's.
    pub bare_inputs: usize,
    /// Features that take two inputs, because their splits send missing values in different directions.
    pub split_features: usize,
    /// Trees of the circuit: those that are constant went into the offset, those with the same splits are one.
    pub trees: usize,
    /// Splits of the circuit.
    pub splits: usize,
    /// Most splits on a path of the circuit.
    pub depth: usize,
    /// Bits of a leaf.
    pub leaf_bits: u8,
    /// Per output, a bound of the score's error from the leaves, for whatever row.
    pub leaf_error_bound: Vec<f64>,
    /// The bound in parts of the span of all possible scores, of the output where it is largest.
    pub relative_leaf_error_bound: f64,
    /// Scores of the circuit against the float model on the calibration data: leaves and, with even steps, inputs.
    pub measured: Option<ScoreDeviation>,
}

/// Cut points that were added to the model's own, and inputs without any.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AddedCuts {
    cuts: usize,
    bare_inputs: usize,
}

impl AddedCuts {
    /// An input had `own` cut points and has `all` now.
    pub(super) fn count(&mut self, own: usize, all: usize) {
        self.cuts += all - own;
        self.bare_inputs += usize::from(own > 0 && all == own);
    }
}

pub(super) fn cut_points(input: &InputCodec) -> usize {
    match &input.codec {
        Codec::Bins { cuts, .. } => cuts.len(),
        Codec::Affine(_) => 0,
    }
}

/// The circuit on the calibration rows, against the float model.
pub(super) fn measure(
    model: &ForestModel,
    quantized: &QuantizedModel,
    table: &Table,
) -> Result<ScoreDeviation, QuantizeError> {
    let mut error = ErrorSum::new(model);
    for row in sample(table) {
        // Rows that the model refuses have no score, and those with missing values perhaps no codes.
        if let (Ok(want), Ok(codes)) = (model.decision_function(row), quantized.encode(row)) {
            let outputs = tenebra_sim::run(quantized.circuit(), &codes.codes);
            let outputs = outputs.map_err(|error| QuantizeError::Circuit {
                message: error.to_string(),
            })?;
            error.add(&quantized.decode(&outputs)?.scores, &want);
        }
    }
    Ok(error.finish())
}

pub(super) fn report(
    quantized: &QuantizedModel,
    added: AddedCuts,
    codes: LeafCodes,
    bins: BinsMode,
    measured: Option<ScoreDeviation>,
) -> ForestReport {
    let bits = |input: &InputCodec| {
        let range = code_interval(input);
        u64::BITS - range.min.abs_diff(range.max).leading_zeros()
    };
    let mut report = ForestReport {
        bins,
        input_bits: quantized.inputs.iter().map(bits).sum(),
        cut_points: quantized.inputs.iter().map(cut_points).sum(),
        unused_cuts: added.cuts,
        bare_inputs: added.bare_inputs,
        split_features: quantized
            .inputs
            .windows(2)
            .filter(|pair| pair[0].column == pair[1].column)
            .count(),
        trees: 0,
        splits: 0,
        depth: 0,
        leaf_bits: codes.bits,
        relative_leaf_error_bound: codes.relative_worst_case(),
        leaf_error_bound: codes.worst_case,
        measured,
    };
    for op in &quantized.circuit().circuit().ops {
        if let Op::Forest { forest, .. } = op {
            report.trees += forest.trees.len();
            for tree in &forest.trees {
                let mut depths = vec![0; tree.nodes.len()];
                for (at, node) in tree.nodes.iter().enumerate() {
                    if let TreeNode::Split { left, right, .. } = node {
                        report.splits += 1;
                        report.depth = report.depth.max(depths[at] + 1);
                        depths[*left as usize] = depths[at] + 1;
                        depths[*right as usize] = depths[at] + 1;
                    }
                }
            }
        }
    }
    report
}
