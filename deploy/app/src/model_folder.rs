//! A compiled model's folder: `client.tnb` for data owners, `server.tnb` for the server, and the float model, its owner's alone.

use core::str::from_utf8;
use std::path::{Path, PathBuf};

use tenebra_client::ClientSpec;
use tenebra_models::{Model, ModelError};
use zeroize::Zeroizing;

use crate::compile::Compiled;
use crate::error::Error;
use crate::files::{
    self, Access, CLIENT_FILE, FLOAT_MODEL_FILE, Files, Item, SERVER_FILE, read_as, refuse_frame,
};
use crate::server_program::ServerProgram;

/// What a folder of a compiled model holds.
pub const MODEL_FILES: [&str; 3] = [SERVER_FILE, CLIENT_FILE, FLOAT_MODEL_FILE];

/// A client spec in a file, which may be a secret key by mistake.
#[derive(Debug)]
pub struct ClientFile {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
}

impl ClientFile {
    /// That of a model's folder.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(CLIENT_FILE);
        let bytes = files::read(&path)?;
        Ok(Self { path, bytes })
    }

    /// The framed bytes, unchecked.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The spec, checked.
    ///
    /// # Errors
    /// [`Error::InFile`] with [`Error::Spec`].
    pub fn spec(&self) -> Result<ClientSpec<'_>, Error> {
        ClientSpec::parse(&self.bytes).map_err(|e| Error::from(e).in_file(&self.path))
    }
}

/// The server program of a model's folder.
///
/// # Errors
/// [`Error::Io`]; [`Error::InFile`] with [`Error::Program`].
pub fn read_server(folder: &Path) -> Result<ServerProgram, Error> {
    read_as(&folder.join(SERVER_FILE), |bytes| {
        ServerProgram::parse(bytes)
    })
}

/// The float model of a model's folder.
///
/// # Errors
/// [`Error::Io`]; [`Error::InFile`] with [`Error::Model`].
pub fn read_float_model(folder: &Path, server: &ServerProgram) -> Result<Model, Error> {
    match server.model()? {
        Some(model) => Ok(model),
        None => read_model(&folder.join(FLOAT_MODEL_FILE)),
    }
}

/// A float model in its JSON form.
///
/// # Errors
/// [`Error::Io`]; [`Error::InFile`] with [`Error::Model`] or [`Error::OtherFile`].
pub fn read_model(path: &Path) -> Result<Model, Error> {
    read_as(path, |bytes| {
        refuse_frame(bytes, "the JSON of a model")?;
        let text = from_utf8(bytes).map_err(|_| ModelError::Json {
            message: "it is not UTF-8 text".to_owned(),
        })?;
        Ok(Model::from_json(text)?)
    })
}

/// Writes all three files together, over others only to `replace` them.
///
/// # Errors
/// [`Error::Io`]; [`Error::Exists`].
pub fn write(
    files: &Files,
    folder: &Path,
    compiled: &Compiled,
    model: &Model,
    replace: bool,
) -> Result<(), Error> {
    let Compiled { client, server, .. } = compiled;
    write_files(files, folder, client, server, Some(model), replace)
}

/// As [`write()`], of the bytes of both sides, and without a float model where there is none: one that is there, which belongs to
/// another compilation, goes.
///
/// # Errors
/// As [`write()`].
pub fn write_files(
    files: &Files,
    folder: &Path,
    client: &[u8],
    server: &[u8],
    model: Option<&Model>,
    replace: bool,
) -> Result<(), Error> {
    let float = model.map(Model::to_json).transpose()?;
    let float = float.as_deref().map(str::as_bytes);
    let bytes = [Some(server), Some(client), float];
    let items = MODEL_FILES.into_iter().zip(bytes);
    let items = items.filter_map(|(name, bytes)| {
        Some(Item {
            name,
            bytes: bytes?,
            access: Access::Public,
            replace,
        })
    });
    if !replace {
        files::check_free(folder, &MODEL_FILES)?;
    }
    files.write_folder(folder, &items.collect::<Vec<_>>())?;
    let stale = folder.join(FLOAT_MODEL_FILE);
    if float.is_none() && stale.exists() {
        std::fs::remove_file(&stale).map_err(|e| Error::io(&stale, &e))?;
    }
    Ok(())
}
