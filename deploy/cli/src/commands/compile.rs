//! `tenebra compile`.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tenebra::rows::{Columns, Extra, Selection, read_rows};
use tenebra::{CompileOptions, Error, compile, files};
use tenebra_circuit::{Options, QueryMode};
use tenebra_models::forest::{BinsMode, Decoys};
use tenebra_models::{Model, QuantizeError, QuantizeOptions};

use crate::commands::inspect;
use crate::output::{self, Failure};

/// Quantize, verify and plan a model; write DIR/client.tnb and DIR/server.tnb
///
/// Prints what it will cost: security, failure probability, sizes, predicted time. Without calibration data the ranges of the
/// features are taken from training; imported linear models have none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra compile model.json --calibrate train.csv -o model/
  tenebra compile model.json --calibrate train.csv --target y --n-bits 6 -o model/ --json
  tenebra compile trees.json --calibrate train.csv --bins thresholds --decoy-bits 1 -o model/")]
pub(crate) struct Arguments {
    /// Float model, from `tenebra train` or `tenebra import`
    model: PathBuf,
    /// Rows like those that will be scored, to find the range of each feature
    #[arg(long, value_name = "CSV")]
    calibrate: Option<PathBuf>,
    /// Column of the calibration data that is not a feature
    #[arg(long, value_name = "COLUMN", requires = "calibrate")]
    target: Vec<String>,
    /// Folder to write to
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Bits of a feature's code and of a weight, 2 to 16
    #[arg(long, value_name = "B", default_value_t = 8)]
    n_bits: u32,
    /// Codes of trees: uniform steps of `--n-bits` bits, which disclose each feature's range to clients, or the model's own
    /// thresholds, which are exact and disclose the split points
    #[arg(long, value_enum, default_value_t = Bins::Thresholds)]
    bins: Bins,
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
    /// log2 of the largest acceptable probability of a wrong result
    #[arg(long, value_name = "LOG2", default_value_t = -128.0, allow_negative_numbers = true)]
    p_fail: f64,
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

fn quantize_options(arguments: &Arguments, model: &Model) -> Result<QuantizeOptions, Failure> {
    let n_bits = arguments.n_bits;
    let too_many = || {
        Failure::new(format!(
            "codes of {n_bits} bits are not supported; choose 2 to 16 bits"
        ))
    };
    let mut options = QuantizeOptions::with_bits(u8::try_from(n_bits).map_err(|_| too_many())?)?;
    options.forest.bins = match arguments.bins {
        Bins::Uniform => BinsMode::Uniform(options.input_bits),
        Bins::Thresholds => BinsMode::Thresholds,
    };
    options.forest.leaf_bits = arguments.leaf_bits;
    if let Some(bits) = arguments.decoy_bits {
        if arguments.bins == Bins::Uniform {
            let message = "`--bins uniform` has no split points to hide";
            return Err(Failure::new(message).with_hint("leave `--decoy-bits` out"));
        }
        let seed = decoy_seed(model)?;
        options.forest.decoys = Some(Decoys { bits, seed });
    }
    if matches!(model, Model::Linear(_)) && (arguments.decoy_bits.or(arguments.leaf_bits)).is_some()
    {
        output::note(
            "note: this model has neither split points nor leaves; `--decoy-bits` and `--leaf-bits` do nothing",
        );
    }
    Ok(options)
}

/// A seed that a client cannot guess without the leaves, and that is the same for the same model: of two sets of decoys, a
/// client could find the split points as what both contain.
fn decoy_seed(model: &Model) -> Result<u64, Failure> {
    let digest = Sha256::digest(model.to_json()?);
    let first = digest.first_chunk().copied().unwrap_or_default();
    Ok(u64::from_le_bytes(first))
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let model = Model::load(&arguments.model)?;
    let calibration = match &arguments.calibrate {
        Some(path) => {
            let extra = Extra {
                targets: arguments.target.clone(),
                weight: None,
            };
            Some(read_rows(path, &Columns::of_model(&model), &extra, &Selection::ALL)?.table)
        }
        None => None,
    };
    let options = CompileOptions {
        quantize: quantize_options(arguments, &model)?,
        plan: Options {
            p_fail_log2: arguments.p_fail,
            query: match arguments.query {
                Query::Auto => QueryMode::Auto,
                Query::Direct => QueryMode::Direct,
                Query::Packed => QueryMode::Packed,
            },
            ..Options::default()
        },
    };
    let compiled = compile(&model, calibration.as_ref(), &options).map_err(|error| {
        match (&error, &arguments.calibrate) {
            (Error::Quantize(QuantizeError::Data(_)), Some(path)) => error.in_file(path),
            _ => error,
        }
    })?;
    if arguments.query == Query::Packed && compiled.report.query_mode != "packed" {
        output::note("note: there are no packed queries for this model; its queries are direct");
    }
    files::create_folder(&arguments.output)?;
    files::write_all(
        &[
            (arguments.output.join(files::SERVER_FILE), &compiled.server),
            (arguments.output.join(files::CLIENT_FILE), &compiled.client),
        ],
        files::Access::Public,
    )?;
    if arguments.json {
        return output::json(&compiled.report);
    }
    output::data(&inspect::describe(&compiled.report))?;
    output::note(&format!(
        "wrote {} ({}) and {} ({})",
        arguments.output.join(files::CLIENT_FILE).display(),
        output::bytes(compiled.client.len() as u64),
        arguments.output.join(files::SERVER_FILE).display(),
        output::bytes(compiled.server.len() as u64),
    ));
    Ok(())
}
