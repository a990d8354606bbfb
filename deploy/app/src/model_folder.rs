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
    let float = model.to_json()?;
    let bytes = [&compiled.server, &compiled.client, float.as_bytes()];
    let items = MODEL_FILES
        .into_iter()
        .zip(bytes)
        .map(|(name, bytes)| Item {
            name,
            bytes,
            access: Access::Public,
            replace,
        });
    files.write_folder(folder, &items.collect::<Vec<_>>())
}
