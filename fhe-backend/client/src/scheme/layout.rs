//! What the layouts of all schemes share: why one is refused, what stands before the bits of a message, buffers.

use thiserror::Error;

use crate::params::ParamError;
use crate::random::{MASK_SEED_LEN, MaskSeed};

/// Bytes before the packed integers of a query: plan `u8`, rows `u16`, mask seed.
pub(crate) const QUERY_PREFIX: usize = 3 + MASK_SEED_LEN;
/// Bytes before the packed integers of a response: plan `u8`, rows `u16`.
pub(crate) const RESPONSE_PREFIX: usize = 3;

/// Most bytes of the payload of a query, a response or an evaluation key, and of the codes of a query or the integers of
/// a response in memory: 256 MiB. The direct queries of forests have 1 to 4 MB, 16 kB a bit; 2,000 bits of input are 32 MB.
pub const MAX_MESSAGE_LEN: u64 = 1 << 28;

/// Why the layout of a scheme was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The lattice parameters are malformed or insecure.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// The widths are not `0 < p < w <= 64` and `p < body bits <= 64`.
    #[error(
        "{plaintext_bits} plaintext bits do not fit {body_bits} body bits and {response_bits} response bits; each must be larger and at most 64"
    )]
    Widths {
        /// `p`.
        plaintext_bits: u8,
        /// Bits of a body.
        body_bits: u8,
        /// `w`.
        response_bits: u8,
    },
    /// A count is zero or larger than what it divides.
    #[error("{what} is {value}; it must lie in 1..={max}")]
    Count {
        /// Which count.
        what: &'static str,
        /// As given.
        value: u32,
        /// The largest allowed.
        max: u32,
    },
    /// The gadget of a branching circuit is not one.
    #[error(transparent)]
    Gadget(#[from] GadgetError),
    /// Packed queries do not fit the parameters.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// The coefficients in use exceed the polynomial.
    #[error("{zone} coefficients are in use, the polynomial has {polynomial_size}")]
    Zone {
        /// `(R·g + g−1)·F`.
        zone: u64,
        /// `N`.
        polynomial_size: usize,
    },
    /// A message of this layout would be larger than a client allows.
    #[error(
        "the {what} would take {bytes} bytes, the limit is {MAX_MESSAGE_LEN}; compile for fewer rows a query, inputs or bits"
    )]
    TooLarge {
        /// Which message, or which numbers of it.
        what: &'static str,
        /// What it would take.
        bytes: u64,
    },
}

/// Largest number of inputs or outputs of a circuit.
pub const MAX_PORT: u32 = 1 << 16;

/// Why a gadget was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a gadget of {level_count} levels of {base_log} bits is not one: both must be positive and their product under 64"
)]
pub struct GadgetError {
    /// `b`.
    pub base_log: u8,
    /// `ℓ`.
    pub level_count: u8,
}

/// Why the packing of queries was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PackingError {
    /// Packed queries have one mask polynomial.
    #[error("packed queries need one mask polynomial, the parameters have {0}")]
    GlweDimension(u8),
    /// More slots than coefficients.
    #[error(
        "{slots} slots do not fit {polynomial_size} coefficients; pack fewer bits in each ciphertext or send direct queries"
    )]
    Slots {
        /// Input bits times gadget levels.
        slots: u64,
        /// `N`.
        polynomial_size: usize,
    },
    /// Ciphertexts hold more bits than there are.
    #[error("ciphertexts of {0} bits of a row each hold more than there are")]
    Bits(u16),
    /// The smallest slot value falls under the bits that are sent.
    #[error("a slot of {needed} bits does not fit bodies of {body_bits}")]
    Bodies {
        /// Gadget bits and the factor `S`.
        needed: u32,
        /// Bits of a body.
        body_bits: u8,
    },
    /// A gadget of the evaluation key is not one.
    #[error(
        "gadget {0} of the evaluation key is not one: its levels and bits must be positive and their product under 64"
    )]
    Gadget(usize),
    /// Packed queries without an evaluation key that unpacks them.
    #[error("packed queries need an evaluation key")]
    NoKeys,
}

/// Why a row could not be encrypted or a response not be decrypted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CipherError {
    /// More rows than one query holds, or none, or codes that are not whole rows.
    #[error("{codes} codes are not 1..={max_rows} rows of {features}")]
    Rows {
        /// Codes given.
        codes: usize,
        /// Inputs of a row.
        features: usize,
        /// Most rows of one query.
        max_rows: usize,
    },
    /// A buffer of the caller has the wrong length.
    #[error("the {what} buffer holds {len} elements, {needed} are needed")]
    Buffer {
        /// Which buffer.
        what: &'static str,
        /// As given.
        len: usize,
        /// What is needed.
        needed: usize,
    },
    /// The key was made for other parameters.
    #[error("the key was made for other parameters; use the key of this model")]
    Key,
    /// The circuit runs without an evaluation key.
    #[error("this model needs no evaluation key")]
    NoEvaluationKey,
    /// The response is not of this layout.
    #[error(
        "the response does not have the form of this model's responses; it is damaged or answers another query"
    )]
    Response,
}

pub(crate) fn check_len(what: &'static str, len: usize, needed: usize) -> Result<(), CipherError> {
    if len == needed {
        Ok(())
    } else {
        Err(CipherError::Buffer { what, len, needed })
    }
}

pub(crate) fn write_prefix(out: &mut [u8], plan: u8, rows: usize) {
    out[0] = plan;
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
    out[1..3].copy_from_slice(&rows.to_le_bytes());
}

pub(crate) fn read_rows(payload: &[u8]) -> Option<usize> {
    let rows = payload.get(1..3)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(rows)))
}

/// Splits the payload of a query of one row and `len` bytes into mask seed and packed bodies; `None` if it is another.
pub(crate) fn read_single(payload: &[u8], len: usize) -> Option<(MaskSeed, &[u8])> {
    match read_rows(payload)? {
        1 => read_seeded(payload, len),
        _ => None,
    }
}

/// The same, whatever its rows are.
pub(crate) fn read_seeded(payload: &[u8], len: usize) -> Option<(MaskSeed, &[u8])> {
    if payload.len() != len {
        return None;
    }
    let (head, bodies) = payload.split_at_checked(QUERY_PREFIX)?;
    let seed = head[RESPONSE_PREFIX..].try_into().ok()?;
    Some((MaskSeed(seed), bodies))
}

/// Which plan of the spec a query or response payload names.
#[must_use]
pub fn plan_of(payload: &[u8]) -> Option<u8> {
    payload.first().copied()
}
