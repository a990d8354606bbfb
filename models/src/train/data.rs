//! What the trainers see.

use super::{TrainError, Watch};
use crate::data::{Classes, Table};

/// Features that are complete unless the estimator takes missing ones, a target of the right kind, usable weights.
#[derive(Debug)]
pub(crate) struct TrainingData<'a> {
    pub(crate) table: &'a Table,
    pub(crate) target: TargetValues,
    /// One per target column.
    pub(crate) target_names: Vec<String>,
    /// One per row, at least one positive; all 1 if none were given.
    pub(crate) weights: Vec<f64>,
    /// Is told how it goes.
    #[cfg_attr(
        not(feature = "networks"),
        expect(dead_code, reason = "networks alone take long enough to be watched")
    )]
    pub(crate) watch: &'a dyn Watch,
}

/// The target in the form its task needs.
#[derive(Clone, Debug)]
pub(crate) enum TargetValues {
    /// One vector per target column.
    Numbers(Vec<Vec<f64>>),
    /// Labels and the label index of every row.
    Classes(Classes),
}

impl TrainingData<'_> {
    /// The single target column of a regression.
    pub(crate) fn one_target(&self, estimator: &'static str) -> Result<&[f64], TrainError> {
        match &self.target {
            TargetValues::Numbers(columns) if columns.len() == 1 => Ok(&columns[0]),
            TargetValues::Numbers(columns) => Err(TrainError::OneTarget {
                estimator,
                found: columns.len(),
            }),
            TargetValues::Classes(_) => Err(TrainError::NoTarget),
        }
    }

    /// Names of the target columns, if they are several.
    pub(crate) fn several_target_names(&self) -> Option<Vec<String>> {
        (self.target_names.len() > 1).then(|| self.target_names.clone())
    }

    /// The classes of a classification.
    pub(crate) fn classes(&self) -> Result<&Classes, TrainError> {
        match &self.target {
            TargetValues::Classes(classes) => Ok(classes),
            TargetValues::Numbers(_) => Err(TrainError::NoTarget),
        }
    }
}
