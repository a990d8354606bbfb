//! Quantized models: integer codes in, integer scores out, and how to read them.
//!
//! What the client needs to know is here beside the circuit: the codec of every input, and how an output becomes a real
//! score, `score = output_scale * integer + output_offset`, then a prediction.

mod error;
mod options;

pub use error::QuantizeError;
pub use options::{Calibration, QuantizeOptions};

use tenebra_circuit::{Circuit, Interval, Verified, verify};
use tenebra_quant::{Decision, Interface, InverseLink, Output, Words};

use crate::model::Model;
use crate::prediction::Prediction;
use crate::scores::Metric;

/// A model on integer codes.
#[derive(Clone, Debug)]
pub struct QuantizedModel {
    /// Estimator it comes from.
    pub estimator: String,
    /// Names of the float model's features, where it knows them.
    pub feature_names: Option<Vec<String>>,
    /// Number of the float model's features; [`column`](tenebra_quant::Input::column) of an input is below it.
    pub n_features: usize,
    /// One per element of the circuit's input, in order. Features that do not matter have none and are not sent.
    pub inputs: Vec<InputCodec>,
    /// One input port `x`, one output `y`.
    pub circuit: Circuit,
    /// Per output, real score units per integer; positive.
    pub output_scale: Vec<f64>,
    /// Per output, the real score of the integer 0.
    pub output_offset: Vec<f64>,
    /// From scores to predictions.
    pub inverse_link: InverseLink,
    /// From scores to a class.
    pub decision: Decision,
    /// Class labels, in the order of the class indices.
    pub classes: Vec<String>,
    /// The score the model is usually judged by.
    pub metric: Metric,
}

/// Which feature an input is, and how it becomes a code.
pub type InputCodec = tenebra_quant::Input<Vec<f64>>;

/// From real to code.
pub type Codec = tenebra_quant::Codec<Vec<f64>>;

/// The codes that an input may have.
#[must_use]
pub(crate) fn code_interval(input: &InputCodec) -> Interval {
    let (min, max) = input.code_range();
    Interval::new(min, max)
}

/// The codes of one row, in the order of the circuit's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Within the ranges of the circuit's input port.
    pub codes: Vec<i64>,
    /// How many values lay outside the calibrated range and were clipped to its end.
    pub clipped: usize,
}

impl QuantizedModel {
    /// The codes of a row of [`QuantizedModel::n_features`] reals.
    ///
    /// # Errors
    /// [`QuantizeError::RowLength`]; [`QuantizeError::Feature`] for an infinite value, and for a missing one without a code.
    pub fn encode(&self, row: &[f64]) -> Result<Codes, QuantizeError> {
        if row.len() != self.n_features {
            return Err(QuantizeError::RowLength {
                found: row.len(),
                expected: self.n_features,
            });
        }
        let mut codes = Codes {
            codes: Vec::with_capacity(self.inputs.len()),
            clipped: 0,
        };
        for input in &self.inputs {
            let quantized = input
                .quantize(row[input.column])
                .map_err(|e| QuantizeError::Quant(e).of_feature(input.column))?;
            codes.codes.push(quantized.code.into());
            codes.clipped += usize::from(quantized.clipped);
        }
        Ok(codes)
    }

    /// Scores, predictions and class from the circuit's outputs.
    ///
    /// # Errors
    /// [`QuantizeError::Outputs`] if their number is not that of the model.
    pub fn decode(&self, outputs: &[i64]) -> Result<Prediction, QuantizeError> {
        if outputs.len() != self.output_scale.len() {
            return Err(QuantizeError::Outputs {
                found: outputs.len(),
                expected: self.output_scale.len(),
            });
        }
        let scores = outputs
            .iter()
            .zip(&self.output_scale)
            .zip(&self.output_offset);
        let scores = scores
            .map(|((&y, scale), offset)| scale * y as f64 + offset)
            .collect();
        Ok(Prediction::from_scores(
            scores,
            self.inverse_link,
            self.decision,
        ))
    }

    /// What a client must know: of `model`, which this was made of, and of its verified circuit.
    #[must_use]
    pub fn interface(&self, model: &Model, circuit: &Verified) -> Interface {
        let ranges = circuit.output_ranges();
        let scales = self.output_scale.iter().zip(&self.output_offset);
        let outputs = ranges.iter().zip(scales);
        let words = model.words().map(|(column, words)| Words {
            column,
            others_are_missing: words.others_are_missing,
            words: words.words.clone(),
        });
        Interface {
            columns: self.n_features,
            inputs: self.inputs.clone(),
            outputs: outputs
                .map(|(range, (&scale, &offset))| Output {
                    min: range.min,
                    max: range.max,
                    scale,
                    offset,
                })
                .collect(),
            inverse_link: self.inverse_link,
            decision: self.decision,
            classes: self.classes.clone(),
            column_names: self.feature_names.clone().unwrap_or_default(),
            estimator: self.estimator.clone(),
            words: words.collect(),
        }
    }

    /// The circuit behind its door.
    ///
    /// # Errors
    /// [`QuantizeError::Circuit`], with every reason.
    pub fn verified(&self) -> Result<Verified, QuantizeError> {
        verify(&self.circuit).map_err(|errors| QuantizeError::Circuit {
            message: errors.to_string(),
        })
    }
}
