//! `tenebra compile`.

mod tabulate;
mod warnings;

use std::path::{Path, PathBuf};

use tenebra_app::files::TableFile;
use tenebra_app::model_folder::{self, MODEL_FILES, read_model};
use tenebra_app::rows::{Columns, Selection, read_rows};
use tenebra_app::settings::{self, Settings};
use tenebra_app::{Error, compile, files};
use tenebra_circuit::QueryMode;
use tenebra_client::ClientSpec;
use tenebra_models::data::Table;
use tenebra_models::quantized::Calibration;
use tenebra_models::{CalibrationNote, Model, QuantizeError, QuantizeOptions, calibration_notes};

use crate::arguments::{InputPath, check_folder, check_stdin};
use crate::commands::csv_options::{CsvOptions, doubtful_features};
use crate::commands::inspect;
use crate::files::files;
use crate::output::{self, Failure};
use warnings::{moved, warn_of_network};

/// Quantize, verify and plan a model; write DIR/client.tnb and DIR/server.tnb
///
/// Prints what it will cost: security, failure probability, sizes, predicted time. Without calibration data the ranges of the
/// features are taken from training; imported linear models have none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra compile model.json --calibrate train.csv -o model/
  tenebra compile model.json --calibrate train.csv --target y --n-bits 6 -o model/ --json
  tenebra compile trees.json --calibrate train.csv --bins thresholds --decoy-bits 1 -o model/
  tenebra compile svm.onnx --tabulate --n-bits 5 --calibrate train.csv --target y -o model/")]
