//! Why a search was refused or failed.

use thiserror::Error;

use crate::train::TrainError;

/// Why a search was refused or failed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Folds that the rows do not give.
    #[error(
        "{count} folds of {found} {what}; there are at least {least} folds, and each needs at least one"
    )]
    Folds {
        /// Folds asked for.
        count: usize,
        /// What is split.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The fewest folds of this kind of split.
        least: usize,
    },
    /// A split that goes by classes or groups, and none of these.
    #[error("{split} needs {what}")]
    Labels {
        /// The split.
        split: &'static str,
        /// What it needs.
        what: &'static str,
    },
    /// Values of a parameter that are not understood.
    #[error("values `{text}` of `{name}`: {message}")]
    Values {
        /// The parameter.
        name: String,
        /// As given.
        text: String,
        /// What is wrong, and what is expected.
        message: String,
    },
    /// A grid without values, or too many of them.
    #[error(
        "a grid of {found} candidates; give every parameter a value, and at most {limit} candidates"
    )]
    Candidates {
        /// How many.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A range of values where all are to be tried.
    #[error(
        "`{name}` is a range, of which only a random search draws values; list the values to try"
    )]
    Range {
        /// The parameter.
        name: String,
    },
    /// A number of iterations, or of a halving's factor, that makes no search.
    #[error("`{name}` = {found}: {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        found: usize,
        /// What is expected.
        expected: &'static str,
    },
    /// A candidate whose parameters are refused.
    #[error("{candidate}: {source}")]
    Parameters {
        /// The candidate.
        candidate: String,
        /// Why.
        source: Box<TrainError>,
    },
    /// `n_bits` in a search that scores float models.
    #[error("`n_bits` changes no score of a float model; score simulated models, or leave it out")]
    BitsOfFloat,
    /// A cost without anybody who predicts times.
    #[error("a cost of time needs a planner that predicts it")]
    NoLatency,
    /// No candidate could be trained and scored.
    #[error("no candidate could be trained and scored; the first, {candidate}: {message}")]
    AllFailed {
        /// The first candidate.
        candidate: String,
        /// Why.
        message: String,
    },
}
