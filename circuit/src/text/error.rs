//! Where and why a text is not a circuit.

use alloc::string::String;

use crate::limits::MAX_TOTAL_LEN;

/// Why a text is not a circuit, and where; only the first reason is reported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// Counts lines from 1.
    pub line: usize,
    /// Counts characters of the line from 1.
    pub column: usize,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// Why a text is not a circuit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the message of each variant says what each of its fields is"
)]
pub enum ParseErrorKind {
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Expected {
        expected: &'static str,
        found: String,
    },
    /// A number is too large, or negative where it may not be.
    #[error("{text} is out of range; expected an integer from {min} to {max}")]
    OutOfRange { text: String, min: i64, max: u64 },
    /// Values and nodes are numbered in order.
    #[error(
        "expected number {expected}, found {found}; values and nodes are numbered in order, from 0"
    )]
    OutOfOrder { expected: usize, found: usize },
    /// The rows of a matrix differ in length.
    #[error("this row has {found} weights, the first row has {expected}")]
    RowLength { expected: usize, found: usize },
    /// A repeated range would need too much memory.
    #[error("the inputs have more than {MAX_TOTAL_LEN} elements together; split the circuit")]
    TooLarge,
}
