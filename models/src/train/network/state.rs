//! What training moves, and how.

use serde::{Deserialize, Serialize};

use super::weights::{IntegerRow, WeightLimits};
use crate::network::Activation;
use tenebra_quant::QuantError;

/// Numbers that gradients move, by Adam (Kingma and Ba 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) values: Vec<f64>,
    mean: Vec<f64>,
    square: Vec<f64>,
}

/// A step of Adam.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The learning rate.
    pub(super) rate: f64,
    /// Number of the step, from 1.
    pub(super) number: i32,
}

impl Parameter {
    pub(super) fn new(values: Vec<f64>) -> Self {
        let zeros = vec![0.0; values.len()];
        Self {
            values,
            mean: zeros.clone(),
            square: zeros,
        }
    }

    pub(super) fn step(&mut self, gradients: impl IntoIterator<Item = f64>, step: Step) {
        const BETA_1: f64 = 0.9;
        const BETA_2: f64 = 0.999;
        const EPSILON: f64 = 1e-8;
        let (bias_1, bias_2) = (
            1.0 - BETA_1.powi(step.number),
            1.0 - BETA_2.powi(step.number),
        );
        let state = self.mean.iter_mut().zip(&mut self.square);
        for ((value, (mean, square)), gradient) in
            self.values.iter_mut().zip(state).zip(gradients)
        {
            *mean = BETA_1 * *mean + (1.0 - BETA_1) * gradient;
            *square = BETA_2 * *square + (1.0 - BETA_2) * gradient * gradient;
            *value -= step.rate * (*mean / bias_1) / ((*square / bias_2).sqrt() + EPSILON);
        }
    }
}

/// A hidden layer's activation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ActivationState {
    pub(super) function: Activation,
    pub(super) bits: u8,
    /// Logarithm of the range that codes cover, where the function has none of its own.
    pub(super) log_range: Option<Parameter>,
}

impl ActivationState {
    pub(super) fn new(function: Activation, bits: u8) -> Self {
        let learned = matches!(function, Activation::Relu | Activation::Identity);
        Self {
            function,
            bits,
            log_range: learned.then(|| Parameter::new(vec![2_f64.ln()])),
        }
    }

    /// The activations of the least and the greatest code, in units of the range.
    pub(super) fn unit(&self) -> (f64, f64) {
        match self.function {
            Activation::Relu | Activation::Logistic => (0.0, 1.0),
            _ => (-1.0, 1.0),
        }
    }
}

/// A layer while it learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LayerState {
    pub(super) inputs: usize,
    pub(super) neurons: usize,
    /// Real weights, neuron by neuron.
    pub(super) weights: Parameter,
    /// Which weights are kept.
    pub(super) mask: Vec<bool>,
    pub(super) bias: Parameter,
    /// `None` in the last layer.
    pub(super) activation: Option<ActivationState>,
}

/// A network while it learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The largest code of an input, which counts as 1.
    pub(super) input_max: f64,
    pub(super) layers: Vec<LayerState>,
}

impl LayerState {
    /// The weights of one neuron, and which are kept.
    pub(super) fn row(&self, neuron: usize) -> (&[f64], &[bool]) {
        let range = neuron * self.inputs..(neuron + 1) * self.inputs;
        (&self.weights.values[range.clone()], &self.mask[range])
    }

    pub(super) fn integers(&self, limits: &WeightLimits) -> Result<Vec<IntegerRow>, QuantError> {
        let row = |neuron| {
            let (weights, mask) = self.row(neuron);
            limits.quantize(weights, mask)
        };
        (0..self.neurons).map(row).collect()
    }
}

impl State {
    /// The integer weights of all layers.
    ///
    /// # Errors
    /// [`QuantError`] for weights that are not finite.
    pub(super) fn integers(
        &self,
        limits: &[WeightLimits],
    ) -> Result<Vec<Vec<IntegerRow>>, QuantError> {
        let layers = self.layers.iter().zip(limits);
        layers
            .map(|(layer, limits)| layer.integers(limits))
            .collect()
    }
}
