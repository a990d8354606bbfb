//! What is known of an estimator, and what training gives.

use super::{Param, Params, TrainError, TrainingData};
use crate::model::{Model, Task};

/// An estimator that can be trained, under scikit-learn's name.
#[derive(Debug)]
pub struct EstimatorInfo {
    /// scikit-learn's class name.
    pub name: &'static str,
    /// What it predicts.
    pub task: Task,
    /// One line for `tenebra train --list`.
    pub doc: &'static str,
    /// Hyper-parameters with scikit-learn's names and defaults.
    pub params: &'static [Param],
    /// Whether it can train on rows with missing values.
    pub missing: bool,
    /// Trains on checked data.
    pub(crate) fit: fn(&Params, &TrainingData<'_>) -> Result<Trained, TrainError>,
}

/// A trained model and what the user should know about the training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// For instance that the optimizer stopped before it converged.
    pub warning: Option<String>,
}
