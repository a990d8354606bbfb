//! From a forest on reals to a forest on codes.
//!
//! With [`BinsMode::Thresholds`] the cut points of a feature's codes are the forest's own split points, so that
//! `code < j` iff `x < t_j` holds exactly (every library's comparison is brought into this form first): each row
//! reaches the leaf that it reaches in the float model, in the fewest input bits. The client learns the split points, but
//! neither the structure nor the leaves; [`Decoys`] hide which split points are the model's. With [`BinsMode::Uniform`] the
//! client learns each feature's range only, and a split is exact to half a step.
//!
//! Features that no split uses are not inputs. Missing values keep the direction that each split learned.

mod additive;
mod compact;
mod decoys;
mod inputs;
mod leaves;
mod unfold;

pub use additive::quantize_additive;
pub use leaves::ScoreDeviation;

use inputs::Inputs;
use leaves::{ErrorSum, LeafCodes, Reached};
use tenebra_circuit::passes::simplify;
use tenebra_circuit::{CircuitBuilder, Forest, Op, TreeNode, Verified, verify};
use tenebra_quant::BitWidth;

use super::ForestModel;
use crate::data::Table;
use crate::quantized::QuantizeError;
use crate::quantized::{Codec, InputCodec, QuantizedModel, code_interval};

/// Most bits of a leaf.
pub const MAX_LEAF_BITS: u8 = 24;

/// Least leaf bits without calibration data to choose them on, or with data that say nothing about other rows.
const DEFAULT_LEAF_BITS: u8 = 10;

/// Largest error of a score of any row that the choice of leaf bits allows, in parts of the span of all possible scores, for a
/// regression and for a classifier.
const MAX_ANY_ROW_ERROR: (f64, f64) = (1.0 / 256.0, 1.0 / 64.0);

/// Largest root mean squared error of a score that the choice of leaf bits allows, in standard deviations of the score, for a
/// regression and for a classifier. A classifier must besides decide the same on every row; on models of 10 to 100 trees
/// (breast cancer, digits) this leaves about three bits more than the fewest that change no decision on other rows either.
const MAX_RELATIVE_ERROR: (f64, f64) = (1e-3, 4e-3);

/// Calibration rows that the choice of leaf bits and the report look at; more would only take longer.
const MAX_ROWS: usize = 10_000;

/// Where the codes of a feature change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinsMode {
    /// At the model's own split points: every decision is exact.
    Thresholds,
    /// In even steps over the feature's range in the calibration data, or over its split points without any.
    Uniform(BitWidth),
}

/// Cut points that no split uses, so that the client cannot tell which ones are the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoys {
    /// Bits added to each input to make room for more; with 0, decoys fill the codes that are free anyhow.
    pub bits: u8,
    /// Which ones: the same seed gives the same decoys.
    pub seed: u64,
}

/// How to quantize a forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForestOptions {
    /// The codec of the inputs.
    pub bins: BinsMode,
    /// Bits of a leaf, 1 to [`MAX_LEAF_BITS`]; `None` chooses as few as change no score of any row by more than a small part of
    /// what scores can be, and nothing that matters on the calibration data.
    pub leaf_bits: Option<u8>,
    /// Whether rows with missing values can be scored, where the model learned what to do with them. It costs nothing unless
    /// splits of one feature send missing values in different directions. Without, a missing value is refused where it is a
    /// feature's that some split compares, and not noticed where splits only tell missing values from all others.
    pub missing: bool,
    /// Decoys among the split points; without effect on [`BinsMode::Uniform`].
    pub decoys: Option<Decoys>,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self {
            bins: BinsMode::Thresholds,
            leaf_bits: None,
            missing: true,
            decoys: None,
        }
    }
}

/// What quantization did to a forest.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestReport {
    /// The codec of the inputs.
    pub bins: BinsMode,
    /// Sum over the inputs of the bits of a code.
    pub input_bits: u32,
    /// Cut points that the client learns, decoys included.
    pub cut_points: usize,
    /// Cut points among them that no split uses.
    pub decoys: usize,
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

/// Quantizes a forest and builds its circuit.
///
/// `calibration` are rows like those that will be scored. They set the ranges of [`BinsMode::Uniform`], the leaf bits
/// where none are given, and the measured error of the report.
///
/// # Errors
///
/// [`QuantizeError`]: rows that do not fit the model, leaf bits out of range, a feature with more than 65,535 split points or
/// one whose range cannot be coded, or a circuit beyond the limits of the verifier.
pub fn quantize_forest(
    model: &ForestModel,
    calibration: Option<&Table>,
    options: &ForestOptions,
) -> Result<(QuantizedModel, ForestReport), QuantizeError> {
    let aligned =
        calibration.map(|table| table.align(model.feature_names.as_deref(), model.n_features));
    let calibration = aligned.transpose()?;
    let inputs = Inputs::new(model, options.bins, calibration.as_ref(), options.missing)?;
    let codes = choose_leaves(model, calibration.as_ref(), options.leaf_bits)?;
    let forest = unfold::unfold(model, &inputs, &codes)?;
    let (circuit, codecs, decoys) = build(forest, inputs, options, calibration.as_ref())?;
    let quantized = QuantizedModel {
        estimator: model.estimator.clone(),
        feature_names: model.feature_names.clone(),
        n_features: model.n_features,
        inputs: codecs,
        circuit: circuit.circuit().clone(),
        output_scale: codes.scale.clone(),
        output_offset: codes.offset.clone(),
        inverse_link: model.inverse_link,
        decision: model.decision,
        classes: model.classes.clone(),
        metric: model.metric(),
    };
    let measured = calibration.map(|table| measure(model, &quantized, &circuit, &table));
    let report = report(
        &quantized,
        decoys,
        codes,
        options.bins,
        measured.transpose()?,
    );
    Ok((quantized, report))
}

