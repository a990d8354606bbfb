//! Errors as the exceptions of `tenebra.errors`.

use pyo3::prelude::*;
use pyo3::types::PyModule;
use tenebra_app::Error;
use tenebra_client::{ClientError, FrameError, Kind};
use tenebra_models::{DataError, QuantizeError};
use tenebra_tfhe::{EvaluateError, PlanError};

/// An error on its way to Python.
pub(crate) enum Failure {
    /// Of the work.
    Work(Error),
    /// Of Python itself: arguments of a wrong type, an interrupt.
    Python(PyErr),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

impl Failure {
    /// As `?` would, were there no blanket conversion.
    pub(crate) fn python(error: PyErr) -> Self {
        Self::Python(error)
    }

    /// Rows that a model does not take.
    pub(crate) fn input(message: &str, hint: &str) -> Self {
        Self::Python(raised("InputError", message, Some(hint)))
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Work(error) => exception(&error),
            Failure::Python(error) => error,
        }
    }
}

fn exception(error: &Error) -> PyErr {
    raised(class(error), &error.to_string(), hint(error))
}

/// An exception of a class of `tenebra.errors`.
fn raised(class: &str, message: &str, hint: Option<&str>) -> PyErr {
    Python::attach(|py| {
        let made = PyModule::import(py, "tenebra.errors")
            .and_then(|module| module.getattr(class))
            .and_then(|class| class.call1((message, hint)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    })
}

/// Name of the exception's class.
fn class(error: &Error) -> &'static str {
    match error.root() {
        Error::Io { .. } | Error::Exists { .. } | Error::OverSecret { .. } => "FileError",
        Error::Data(_)
        | Error::Cell { .. }
        | Error::TooLarge { .. }
        | Error::RowsMissing { .. }
        | Error::Simulate(_)
        | Error::Client(
            ClientError::Columns { .. } | ClientError::Value { .. } | ClientError::Rows { .. },
        ) => "InputError",
        Error::Quantize(QuantizeError::Data(_)) => "InputError",
        Error::Model(_)
        | Error::Import(_)
        | Error::Train(_)
        | Error::Quantize(_)
        | Error::Column { .. }
        | Error::Circuit(_)
        | Error::FloatModelNeeded => "ModelError",
        Error::Plan(_) | Error::Measure(_) | Error::NoEffect { .. } | Error::Setting { .. } => {
            "CompileError"
        }
        Error::Client(ClientError::Undecryptable)
        | Error::KeyRetired { .. }
        | Error::KeysRetired => "DecryptionError",
        Error::Service(_) => "ServiceError",
        Error::Frame(_)
        | Error::Spec(_)
        | Error::Client(_)
        | Error::Evaluate(_)
        | Error::Program(_)
        | Error::OtherModel { .. }
        | Error::Appended { .. }
        | Error::OtherFile { .. } => "MessageError",
        _ => "TenebraError",
    }
}

/// What helps, where something is known to.
fn hint(error: &Error) -> Option<&'static str> {
    Some(match error.root() {
        Error::Quantize(QuantizeError::CalibrationNeeded) => {
            "`calibrate` takes rows like those to be scored, for instance the training data"
        }
        Error::Data(DataError::Missing { .. }) => {
            "only models that learned where missing values go take them; impute them before"
        }
        Error::Plan(PlanError::OutputTooWide { .. } | PlanError::WeightsTooLarge { .. }) => {
            "a smaller `n_bits` makes the output narrower"
        }
        Error::Plan(PlanError::FailureProbability(_)) => {
            "`p_fail` is log2 of the probability: -128, the default, means 2^-128"
        }
        Error::Plan(PlanError::NotHideable) => "leave `hide_model` out",
        Error::NoEffect { .. } => "leave it out",
        Error::Client(ClientError::Rows { .. }) => {
            "`client.max_rows` is how many rows a query holds"
        }
        Error::Evaluate(EvaluateError::NoEvaluationKey) => {
            "pass `evaluation_key=keys.evaluation_key`"
        }
        Error::Frame(FrameError::Model {
            kind: Kind::SecretKey | Kind::EvaluationKey,
            ..
        })
        | Error::Client(ClientError::Frame(FrameError::Model {
            kind: Kind::SecretKey | Kind::EvaluationKey,
            ..
        })) => "keys belong to one compiled model; `client.keygen()` makes those of this one",
        Error::Frame(FrameError::Key { .. })
        | Error::Client(ClientError::Frame(FrameError::Key { .. }))
        | Error::Evaluate(EvaluateError::Frame(FrameError::Key { .. })) => {
            "queries, evaluation keys and responses go with the secret key that they were made with"
        }
        Error::KeyRetired { .. }
        | Error::KeysRetired
        | Error::Client(ClientError::Undecryptable) => {
            "make other keys by `client.keygen()`, and ask the server's operator before you send it anything"
        }
        Error::Exists { .. } => "`replace=True` replaces it",
        Error::FloatModelNeeded => {
            "`fhe=\"simulate\"` and `fhe=\"execute\"` need no float model; `tenebra.load` takes it where it is in the folder"
        }
        _ => return None,
    })
}
