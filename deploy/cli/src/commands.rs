//! One file per command: its arguments and what it does.

pub(crate) mod compile;
pub(crate) mod completions;
mod connection;
mod csv_options;
pub(crate) mod decrypt;
pub(crate) mod demo;
pub(crate) mod encrypt;
pub(crate) mod eval;
pub(crate) mod examples;
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
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod train;
mod training;
pub(crate) mod tune;

use std::path::Path;

use serde_json::Value;
use tenebra_app::{Error, ServerProgram, model_folder};
use tenebra_models::Prediction;

use crate::output;

/// The server program of a model's folder.
fn read_server(folder: &Path) -> Result<ServerProgram, Error> {
    let _busy = output::busy("preparing the model");
    model_folder::read_server(folder)
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