/// Every so manieth row, so that there are at most [`MAX_ROWS`].
fn sample(table: &Table) -> impl Iterator<Item = &[f64]> {
    table
        .rows()
        .step_by(table.n_rows().div_ceil(MAX_ROWS).max(1))
}

/// Quantizes the leaves to the bits that were asked for, or to as few as change nothing that matters.
fn choose_leaves(
    model: &ForestModel,
    calibration: Option<&Table>,
    leaf_bits: Option<u8>,
) -> Result<LeafCodes, QuantizeError> {
    if !LeafCodes::new(model, 1).is_finite() {
        return Err(QuantizeError::ScoresOverflow);
    }
    if let Some(found) = leaf_bits {
        let valid = (1..=MAX_LEAF_BITS).contains(&found);
        return if valid {
            Ok(LeafCodes::new(model, found))
        } else {
            Err(QuantizeError::LeafBits { found })
        };
    }
    let reached = calibration.map(|table| Reached::new(model, sample(table)));
    let informative = reached.as_ref().is_some_and(Reached::is_informative);
    let least = if informative { 1 } else { DEFAULT_LEAF_BITS };
    let of_task = |(regression, classifier): (f64, f64)| {
        if model.classes.is_empty() {
            regression
        } else {
            classifier
        }
    };
    let (allowed, for_any_row) = (of_task(MAX_RELATIVE_ERROR), of_task(MAX_ANY_ROW_ERROR));
    let fine = |codes: &LeafCodes| {
        let error = reached
            .as_ref()
            .map(|reached| reached.error(codes))
            .unwrap_or_default();
        codes.relative_worst_case() <= for_any_row
            && error.changed == 0
            && (error.relative <= allowed || !informative)
            && codes.keeps_single_tree(model)
    };
    let found = (least..MAX_LEAF_BITS)
        .map(|bits| LeafCodes::new(model, bits))
        .find(fine);
    Ok(found.unwrap_or_else(|| LeafCodes::new(model, MAX_LEAF_BITS)))
}

/// Decoys among the cut points, and inputs without any.
#[derive(Clone, Copy, Debug, Default)]
struct DecoyCount {
    decoys: usize,
    bare_inputs: usize,
}

impl DecoyCount {
    /// An input had `own` cut points and has `all` now.
    fn add(&mut self, own: usize, all: usize) {
        self.decoys += all - own;
        self.bare_inputs += usize::from(own > 0 && all == own);
    }
}

/// The circuit without what it does not need, its inputs, and the decoys among their cut points.
fn build(
    forest: Forest,
    inputs: Inputs,
    options: &ForestOptions,
    calibration: Option<&Table>,
) -> Result<(Verified, Vec<InputCodec>, DecoyCount), QuantizeError> {
    let refused = |message: String| QuantizeError::Circuit { message };
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", inputs.codecs.iter().map(code_interval).collect());
    let y = builder.forest(x, forest);
    builder.output("y", y);
    let simplified =
        simplify(&verify(&builder.finish()).map_err(|errors| refused(errors.to_string()))?);
    let mut codecs: Vec<InputCodec> = simplified
        .kept_inputs
        .iter()
        .map(|&input| inputs.codecs[input].clone())
        .collect();
    let mut circuit = simplified.circuit.circuit().clone();
    compact::drop_unused_cuts(&mut circuit, &mut codecs);
    let own: Vec<usize> = codecs.iter().map(cut_points).collect();
    if let Some(decoys) = options.decoys {
        compact::add_decoys(&mut circuit, &mut codecs, decoys, calibration);
    }
    compact::set_ranges(&mut circuit, &codecs);
    let mut decoys = DecoyCount::default();
    let counts = own.into_iter().zip(&codecs);
    counts.for_each(|(own, input)| decoys.add(own, cut_points(input)));
    let circuit = verify(&circuit).map_err(|errors| refused(errors.to_string()))?;
    Ok((circuit, codecs, decoys))
}

fn cut_points(input: &InputCodec) -> usize {
    match &input.codec {
        Codec::Bins { cuts, .. } => cuts.len(),
        Codec::Affine(_) => 0,
    }
}

/// The circuit on the calibration rows, against the float model.
fn measure(
    model: &ForestModel,
    quantized: &QuantizedModel,
    circuit: &Verified,
    table: &Table,
) -> Result<ScoreDeviation, QuantizeError> {
    let mut error = ErrorSum::new(model);
    for row in sample(table) {
        // Rows that the model refuses have no score, and those with missing values perhaps no codes.
        if let (Ok(want), Ok(codes)) = (model.decision_function(row), quantized.encode(row)) {
            let outputs = tenebra_sim::run(circuit, &codes.codes);
            let outputs = outputs.map_err(|error| QuantizeError::Circuit {
                message: error.to_string(),
            })?;
            error.add(&quantized.decode(&outputs)?.scores, &want);
        }
    }
    Ok(error.finish())
}

fn report(
    quantized: &QuantizedModel,
    decoys: DecoyCount,
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
        decoys: decoys.decoys,
        bare_inputs: decoys.bare_inputs,
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
    for op in &quantized.circuit.ops {
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

#[cfg(test)]
mod tests;
