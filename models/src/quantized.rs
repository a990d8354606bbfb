//! Quantized models: integer codes in, integer scores out, and how to read them.
//!
//! What the client needs to know is here beside the circuit: the codec of every input, and how an output becomes a real
//! score, `score = scale * integer + offset`, then a prediction.

mod error;
mod options;

pub use error::QuantizeError;
pub use options::{Calibration, QuantizeOptions};

use tenebra_circuit::{Circuit, Interval, Verified, verify};
use tenebra_quant::{Interface, Output, Prediction, Readout, RowStep, Words};

use crate::scores::Metric;

/// A model on integer codes.
#[derive(Clone, Debug)]
pub struct QuantizedModel {
    /// Estimator it comes from.
    pub estimator: String,
    /// Names of the float model's features, where it knows them.
    pub feature_names: Option<Vec<String>>,
    /// Number of the float model's features; [`column`](tenebra_quant::Input::column) of an input is one of them, or behind them a step.
    pub n_features: usize,
    /// What is done to a row first: value `n_features + i` is that of step `i`, and inputs may take it for their column.
    pub steps: Vec<RowStep<Vec<f64>>>,
    /// One per element of the circuit's input, in order. Features that do not matter have none and are not sent.
    pub inputs: Vec<InputCodec>,
    /// The columns of categories whose cells are words, ascending.
    pub words: Vec<Words>,
    /// What the circuit's integers say.
    pub readout: Readout,
    /// The score the model is usually judged by.
    pub metric: Metric,
    /// One input port `x`, one output `y`.
    pub(crate) circuit: Verified,
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
        let values = crate::pipeline::run(&self.steps, row).map_err(|(step, source)| {
            QuantizeError::Derived {
                feature: format!("step {} of the pipeline", step + 1),
                source,
            }
        })?;
        let mut codes = Codes {
            codes: Vec::with_capacity(self.inputs.len()),
            clipped: 0,
        };
        for input in &self.inputs {
            let quantized = input
                .quantize(values[input.column])
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
        let prediction = self.readout.predict(outputs);
        prediction.ok_or(QuantizeError::Outputs {
            found: outputs.len(),
            expected: self.readout.outputs.len(),
        })
    }

    /// What the circuit predicts for a row of reals, on clear integers.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn simulate(&self, row: &[f64]) -> Result<Prediction, QuantizeError> {
        let codes = self.encode(row)?.codes;
        let outputs = tenebra_sim::run(&self.circuit, &codes);
        self.decode(&outputs.map_err(|error| QuantizeError::Circuit {
            message: error.to_string(),
        })?)
    }

    /// What a client must know.
    #[must_use]
    pub fn interface(&self) -> Interface {
        Interface {
            columns: self.n_features,
            steps: self.steps.clone(),
            inputs: self.inputs.clone(),
            readout: self.readout.clone(),
            column_names: self.feature_names.clone().unwrap_or_default(),
            estimator: self.estimator.clone(),
            words: self.words.clone(),
        }
    }

    /// The circuit, which passed its door when the model was quantized: one input port `x`, one output `y`.
    #[must_use]
    pub fn circuit(&self) -> &Verified {
        &self.circuit
    }
}

/// The circuit behind its door.
pub(crate) fn verified(circuit: &Circuit) -> Result<Verified, QuantizeError> {
    verify(circuit).map_err(|errors| QuantizeError::Circuit {
        message: errors.to_string(),
    })
}

/// The outputs of a circuit, whose integers have a scale and an offset each.
pub(crate) fn outputs(circuit: &Verified, scale: &[f64], offset: &[f64]) -> Vec<Output> {
    let scores = scale.iter().zip(offset);
    let outputs = circuit.output_ranges().into_iter().zip(scores);
    let output = |(range, (&scale, &offset)): (Interval, (&f64, &f64))| Output {
        min: range.min,
        max: range.max,
        scale,
        offset,
    };
    outputs.map(output).collect()
}
