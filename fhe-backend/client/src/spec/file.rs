//! A spec that owns its bytes and is read once.

use alloc::vec::Vec;

use super::{ClientSpec, Facts, SpecError};
use crate::frame::{HEADER_LEN, TRAILER_LEN};

/// A framed client spec that passed its door, with its bytes.
#[derive(Clone, Debug)]
pub struct SpecFile {
    bytes: Vec<u8>,
    facts: Facts,
}

impl SpecFile {
    /// Reads a framed client spec.
    ///
    /// # Errors
    ///
    /// As [`ClientSpec::parse`].
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, SpecError> {
        let bytes = bytes.as_ref().to_vec();
        let facts = ClientSpec::parse(&bytes)?.facts;
        Ok(Self { bytes, facts })
    }

    /// The framed bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The spec.
    #[must_use]
    pub fn spec(&self) -> ClientSpec<'_> {
        ClientSpec {
            payload: &self.bytes[HEADER_LEN..self.bytes.len() - TRAILER_LEN],
            facts: self.facts.clone(),
        }
    }
}
