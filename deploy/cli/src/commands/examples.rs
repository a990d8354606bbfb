//! `tenebra examples`.

mod cases;
mod markdown;
mod pictures;

use alloc::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;
use tenebra_app::cases::{Case, CaseReport, run_case};
use tenebra_app::evaluate;
use tenebra_app::rows::{Columns, Rows};
use tenebra_app::tune::{Codes as Bits, tune};
use tenebra_app::{Codes, CompileOptions};
use tenebra_client::ClientSpec;
use tenebra_models::data::DataSet;
use tenebra_models::scores::Metric;
use tenebra_models::{Model, Pipeline};

use crate::files::{Content, write};
use crate::output::{self, Failure, bytes, milliseconds, score};
use cases::{EXAMPLES, Example};

/// How far an encrypted score may be from the float model's.
const NEAR: f64 = 0.01;

/// The classic table of examples: score of the float model, of the simulated circuit, and of decrypted results
///
/// Trains each model on bundled or made-up data with a fixed seed, compiles it, and encrypts all rows that were held out. With
/// `-o`, writes the table as Markdown and JSON, and plots as SVG, to a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra examples
  tenebra examples -o examples/
  tenebra examples --only logistic-regression,network --json")]
pub(crate) struct Arguments {
    /// Folder for `examples.md`, `examples.json` and the plots
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// These examples only, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// An example that was run.
struct Run {
    example: &'static Example,
    model: Model,
    rows: Rows,
    case: Case,
    note: Option<String>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Table<'a> {
    examples: Vec<Entry<'a>>,
    total_ms: f64,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    report: &'a CaseReport,
    /// How the model is made, as `tenebra train --pipeline` reads it.
    pipeline: &'static str,
    data: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let chosen = chosen(&arguments.only)?;
    let start = Instant::now();
    let mut runs = Vec::new();
    for example in chosen {
        runs.push(run_example(example)?);
    }
    let table = Table {
        examples: runs.iter().map(Run::entry).collect(),
        total_ms: start.elapsed().as_secs_f64() * 1e3,
    };
    if let Some(folder) = &arguments.output {
        std::fs::create_dir_all(folder).map_err(|e| tenebra_app::Error::io(folder, &e))?;
        let json = serde_json::to_string_pretty(&table).map_err(|e| Failure::new(e.to_string()))?;
        write(
            &folder.join("examples.json"),
            (json + "\n").as_bytes(),
            Content::Text,
        )?;
        let mut pictures = BTreeMap::new();
        for run in &runs {
            let drawn = pictures::draw(run)?;
            for (name, svg) in &drawn {
                write(&folder.join(name), svg.as_bytes(), Content::Text)?;
            }
            let names: Vec<String> = drawn.into_iter().map(|(name, _)| name).collect();
            pictures.insert(run.example.name, names);
        }
        let text = markdown::page(&runs, &pictures);
        write(&folder.join("examples.md"), text.as_bytes(), Content::Text)?;
        output::note(&format!("wrote {}", folder.display()));
    }
    if arguments.json {
        output::json(&table)?;
    } else {
        output::data(&describe(&runs, table.total_ms))?;
    }
    let mismatches: usize = runs.iter().map(|run| run.case.report.mismatches).sum();
    if mismatches > 0 {
        let message = format!("{mismatches} rows decrypt to other integers than the simulator's");
        return Err(
            Failure::new(message).with_hint("this is a defect of tenebra; please report it")
        );
    }
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Example>, Failure> {
    let known = || EXAMPLES.iter().map(|example| example.name);
    if let Some(name) = only
        .iter()
        .find(|name| !known().any(|other| other == *name))
    {
        let names: Vec<&str> = known().collect();
        return Err(Failure::usage(format!(
            "no example `{name}`; there are {}",
            names.join(", ")
        )));
    }
    let wanted =
        |example: &&Example| only.is_empty() || only.iter().any(|name| name == example.name);
    Ok(EXAMPLES.iter().filter(wanted).collect())
}

impl Run {
    fn entry(&self) -> Entry<'_> {
        Entry {
            report: &self.case.report,
            pipeline: self.example.pipeline,
            data: self.example.about,
            note: self.note.as_deref(),
        }
    }
}

/// Trains, compiles, and scores all rows held out in all three ways.
fn run_example(example: &'static Example) -> Result<Run, Failure> {
    let (train, test) = (example.data)()?;
    let busy = output::busy("training");
    let pipeline: Pipeline = example.pipeline.parse()?;
    let model = pipeline.fit(&train, &BTreeMap::new())?.model;
    busy.finish_and_clear();
    let rows = Rows::new(test, &Columns::of_model(&model))?;
    let mut options = CompileOptions::default();
    options.plan.threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = output::bar(rows.table.n_rows(), example.name);
    let mut progress = |done: usize, _| bar.set_position(done as u64);
    let threads = options.plan.threads;
    let mut case = run_case(
        example.name,
        &model,
        Some(&train.table),
        &rows,
        &options,
        |compiled, server| {
            let spec = ClientSpec::parse(&compiled.client)?;
            let codes = Codes::of(&spec, &rows)?;
            evaluate::encrypted(server, &codes, 1, threads, &mut progress)
        },
    )?;
    bar.finish_and_clear();
    let metric: Metric = example
        .metric
        .parse()
        .map_err(|e: tenebra_models::scores::UnknownMetric| Failure::new(e.to_string()))?;
    let scored = |predictions: &[tenebra_models::Prediction]| {
        let score = evaluate::score(metric, predictions, &rows, model.classes())?;
        Ok::<_, Failure>(score.unwrap_or(f64::NAN))
    };
    let report = &mut case.report.metric;
    report.name = example.metric.to_owned();
    report.float = scored(&case.float)?;
    report.simulated = scored(&case.simulated.predictions)?;
    report.encrypted = scored(&case.encrypted.predictions)?;
    let note = note(&case.report, &model, &train, &options)?;
    Ok(Run {
        example,
        model,
        rows,
        case,
        note,
    })
}

/// Why the score is farther from the float model's than it should be, and the bits that mend it.
fn note(
    report: &CaseReport,
    model: &Model,
    train: &DataSet,
    options: &CompileOptions,
) -> Result<Option<String>, Failure> {
    let far = (report.metric.encrypted - report.metric.float).abs();
    if far <= NEAR || matches!(model.behind_steps(), Model::Network(_)) {
        return Ok(None);
    }
    let rows = Rows::new(train.clone(), &Columns::of_model(model))?;
    let tuning = tune(
        model,
        &rows,
        8..=16,
        (&options.plan, NEAR / 10.0),
        &mut |_, _| {},
    )?;
    let enough = tuning.smallest.and_then(|at| tuning.tuned.get(at));
    let mend = match enough.map(|tuned| tuned.codes) {
        Some(Bits::Bits(bits)) => format!("`--n-bits {bits}` brings it back"),
        _ => "no number of bits up to 16 mends it".to_owned(),
    };
    Ok(Some(format!(
        "8-bit codes move the score by {far:.4}; {mend}"
    )))
}

fn describe(runs: &[Run], total_ms: f64) -> String {
    let heading = [
        "example",
        "metric",
        "float",
        "simulated",
        "encrypted",
        "rows",
        "differ",
        "row",
        "query",
        "key",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for run in runs {
        let report = &run.case.report;
        let (metric, figures) = (&report.metric, &report.figures);
        rows.push(vec![
            report.name.clone(),
            metric.name.clone(),
            score(metric.float),
            score(metric.simulated),
            score(metric.encrypted),
            report.rows.to_string(),
            report.mismatches.to_string(),
            milliseconds(figures.evaluate_ms.median),
            bytes(figures.query_bytes as u64),
            bytes(figures.evaluation_key_bytes as u64),
        ]);
    }
    let mut text = output::table(&rows);
    for run in runs {
        if let Some(note) = &run.note {
            text.push_str(&format!("{}: {note}\n", run.example.name));
        }
    }
    text.push_str(&format!(
        "All held-out rows were encrypted; {} in total.\n",
        milliseconds(total_ms)
    ));
    text
}
