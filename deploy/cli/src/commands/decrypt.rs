//! `tenebra decrypt`.

use std::path::PathBuf;

use tenebra_app::evaluate::Scored;
use tenebra_app::frames::FrameFile;
use tenebra_app::key_folder::read_key;
use tenebra_app::model_folder::ClientFile;
use tenebra_app::retired;
use tenebra_client::Kind;

use crate::arguments::InputPath;
use crate::commands::predictions::Predictions;
use crate::files::files;
use crate::output::{self, Failure};

/// Decrypt a response into predictions
///
/// Needs client.tnb and the secret key. Prints CSV: a row's prediction and, for classes, their probabilities or scores. A file
/// of several responses gives the rows of all.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra decrypt model/ --keys keys/ response.tnb
  tenebra decrypt model/ --keys keys/ response.tnb --json")]
pub(crate) struct Arguments {
    /// Folder with the model's client.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Folder of the keys, with secret.key
    #[arg(long)]
    keys: PathBuf,
    /// The response, from `tenebra run`; `-` is stdin
    #[arg(value_parser = InputPath)]
    response: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = ClientFile::read(&arguments.folder)?;
    let spec = client.spec()?;
    let key = read_key(&arguments.keys, &spec)?;
    let mut responses = FrameFile::open(&arguments.response, Kind::Response)?;
    let mut predictions = Predictions::new(&spec, arguments.json);
    let bar = output::file_bar(responses.length(), "decrypting");
    while let Some(response) = responses.next_frame()? {
        let integers = spec
            .decrypt_rows(&key, &response)
            .map_err(|e| responses.in_frame(e.into()));
        let integers = retired::guard(files(), &arguments.keys, &key, integers)?;
        predictions.add(&Scored {
            predictions: integers.iter().map(|row| spec.predict(row)).collect(),
            integers,
        })?;
        bar.set_position(responses.position());
    }
    bar.finish_and_clear();
    predictions.print()
}
