//! What became of trees, and what the client learns of them.

use serde::{Deserialize, Serialize};
use tenebra_models::QuantizedModel;
use tenebra_models::forest::{BinsMode, ForestOptions, ForestReport};

/// Codes, leaves and size of trees, or of the terms of an additive model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreesReport {
    /// `thresholds`: codes change at the model's own split points; `uniform`: in even steps.
    pub bins: String,
    /// Bits of a code of even steps.
    pub uniform_bits: Option<u32>,
    /// Cut points in client.tnb.
    pub cut_points: usize,
    /// Those that no split uses, so that the client cannot tell which ones are the model's.
    pub decoys: usize,
    /// Those that no split uses, which move others to codes that are cheaper to compare with.
    #[serde(default)]
    pub spacers: usize,
    /// Bits added to each input to make room for decoys; `None` without decoys.
    pub decoy_bits: Option<u8>,
    /// Inputs all of whose cut points are the model's.
    pub inputs_without_decoys: usize,
    /// What client.tnb says of the model besides shapes, in words.
    pub client_learns: String,
    /// Trees of the circuit, or terms of an additive model.
    pub trees: usize,
    /// Splits of the circuit.
    pub splits: usize,
    /// Most splits on a path.
    pub depth: usize,
    /// Features that take two inputs, because their splits send missing values in different directions.
    pub split_features: usize,
    /// Bits of a leaf.
    pub leaf_bits: u8,
    /// Who chose them.
    pub leaf_bits_from: LeafBitsFrom,
    /// Per output, a bound of the score's error from rounding leaves, for whatever row.
    pub leaf_error_bound: Vec<f64>,
    /// That bound in parts of the span of all possible scores, of the output where it is largest.
    #[serde(default)]
    pub relative_leaf_error_bound: f64,
    /// Scores of the circuit against the float model's on the calibration data.
    pub measured: Option<MeasuredError>,
}

/// Where the bits of a leaf come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeafBitsFrom {
    /// They were asked for.
    Given,
    /// The fewest that change nothing that matters on the calibration data.
    Calibration,
    /// There was no calibration data.
    Default,
}

/// How the scores of the circuit differ from the float model's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredError {
    /// Rows compared.
    pub rows: usize,
    /// Rows that get another class.
    pub changed_classes: usize,
    /// Largest error of a score.
    pub max: f64,
    /// Root of the mean squared error.
    pub rms: f64,
    /// Root mean squared error over standard deviation of the scores, of the output where it is largest.
    pub relative: f64,
}

impl TreesReport {
    pub(crate) fn new(
        report: &ForestReport,
        options: &ForestOptions,
        quantized: &QuantizedModel,
        calibrated: bool,
    ) -> Self {
        let (bins, uniform_bits) = match report.bins {
            BinsMode::Thresholds => ("thresholds", None),
            BinsMode::Uniform(bits) => ("uniform", Some(bits.bits())),
        };
        let leaf_bits_from = match options.leaf_bits {
            Some(_) => LeafBitsFrom::Given,
            None if calibrated => LeafBitsFrom::Calibration,
            None => LeafBitsFrom::Default,
        };
        let decoys = options.decoys.filter(|_| uniform_bits.is_none());
        Self {
            bins: bins.to_owned(),
            uniform_bits: uniform_bits.map(u32::from),
            cut_points: report.cut_points,
            decoys: decoys.map_or(0, |_| report.unused_cuts),
            spacers: if decoys.is_some() {
                0
            } else {
                report.unused_cuts
            },
            decoy_bits: decoys.map(|decoys| decoys.bits),
            inputs_without_decoys: report.bare_inputs,
            client_learns: client_learns(
                report,
                quantized.inputs.len(),
                decoys.is_some(),
                calibrated,
            ),
            trees: report.trees,
            splits: report.splits,
            depth: report.depth,
            split_features: report.split_features,
            leaf_bits: report.leaf_bits,
            leaf_bits_from,
            leaf_error_bound: report.leaf_error_bound.clone(),
            relative_leaf_error_bound: report.relative_leaf_error_bound,
            measured: report.measured.map(|error| MeasuredError {
                rows: error.rows,
                changed_classes: error.changed,
                max: error.max,
                rms: error.rms,
                relative: error.relative,
            }),
        }
    }
}

/// What the codecs disclose.
fn client_learns(report: &ForestReport, inputs: usize, decoys: bool, calibrated: bool) -> String {
    let own = report.cut_points - report.unused_cuts;
    let mut text = match (report.bins, decoys) {
        (BinsMode::Uniform(_), _) if calibrated => {
            format!("the range of each of the {inputs} features used, as in the calibration data")
        }
        (BinsMode::Uniform(_), _) => {
            format!("the first and the last split point of each of the {inputs} features used")
        }
        (BinsMode::Thresholds, false) if report.unused_cuts > 0 => {
            format!(
                "the {own} split points, by feature, and by their codes which are compared often"
            )
        }
        (BinsMode::Thresholds, false) => format!("the {own} split points, by feature"),
        (BinsMode::Thresholds, true) => {
            let all = report.cut_points;
            format!("{all} cut points, by feature, and not which {own} of them are split points")
        }
    };
    if matches!(report.bins, BinsMode::Uniform(_)) && own > 0 {
        text.push_str(&format!(
            "; of those that are categories, the {own} borders that splits tell apart"
        ));
    }
    if decoys && report.bare_inputs > 0 {
        let bare = report.bare_inputs;
        text.push_str(&format!(
            " (all those of {bare} inputs, which have no decoys)"
        ));
    }
    if decoys && !calibrated {
        text.push_str("; without calibration data, decoys may be told by their digits");
    }
    text.push_str(match (report.trees, report.splits) {
        (0, _) => "; the model is constant on these codes",
        (_, 0) => "; not what the terms add",
        _ => "; neither trees nor leaves",
    });
    text
}
