//! `tenebra push`.

use std::path::{Path, PathBuf};

use tenebra_app::{Error, files};
use tenebra_server::names::Name;
use tenebra_tfhe::server_program::ServerFile;

use crate::commands::connection::Connection;
use crate::output::{self, Failure, bytes};

/// Deploy a compiled model to a server
///
/// Sends DIR/server.tnb without the float model in it, which a server does not need. A model of the same name is replaced; keys
/// for the old one do not work with the new one. Needs an owner's token.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra push model/ --server http://127.0.0.1:8080
  TENEBRA_TOKEN=tnb_... tenebra push model/ --server https://models.example.org --name churn-v2")]
pub(crate) struct Arguments {
    /// Folder of the compiled model, with server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    connection: Connection,
    /// Name of the model on the server [default: the folder's name]
    #[arg(long)]
    name: Option<Name>,
    /// Replace this version of the model and no other; `none`: only if the server has no model of that name
    #[arg(long, value_name = "VERSION")]
    if_match: Option<String>,
    /// Print what the server says of the model as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let service = arguments.connection.service()?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => folder_name(&arguments.folder)?,
    };
    let path = arguments.folder.join(files::SERVER_FILE);
    let program = files::read_as(&path, without_model)?;
    let busy = output::busy("sending the model");
    let info = match arguments.if_match.as_deref() {
        None => service.push(name.as_str(), &program)?,
        Some("none") => service.push_over(name.as_str(), &program, None)?,
        Some(version) => service.push_over(name.as_str(), &program, Some(version))?,
    };
    busy.finish_and_clear();
    if arguments.json {
        return output::json(&info);
    }
    let key = match info.evaluation_key_bytes {
        0 => "no evaluation key".to_owned(),
        size => format!("evaluation key {}", bytes(size)),
    };
    output::note(&format!(
        "deployed {} as `{}`, model {}, version {}: {}; query {}, response {}, {key}",
        arguments.folder.display(),
        info.model,
        info.spec_id,
        info.version,
        bytes(info.size_bytes),
        bytes(info.query_bytes),
        bytes(info.response_bytes),
    ));
    Ok(())
}

fn without_model(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let file = ServerFile::parse(bytes)?;
    Ok(ServerFile {
        model: "",
        ..file.sections
    }
    .encode()?)
}

fn folder_name(folder: &Path) -> Result<Name, Failure> {
    let absolute = std::path::absolute(folder).map_err(|e| Error::io(folder, &e))?;
    let name = absolute.file_name().unwrap_or_default().to_string_lossy();
    name.parse().map_err(|e| {
        Failure::usage(format!("`{name}`: {e}"))
            .with_hint("`--name NAME` gives the model another name")
    })
}
