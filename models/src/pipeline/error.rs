//! Why a pipeline was refused.

use thiserror::Error;

use crate::listing::list;

/// Why a pipeline was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// Text that is no pipeline.
    #[error("the pipeline, from character {at}: {message}")]
    Syntax {
        /// Where, counted from 1.
        at: usize,
        /// What is wrong, and what is expected.
        message: String,
    },
    /// No such transformer.
    #[error("no step `{name}`; known: {}", list(known))]
    UnknownTransformer {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// Columns that the step does not get.
    #[error("step {step} has no column `{column}`; its columns: {}", list(present))]
    UnknownColumn {
        /// The transformer.
        step: String,
        /// The column asked for.
        column: String,
        /// The columns it gets.
        present: Vec<String>,
    },
    /// A step or a model that gets words.
    #[error(
        "column `{column}` holds words, and {step} takes numbers; encode it first, for instance by `one-hot-encoder[words]` or `ordinal-encoder[words]`"
    )]
    Words {
        /// The transformer or model.
        step: String,
        /// The column.
        column: String,
    },
    /// A step that gets missing values and has no rule for them.
    #[error(
        "row {row}, column `{column}` is missing, and {step} takes complete rows; put `simple-imputer` before it"
    )]
    Missing {
        /// The transformer.
        step: &'static str,
        /// Data row, from 1.
        row: usize,
        /// The column.
        column: String,
    },
    /// No column is left.
    #[error("step {step} leaves no column: {message}")]
    NothingLeft {
        /// The transformer.
        step: &'static str,
        /// Why, and what to do.
        message: String,
    },
    /// Parameters that do not suit each other or the data.
    #[error("{step}: {message}")]
    Parameter {
        /// The transformer.
        step: &'static str,
        /// Which, and the limit.
        message: String,
    },
    /// More values a row than a client computes.
    #[error(
        "the steps give more than {limit} values a row; take fewer columns or a smaller degree"
    )]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// A value of the training data that a step has no result for.
    #[error("row {row}, column `{column}`, step {step}: {message}")]
    Value {
        /// The transformer.
        step: &'static str,
        /// Data row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// What is wrong with it.
        message: String,
    },
}
