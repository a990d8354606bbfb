//! A data owner's folder of keys for one model: the client spec that they were made for, the secret key, and the evaluation
//! key where the model needs one.
//!
//! The spec that is kept is the one that is trusted: a server that replaces the model later cannot make this data owner
//! encrypt for another spec, it can only refuse.

use std::path::Path;

use tenebra_client::{ClientKey, ClientSpec, Frame, Kind};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::evaluate::system_rng;
use crate::files::{self, Access, CLIENT_FILE, EVALUATION_KEY_FILE, Files, Item, SECRET_KEY_FILE};
use crate::retired;

/// Keys for one model, and its client spec.
#[derive(Debug)]
pub struct KeyFolder {
    spec_file: Zeroizing<Vec<u8>>,
    key: ClientKey,
    evaluation_key: Option<Zeroizing<Vec<u8>>>,
}

impl KeyFolder {
    /// Whether `folder` holds a secret key.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(SECRET_KEY_FILE).exists()
    }

    /// Opens a folder; the first time, makes keys for the spec that `fetch` returns. That spec is hostile until it is parsed:
    /// parameters under 128 bits of security are refused, and nothing is written then.
    ///
    /// A folder of `tenebra keygen`, without a spec, gets the one fetched if the secret key was made for it.
    ///
    /// # Errors
    /// What `fetch` returns, [`Error::Spec`], [`Error::KeyRetired`], or [`Error::InFile`] with what is wrong with a file.
    pub fn open(
        files: &Files,
        folder: &Path,
        fetch: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Self, Error> {
        let path = folder.join(CLIENT_FILE);
        let kept = path.exists();
        let spec_file = if kept {
            files::read(&path)?
        } else {
            Zeroizing::new(fetch()?)
        };
        let spec = ClientSpec::parse(&spec_file).map_err(|error| {
            let error = Error::from(error);
            if kept { error.in_file(&path) } else { error }
        })?;
        if !Self::exists(folder) {
            match make(files, folder, &spec, Some(&spec_file), false) {
                // Another process was first: its keys are as good.
                Err(Error::Exists { .. }) => {}
                made => drop(made?),
            }
        }
        let key = read_key(folder, &spec)?;
        if !kept {
            files.write_folder(folder, &[public(CLIENT_FILE, &spec_file)])?;
        }
        let evaluation_key = spec.evaluation_key_len();
        let evaluation_key = evaluation_key.map(|_| evaluation_key_of(folder, &spec, &key));
        let evaluation_key = evaluation_key.transpose()?;
        Ok(Self {
            key,
            evaluation_key,
            spec_file,
        })
    }

    /// The framed client spec.
    #[must_use]
    pub fn spec_file(&self) -> &[u8] {
        &self.spec_file
    }

    /// The secret key.
    #[must_use]
    pub fn key(&self) -> &ClientKey {
        &self.key
    }

    /// The framed evaluation key, where the model needs one.
    #[must_use]
    pub fn evaluation_key(&self) -> Option<&[u8]> {
        self.evaluation_key.as_deref().map(Vec::as_slice)
    }
}

/// The evaluation key that goes with `key`: it is about to be sent, and must be no other file.
pub(crate) fn evaluation_key_of(
    folder: &Path,
    spec: &ClientSpec<'_>,
    key: &ClientKey,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let path = folder.join(EVALUATION_KEY_FILE);
    let bytes = files::read(&path)?;
    Frame::parse_for(&bytes, Kind::EvaluationKey, spec.id())
        .and_then(|frame| frame.check_key_tag(key.tag()))
        .map_err(|e| Error::from(e).in_file(&path))?;
    Ok(bytes)
}

pub(crate) fn public<'a>(name: &'a str, bytes: &'a [u8]) -> Item<'a> {
    Item {
        name,
        bytes,
        access: Access::Public,
        replace: true,
    }
}

/// The secret key of a folder, if it was not retired.
///
/// # Errors
/// [`Error::Io`], [`Error::InFile`] with [`Error::Client`], [`Error::KeyRetired`].
pub fn read_key(folder: &Path, spec: &ClientSpec<'_>) -> Result<ClientKey, Error> {
    let key = files::read_as(&folder.join(SECRET_KEY_FILE), |bytes| {
        Ok(ClientKey::read_secret_file(spec, bytes)?)
    })?;
    retired::check(folder, &key)?;
    Ok(key)
}

/// Makes keys, over others only to `replace` them, and keeps the spec beside them if it is given. Returns the bytes of the
/// evaluation key, where the model needs one. The secret key appears last: where it is, the other files are.
///
/// # Errors
/// [`Error::Exists`], [`Error::Io`], [`Error::Randomness`].
pub fn make(
    files: &Files,
    folder: &Path,
    spec: &ClientSpec<'_>,
    spec_file: Option<&[u8]>,
    replace: bool,
) -> Result<Option<u64>, Error> {
    let mut rng = system_rng()?;
    let key = ClientKey::generate(spec, &mut rng);
    let evaluation_key = spec.evaluation_key_file(&key, &mut rng)?;
    let secret = Zeroizing::new(key.to_secret_file(spec));
    // An evaluation key is of no use without its secret key, which is not there.
    let evaluation = evaluation_key.as_deref();
    let evaluation = evaluation.map(|bytes| public(EVALUATION_KEY_FILE, bytes));
    let kept = spec_file.map(|bytes| public(CLIENT_FILE, bytes));
    let mut items: Vec<Item<'_>> = evaluation.into_iter().chain(kept).collect();
    items.push(Item {
        name: SECRET_KEY_FILE,
        bytes: &secret,
        access: Access::Secret,
        replace,
    });
    files.write_folder(folder, &items)?;
    Ok(evaluation_key.map(|bytes| bytes.len() as u64))
}
