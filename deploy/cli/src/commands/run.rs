//! `tenebra run`.

use std::path::PathBuf;
use std::time::Instant;

use tenebra_app::files;
use tenebra_app::frames::FrameFile;
use tenebra_client::Kind;

use crate::arguments::{InputPath, check_stdin, written_to};
use crate::commands::read_server;
use crate::files::{Content, OutFile};
use crate::output::{self, Failure};

/// Evaluate a query on the server
///
/// Needs server.tnb and the query, nothing secret. A file of several queries gives one of as many responses.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra run model/ query.tnb -o response.tnb
  tenebra run model/ --evaluation-key keys/evaluation.key query.tnb -o response.tnb")]
pub(crate) struct Arguments {
    /// Folder with the model's server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The query, from `tenebra encrypt`; `-` is stdin
    #[arg(value_parser = InputPath)]
    query: PathBuf,
    /// Evaluation key, where the model needs one
    #[arg(long, value_name = "FILE", value_parser = InputPath)]
    evaluation_key: Option<PathBuf>,
    /// Threads that the evaluation may use
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Where to write the response; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_stdin([Some(&arguments.query), arguments.evaluation_key.as_ref()])?;
    let server = read_server(&arguments.folder)?;
    let key = match &arguments.evaluation_key {
        Some(path) if server.needs_evaluation_key() => {
            let _busy = output::busy("preparing the evaluation key");
            Some(files::read_as(path, |bytes| server.prepare_key(bytes))?)
        }
        Some(_) => {
            let why = "this model needs no evaluation key";
            return Err(Failure::no_effect("--evaluation-key", why));
        }
        None => None,
    };
    let mut queries = FrameFile::open(&arguments.query, Kind::Query)?;
    let mut file = OutFile::create(&arguments.output, Content::Binary)?;
    let bar = output::file_bar(queries.length(), "evaluating");
    let (mut count, mut time) = (0, 0.0);
    while let Some(query) = queries.next_frame()? {
        let start = Instant::now();
        let response = server.evaluate(key.as_ref(), &query, arguments.threads.into());
        time += start.elapsed().as_secs_f64() * 1e3;
        file.append(&response.map_err(|e| queries.in_frame(e))?)?;
        count += 1;
        bar.set_position(queries.position());
    }
    bar.finish_and_clear();
    let length = file.finish()?;
    let responses = match count {
        1 => String::new(),
        n => format!("{n} responses, "),
    };
    output::note(&format!(
        "wrote {}: {responses}{}, evaluated in {}",
        written_to(&arguments.output),
        output::bytes(length),
        output::milliseconds(time)
    ));
    Ok(())
}
