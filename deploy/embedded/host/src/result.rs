//! What may fail.

use core::error::Error;

/// Any failure, in words.
pub(crate) type Result<T> = core::result::Result<T, Box<dyn Error>>;
