//! `tenebra run`.

use std::path::PathBuf;
use std::time::Instant;

use tenebra::files::{self, Access};

use crate::commands::read_server;
use crate::output::{self, Failure};

/// Evaluate a query on the server
///
/// Needs server.tnb and the query, nothing secret.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra run model/ query.tnb -o response.tnb
  tenebra run model/ --evaluation-key keys/evaluation.key query.tnb -o response.tnb")]
pub(crate) struct Arguments {
    /// Folder with the model's server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The query, from `tenebra encrypt`
    query: PathBuf,
    /// Evaluation key, where the model needs one
    #[arg(long, value_name = "FILE")]
    evaluation_key: Option<PathBuf>,
    /// Threads that the evaluation may use
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Where to write the response
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = read_server(&arguments.folder, arguments.threads.into())?;
    let key = match &arguments.evaluation_key {
        Some(path) if server.needs_evaluation_key() => {
            Some(files::read_as(path, |bytes| server.prepare_key(bytes))?)
        }
        Some(_) => {
            output::note("note: this model needs no evaluation key; the file is not read");
            None
        }
        None => None,
    };
    let query = files::read(&arguments.query)?;
    let start = Instant::now();
    let response = server
        .evaluate(key.as_ref(), &query)
        .map_err(|e| e.in_file(&arguments.query))?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    files::write(&arguments.output, &response, Access::Public)?;
    output::note(&format!(
        "wrote {}: {}, evaluated in {}",
        arguments.output.display(),
        output::bytes(response.len() as u64),
        output::milliseconds(time)
    ));
    Ok(())
}
