//! What was done to a float network.

use super::build::FloatRows;
use super::trial::Trial;
use crate::network::{Layer, NetworkModel};

/// What became of a float network.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkReport {
    /// Bits of an input's code.
    pub input_bits: u8,
    /// Bits of an activation's code, by hidden layer.
    pub activation_bits: Vec<u8>,
    /// Weights that are not 0 of the float network, by layer.
    pub float_weights: Vec<usize>,
    /// Those of the quantized one: the others were pruned, for they do least.
    pub weights: Vec<usize>,
    /// Features that it reads and that do not vary in the calibration rows: they count as constants.
    pub constant_features: Vec<usize>,
    /// Calibration rows that it was fitted to.
    pub rows: usize,
    /// Mean distance of a score from the float network's on these rows.
    pub mean_score_error: f64,
}

impl NetworkReport {
    pub(super) fn new(
        model: &NetworkModel,
        layers: &[Layer],
        trial: &Trial,
        float: &FloatRows,
        scores: &[f64],
        constant_features: Vec<usize>,
    ) -> Self {
        let count = |layers: &[Layer]| {
            let weights = |layer: &Layer| layer.weights.iter().map(Vec::len).sum();
            layers.iter().map(weights).collect()
        };
        let pairs = float.scores().iter().zip(scores);
        let error: f64 = pairs.map(|(x, y)| (x - y).abs()).sum();
        let outputs = layers.last().map_or(1, |layer| layer.weights.len());
        Self {
            input_bits: trial.input_bits,
            activation_bits: trial.activation_bits.clone(),
            float_weights: count(&model.layers),
            weights: count(layers),
            constant_features,
            rows: scores.len() / outputs.max(1),
            mean_score_error: error / scores.len().max(1) as f64,
        }
    }
}
