//! What a quantized model would cost, by the planner and without keys.

use core::fmt;

use serde::Serialize;
use tenebra_circuit::Options;
use tenebra_models::QuantizedModel;
use tenebra_models::search::Latency;
use tenebra_tfhe::Program;

use crate::error::Error;

/// What one row costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// Time of evaluating it on one core, milliseconds.
    pub evaluate_ms: f64,
    /// Bytes of its query.
    pub query_bytes: u64,
    /// Bytes of the response.
    pub response_bytes: u64,
    /// Bytes of the evaluation key; 0 where there is none.
    pub evaluation_key_bytes: u64,
}

impl Predicted {
    /// Plans the model for single rows.
    ///
    /// # Errors
    /// [`Error::Plan`] if no parameters fit.
    pub fn of(model: &QuantizedModel, plan: &Options) -> Result<Self, Error> {
        let plan = Options {
            rows: 1,
            ..plan.clone()
        };
        let program = Program::prepare(model.circuit(), &plan)?;
        let plans = program.report();
        let first = plans.first();
        Ok(Self {
            evaluate_ms: first.map_or(0.0, |plan| plan.predicted_evaluate_ms),
            query_bytes: first.map_or(0, |plan| plan.query_bytes as u64),
            response_bytes: first.map_or(0, |plan| plan.response_bytes as u64),
            evaluation_key_bytes: program.evaluation_key_bytes().unwrap_or(0) as u64,
        })
    }
}

/// The planner, as a search asks it.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// Failure probability and query mode.
    pub plan: Options,
}

impl Latency for Planned {
    fn predicted_ms(&self, model: &QuantizedModel) -> Result<f64, Box<dyn fmt::Display>> {
        let predicted = Predicted::of(model, &self.plan);
        match predicted {
            Ok(predicted) => Ok(predicted.evaluate_ms),
            Err(error) => Err(Box::new(error)),
        }
    }
}
