//! `tenebra models`.

use serde::Serialize;
use tenebra_server::names::Name;
use tenebra_service_client::ModelInfo;

use crate::commands::connection::Connection;
use crate::output::{self, Failure, bytes};

/// List the models of a server, or delete one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra models --server http://127.0.0.1:8080
  TENEBRA_TOKEN=tnb_... tenebra models --server https://models.example.org --json
  TENEBRA_TOKEN=tnb_... tenebra models --server https://models.example.org --delete churn-v1")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Delete this model, and every client's evaluation keys for it; needs an owner's token
    #[arg(long, value_name = "ID")]
    delete: Option<Name>,
    /// Print the list as JSON
    #[arg(long, conflicts_with = "delete")]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct List {
    models: Vec<ModelInfo>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let service = arguments.connection.service()?;
    if let Some(name) = &arguments.delete {
        service.delete_model(name.as_str())?;
        output::note(&format!("deleted `{name}`"));
        return Ok(());
    }
    let models = service.models()?;
    if arguments.json {
        return output::json(&List { models });
    }
    if models.is_empty() {
        output::note("this server has no models; `tenebra push DIR` deploys one");
        return Ok(());
    }
    output::data(&output::table(&table(&models)))
}

fn table(models: &[ModelInfo]) -> Vec<[String; 6]> {
    let headings = [
        "model",
        "estimator",
        "columns",
        "query",
        "response",
        "evaluation key",
    ];
    let mut table = vec![headings.map(str::to_owned)];
    table.extend(models.iter().map(|info| {
        let key = match info.evaluation_key_bytes {
            0 => "none".to_owned(),
            size => bytes(size),
        };
        [
            info.model.clone(),
            info.estimator.clone(),
            info.columns.to_string(),
            bytes(info.query_bytes),
            bytes(info.response_bytes),
            key,
        ]
    }));
    table
}
