//! Why a model was refused.

use thiserror::Error;

use tenebra_quant::QuantError;

use crate::additive::AdditiveError;
use crate::data::DataError;
use crate::forest::ForestError;

/// Why a model was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not the JSON of a model.
    #[error("not the JSON form of a model: {message}")]
    Json {
        /// What the parser says, with line and column.
        message: String,
    },
    /// JSON of something else.
    #[error(
        "the format is `{found}`, not `{expected}`; models of other programs come in through `import`"
    )]
    Format {
        /// The `format` field.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A version from another time.
    #[error(
        "version {found} of the model format; this program reads version {expected}: train or import the model again"
    )]
    Version {
        /// The `version` field.
        found: u32,
        /// What it should be.
        expected: u32,
    },
    /// An unknown kind of model.
    #[error("models of kind `{found}` are unknown; known: {known}")]
    Kind {
        /// The `kind` field.
        found: String,
        /// The kinds there are.
        known: &'static str,
    },
    /// Parts whose sizes or uses contradict each other.
    #[error("the parts of the model do not fit together: {message}")]
    Shape {
        /// Which, and the numbers.
        message: String,
    },
    /// A NaN or infinite weight.
    #[error(
        "{place} is {value}; a model needs finite numbers: train it again, or scale its features first"
    )]
    NotFinite {
        /// Which number.
        place: String,
        /// The number.
        value: f64,
    },
    /// A row with too few or too many features.
    #[error("a row of {found} features, the model takes {expected}")]
    RowLength {
        /// Features of the row.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A missing or infinite feature.
    #[error("feature {} is missing or infinite, and this model has no rule for that", feature + 1)]
    MissingValue {
        /// Which, from 0; the message counts from 1.
        feature: usize,
    },
    /// A step of a pipeline that makes no sense, or a value that it refuses.
    #[error("{place}: {source}")]
    Step {
        /// Which step or column.
        place: String,
        /// What is wrong.
        source: QuantError,
    },
    /// Rows whose columns are not the model's.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Trees that do not make a forest, or a row that one cannot score.
    #[error(transparent)]
    Forest(#[from] ForestError),
    /// Terms that do not make an additive model.
    #[error(transparent)]
    Additive(#[from] AdditiveError),
}
