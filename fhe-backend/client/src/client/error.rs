//! Why a client could not do what it was asked.

use tenebra_quant::QuantError;
use thiserror::Error;

use crate::frame::FrameError;
use crate::scheme::layout::CipherError;
use crate::spec::SpecError;

/// Why a client could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A key file or a response is not one, or belongs to another model.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A client spec is not one.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A row does not have the model's columns.
    #[error("the row has {given} values, the model has {wanted} columns")]
    Columns {
        /// Values given.
        given: usize,
        /// Columns of the model.
        wanted: usize,
    },
    /// A value cannot be quantized.
    #[error("column {column} (counted from 1): {source}")]
    Value {
        /// Column, counted from 1.
        column: usize,
        /// Why.
        source: QuantError,
    },
    /// A code lies outside the range that the model was verified for.
    #[error(
        "code {code} of input {input} lies outside {min}..={max}; quantize with this spec's codecs"
    )]
    Code {
        /// Index of the circuit's input.
        input: usize,
        /// As given.
        code: i64,
        /// Least code.
        min: i64,
        /// Greatest code.
        max: i64,
    },
    /// Codes that are not whole rows.
    #[error("{given} codes are not whole rows of {inputs}")]
    Codes {
        /// Codes given.
        given: usize,
        /// Inputs of the circuit, codes of one row.
        inputs: usize,
    },
    /// No plan holds so many rows.
    #[error("{rows} rows are too many for one query, this model takes {max}; split them")]
    Rows {
        /// Rows given.
        rows: usize,
        /// Most rows.
        max: usize,
    },
    /// Encryption or decryption refused its arguments.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// The secret key file has the wrong length for the spec.
    #[error("the secret key does not fit this model's parameters; generate keys with this model")]
    KeyLength,
    /// Decryption gave a number outside the output's range.
    #[error(
        "the response does not decrypt; it is damaged, or the server did not compute what the client spec says"
    )]
    Undecryptable,
}
