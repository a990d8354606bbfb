//! `tenebra predict`.

use std::path::{Path, PathBuf};

use tenebra_app::codes::Codes;
use tenebra_app::files::TableFile;
use tenebra_app::remote::{Remote, send_key};
use tenebra_app::rows::{Columns, Selection, read_rows};
use tenebra_app::{Error, KeyFolder, retired};
use tenebra_client::{ClientSpec, SpecError};
use tenebra_server::names::Name;
use tenebra_service_client::Service;

use crate::arguments::{InputPath, check_folder, check_stdin};
use crate::commands::connection::Connection;
use crate::commands::csv_options::CsvOptions;
use crate::commands::predictions::Predictions;
use crate::files::files;
use crate::output::{self, Failure, bytes};

/// Score the rows of a CSV by a server that does not see them
///
/// The first time, fetches the model's client spec, checks its security, and makes keys in KEYS; an evaluation key is sent
/// once. Rows are encrypted here, as many in a query as the model takes, and what the server computes is decrypted here. Prints
/// CSV: a row's prediction and, for classes, their probabilities or scores.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra predict --server http://127.0.0.1:8080 --model churn --keys keys/ --data customers.csv
  tenebra predict --server URL --model churn --keys keys/ --data customers.csv --rows 100 --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Name of the model on the server
    #[arg(long, value_name = "ID")]
    model: Name,
    /// Version of the model; refused if the server has another
    #[arg(long, value_name = "VERSION")]
    pin: Option<String>,
    /// Folder of the keys for this model; made the first time
    #[arg(long)]
    keys: PathBuf,
    /// Rows to score; `-` is stdin
    #[arg(long, value_name = "CSV", value_parser = InputPath)]
    data: PathBuf,
    /// Column that is not a feature
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// Most rows to score, the first ones of the file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rows: Option<u64>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let [ca, chain, key] = arguments.connection.files();
    check_stdin([Some(&arguments.data), ca, chain, key])?;
    let mut service = arguments.connection.service()?;
    let data = TableFile::open(&arguments.data)?;
    if let Some(version) = &arguments.pin {
        service = service.pinned(version);
    }
    let model = arguments.model.as_str();
    let keys = open_keys(&service, arguments)?;
    let spec = ClientSpec::parse(keys.spec_file())?;
    let extra = arguments.csv.extra(&arguments.target, None);
    let count = arguments
        .rows
        .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let columns = Columns::of_spec(&spec);
    let rows = read_rows(data, &columns, &extra, &Selection::First(count))?;
    // All rows are looked at before the first is sent.
    let codes = Codes::of(&spec, &rows).map_err(|e| e.in_file(&arguments.data))?;
    let key_id = match keys.evaluation_key() {
        Some(file) => Some(send(&service, model, file)?),
        None => None,
    };
    let remote = Remote {
        service: &service,
        model,
        key: keys.key(),
        key_id,
    };
    let bar = output::bar(codes.n_rows(), "scoring encrypted");
    let scored = remote.predict(&codes, &mut |done, _| bar.set_position(done as u64));
    bar.finish_and_clear();
    let scored = retired::guard(files(), &arguments.keys, keys.key(), scored)?;
    if let Some(text) = codes.clipping().describe() {
        output::note(&format!("note: {text}"));
    }
    let mut predictions = Predictions::new(&spec, arguments.json);
    predictions.add(&scored)?;
    predictions.print()
}

/// The keys of the folder, made the first time.
fn open_keys(service: &Service, arguments: &Arguments) -> Result<KeyFolder, Failure> {
    let (folder, model) = (&arguments.keys, arguments.model.as_str());
    check_folder(folder)?;
    let busy = output::busy("opening the keys");
    let there = KeyFolder::exists(folder);
    let keys = KeyFolder::open(files(), folder, || Ok(service.client_spec(model)?));
    let keys = keys.map_err(|error| match error {
        Error::Spec(error) => refused_spec(error, &arguments.connection.server, model),
        error => error.into(),
    })?;
    busy.finish_and_clear();
    if !there {
        output::note(&format!(
            "made keys for `{model}` in {}; the secret key decrypts every query made with it: keep it to yourself",
            folder.display()
        ));
    }
    Ok(keys)
}

/// A spec that came from the server is not a damaged file of the data owner's.
fn refused_spec(error: SpecError, server: &str, model: &str) -> Failure {
    let message = Error::from(error).in_file(Path::new(server));
    Failure::new(format!(
        "the client spec of `{model}` was refused, and no keys were made: {message}"
    ))
    .with_hint("do not send data there before its operator has deployed the model again")
}

fn send(service: &Service, model: &str, file: &[u8]) -> Result<String, Failure> {
    let busy = output::busy("sending the evaluation key");
    let sent = send_key(service, model, file)?;
    busy.finish_and_clear();
    if sent.now {
        let size = bytes(file.len() as u64);
        output::note(&format!(
            "sent the evaluation key, {size}, once for all queries"
        ));
    }
    Ok(sent.id)
}
