//! Names of evaluation keys.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Name of an evaluation key: the first 16 bytes of the SHA-256 of its frame, 32 hexadecimal digits in text. The frame
/// holds the spec id, so the same key made for two models has two names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 16]);

/// A text is not a [`KeyId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the id of a key is 32 digits 0-9 and a-f")]
pub struct KeyIdError;

impl KeyId {
    /// The name of these bytes.
    #[must_use]
    pub fn of(frame: &[u8]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&Sha256::digest(frame)[..16]);
        Self(id)
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(KeyIdError),
        };
        let mut id = [0; 16];
        if text.len() != 2 * id.len() {
            return Err(KeyIdError);
        }
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn text_reads_back_and_nothing_else_is_read() {
        // SHA-256 of nothing.
        let id = KeyId::of(b"");
        assert_eq!(id.to_string(), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "e3b0",
            "E3b0c44298fc1c149afbf4c8996fb924",
            &"é".repeat(16),
        ] {
            assert_eq!(bad.parse::<KeyId>(), Err(KeyIdError), "{bad:?}");
        }
    }
}
