//! Why a graph was not tabulated.

use tenebra_quant::QuantError;

use crate::forest::ForestError;
use crate::import::onnx::OnnxError;

/// Most bits of the codes of all features together.
pub const MAX_BITS: u32 = 20;

/// Most values of a table, log2: codes times scores.
pub(super) const MAX_VALUES_LOG: u32 = 22;

/// Why a graph was not tabulated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TabulateError {
    /// Not an ONNX file, or one that is not evaluated.
    #[error(transparent)]
    Graph(OnnxError),
    /// An operator that is not evaluated.
    #[error(
        "{node}: the operator {operator} is not evaluated; tabulate the model from Python (`tenebra.tabulate`), which needs no operators"
    )]
    Operator {
        /// The node, by name and position.
        node: String,
        /// Its operator, with the domain unless that is `ai.onnx`.
        operator: String,
    },
    /// A graph that would take too long.
    #[error(
        "the graph takes {operations} operations a point, too many for {count} points; lower `--n-bits`, or train a smaller model"
    )]
    TooMuchWork {
        /// Elements that a point reads, writes or multiplies.
        operations: u64,
        /// Points of the grid.
        count: usize,
    },
    /// Other columns than features.
    #[error(
        "the graph takes {graph} columns, the calibration data has {rows}; leave columns out that are no features (`--target`, `--drop`)"
    )]
    Columns {
        /// Of the graph.
        graph: usize,
        /// Of the data.
        rows: usize,
    },
    /// A feature without a grid.
    #[error("column `{column}`: {source}")]
    Feature {
        /// Its name.
        column: String,
        /// What is wrong with its values.
        source: QuantError,
    },
    /// A table beyond the limit.
    #[error(
        "the codes of the features have {joint} bits together ({features}): 2^{joint} entries, at least {megabytes:.0} MB and {milliseconds:.0} ms a query; up to {max} bits are tabulated: lower `--n-bits` or leave features out",
        max = MAX_BITS
    )]
    TooManyBits {
        /// Features and the bits of their codes.
        features: String,
        /// Bits of all codes together.
        joint: u32,
        /// Memory that a table of one score takes.
        megabytes: f64,
        /// What a query would take, about.
        milliseconds: f64,
    },
    /// A table with too many values.
    #[error(
        "{scores} scores for each of 2^{joint} codes are more than 2^{max} values; lower `--n-bits`",
        max = MAX_VALUES_LOG
    )]
    TooManyScores {
        /// Scores of a row.
        scores: usize,
        /// Bits of all codes together.
        joint: u32,
    },
    /// Outputs that are no scores and labels of a row.
    #[error("{message}")]
    Output {
        /// Which output, and what is wrong with it.
        message: String,
    },
    /// A score that is no number.
    #[error(
        "the score {score} is {value} at {point:?}; restrict the calibration data to rows that the model can score"
    )]
    NotFinite {
        /// Which score, from 1.
        score: usize,
        /// What it is.
        value: f64,
        /// The features.
        point: Vec<f64>,
    },
    /// The model was refused.
    #[error(transparent)]
    Forest(#[from] ForestError),
}

impl From<OnnxError> for TabulateError {
    fn from(error: OnnxError) -> Self {
        match error {
            OnnxError::Operator { node, operator } => Self::Operator { node, operator },
            error => Self::Graph(error),
        }
    }
}
