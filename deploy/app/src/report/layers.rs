//! The layers of a network.

use serde::{Deserialize, Serialize};
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
