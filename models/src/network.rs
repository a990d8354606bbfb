//! Feed-forward networks: layers of neurons, each a function of a weighted sum.
//!
//! ```text
//! z_h = scale_h * sum_j w_hj x_j + bias_h,   a_h = activation(z_h),   and where the layer has codes
//! c_h = round((a_h - low) / step), clamped to [0, 2^bits - 1], which the next layer reads for x.
//! ```
//! A *quantized* network has codecs for its inputs, codes behind every hidden layer, and integers for weights; what its circuit
//! computes is then fixed to the bit by these parts: a hidden layer is a `Linear` of the integers `w` and a `Lookup` whose table
//! maps each value of the sum to `c`, the last layer is a `Linear`, and its `scale` and `bias` are the client's.
//! A *float* network has neither, and weights, scales and biases in real units.

mod activation;
mod check;
pub(crate) mod codec;
mod cost;
mod load;
mod post_training;
mod quantize;

pub use activation::Activation;
pub use cost::{CostModel, DirectCosts};
pub use load::LayerLoad;
pub use post_training::{NetworkOptions, NetworkReport, quantize_float_network};
pub use quantize::quantize_network;

use alloc::collections::BTreeMap;
use core::ops::Deref;

use serde::{Deserialize, Serialize};
use tenebra_quant::{Affine, Codec, Decision, Input, InverseLink, Prediction, QuantError};

use crate::model::ModelError;
use crate::scores::Metric;

/// The parts of a network, unchecked; [`NetworkModel::new`] is the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkParts {
    /// Estimator or program it comes from.
    pub estimator: String,
    /// One name per feature, where they are known.
    #[serde(default)]
    pub feature_names: Option<Vec<String>>,
    /// Number of features, at least 1.
    pub n_features: usize,
    /// The features that the first layer reads and how they become codes; none for a float network, whose first layer reads
    /// the features themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input<Vec<f64>>>,
    /// Hidden layers, then the last, whose activation is [`Activation::Identity`]; at least one layer.
    pub layers: Vec<Layer>,
    /// From scores to predictions.
    pub inverse_link: InverseLink,
    /// From scores to a class.
    pub decision: Decision,
    /// Class labels: two for [`Decision::Threshold`], one per output for [`Decision::ArgMax`], else none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Names of the outputs of a regression, where it has several and they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_names: Option<Vec<String>>,
    /// Hyper-parameters as given, by name.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// Neurons that read the same values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// For each neuron, `(j, w_hj)` of the weights that are not 0, ascending in `j`, which counts inputs or neurons of the layer
    /// before from 0.
    pub weights: Vec<Vec<(u32, f64)>>,
    /// One per neuron, positive: what a sum of 1 is worth.
    pub scale: Vec<f64>,
    /// One per neuron.
    pub bias: Vec<f64>,
    /// From `z` to `a`.
    pub activation: Activation,
    /// One per neuron, instead of it, where they differ; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activations: Vec<Activation>,
    /// From `a` to the integers that the next layer reads; `None` where it reads `a` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<ActivationCodes>,
    /// One per neuron, instead of them, where they differ; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_codes: Vec<ActivationCodes>,
}

/// How the activations of a layer become small unsigned integers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationCodes {
    /// The activation of the code `zero_point`, which is 0 unless a file says otherwise.
    pub low: f64,
    /// Activation per code, positive.
    pub step: f64,
    /// 1 to 8: codes are `0` to `2^bits - 1`.
    pub bits: u8,
    /// `code = round((a - low) / step) + zero_point`, where ties go to the even number of steps: it tells which those are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub zero_point: i32,
    /// The largest code, if it is not `2^bits - 1` but less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<u8>,
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl ActivationCodes {
    /// The codes `0` to `2^bits - 1` from `low` on.
    #[must_use]
    pub fn new(low: f64, step: f64, bits: u8) -> Self {
        Self {
            low,
            step,
            bits,
            zero_point: 0,
            largest: None,
        }
    }

    /// The largest code.
    #[must_use]
    pub fn max_code(&self) -> i32 {
        self.largest.map_or((1 << self.bits) - 1, i32::from)
    }

    /// The map from `a - low` to codes: the nearest one, ties to the even number of steps, by exact rounding.
    ///
    /// # Errors
    /// [`QuantError`] for a step that is no scale, and a zero point too far away.
    pub fn affine(&self) -> Result<Affine<f64>, QuantError> {
        Affine::from_parts(self.step, self.zero_point, 0, self.max_code())
    }

    /// The activation that code 0 stands for.
    #[must_use]
    pub fn of_zero(&self) -> f64 {
        self.low - f64::from(self.zero_point) * self.step
    }

    /// The code of an activation as a real: clamped, not rounded.
    #[must_use]
    pub fn unrounded(&self, activation: f64) -> f64 {
        let code = (activation - self.low) / self.step + f64::from(self.zero_point);
        code.clamp(0.0, f64::from(self.max_code()))
    }
}

