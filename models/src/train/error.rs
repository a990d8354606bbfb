//! Why training was refused or failed.

use thiserror::Error;

use crate::data::DataError;
use crate::listing::list;
use crate::model::ModelError;
use crate::pipeline::PipelineError;

/// Why training was refused or failed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The result was refused, for instance because the weights diverged.
    #[error("training gave no usable model: {0}")]
    Model(#[from] ModelError),
    /// A pipeline was refused.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// No such estimator.
    #[error("no estimator `{name}`; known: {}", list(known))]
    UnknownEstimator {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No such hyper-parameter.
    #[error("{estimator} has no parameter `{name}`; known: {}", list(known))]
    UnknownParameter {
        /// The estimator.
        estimator: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A hyper-parameter out of its range.
    #[error("`{name}` = `{value}`: expected {expected}")]
    ParameterValue {
        /// The parameter.
        name: &'static str,
        /// The value asked for.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// Two hyper-parameters that do not go together.
    #[error("{estimator}: {message}")]
    Combination {
        /// The estimator.
        estimator: &'static str,
        /// Which, and what to choose.
        message: String,
    },
    /// No target column.
    #[error("name the column to predict")]
    NoTarget,
    /// Several targets for an estimator of one.
    #[error("{estimator} predicts one target column, {found} were named")]
    OneTarget {
        /// The estimator.
        estimator: &'static str,
        /// Target columns.
        found: usize,
    },
    /// Nothing to tell apart.
    #[error("all rows are of class `{label}`; a classifier needs at least two")]
    OneClass {
        /// The only label.
        label: String,
    },
    /// Targets or weights of another length than the table.
    #[error("{found} targets or weights for {expected} rows")]
    Rows {
        /// Targets or weights.
        found: usize,
        /// Rows of the table.
        expected: usize,
    },
    /// Useless weights.
    #[error("sample weights must be finite, not negative and not all zero")]
    Weights,
    /// A feature or target whose square would overflow, or a feature of trees beyond single precision.
    #[error(
        "row {row}, column `{column}`: {value:e} is too large to train on; divide the column by a constant"
    )]
    Magnitude {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
        /// The number.
        value: f64,
    },
    /// A target the loss is not defined for.
    #[error("row {row}: the target {value} is out of range; {estimator} needs {range}")]
    TargetRange {
        /// The estimator, with the parameter that matters.
        estimator: String,
        /// Data row, from 1.
        row: usize,
        /// The target.
        value: f64,
        /// What it takes.
        range: &'static str,
    },
    /// A checkpoint that this training cannot go on from.
    #[error("the checkpoint {message}; remove it to start anew")]
    Checkpoint {
        /// Why.
        message: String,
    },
    /// Not compiled in.
    #[error(
        "{estimator} cannot be trained by this build, which leaves networks out; build it with the feature `networks`"
    )]
    WithoutNetworks {
        /// The estimator.
        estimator: &'static str,
    },
    /// The linear algebra or the optimizer failed.
    #[error("{estimator}: {message}; scale the features or regularize more")]
    Solver {
        /// The estimator.
        estimator: &'static str,
        /// What the solver says.
        message: String,
    },
}
