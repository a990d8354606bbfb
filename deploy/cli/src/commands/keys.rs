//! `tenebra keys`.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;
use tenebra::files;
use tenebra::remote::send_key;
use tenebra_server::names::{KeyId, Name};
use tenebra_service_client::{KeyInfo, Service};

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
        /// KEYS/evaluation.key, from `tenebra keygen`
        #[arg(value_name = "FILE")]
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
            let id = send_key(&service, model, &files::read(file)?)?.id;
            output::data(&format!("{id}\n"))
        }
        Some(Action::Delete { key }) => {
            service.delete_key(model, &key.to_string())?;
            output::note(&format!("deleted {key}"));
            Ok(())
        }
    }
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
