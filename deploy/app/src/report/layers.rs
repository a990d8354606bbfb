//! The layers of a network.

use serde::{Deserialize, Serialize};
use tenebra_models::network::NetworkReport;
use tenebra_tfhe::PlanReport;

/// What one layer of a network costs, and which neuron bounds the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkLayer {
    /// Neurons that are evaluated: equal ones are one, constant ones none.
    pub neurons: usize,
    /// Their weights that are not zero.
    pub weights: usize,
    /// Values of the widest sum.
    pub values: u64,
    /// Whose sum that is, among the neurons of its layer, from 0.
    pub widest_neuron: usize,
    /// External products.
    pub external_products: usize,
    /// Key switches that make encrypted bits of the results.
    pub key_switches: usize,
    /// Predicted time on one core.
    pub predicted_ms: f64,
    /// log2 of the predicted standard deviation of the noise of the results, as a fraction of the torus.
    pub noise_std_log2: f64,
}

/// How a float network was quantized on calibration rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkBits {
    /// Bits of an input's code.
    pub input_bits: u8,
    /// Bits of an activation's code, by hidden layer.
    pub activation_bits: Vec<u8>,
    /// Weights of the float network that are not 0, by layer.
    pub float_weights: Vec<usize>,
    /// Those that are left: the others were pruned, for they do least.
    pub weights: Vec<usize>,
    /// Features that it reads and that do not vary in the calibration rows, from 0: they count as constants.
    pub constant_features: Vec<usize>,
    /// Calibration rows that it was fitted to.
    pub rows: usize,
    /// Mean distance of a score from the float network's on these rows.
    pub mean_score_error: f64,
}

impl NetworkBits {
    pub(crate) fn new(report: &NetworkReport) -> Self {
        Self {
            input_bits: report.input_bits,
            activation_bits: report.activation_bits.clone(),
            float_weights: report.float_weights.clone(),
            weights: report.weights.clone(),
            constant_features: report.constant_features.clone(),
            rows: report.rows,
            mean_score_error: report.mean_score_error,
        }
    }
}

pub(super) fn network_layers(plan: &PlanReport) -> Vec<NetworkLayer> {
    let layers = plan.layers.iter().map(|layer| NetworkLayer {
        neurons: layer.neurons,
        weights: layer.weights,
        values: layer.values,
        widest_neuron: layer.widest_neuron,
        external_products: layer.external_products,
        key_switches: layer.key_switches,
        predicted_ms: layer.predicted_ms,
        noise_std_log2: layer.noise_std_log2,
    });
    layers.collect()
}
