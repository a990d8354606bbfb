//! `tenebra demo`.

use std::time::Instant;

use serde::Serialize;
use tenebra::CompileOptions;
use tenebra::cases::{Case, CaseReport, run_case};
use tenebra::rows::{Columns, Rows};
use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::{Estimator, Prediction, QuantizeOptions};

use crate::commands::prediction_value;
use crate::output::{self, Failure, bytes, milliseconds};

/// Show the whole way on a bundled data set: train, compile, encrypt, score, decrypt
///
/// The data are measurements of cell nuclei from 569 breast masses (Wisconsin, 1995); a model learns from 455 of them to tell
/// malignant from benign, and diagnoses the other 114 without seeing them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra demo
  tenebra demo --json")]
pub(crate) struct Arguments {
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// A model of the demo.
struct Demo {
    name: &'static str,
    estimator: &'static str,
    n_bits: u8,
}

const DEMOS: &[Demo] = &[Demo {
    name: "logreg_bc",
    estimator: "LogisticRegression",
    n_bits: 8,
}];

const TRAIN: &str = include_str!("../../data/breast_cancer_train.csv");
const TEST: &str = include_str!("../../data/breast_cancer_test.csv");
const TARGET: &str = "diagnosis";
/// Rows shown side by side.
const SHOWN: usize = 5;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Cases {
    cases: Vec<TimedCase>,
}

#[derive(Debug, Serialize)]
struct TimedCase {
    #[serde(flatten)]
    report: CaseReport,
    train_ms: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut cases = Vec::new();
    if !arguments.json {
        output::data(
            "Breast Cancer Wisconsin: 455 rows to learn from, 114 held out, 30 measurements each.\n",
        )?;
    }
    for demo in DEMOS {
        let (case, classes, train_ms) = run_demo(demo)?;
        if !arguments.json {
            output::data(&describe(&case, &classes, train_ms))?;
        }
        let report = case.report;
        cases.push(TimedCase { report, train_ms });
    }
    let mismatches: usize = cases.iter().map(|case| case.report.mismatches).sum();
    if arguments.json {
        output::json(&Cases { cases })?;
    }
    if mismatches > 0 {
        let message = format!("{mismatches} rows decrypt to other integers than the simulator's");
        return Err(
            Failure::new(message).with_hint("this is a defect of tenebra; please report it")
        );
    }
    Ok(())
}

/// Trains and scores; also the model's class labels, and the time of training in milliseconds.
fn run_demo(demo: &Demo) -> Result<(Case, Vec<String>, f64), Failure> {
    let data = |text: &str| read_csv(text.as_bytes(), &CsvSpec::with_target(TARGET));
    let train = data(TRAIN)?;
    let start = Instant::now();
    let model = Estimator::new(demo.estimator)?.fit(&train)?.model;
    let train_ms = start.elapsed().as_secs_f64() * 1e3;
    let rows = Rows::new(data(TEST)?, &Columns::of_model(&model))?;
    let options = CompileOptions {
        quantize: QuantizeOptions::with_bits(demo.n_bits)?,
        ..CompileOptions::default()
    };
    let bar = output::bar(rows.table.n_rows(), demo.name);
    let done = |rows| bar.set_position(rows as u64);
    let case = run_case(demo.name, &model, Some(&train.table), &rows, &options, done);
    bar.finish_and_clear();
    Ok((case?, model.classes().to_vec(), train_ms))
}

fn describe(case: &Case, classes: &[String], train_ms: f64) -> String {
    let report = &case.report;
    let mut text = format!(
        "\n{}: {}, trained in {}, compiled in {}, {} bits of security, errors below 2^{:.0}\n\n",
        report.name,
        report.model,
        milliseconds(train_ms),
        milliseconds(report.compile_ms),
        case.compiled.security_bits,
        case.compiled.p_fail_log2.ceil(),
    );
    text.push_str(&output::table(&side_by_side(case, classes)));
    text.push_str(&format!(
        "\nEncrypted results that differ from the quantized ones: {} of {}.\n\n",
        report.mismatches, report.rows
    ));
    text.push_str(&output::table(&costs(report)));
    text
}

/// The score and the first rows, by float model, simulator and ciphertexts.
fn side_by_side(case: &Case, classes: &[String]) -> Vec<[String; 4]> {
    let metric = &case.report.metric;
    let number = |value: f64| format!("{value:.4}");
    let mut table = vec![
        ["", "float", "quantized", "encrypted"].map(str::to_owned),
        [
            format!("{}, {} rows", metric.name, case.report.rows),
            number(metric.float),
            number(metric.simulated),
            number(metric.encrypted),
        ],
    ];
    let three = case
        .float
        .iter()
        .zip(&case.simulated.predictions)
        .zip(&case.encrypted.predictions);
    for (row, ((float, simulated), encrypted)) in three.take(SHOWN).enumerate() {
        let cell = |prediction| answer(prediction, classes);
        table.push([
            format!("row {row}"),
            cell(float),
            cell(simulated),
            cell(encrypted),
        ]);
    }
    table
}

/// The label with its score, or the number.
fn answer(prediction: &Prediction, classes: &[String]) -> String {
    let scores: Vec<String> = prediction
        .scores
        .iter()
        .map(|score| format!("{score:+.3}"))
        .collect();
    match prediction_value(prediction, classes) {
        serde_json::Value::String(label) => format!("{label} ({})", scores.join(", ")),
        _ => scores.join(", "),
    }
}

fn costs(report: &CaseReport) -> Vec<[String; 4]> {
    let figures = &report.figures;
    let key = match figures.evaluation_key_bytes {
        0 => "no evaluation key".to_owned(),
        size => format!("evaluation key {}", bytes(size as u64)),
    };
    let row = |what: &str, time, size, who: &str| {
        [what.to_owned(), milliseconds(time), size, who.to_owned()]
    };
    vec![
        row("keys", figures.keygen_ms, key, "owner of the data"),
        row(
            "encrypt",
            figures.encrypt_ms.median,
            format!("query {}", bytes(figures.query_bytes as u64)),
            "owner of the data",
        ),
        row(
            "evaluate",
            figures.evaluate_ms.median,
            format!("response {}", bytes(figures.response_bytes as u64)),
            "server",
        ),
        row(
            "decrypt",
            figures.decrypt_ms.median,
            "scores".to_owned(),
            "owner of the data",
        ),
    ]
}
