//! One file per command: its arguments and what it does.

pub(crate) mod compile;
pub(crate) mod completions;
mod connection;
mod csv_options;
pub(crate) mod decrypt;
pub(crate) mod demo;
pub(crate) mod encrypt;
pub(crate) mod eval;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod keys;
pub(crate) mod man;
pub(crate) mod models;
pub(crate) mod predict;
mod predictions;
pub(crate) mod push;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod train;

use core::str::from_utf8;
use std::path::Path;

use serde_json::Value;
use tenebra_app::{Error, ServerProgram, files, retired};
use tenebra_client::ClientKey;
use tenebra_client::ClientSpec;
use tenebra_models::{Model, ModelError, Prediction};
use zeroize::Zeroizing;

use crate::output;

/// The client spec of a model's folder.
fn read_client(folder: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    files::read(&folder.join(files::CLIENT_FILE))
}

fn parse_client<'a>(folder: &Path, bytes: &'a [u8]) -> Result<ClientSpec<'a>, Error> {
    ClientSpec::parse(bytes).map_err(|e| Error::from(e).in_file(&folder.join(files::CLIENT_FILE)))
}

/// The server program of a model's folder, to be evaluated on `threads` threads.
fn read_server(folder: &Path, threads: usize) -> Result<ServerProgram, Error> {
    let _busy = output::busy("preparing the model");
    files::read_as(&folder.join(files::SERVER_FILE), |bytes| {
        ServerProgram::parse(bytes, threads)
    })
}

/// The float model of a model's folder.
fn read_float_model(folder: &Path, server: &ServerProgram) -> Result<Model, Error> {
    match server.model()? {
        Some(model) => Ok(model),
        None => read_model(&folder.join(files::FLOAT_MODEL_FILE)),
    }
}

/// A float model in its JSON form.
fn read_model(path: &Path) -> Result<Model, Error> {
    files::read_as(path, |bytes| {
        files::refuse_frame(bytes, "the JSON of a model")?;
        let text = from_utf8(bytes).map_err(|_| ModelError::Json {
            message: "it is not UTF-8 text".to_owned(),
        })?;
        Ok(Model::from_json(text)?)
    })
}

/// The secret key of a folder of keys, if it was not retired.
fn read_key(folder: &Path, spec: &ClientSpec<'_>) -> Result<ClientKey, Error> {
    let key = files::read_as(&folder.join(files::SECRET_KEY_FILE), |bytes| {
        Ok(ClientKey::read_secret_file(spec, bytes)?)
    })?;
    retired::check(folder, &key)?;
    Ok(key)
}

/// A prediction for JSON: a class label (an integer if all labels are), a number, or a list of numbers.
fn prediction_value(prediction: &Prediction, classes: &[String]) -> Value {
    if let Some(label) = prediction.class.and_then(|class| classes.get(class)) {
        let integers = classes.iter().all(|class| class.parse::<i64>().is_ok());
        return match label.parse::<i64>() {
            Ok(integer) if integers => integer.into(),
            _ => label.as_str().into(),
        };
    }
    match prediction.values.as_slice() {
        [value] => (*value).into(),
        values => values.into(),
    }
}
