//! `tenebra demo`: a server on loopback, and a data owner who asks it.

use std::time::Instant;

use serde::Serialize;
use tenebra_app::cases::{Case, CaseReport, run_case};
use tenebra_app::evaluate::Times;
use tenebra_app::rows::{Columns, Rows};
use tenebra_app::{CompileOptions, remote};
use tenebra_circuit::{Options, QueryMode};
use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::{Estimator, Prediction};
use tenebra_server::store::Store;
use tenebra_server::{Background, Limits};
use tenebra_service_client::Service;

use crate::commands::prediction_value;
use crate::files::files;
use crate::output::{self, Failure, bytes, milliseconds, start_failure};

/// Show the whole way on a bundled data set: train, compile, serve, encrypt, score, decrypt
///
/// The data are measurements of cell nuclei from 569 breast masses (Wisconsin, 1995); models learn from 455 of them to tell
/// malignant from benign, and a server on loopback diagnoses the other 114 without seeing them.
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
    parameters: &'static [(&'static str, &'static str)],
    query: QueryMode,
}

/// Boosted trees of a size that users of other systems train.
const TREES: Demo = Demo {
    name: "boosting_bc",
    estimator: "GradientBoostingClassifier",
    parameters: &[("n_estimators", "50"), ("max_depth", "4")],
    query: QueryMode::Direct,
};

const DEMOS: [Demo; 3] = [
    Demo {
        name: "logreg_bc",
        estimator: "LogisticRegression",
        parameters: &[],
        query: QueryMode::Auto,
    },
    TREES,
    Demo {
        name: "boosting_bc_packed",
        query: QueryMode::Packed,
        ..TREES
    },
];

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
    /// Until the server keeps the evaluation key.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_key_ms: Option<f64>,
    /// From query to response as the data owner sees it, HTTP on loopback included.
    round_trip_ms: Times,
}

/// A case, and what stands beside it.
struct Shown {
    case: Case,
    classes: Vec<String>,
    train_ms: f64,
    send_key_ms: Option<f64>,
    round_trip_ms: Times,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = files().temporary_folder()?;
    let location = folder.path().to_string_lossy();
    let store = Store::open(&location).map_err(|e| start_failure(&e.into()))?;
    // As `eval` measures.
    let limits = Limits {
        threads: 1,
        ..Limits::default()
    };
    let server = Background::start(store, limits, true).map_err(|e| start_failure(&e))?;
    let url = format!("http://{}", server.address());
    let service = Service::new(&url, None)?;
    if !arguments.json {
        output::data(&format!(
            "Breast Cancer Wisconsin: 455 rows to learn from, 114 held out, 30 measurements each. Server: {url}\n"
        ))?;
    }
    let mut cases = Vec::new();
    for demo in DEMOS {
        let shown = run_demo(&demo, &service)?;
        if !arguments.json {
            output::data(&describe(&shown))?;
        }
        cases.push(TimedCase {
            report: shown.case.report,
            train_ms: shown.train_ms,
            send_key_ms: shown.send_key_ms,
            round_trip_ms: shown.round_trip_ms,
        });
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

/// Trains, deploys, and scores the rows held out.
fn run_demo(demo: &Demo, service: &Service) -> Result<Shown, Failure> {
    let data = |text: &str| read_csv(text.as_bytes(), &CsvSpec::with_target(TARGET));
    let train = data(TRAIN)?;
    let busy = output::busy("training");
    let start = Instant::now();
    let mut estimator = Estimator::new(demo.estimator)?;
    for (name, value) in demo.parameters {
        estimator.set(name, value)?;
    }
    let model = estimator.fit(&train)?.model;
    let train_ms = start.elapsed().as_secs_f64() * 1e3;
    busy.finish_and_clear();
    let rows = Rows::new(data(TEST)?, &Columns::of_model(&model))?;
    let options = CompileOptions {
        plan: Options {
            query: demo.query,
            ..Options::default()
        },
        ..CompileOptions::default()
    };
    let bar = output::bar(rows.table.n_rows(), demo.name);
    let mut done = |rows, _| bar.set_position(rows as u64);
    let mut sent = (None, Times::default());
    let case = run_case(
        demo.name,
        &model,
        Some(&train.table),
        &rows,
        &options,
        |compiled, _| {
            service.push(demo.name, &compiled.server)?;
            let measured = remote::measure(service, demo.name, &rows, &mut done)?;
            sent = (measured.send_key_ms, measured.round_trip_ms);
            Ok(measured.encrypted)
        },
    );
    bar.finish_and_clear();
    Ok(Shown {
        case: case?,
        classes: model.classes().to_vec(),
        train_ms,
        send_key_ms: sent.0,
        round_trip_ms: sent.1,
    })
}

fn describe(shown: &Shown) -> String {
    let case = &shown.case;
    let report = &case.report;
    let mut text = format!(
        "\n{}: {}, trained in {}, compiled in {}, {} bits of security, errors below 2^{:.0}\n\n",
        report.name,
        report.model,
        milliseconds(shown.train_ms),
        milliseconds(report.compile_ms),
        case.compiled.security_bits,
        case.compiled.p_fail_log2.ceil(),
    );
    text.push_str(&output::table(&side_by_side(case, &shown.classes)));
    text.push_str(&format!(
        "\nEncrypted results that differ from the quantized ones: {} of {}.\n\n",
        report.mismatches, report.rows
    ));
    text.push_str(&output::table(&costs(shown)));
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
            format!("row {}", row + 1),
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

fn costs(shown: &Shown) -> Vec<[String; 4]> {
    let figures = &shown.case.report.figures;
    let row = |what: &str, time, size, who: &str| {
        [what.to_owned(), milliseconds(time), size, who.to_owned()]
    };
    let size = |what: &str, count: usize| format!("{what} {}", bytes(count as u64));
    let key = match figures.evaluation_key_bytes {
        0 => "no evaluation key".to_owned(),
        count => size("evaluation key", count),
    };
    let mut rows = vec![row(
        "keys",
        figures.keygen_ms,
        key,
        "owner of the data, once",
    )];
    if let Some(time) = shown.send_key_ms {
        rows.push(row(
            "send the key",
            time,
            String::new(),
            "owner of the data, once",
        ));
    }
    rows.extend([
        row(
            "encrypt",
            figures.encrypt_ms.median,
            size("query", figures.query_bytes),
            "owner of the data",
        ),
        row(
            "evaluate",
            figures.evaluate_ms.median,
            size("response", figures.response_bytes),
            "server",
        ),
        row(
            "round trip",
            shown.round_trip_ms.median,
            String::new(),
            "HTTP on loopback, evaluation included",
        ),
        row(
            "decrypt",
            figures.decrypt_ms.median,
            "scores".to_owned(),
            "owner of the data",
        ),
    ]);
    rows
}
