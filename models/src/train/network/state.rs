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

/// The gradients of a layer.
pub(super) struct Gradients {
    pub(super) weights: Vec<f64>,
    pub(super) bias: Vec<f64>,
    pub(super) range: Option<f64>,
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

    fn has_shape_of(&self, other: &Self) -> bool {
        let finite = |values: &[f64]| {
            values.len() == other.values.len() && values.iter().all(|x| x.is_finite())
        };
        finite(&self.values) && finite(&self.mean) && finite(&self.square)
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
        for ((value, (mean, square)), gradient) in self.values.iter_mut().zip(state).zip(gradients)
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

    /// Moves all parameters.
    pub(super) fn step(&mut self, gradients: Gradients, step: Step) {
        self.weights.step(gradients.weights, step);
        self.bias.step(gradients.bias, step);
        let range = self.activation.as_mut().and_then(|a| a.log_range.as_mut());
        if let (Some(range), Some(gradient)) = (range, gradients.range) {
            range.step([gradient], step);
        }
    }

    /// Whether both have the same parameters, if not the same values of them.
    pub(super) fn has_shape_of(&self, other: &Self) -> bool {
        let ranges = |layer: &Self| layer.activation.as_ref().map(|a| (a.function, a.bits));
        let range = |layer: &'_ Self| layer.activation.as_ref().and_then(|a| a.log_range.clone());
        (self.inputs, self.neurons) == (other.inputs, other.neurons)
            && self.weights.has_shape_of(&other.weights)
            && self.bias.has_shape_of(&other.bias)
            && self.mask.len() == other.mask.len()
            && ranges(self) == ranges(other)
            && match (range(self), range(other)) {
                (Some(a), Some(b)) => a.has_shape_of(&b),
                (a, b) => a.is_none() && b.is_none(),
            }
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
