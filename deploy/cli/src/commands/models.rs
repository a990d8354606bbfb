//! `tenebra models`.

use serde::Serialize;
use tenebra_server::names::Name;
use tenebra_service_client::{ModelInfo, Service};

use crate::commands::connection::Connection;
use crate::output::{self, Failure, bytes};

/// List the models of a server, or delete one
///
/// Also lists the versions of a model, and goes back to one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra models --server http://127.0.0.1:8080
  TENEBRA_TOKEN=tnb_... tenebra models --server https://models.example.org --json
  TENEBRA_TOKEN=tnb_... tenebra models --server https://models.example.org --history churn-v1
  TENEBRA_TOKEN=tnb_... tenebra models --server https://models.example.org --delete churn-v1")]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Delete this model, and every client's evaluation keys for it; needs an owner's token
    #[arg(long, value_name = "ID")]
    delete: Option<Name>,
    /// List the latest deployments of this model: version, time, owner
    #[arg(long, value_name = "ID", conflicts_with = "delete")]
    history: Option<Name>,
    /// Make an earlier version of a model the one that is served; needs its owner's token
    #[arg(long, num_args = 2, value_names = ["ID", "VERSION"], conflicts_with_all = ["delete", "history"])]
    roll_back: Option<Vec<String>>,
    /// Print the list as JSON
    #[arg(long, conflicts_with_all = ["delete", "roll_back"])]
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
    if let Some(name) = &arguments.history {
        return history(&service, name, arguments.json);
    }
    if let Some([name, version]) = arguments.roll_back.as_deref() {
        let info = service.roll_back(name, version)?;
        output::note(&format!(
            "`{}` is version {} again",
            info.model, info.version
        ));
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

/// The version that is served is marked.
fn history(service: &Service, name: &Name, json: bool) -> Result<(), Failure> {
    let history = service.history(name.as_str())?;
    if json {
        return output::json(&history);
    }
    let mut table = vec![["version", "deployed", "owner", "size", ""].map(str::to_owned)];
    table.extend(history.deployments.iter().map(|one| {
        let served = if one.version == history.current {
            "served"
        } else {
            ""
        };
        [
            one.version.clone(),
            one.deployed.clone(),
            one.owner.clone(),
            bytes(one.size_bytes),
            served.to_owned(),
        ]
    }));
    output::data(&output::table(&table))
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
