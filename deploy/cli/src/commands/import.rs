//! `tenebra import`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use tenebra::files;
use tenebra_models::import::{FORMATS, Format, read};

use crate::output::{self, Failure};

/// Read a model that another library trained
///
/// Formats: XGBoost (JSON and Universal Binary JSON), LightGBM's text form, ONNX graphs of linear models and trees.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra import booster.json -o model.json
  tenebra import model.onnx --from onnx -o model.json")]
pub(crate) struct Arguments {
    /// The other library's file
    file: PathBuf,
    /// Its format; found out from the file where it can be
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(FORMATS.iter().map(|f| f.name())))]
    from: Option<String>,
    /// Where to write the model
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments
        .from
        .as_deref()
        .map(str::parse::<Format>)
        .transpose()?;
    let model = files::read_as(&arguments.file, |bytes| Ok(read(bytes, format)?))?;
    model.save(&arguments.output)?;
    output::note(&format!(
        "read {} with {} features: {}",
        model.estimator(),
        model.n_features(),
        arguments.output.display()
    ));
    Ok(())
}
