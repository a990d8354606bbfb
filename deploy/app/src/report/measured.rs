//! What the noise of a compiled model was measured to be.

use serde::{Deserialize, Serialize};
use tenebra_tfhe::measure::{Defect, Measurement};

/// The noise of a plan, measured with keys of its own before the model was written. Standard deviations are fractions of the torus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredNoise {
    /// Most rows of a query of the plan.
    pub rows: usize,
    /// Encrypted queries that were evaluated.
    pub queries: usize,
    /// Median of what an evaluation took where the model was compiled, on one thread; models of before 28 November 2026 do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_ms: Option<f64>,
    /// Errors that were looked at.
    pub errors: usize,
    /// log2 of the standard deviation that is predicted for the worst codes.
    pub predicted_std_log2: f64,
    /// log2 of the measured one.
    pub std_log2: f64,
    /// Its upper bound at 99.9 % confidence.
    pub std_bound_log2: f64,
    /// Mean of the errors in predicted standard deviations.
    pub mean_sigmas: f64,
    /// Fourth moment over the squared second: 3 for normal errors.
    pub kurtosis: f64,
    /// Largest error in predicted standard deviations.
    pub largest_sigmas: f64,
    /// log2 of the failure probability of a query with the measured bound of the standard deviation.
    pub p_fail_log2: f64,
}

/// log2 of any probability that is written, at least.
const LEAST_LOG2: f64 = -1e6;

impl MeasuredNoise {
    pub(crate) fn new(rows: usize, of: &Measurement) -> Self {
        Self {
            rows,
            queries: of.queries,
            evaluate_ms: Some(of.evaluate_ms),
            errors: of.errors,
            predicted_std_log2: of.predicted_std_log2,
            std_log2: of.std_log2,
            std_bound_log2: of.std_bound_log2,
            mean_sigmas: of.mean,
            kurtosis: of.kurtosis,
            largest_sigmas: of.largest,
            // JSON has no infinities, and a constant has next to no noise.
            p_fail_log2: of.p_fail_log2.max(LEAST_LOG2),
        }
    }
}

/// A plan that was not taken: a defect of tenebra.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedPlan {
    /// What was wrong.
    pub defect: String,
    /// How much.
    pub measured: MeasuredNoise,
}

impl RefusedPlan {
    pub(crate) fn new(defect: Defect, rows: usize, of: &Measurement) -> Self {
        Self {
            defect: defect.to_string(),
            measured: MeasuredNoise::new(rows, of),
        }
    }
}
