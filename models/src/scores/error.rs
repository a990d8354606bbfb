//! Why a score cannot be computed.

use thiserror::Error;

use super::metric::Metric;
use crate::data::DataError;
use crate::listing::list;

/// Why a score cannot be computed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Nothing to average.
    #[error("no rows to score")]
    Empty,
    /// Lists of different lengths.
    #[error("{found} values where the other list has {expected}")]
    Length {
        /// Length of the one.
        found: usize,
        /// Length of the other.
        expected: usize,
    },
    /// Weights that cannot average.
    #[error("sample weights must be finite, not negative and not all zero")]
    Weights,
    /// A value for which the score is not defined.
    #[error("row {row}: {what} {value} is out of range for {score}; {range}")]
    Range {
        /// The score.
        score: &'static str,
        /// Row, from 1.
        row: usize,
        /// The true or the predicted value.
        what: &'static str,
        /// The value.
        value: f64,
        /// What is accepted.
        range: &'static str,
    },
    /// Not enough classes in the data.
    #[error("{score} needs rows of at least two classes")]
    OneClass {
        /// The score.
        score: &'static str,
    },
}

/// Why predictions could not be scored against a target.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The target was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The score is not defined.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A score of classes for numbers, or the other way round.
    #[error("{metric} needs {needs}, and this model predicts {predicts}")]
    Task {
        /// The score.
        metric: Metric,
        /// What it is a score of.
        needs: &'static str,
        /// What there is.
        predicts: &'static str,
    },
    /// A score of two classes for more.
    #[error("{metric} needs two classes, the model has {classes}{instead}")]
    TwoClasses {
        /// The score.
        metric: Metric,
        /// How many there are.
        classes: usize,
        /// What to ask for.
        instead: &'static str,
    },
    /// A target that is none of the model's.
    #[error("the model does not predict `{name}`; it predicts {}", list(known))]
    UnknownTarget {
        /// Name of the target column.
        name: String,
        /// What the model predicts.
        known: Vec<String>,
    },
    /// More or fewer targets than a model predicts that does not know their names.
    #[error(
        "{found} target columns for the {count} outputs of the model; name one for each, in the order of the outputs"
    )]
    Targets {
        /// Target columns.
        found: usize,
        /// Outputs.
        count: usize,
    },
    /// A score of probabilities for a model without.
    #[error("{metric} needs probabilities; the scores of this model are none")]
    NoProbabilities {
        /// The score.
        metric: Metric,
    },
}
