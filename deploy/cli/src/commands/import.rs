//! `tenebra import`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use tenebra_app::files;
use tenebra_models::import::{
    FORMATS, Format, ImportOptions, Iterations, IterationsError, read_with,
};

use crate::arguments::{InputPath, written_to};
use crate::files::{Content, write};
use crate::output::{self, Failure};

/// Read a model that another library trained
///
/// Formats: XGBoost (JSON and Universal Binary JSON), LightGBM's text form, ONNX graphs of linear models and trees. A boosted
/// model whose training stopped early is taken as the library predicts with it that wrote the file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra import booster.json -o model.json
  tenebra import booster.json --iterations best -o model.json
  tenebra import model.onnx --from onnx -o model.json")]
pub(crate) struct Arguments {
    /// The other library's file; `-` is stdin
    #[arg(value_parser = InputPath)]
    file: PathBuf,
    /// Its format; found out from the file where it can be
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(FORMATS.iter().map(|f| f.name())))]
    from: Option<String>,
    /// Iterations of a boosted model to take: those up to the best one of early stopping, all, or the first so many
    #[arg(long, value_name = "best|all|N", value_parser = iterations)]
    iterations: Option<Iterations>,
    /// Where to write the model; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

fn iterations(text: &str) -> Result<Iterations, IterationsError> {
    text.parse()
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments
        .from
        .as_deref()
        .map(str::parse::<Format>)
        .transpose()?;
    let options = ImportOptions {
        format,
        iterations: arguments.iterations.unwrap_or_default(),
    };
    let busy = output::busy("reading");
    let imported = files::read_as(&arguments.file, |bytes| {
        files::refuse_frame(bytes, "a model of another library")?;
        Ok(read_with(bytes, options)?)
    })?;
    busy.finish_and_clear();
    let model = imported.model;
    write(
        &arguments.output,
        model.to_json()?.as_bytes(),
        Content::Text,
    )?;
    output::note(&format!(
        "read {} with {} features: {}",
        model.estimator(),
        model.n_features(),
        written_to(&arguments.output)
    ));
    for note in imported.notes {
        output::note(&format!("note: {note}"));
    }
    Ok(())
}
