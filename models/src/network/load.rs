//! What the layers of a quantized network cost and hold.

use super::{Layer, NetworkModel};

/// What bounds and prices the encrypted evaluation of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerLoad {
    /// Neurons.
    pub neurons: usize,
    /// Weights that are not 0.
    pub weights: usize,
    /// Products of an encrypted bit and a neuron: for each weight that is not 0, the bits of what it reads; 0 for the last
    /// layer, which is free.
    pub products: usize,
    /// The most values that the sums of a neuron may take, and which neuron it is, from 0.
    pub widest: (i64, usize),
    /// The most weights of a neuron that are not 0.
    pub most_weights: usize,
    /// The most bits of an activation code; 0 for the last layer.
    pub activation_bits: u8,
}

impl NetworkModel {
    /// The loads of the layers, in order; empty for a float network.
    #[must_use]
    pub fn loads(&self) -> Vec<LayerLoad> {
        if !self.is_quantized() {
            return Vec::new();
        }
        let mut widths: Vec<i64> = self
            .inputs
            .iter()
            .map(|input| {
                let (min, max) = input.code_range();
                max - min
            })
            .collect();
        let layer = |layer: &Layer| {
            let load = layer.load(&widths);
            widths = layer.max_codes();
            load
        };
        self.layers.iter().map(layer).collect()
    }
}

impl Layer {
    /// The load of a layer of integers that reads codes of these widths, `max - min`.
    pub fn load(&self, widths: &[i64]) -> LayerLoad {
        let bits = |j: u32| (i64::BITS - widths[j as usize].leading_zeros()) as usize;
        let mut load = LayerLoad {
            neurons: self.weights.len(),
            weights: 0,
            products: 0,
            widest: (0, 0),
            most_weights: 0,
            activation_bits: self
                .codes
                .iter()
                .chain(&self.own_codes)
                .map(|codes| codes.bits)
                .max()
                .unwrap_or(0),
        };
        for (neuron, weights) in self.weights.iter().enumerate() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "weights are small integers"
            )]
            let width = |&(j, w): &(u32, f64)| w.abs() as i64 * widths[j as usize];
            let values = weights.iter().map(width).sum::<i64>() + 1;
            if values > load.widest.0 {
                load.widest = (values, neuron);
            }
            load.weights += weights.len();
            load.most_weights = load.most_weights.max(weights.len());
            if self.codes.is_some() {
                load.products += weights.iter().map(|&(j, _)| bits(j)).sum::<usize>();
            }
        }
        load
    }
}
