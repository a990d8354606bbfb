//! Keys that are used no more: those that met a response which does not decrypt.
//!
//! A server that learns whether a response of its making decrypted learns a bit about the secret key with each. So nothing
//! that it can see depends on it, and whoever met such a response once does not ask again with the same key.

use core::fmt::Write;
use std::path::Path;

use tenebra_client::{ClientError, ClientKey};

use crate::error::Error;
use crate::files::{self, Access, Files, Item};

/// Name of the list in a folder of keys: the tags of its retired keys, one a line.
pub const RETIRED_FILE: &str = "retired.keys";

/// Refuses a key that was retired.
///
/// # Errors
/// [`Error::KeyRetired`]; [`Error::Io`] for a list that cannot be read.
pub fn check(folder: &Path, key: &ClientKey) -> Result<(), Error> {
    if read(folder)?.lines().any(|line| line == name(key)) {
        return Err(Error::KeyRetired {
            folder: folder.to_owned(),
        });
    }
    Ok(())
}

/// Passes on what came of decrypting with a key of `folder`; if a response did not decrypt, retires the key.
///
/// # Errors
/// That of `done`; [`Error::Io`] if the list cannot be written.
pub fn guard<T>(
    files: &Files,
    folder: &Path,
    key: &ClientKey,
    done: Result<T, Error>,
) -> Result<T, Error> {
    if done.as_ref().is_err_and(Error::is_undecryptable) && check(folder, key).is_ok() {
        let list = format!("{}{}\n", read(folder)?, name(key));
        let item = Item {
            name: RETIRED_FILE,
            bytes: list.as_bytes(),
            access: Access::Public,
            replace: true,
        };
        files.write_folder(folder, &[item])?;
    }
    done
}

impl Error {
    /// Whether a response did not decrypt.
    #[must_use]
    pub fn is_undecryptable(&self) -> bool {
        matches!(self.root(), Self::Client(ClientError::Undecryptable))
    }
}

fn read(folder: &Path) -> Result<String, Error> {
    match files::read(&folder.join(RETIRED_FILE)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(Error::Io {
            not_found: true, ..
        }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// The key's tag in hexadecimal.
fn name(key: &ClientKey) -> String {
    key.tag().0.iter().fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}