pub(crate) struct Arguments {
    /// Float model, from `tenebra train` or `tenebra import`; `-` is stdin
    #[arg(value_parser = InputPath)]
    model: PathBuf,
    /// Rows like those that will be scored, to find the range of each feature; `-` is stdin
    #[arg(long, value_name = "CSV", value_parser = InputPath)]
    calibrate: Option<PathBuf>,
    /// Column of the calibration data that is not a feature
    #[arg(long, value_name = "COLUMN", requires = "calibrate")]
    target: Vec<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// Range of a linear model's features in the calibration data: of all values but single ones far from all others
    /// (without-outliers, the default), of all (min-max), between two percentiles (percentile=99.5), or with the least squared
    /// error (least-error)
    #[arg(long, value_name = "HOW", requires = "calibrate", value_parser = range)]
    range: Option<Calibration>,
    /// The model is an ONNX graph of few features, which is evaluated at every combination of their codes: kernel machines, nearest
    /// neighbours, Gaussian processes and others that are no sums. Codes of all features have up to 20 bits together, `--n-bits`
    /// each [default: 15 together, up to 8 each]
    #[arg(long, requires = "calibrate", conflicts_with_all = ["bins", "range"])]
    tabulate: bool,
    /// Folder to write to
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Replace a model that is there; keys and queries made for it do not work with the new one
    #[arg(long)]
    force: bool,
    /// Bits of a feature's code and of a weight, 2 to 16 [default: 8]; of trees with `--bins uniform` only; of a float network's
    /// inputs, 1 to 8 [default: what loses least on the calibration data]
    #[arg(long, value_name = "B")]
    n_bits: Option<u8>,
    /// Bits of a weight of a float network's hidden layers, with its sign, 2 to 8 [default: as many as the sums have room for]
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u8).range(2..=8))]
    weight_bits: Option<u8>,
    /// Bits of the activations of a float network, 1 to 8 [default: what loses least on the calibration data]
    #[arg(long, value_name = "A", value_parser = clap::value_parser!(u8).range(1..=8))]
    activation_bits: Option<u8>,
    /// Codes of trees: uniform steps of `--n-bits` bits, which disclose each feature's range to clients, or the model's own
    /// thresholds, which are exact and disclose the split points [default: thresholds]
    #[arg(long, value_enum)]
    bins: Option<Bins>,
    /// Hide the split points of trees among decoys, which fill each feature's codes (0) or codes of so many more bits (1).
    /// The same model and calibration data give the same decoys; different ones would give the split points away
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u8).range(0..=4))]
    decoy_bits: Option<u8>,
    /// Bits of a leaf of a tree, 1 to 24; by default the fewest that change no decision and next to no score on the
    /// calibration data
    #[arg(long, value_name = "L")]
    leaf_bits: Option<u8>,
    /// Whether queries of trees are ready to use and large, or packed and need an evaluation key
    #[arg(long, value_enum, default_value_t = Query::Auto)]
    query: Query,
    /// What to make least, of trees and networks: the wait for an answer with 3 % of the evaluation key's transfer, that of
    /// a new client for the first with all of it, that of clients whose key is there, the bytes of a hundred queries and the key, or
    /// the time a row of many rows of one client: packed queries of trees then hold up to 8 rows, with a key as many times as large
    #[arg(long, value_enum, default_value_t = Optimize::Balanced)]
    optimize: Optimize,
    /// log2 of the largest acceptable probability of a wrong result
    #[arg(long, value_name = "LOG2", default_value_t = -128.0, allow_negative_numbers = true)]
    p_fail: f64,
    /// Hide a linear model's weights from its clients in so many responses, rounded up to a power of two, to all of them together
    /// [default: 1048576]. Clients then send a public key once; responses are larger
    #[arg(long, value_name = "RESPONSES", num_args = 0..=1, require_equals = true, default_missing_value = "1048576",
        value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    hide_model: Option<u64>,
    /// log2 of the advantage with which these responses may tell two models apart that answer alike, -1 to -64 [default: -16]
    #[arg(long, value_name = "LOG2", requires = "hide_model", allow_negative_numbers = true,
        value_parser = clap::value_parser!(i8).range(-64..=-1))]
    hide_advantage: Option<i8>,
    /// Take the plan as it is predicted. By default keys are made and queries evaluated, for a second or so, to see that the
    /// noise is no more than predicted
    #[arg(long)]
    no_measure: bool,
    /// Warn if more than so many percent of the calibration rows change class, whatever their scores, or if a regression's score
    /// moves by so much of the scores' range
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 5.0,
        requires = "calibrate"
    )]
    max_moved: f64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Bins {
    Uniform,
    Thresholds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Query {
    Auto,
    Direct,
    Packed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Optimize {
    Balanced,
    FirstQuery,
    Latency,
    Bandwidth,
    Throughput,
}

fn range(text: &str) -> Result<Calibration, String> {
    let expected = || "expected without-outliers, min-max, percentile=P with P above 50 (there both ends are the median) and up to 100, or least-error";
    match text.split_once('=') {
        None if text == "without-outliers" => Ok(Calibration::WithoutOutliers),
        None if text == "min-max" => Ok(Calibration::MinMax),
        None if text == "least-error" => Ok(Calibration::LeastSquaredError),
        Some(("percentile", percent)) => match percent.parse() {
            Ok(percent) if percent > 50.0 && percent <= 100.0 => {
                Ok(Calibration::Percentile { percent })
            }
            _ => Err(expected().to_owned()),
        },
        _ => Err(expected().to_owned()),
    }
}

/// What is asked of the compilation.
fn settings(arguments: &Arguments) -> Settings {
    Settings {
        // Of a table, they are in the model's own thresholds.
        n_bits: arguments.n_bits.filter(|_| !arguments.tabulate),
        weight_bits: arguments.weight_bits,
        activation_bits: arguments.activation_bits,
        bins: arguments.bins.map(|bins| match bins {
            Bins::Uniform => settings::Bins::Uniform,
            Bins::Thresholds => settings::Bins::Thresholds,
        }),
        range: arguments.range,
        decoy_bits: arguments.decoy_bits,
        leaf_bits: arguments.leaf_bits,
        query: match arguments.query {
            Query::Auto => QueryMode::Auto,
            Query::Direct => QueryMode::Direct,
            Query::Packed => QueryMode::Packed,
        },
        optimize: match arguments.optimize {
            Optimize::Balanced => tenebra_circuit::Optimize::Balanced,
            Optimize::FirstQuery => tenebra_circuit::Optimize::FirstQuery,
            Optimize::Latency => tenebra_circuit::Optimize::Latency,
            Optimize::Bandwidth => tenebra_circuit::Optimize::Bandwidth,
            Optimize::Throughput => tenebra_circuit::Optimize::Throughput,
        },
        p_fail_log2: arguments.p_fail,
        hide_responses: arguments.hide_model,
        hide_advantage_log2: arguments.hide_advantage.map(i32::from),
        measure: !arguments.no_measure,
    }
}

/// An error about a setting, with the option that makes it.
fn by_option(error: Error) -> Failure {
    let option = |setting: &str| match setting {
        "query" => "--query packed".to_owned(),
        setting => format!("--{}", setting.replace('_', "-")),
    };
    match error {
        Error::NoEffect { setting, why } => Failure::no_effect(&option(setting), why),
        Error::Setting {
            setting,
            value,
            min,
            max,
        } => Failure::usage(format!(
            "`{}` is {value}; it must be {min} to {max}",
            option(setting)
        )),
        error => error.into(),
    }
}

/// A model that knows no names takes those of its calibration data: columns of other files are matched by them.
fn named_by(model: Model, path: &Path, table: &Table) -> Result<Model, Failure> {
    if model.feature_names().is_some() {
        return Ok(model);
    }
    for warning in doubtful_features(table) {
        output::warning(&format!("{}: {warning}", path.display()));
    }
    Ok(model.with_feature_names(table.columns().to_vec())?)
}

/// What to know of the calibration data: of a linear model's features, also where steps make them.
fn notes(
    model: &Model,
    table: &Table,
    options: &QuantizeOptions,
) -> Result<Vec<CalibrationNote>, Error> {
    match model {
        Model::Linear(linear) => Ok(calibration_notes(linear, table, options)?),
        Model::Pipeline(pipeline) => match &*pipeline.model {
            Model::Linear(linear) => {
                let features = pipeline.transform(table)?;
                let notes = calibration_notes(linear, &features, options)?;
                // Indicators of categories that these rows do not have are no news.
                let news =
                    |note: &CalibrationNote| !matches!(note, CalibrationNote::Constant { .. });
                Ok(notes.into_iter().filter(news).collect())
            }
            _ => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_folder(&arguments.output)?;
    check_stdin([Some(&arguments.model), arguments.calibrate.as_ref()])?;
    let mut model = if arguments.tabulate {
        tabulate::model(arguments)?
    } else {
        read_model(&arguments.model)?
    };
    let nameless = model.feature_names().is_none();
    let calibration = match &arguments.calibrate {
        Some(path) => {
            let busy = output::busy("reading the calibration data");
            let extra = arguments.csv.extra(&arguments.target, None);
            let file = TableFile::open(path)?;
            let table = read_rows(file, &Columns::of_model(&model), &extra, &Selection::ALL)?.table;
            busy.finish_and_clear();
            model = named_by(model, path, &table)?;
            Some(table)
        }
        None => None,
    };
    let options = settings(arguments).options(&model).map_err(by_option)?;
    if !arguments.force {
        files::check_free(&arguments.output, &MODEL_FILES)?;
    }
    if let (Some(table), Some(path)) = (&calibration, &arguments.calibrate) {
        let notes = notes(&model, table, &options.quantize);
        for note in notes.map_err(|e| e.in_file(path))? {
            output::warning(&format!("{}: {note}", path.display()));
        }
    }
    let busy = output::busy("compiling");
    let mut progress = |done: usize, of: usize| {
        busy.set_message(format!("measuring the noise, {done} of {of} queries"));
    };
    let compiled =
        compile(&model, calibration.as_ref(), &options, &mut progress).map_err(|error| {
            match (&error, &arguments.calibrate) {
                (Error::Quantize(QuantizeError::Data(_)), Some(path)) => error.in_file(path),
                _ => error,
            }
        })?;
    busy.finish_and_clear();
    let quantization = &compiled.report.quantization;
    // Networks have warnings of their own.
    if quantization.network.is_none()
        && let Some(warning) = moved(quantization, &model, arguments.max_moved)
    {
        output::warning(&warning);
    }
    if arguments.query == Query::Packed && compiled.report.query_mode != "packed" {
        output::note("note: there are no packed queries for this model; its queries are direct");
    }
    model_folder::write(
        files(),
        &arguments.output,
        &compiled,
        &model,
        arguments.force,
    )?;
    if arguments.json {
        return output::json(&compiled.report);
    }
    if let (Some(bits), Some(path)) = (&compiled.report.quantization.network, &arguments.calibrate)
    {
        warn_of_network(bits, &compiled, &model, path);
    }
    let spec = ClientSpec::parse(&compiled.client)?;
    output::data(&inspect::describe(&compiled.report, &spec))?;
    if let Some(path) = arguments.calibrate.as_ref().filter(|_| nameless) {
        output::note(&format!(
            "note: the model knows no names; its features are the columns of {}, in their order",
            path.display()
        ));
    }
    output::note(&format!(
        "wrote {} ({}) and {} ({})",
        arguments.output.join(files::CLIENT_FILE).display(),
        output::bytes(compiled.client.len() as u64),
        arguments.output.join(files::SERVER_FILE).display(),
        output::bytes(compiled.server.len() as u64),
    ));
    Ok(())
}
