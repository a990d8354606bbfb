//! What can go wrong between files, models and ciphertexts.

use std::path::{Path, PathBuf};

use tenebra_client::{ClientError, FrameError, Kind, SpecError, SpecId};
use tenebra_models::import::ImportError;
use tenebra_models::scores::ScoreError;
use tenebra_models::search::SearchError;
use tenebra_models::{DataError, ModelError, QuantizeError, TrainError};
use tenebra_quant::QuantError;
use tenebra_tfhe::server_program::ProgramError;
use tenebra_tfhe::{EvaluateError, PlanError};
use thiserror::Error;

use crate::files::{CLIENT_FILE, SECRET_KEY_FILE, SERVER_FILE};

/// Anything that can go wrong between a table, a float model and its encrypted scores: what, where, the limit, and the mend.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused to read or write a file.
    #[error("{}: {message}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        message: String,
        /// Whether it is not there at all.
        not_found: bool,
    },
    /// Another error, and the file it was found in.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// Another error, and which of the messages of a file it was found in.
    #[error("message {number} of the file: {source}")]
    Message {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// Bytes behind the messages of a file.
    #[error(
        "what follows message {number} is none; the file was cut off or something was appended"
    )]
    Appended {
        /// The last one that is whole, from 1.
        number: usize,
    },
    /// The noise of a plan was not measured, or not as predicted.
    #[error(transparent)]
    Measure(#[from] tenebra_tfhe::measure::MeasureError),
    /// A table was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A float model was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file of another library was refused.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Training was refused or failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A search was refused or failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The file of another search, or no file of a search.
    #[error("{message}; remove the file, or keep this search in another")]
    SearchLog {
        /// What is wrong with it.
        message: String,
    },
    /// A model could not be quantized.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// A circuit was refused.
    #[error(transparent)]
    Circuit(#[from] tenebra_circuit::VerifyErrors),
    /// No parameters fit the circuit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A frame was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A client spec was refused.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The client could not encrypt or decrypt.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A query was not evaluated.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Predictions could not be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The simulator refused codes.
    #[error(transparent)]
    Simulate(#[from] tenebra_sim::SimError),
    /// A server program was refused.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A server did not do what it was asked.
    #[cfg(feature = "remote")]
    #[error(transparent)]
    Service(#[from] tenebra_service_client::ServiceError),
    /// Files of two compilations.
    #[error("the server program belongs to model {server}, the client spec is model {client}")]
    OtherModel {
        /// Spec id of the server program.
        server: SpecId,
        /// Spec id of the client spec.
        client: SpecId,
    },
    /// A value has no code.
    #[error("row {row}, column `{column}`: {source}")]
    Cell {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
        /// Why.
        source: QuantError,
    },
    /// A value that the model does not compute with.
    #[error(
        "row {row}, column `{column}`: {value} is infinite in the model's precision; such numbers are not accepted"
    )]
    TooLarge {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
        /// The number.
        value: f64,
    },
    /// A row cannot be predicted.
    #[error("row {row}: {source}")]
    Row {
        /// Data row, from 1.
        row: usize,
        /// Why.
        source: Box<Error>,
    },
    /// The float model was asked for and not given.
    #[error(
        "the float model is needed to score rows in the clear; give it, or score them by the circuit"
    )]
    FloatModelNeeded,
    /// Rows that the file does not have.
    #[error("the file has {rows} rows; {}", not_there(*start, *end))]
    RowsMissing {
        /// Rows there are.
        rows: usize,
        /// First row asked for, from 0.
        start: usize,
        /// Row after the last asked for.
        end: usize,
    },
    /// A file is there already, and others were made with it.
    #[error("{} exists; {}", path.display(), consequence(path))]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A secret key stands where something else was to be written.
    #[error("{} is a secret key, which nothing else replaces", path.display())]
    OverSecret {
        /// The file.
        path: PathBuf,
    },
    /// A key that met a response which does not decrypt.
    #[error(
        "the secret key in {} met a response that did not decrypt and is used no more: what is sent after that may tell a server about the key", folder.display()
    )]
    KeyRetired {
        /// The folder of keys.
        folder: PathBuf,
    },
    /// Keys in memory that met a response which does not decrypt.
    #[error(
        "these keys met a response that did not decrypt and are used no more: what is sent after that may tell a server about the secret key"
    )]
    KeysRetired,
    /// A setting that would change nothing.
    #[error("`{setting}` has no effect: {why}")]
    NoEffect {
        /// Its name.
        setting: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A setting out of its range.
    #[error("`{setting}` is {value}; it must be {min} to {max}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// As given.
        value: i64,
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A file of ours where another kind of file is taken.
    #[error("this is {} {found}, {wanted} is needed", found.article())]
    OtherFile {
        /// What its header says.
        found: Kind,
        /// What is taken, with its article.
        wanted: &'static str,
    },
    /// A feature has no codes.
    #[error("column {column}: {source}")]
    Column {
        /// Name of the column in backticks, or its place, from 1.
        column: String,
        /// Why.
        source: QuantError,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {message}")]
    Randomness {
        /// What it says.
        message: String,
    },
}

impl Error {
    /// Says which file the error was found in.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        Self::InFile {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }

    /// An error of the system about a file.
    #[must_use]
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            message: system_message(error),
            not_found: error.kind() == std::io::ErrorKind::NotFound,
        }
    }

    /// The error itself, without the file or row it was found in.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::InFile { source, .. }
            | Self::Message { source, .. }
            | Self::Row { source, .. } => source.root(),
            other => other,
        }
    }
}

/// Rows as people count them, and as they were asked for.
fn not_there(start: usize, end: usize) -> String {
    let first = start.saturating_add(1);
    if first == end {
        format!(
            "row {end}, number {start} of `--row` and `--rows`, which count from 0, is not there"
        )
    } else {
        format!(
            "rows {first} to {end}, `--rows {start}..{end}`, which counts from 0, are not all there"
        )
    }
}

/// What it would mean to replace a file.
fn consequence(path: &Path) -> &'static str {
    let is = |name: &str| path.file_name().is_some_and(|other| other == name);
    if is(SECRET_KEY_FILE) {
        "a new key would make queries of the old one undecryptable"
    } else if is(CLIENT_FILE) || is(SERVER_FILE) {
        "keys and queries made for it would not work with another model"
    } else {
        "what goes with it would not go with another"
    }
}

/// What the system says, without the name of a temporary file that `tempfile` puts around it.
fn system_message(error: &std::io::Error) -> String {
    if error.get_ref().is_some() {
        error.kind().to_string()
    } else {
        error.to_string()
    }
}
