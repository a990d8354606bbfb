//! Whoever waits for a search, and whoever knows what a model costs encrypted.

use core::fmt;
use core::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::quantized::QuantizedModel;

/// A training of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The round of halving, from 0.
    pub round: usize,
    /// The candidate, from 0.
    pub candidate: usize,
    /// The fold that is held out, from 0.
    pub fold: usize,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The score on the fold, or why there is none.
    pub score: Result<f64, String>,
    /// Name of the score.
    #[serde(default)]
    pub metric: Option<String>,
    /// Time of training, milliseconds.
    pub fit_ms: f64,
    /// Predicted time of one encrypted row, milliseconds; of the first fold alone, where it was asked for.
    #[serde(default)]
    pub latency_ms: Option<f64>,
}

/// Whoever waits for a search; asked from several threads.
pub trait SearchWatch: Sync {
    /// What came of a training in an earlier run of the same search, if it is known.
    fn known(&self, _job: &Job) -> Option<Outcome> {
        None
    }

    /// Is told of each training, how many are done and of how many; `Break` ends the search with what is done.
    fn done(
        &self,
        _job: &Job,
        _outcome: &Outcome,
        _finished: usize,
        _of: usize,
    ) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub struct Unattended;

impl SearchWatch for Unattended {}

/// Predicts what an encrypted row takes; asked from several threads.
pub trait Latency: Sync {
    /// Milliseconds of one row on one core.
    ///
    /// # Errors
    /// Why no parameters fit the model.
    fn predicted_ms(&self, model: &QuantizedModel) -> Result<f64, Box<dyn fmt::Display>>;
}