impl Layer {
    /// The sum of neuron `neuron` over `x`, in the order of its weights.
    #[must_use]
    pub fn sum(&self, neuron: usize, x: &[f64]) -> f64 {
        let weights = self.weights[neuron].iter();
        weights.map(|&(j, w)| w * x[j as usize]).sum()
    }

    /// The activation of `neuron` where its sum is `sum`. The one place where sums become activations: tables, training and
    /// float predictions agree to the bit.
    #[must_use]
    pub fn activate(&self, neuron: usize, sum: f64) -> f64 {
        self.activation_of(neuron)
            .apply(self.scale[neuron] * sum + self.bias[neuron])
    }

    /// The activation of a neuron.
    #[must_use]
    pub fn activation_of(&self, neuron: usize) -> Activation {
        self.activations
            .get(neuron)
            .copied()
            .unwrap_or(self.activation)
    }

    /// The codes of a neuron's activation, where the layer has codes.
    #[must_use]
    pub fn codes_of(&self, neuron: usize) -> Option<ActivationCodes> {
        self.own_codes.get(neuron).copied().or(self.codes)
    }

    /// The largest code of each neuron; 0 where it has none.
    pub(crate) fn max_codes(&self) -> Vec<i64> {
        let code = |neuron| {
            self.codes_of(neuron)
                .map_or(0, |codes| codes.max_code().into())
        };
        (0..self.weights.len()).map(code).collect()
    }

    /// What the next layer reads, without rounding.
    fn unrounded(&self, x: &[f64]) -> Vec<f64> {
        let neuron = |neuron| {
            let a = self.activate(neuron, self.sum(neuron, x));
            self.codes_of(neuron).map_or(a, |codes| codes.unrounded(a))
        };
        (0..self.weights.len()).map(neuron).collect()
    }
}

/// A network whose parts fit together, all numbers finite. Reads as its [`NetworkParts`].
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkModel(NetworkParts);

impl Deref for NetworkModel {
    type Target = NetworkParts;

    fn deref(&self) -> &NetworkParts {
        &self.0
    }
}

impl NetworkModel {
    /// Checks the parts.
    ///
    /// # Errors
    /// [`ModelError::Shape`] or [`ModelError::NotFinite`].
    pub fn new(parts: NetworkParts) -> Result<Self, ModelError> {
        check::check(&parts)?;
        Ok(Self(parts))
    }

    /// The parts, for reading.
    #[must_use]
    pub fn parts(&self) -> &NetworkParts {
        &self.0
    }

    /// Whether it has codecs and integers throughout, so that it can be compiled as it is.
    #[must_use]
    pub fn is_quantized(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// The scores of one row, one per output, before the link. Codes are not rounded: what is left is what quantization costs.
    ///
    /// # Errors
    /// [`ModelError::RowLength`], [`ModelError::MissingValue`].
    pub fn decision_function(&self, row: &[f64]) -> Result<Vec<f64>, ModelError> {
        if row.len() != self.n_features {
            return Err(ModelError::RowLength {
                found: row.len(),
                expected: self.n_features,
            });
        }
        if let Some(feature) = row.iter().position(|x| !x.is_finite()) {
            return Err(ModelError::MissingValue { feature });
        }
        let mut x = if self.is_quantized() {
            let inputs = self.inputs.iter();
            inputs.map(|input| real_code(input, row)).collect()
        } else {
            row.to_vec()
        };
        for layer in &self.layers {
            x = layer.unrounded(&x);
        }
        Ok(x)
    }

    /// Scores, predictions and class of one row.
    ///
    /// # Errors
    /// As [`NetworkModel::decision_function`].
    pub fn predict(&self, row: &[f64]) -> Result<Prediction, ModelError> {
        Ok(Prediction::from_scores(
            self.decision_function(row)?,
            self.inverse_link,
            self.decision,
        ))
    }

    /// The score it is usually judged by.
    #[must_use]
    pub fn metric(&self) -> Metric {
        match (self.decision, self.inverse_link) {
            (Decision::None, InverseLink::Exp) => Metric::D2 { power: 1.0 },
            (Decision::None, _) => Metric::R2,
            _ => Metric::Accuracy,
        }
    }
}

/// The code of a feature before it is rounded, clamped to the codes; codes of bins are integers.
fn real_code(input: &Input<Vec<f64>>, row: &[f64]) -> f64 {
    let x = row[input.column];
    match &input.codec {
        Codec::Affine(affine) => {
            let (min, max) = (affine.min_code(), affine.max_code());
            let code = x / affine.scale() + f64::from(affine.zero_point());
            code.clamp(min.into(), max.into())
        }
        // The value is finite, so it has a code.
        bins @ Codec::Bins { .. } => bins
            .quantize(x)
            .map_or(0.0, |quantized| quantized.code.into()),
    }
}

#[cfg(test)]
mod tests;
