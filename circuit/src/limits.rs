//! What a circuit may not exceed, so that untrusted ones cannot exhaust memory.

/// No integer that a verified circuit computes, partial sums included, is larger than this in magnitude: 2^62.
/// It fits an `i64` with room for a sign and one more addition.
pub const MAX_MAGNITUDE: i64 = 1 << 62;

/// The most elements a single value may have.
pub const MAX_VALUE_LEN: usize = 1 << 20;

/// The most elements all values and outputs of a circuit may have together; it bounds the verifier's memory to about
/// 64 MiB (16 bytes of range an element), and the text parser's for repeated ranges such as `[0, 255]^30`.
pub const MAX_TOTAL_LEN: usize = 1 << 22;

/// The longest name of a port, in bytes.
pub const MAX_NAME_LEN: usize = 64;

/// The most non-zero weights that [`linear_form`](crate::linear_form) composes.
pub const MAX_FORM_WEIGHTS: usize = 1 << 24;
