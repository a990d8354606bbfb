//! A data owner's keys for one model, in memory.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tenebra_client::{ClientKey, ClientSpec, FrameError, Kind, SpecFile};
use zeroize::Zeroizing;

use crate::codes::Codes;
use crate::error::Error;
use crate::evaluate::{Scored, system_rng};
use crate::files::{Access, CLIENT_FILE, EVALUATION_KEY_FILE, Files, Item, SECRET_KEY_FILE};
use crate::key_folder::{evaluation_key_of, public, read_key};
use crate::retired;

/// The secret key, and the evaluation key where the model needs one. A response that does not decrypt retires them, here and in
/// the folder that they are kept in: see [`retired`](mod@crate::retired).
pub struct Keys {
    key: ClientKey,
    evaluation_key: Option<Zeroizing<Vec<u8>>>,
    folder: Mutex<Option<PathBuf>>,
    retired: AtomicBool,
}

impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Fresh keys.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate(spec: &ClientSpec<'_>) -> Result<Self, Error> {
        let mut rng = system_rng()?;
        let key = ClientKey::generate(spec, &mut rng);
        let evaluation_key = spec.evaluation_key_file(&key, &mut rng)?;
        Ok(Self::new(key, evaluation_key.map(Zeroizing::new), None))
    }

    /// The keys of a folder, as `tenebra keygen` and [`write`](Self::write) make it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::InFile`] with [`Error::Client`] for keys of another model, [`Error::KeyRetired`].
    pub fn read(folder: &Path, spec: &ClientSpec<'_>) -> Result<Self, Error> {
        let key = read_key(folder, spec)?;
        let evaluation_key = spec.evaluation_key_len();
        let evaluation_key = evaluation_key.map(|_| evaluation_key_of(folder, spec, &key));
        Ok(Self::new(
            key,
            evaluation_key.transpose()?,
            Some(folder.to_owned()),
        ))
    }

    fn new(
        key: ClientKey,
        evaluation_key: Option<Zeroizing<Vec<u8>>>,
        folder: Option<PathBuf>,
    ) -> Self {
        Self {
            key,
            evaluation_key,
            folder: Mutex::new(folder),
            retired: AtomicBool::new(false),
        }
    }

    /// Keeps the keys, and the spec that they were made for, in a folder; over others only to `replace` them.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Io`]; [`Error::KeysRetired`].
    pub fn write(
        &self,
        files: &Files,
        folder: &Path,
        spec: &SpecFile,
        replace: bool,
    ) -> Result<(), Error> {
        let secret = self.secret_file(&spec.spec())?;
        let evaluation = self.evaluation_key();
        let evaluation = evaluation.map(|bytes| public(EVALUATION_KEY_FILE, bytes));
        let mut items: Vec<Item<'_>> = evaluation.into_iter().collect();
        items.push(public(CLIENT_FILE, spec.bytes()));
        items.push(Item {
            name: SECRET_KEY_FILE,
            bytes: &secret,
            access: Access::Secret,
            replace,
        });
        files.write_folder(folder, &items)?;
        *self.folder() = Some(folder.to_owned());
        Ok(())
    }

    /// The **secret** key as a file of it.
    ///
    /// # Errors
    /// [`Error::KeysRetired`]; [`Error::Frame`] for a spec of another model.
    pub fn secret_file(&self, spec: &ClientSpec<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.check()?;
        if self.key.spec_id() != spec.id() {
            return Err(FrameError::Model {
                kind: Kind::SecretKey,
                wanted: spec.id(),
                found: self.key.spec_id(),
            }
            .into());
        }
        Ok(Zeroizing::new(self.key.to_secret_file(spec)))
    }

    /// The framed evaluation key, where the model needs one: it goes to the server.
    #[must_use]
    pub fn evaluation_key(&self) -> Option<&[u8]> {
        self.evaluation_key.as_deref().map(Vec::as_slice)
    }

    /// The secret key.
    #[must_use]
    pub fn key(&self) -> &ClientKey {
        &self.key
    }

    /// Encrypts some of the rows into one framed query.
    ///
    /// # Errors
    /// As [`Codes::encrypt`]; [`Error::KeysRetired`].
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn encrypt(&self, codes: &Codes<'_>, rows: Range<usize>) -> Result<Vec<u8>, Error> {
        self.check()?;
        codes.encrypt(&self.key, rows, &mut system_rng()?)
    }

    /// Decrypts a framed response.
    ///
    /// # Errors
    /// [`Error::Client`]; [`Error::KeysRetired`].
    pub fn decrypt(
        &self,
        files: &Files,
        spec: &ClientSpec<'_>,
        response: &[u8],
    ) -> Result<Scored, Error> {
        self.check()?;
        let integers = spec
            .decrypt_rows(&self.key, response)
            .map_err(Error::from)
            .map(|integers| Scored {
                predictions: integers.iter().map(|row| spec.predict(row)).collect(),
                integers,
            });
        self.guard(files, integers)
    }

    /// Passes on what came of decrypting; if a response did not decrypt, retires the keys.
    ///
    /// # Errors
    /// That of `done`; [`Error::Io`] if the folder's list cannot be written.
    pub fn guard<T>(&self, files: &Files, done: Result<T, Error>) -> Result<T, Error> {
        if done.as_ref().is_err_and(Error::is_undecryptable) {
            self.retired.store(true, Ordering::SeqCst);
        }
        match &*self.folder() {
            Some(folder) => retired::guard(files, folder, &self.key, done),
            None => done,
        }
    }

    /// Refuses keys that were retired.
    ///
    /// # Errors
    /// [`Error::KeysRetired`].
    pub fn check(&self) -> Result<(), Error> {
        if self.retired.load(Ordering::SeqCst) {
            return Err(Error::KeysRetired);
        }
        Ok(())
    }

    fn folder(&self) -> std::sync::MutexGuard<'_, Option<PathBuf>> {
        // A path is whole, whatever panicked.
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
