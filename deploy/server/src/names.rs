//! Names in addresses and in the store: of models, their versions, clients, and evaluation keys.

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use tenebra_client::KeyId;

/// Name of a model or of a client: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, the first a letter or a digit. It is safe as
/// a file name and in an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// A text is not a [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a name is 1 to 64 of a-z, 0-9, `-`, `_` and `.`, and starts with a letter or a digit")]
pub struct NameError;

impl Name {
    /// Whoever asks a server that asks for no tokens.
    pub(crate) fn everybody() -> Self {
        Self("everybody".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = text.bytes().next().is_some_and(letter);
        let all = text
            .bytes()
            .all(|byte| letter(byte) || b"-_.".contains(&byte));
        if first && all && text.len() <= 64 {
            Ok(Self(text.into()))
        } else {
            Err(NameError)
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.0)
    }
}

/// Version of a model: the SHA-256 of its `server.tnb`, 64 hexadecimal digits in text. Models of the same client spec and other
/// weights have other versions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 32]);

/// A text is not a [`Version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a version is the SHA-256 of server.tnb, 64 digits 0-9 and a-f")]
pub struct VersionError;

impl Version {
    /// The version of this file.
    #[must_use]
    pub fn of(program: &[u8]) -> Self {
        Self(Sha256::digest(program).into())
    }

    pub(crate) fn finish(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        from_hex(text).map(Self).ok_or(VersionError)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

/// Whose evaluation keys: a name, and which of all tokens that ever had the name. Whoever gets the name of someone who left does
/// not inherit what was kept of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    /// `generation`: `None` of tokens made before there were generations.
    pub(crate) fn new(name: &Name, generation: Option<&str>) -> Self {
        Self(match generation {
            Some(generation) => format!("{name}@{generation}").into(),
            None => Arc::clone(&name.0),
        })
    }

    /// The text, a folder's name in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this folder belongs to a holder of that name, of whatever generation.
    pub(crate) fn is_of(folder: &str, name: &Name) -> bool {
        folder.split('@').next() == Some(name.as_str())
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({})", self.0)
    }
}

/// Two lower-case digits a byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// Exactly `N` bytes of two lower-case digits each.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_files_and_addresses() {
        for good in ["a", "logreg_bc", "v2.1-b", "0", &"x".repeat(64)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            "-a",
            "A",
            "a/b",
            "a b",
            "é",
            "a#1",
            "a\0",
            &"x".repeat(65),
        ] {
            assert_eq!(bad.parse::<Name>(), Err(NameError), "{bad:?}");
        }
    }

    #[test]
    fn versions_are_sha256() {
        let version = Version::of(b"");
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(version.to_string(), text);
        assert_eq!(text.parse(), Ok(version));
        assert_eq!(text[1..].parse::<Version>(), Err(VersionError));
    }

    #[test]
    fn holders_of_a_name_are_told_apart() {
        let name: Name = "ada".parse().unwrap();
        let (first, second) = (Holder::new(&name, None), Holder::new(&name, Some("0f")));
        assert_eq!((first.as_str(), second.as_str()), ("ada", "ada@0f"));
        for holder in [first, second] {
            assert!(Holder::is_of(holder.as_str(), &name));
        }
        assert!(!Holder::is_of("ada.b@0f", &name));
    }
}
