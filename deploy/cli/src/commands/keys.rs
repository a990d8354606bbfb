//! `tenebra keys`.

use std::path::{Path, PathBuf};

use crate::terminal::escape_line;
use clap::Subcommand;
use serde::Serialize;
use tenebra_app::remote::send_key;
use tenebra_app::{Error, files};
use tenebra_client::{Frame, Kind};
use tenebra_server::names::{KeyId, Name};
use tenebra_service_client::{KeyInfo, Service};
use zeroize::Zeroizing;

use crate::arguments::InputPath;
use crate::commands::connection::Connection;
use crate::output::{self, Failure, bytes};

/// List, send or delete your evaluation keys at a server
///
/// They are public, but yours: other clients of the server neither see nor use them. `tenebra predict` sends the key that
/// it needs by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra keys --server http://127.0.0.1:8080 --model churn
  tenebra keys --server http://127.0.0.1:8080 --model churn put keys/evaluation.key
  tenebra keys --server http://127.0.0.1:8080 --model churn delete 0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Name of the model on the server
    #[arg(long, value_name = "ID")]
    model: Name,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them; so does leaving it out
    List {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
    /// Send one, and print its id
    Put {
        /// KEYS/evaluation.key, from `tenebra keygen`; `-` is stdin
        #[arg(value_name = "FILE", value_parser = InputPath)]
        file: PathBuf,
    },
    /// Delete one
    Delete {
        /// Its id
        key: KeyId,
    },
}

/// What `list --json` prints.
#[derive(Debug, Serialize)]
struct List {
    keys: Vec<KeyInfo>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let service = arguments.connection.service()?;
    let model = arguments.model.as_str();
    match &arguments.action {
        None => list(&service, model, false),
        Some(Action::List { json }) => list(&service, model, *json),
        Some(Action::Put { file }) => {
            let key = read_evaluation_key(file)?;
            let busy = output::busy("sending the key");
            let id = send_key(&service, model, &key)?.id;
            busy.finish_and_clear();
            output::data(&format!("{}\n", escape_line(&id)))
        }
        Some(Action::Delete { key }) => {
            service.delete_key(model, &key.to_string())?;
            output::note(&format!("deleted {key}"));
            Ok(())
        }
    }
}

/// What is about to be sent is looked at first.
fn read_evaluation_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = files::read(path)?;
    let frame = Frame::parse(&key, Kind::EvaluationKey);
    frame.map_err(|e| Error::from(e).in_file(path))?;
    Ok(key)
}

fn list(service: &Service, model: &str, json: bool) -> Result<(), Failure> {
    let keys = service.keys(model)?;
    if json {
        return output::json(&List { keys });
    }
    if keys.is_empty() {
        output::note(&format!("you have no evaluation keys for `{model}` there"));
        return Ok(());
    }
    let mut table = vec![["key", "made for model", "size"].map(str::to_owned)];
    table.extend(
        keys.into_iter()
            .map(|info| [info.key, info.spec_id, bytes(info.size_bytes)]),
    );
    output::data(&output::table(&table))
}
