//! What may go wrong.

use tenebra_circuit::{ErrorKind, Interval, RoleError};

/// Why codes or options were refused. Evaluation itself cannot fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the message of each variant says what each of its fields is"
)]
pub enum SimError {
    /// Not one code per input.
    #[error(
        "{found} codes given, the circuit takes {expected}; give the codes of all inputs in a row"
    )]
    CodeCount { expected: usize, found: usize },
    /// A code outside of its input's range. `index` counts over all inputs, and over the rows of a query.
    #[error("code {index} is {value}, its range is {range}; quantize with the model's own codec")]
    CodeOutOfRange {
        index: usize,
        value: i64,
        range: Interval,
    },
    /// A query of no rows.
    #[error("a query of 0 rows was asked for; score at least 1")]
    NoRows,
    /// A spec, query or response that the simulator did not write.
    #[error("the bytes are not the simulator's")]
    Bytes,
}

impl RoleError for SimError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::CodeCount { .. } | Self::CodeOutOfRange { .. } => ErrorKind::Codes,
            Self::NoRows => ErrorKind::Options,
            Self::Bytes => ErrorKind::Mismatch,
        }
    }
}
