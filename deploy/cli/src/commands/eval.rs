//! `tenebra eval`.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use tenebra::evaluate::{self, Figures, peak_rss_bytes};
use tenebra::rows::{Columns, Extra, Rows, Selection, read_rows};
use tenebra::{Error, ServerProgram};
use tenebra_client::ClientSpec;
use tenebra_models::Prediction;

use crate::commands::{parse_client, prediction_value, read_client, read_server};
use crate::output::{self, Failure, bytes, milliseconds};

/// Score the rows of a CSV and measure: float, simulated or encrypted
///
/// The encrypted way makes a key, quantizes and encrypts each row to the bytes of a query, evaluates those to the bytes of a
/// response, decrypts them, and compares the integers with the simulator's. Any mismatch is a defect and exits with status 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra eval model/ --data test.csv --target y --mode encrypted
  tenebra eval model/ --data test.csv --mode encrypted --batch --rows 1000
  tenebra eval model/ --data test.csv --target y --mode simulate --json --raw")]
pub(crate) struct Arguments {
    /// Folder of the compiled model, with client.tnb and server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Rows to score
    #[arg(long, value_name = "CSV")]
    data: PathBuf,
    /// Column of the truth, to compute a score
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    /// Column of sample weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// clear: the float model; simulate: the circuit on integers; encrypted: the circuit on ciphertexts
    #[arg(long, value_enum)]
    mode: Mode,
    /// Most rows to score, the first ones of the file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rows: Option<u64>,
    /// As many rows in one query as it holds; times are per row still
    #[arg(long)]
    batch: bool,
    /// Threads that one evaluation may use
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Add the integer outputs of each row
    #[arg(long)]
    raw: bool,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Clear,
    Simulate,
    Encrypted,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Evaluation {
    model: String,
    rows: usize,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<Score>,
    predictions: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Vec<Vec<i64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clipped: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatches: Option<usize>,
    #[serde(flatten)]
    figures: Option<Figures>,
    threads: u16,
    peak_rss_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Score {
    name: String,
    value: f64,
}

/// What a mode gives.
struct Outcome {
    predictions: Vec<Prediction>,
    integers: Option<Vec<Vec<i64>>>,
    clipped: Option<usize>,
    mismatches: Option<usize>,
    figures: Option<Figures>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = read_client(&arguments.folder)?;
    let spec = parse_client(&arguments.folder, &client)?;
    let server = read_server(&arguments.folder, arguments.threads.into())?;
    if server.spec_id() != spec.id() {
        let (server, client) = (server.spec_id(), spec.id());
        return Err(Error::OtherModel { server, client }.into());
    }
    let extra = Extra {
        targets: arguments.target.clone(),
        weight: arguments.weight.clone(),
    };
    let rows = arguments
        .rows
        .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let columns = Columns::of_spec(&spec);
    let rows = read_rows(&arguments.data, &columns, &extra, &Selection::First(rows))?;
    let outcome = outcome(arguments, &spec, &server, &rows)
        .map_err(|error| error.in_file(&arguments.data))?;
    let mismatches = outcome.mismatches.unwrap_or(0);
    let evaluation = evaluation(arguments, &server, &rows, outcome)?;
    if arguments.json {
        output::json(&evaluation)?;
    } else {
        output::data(&describe(&evaluation))?;
    }
    if mismatches > 0 {
        let message = format!("{mismatches} rows decrypt to other integers than the simulator's");
        return Err(
            Failure::new(message).with_hint("this is a defect of tenebra; please report it")
        );
    }
    Ok(())
}

fn outcome(
    arguments: &Arguments,
    spec: &ClientSpec<'_>,
    server: &ServerProgram,
    rows: &Rows,
) -> Result<Outcome, Error> {
    if arguments.mode == Mode::Clear {
        return Ok(Outcome {
            predictions: evaluate::clear(&server.model()?, rows)?,
            integers: None,
            clipped: None,
            mismatches: None,
            figures: None,
        });
    }
    let (_, clipped) = rows.codes(spec)?;
    let simulated = evaluate::simulate(spec, server, rows)?;
    let (scored, figures) = if arguments.mode == Mode::Encrypted {
        let rows_per_query = if arguments.batch { spec.max_rows() } else { 1 };
        let bar = output::bar(rows.table.n_rows(), "scoring encrypted");
        let done = |rows| bar.set_position(rows as u64);
        let encrypted = evaluate::encrypted(spec, server, rows, rows_per_query, done);
        bar.finish_and_clear();
        let encrypted = encrypted?;
        (encrypted.scored, Some(encrypted.figures))
    } else {
        (simulated.clone(), None)
    };
    Ok(Outcome {
        mismatches: figures.as_ref().map(|_| simulated.mismatches(&scored)),
        predictions: scored.predictions,
        integers: Some(scored.integers),
        clipped: Some(clipped),
        figures,
    })
}

fn evaluation(
    arguments: &Arguments,
    server: &ServerProgram,
    rows: &Rows,
    outcome: Outcome,
) -> Result<Evaluation, Failure> {
    let model = server.model()?;
    let metric = model.metric();
    let score = evaluate::score(metric, &outcome.predictions, rows, model.classes())?;
    let value = |prediction| prediction_value(prediction, model.classes());
    Ok(Evaluation {
        model: model.estimator().to_owned(),
        rows: rows.table.n_rows(),
        mode: arguments.mode,
        metric: score.map(|value| Score {
            name: metric.to_string(),
            value,
        }),
        predictions: outcome.predictions.iter().map(value).collect(),
        raw: outcome.integers.filter(|_| arguments.raw),
        clipped: outcome.clipped,
        mismatches: outcome.mismatches,
        figures: outcome.figures,
        threads: arguments.threads,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

fn describe(evaluation: &Evaluation) -> String {
    let mode = match evaluation.mode {
        Mode::Clear => "float model",
        Mode::Simulate => "simulated",
        Mode::Encrypted => "encrypted",
    };
    let mut rows = vec![
        ["model".to_owned(), evaluation.model.clone()],
        ["rows".to_owned(), format!("{}, {mode}", evaluation.rows)],
    ];
    let mut line = |name: &str, value: String| rows.push([name.to_owned(), value]);
    if let Some(score) = &evaluation.metric {
        line(&score.name, format!("{:.4}", score.value));
    }
    if let Some(clipped) = evaluation.clipped {
        line("clipped values", clipped.to_string());
    }
    if let Some(mismatches) = evaluation.mismatches {
        line(
            "mismatches",
            format!("{mismatches} (rows that differ from the simulation)"),
        );
    }
    if let Some(figures) = &evaluation.figures {
        let key = figures.evaluation_key_bytes as u64;
        let key = if key == 0 {
            "none".to_owned()
        } else {
            bytes(key)
        };
        line("evaluation key", key);
        let rows = match figures.rows_per_query {
            1 => String::new(),
            n => format!(" of {n} rows"),
        };
        line(
            "query",
            format!("{}{rows}", bytes(figures.query_bytes as u64)),
        );
        line("response", bytes(figures.response_bytes as u64));
        let times = [
            ("encrypt", figures.encrypt_ms),
            ("evaluate", figures.evaluate_ms),
            ("decrypt", figures.decrypt_ms),
        ];
        line("key generation", milliseconds(figures.keygen_ms));
        for (name, times) in times {
            let [median, min, max] = [times.median, times.min, times.max].map(milliseconds);
            line(name, format!("{median} a row ({min} to {max})"));
        }
    }
    if let Some(peak) = evaluation.peak_rss_bytes {
        line("peak memory", bytes(peak));
    }
    let mut text = output::table(&rows);
    for integers in evaluation.raw.iter().flatten() {
        let cells: Vec<String> = integers.iter().map(ToString::to_string).collect();
        text.push_str(&format!("raw {}\n", cells.join(",")));
    }
    text
}
