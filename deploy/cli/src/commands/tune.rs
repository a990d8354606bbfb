//! `tenebra tune`.

use std::path::PathBuf;

use tenebra_app::files::TableFile;
use tenebra_app::model_folder::read_model;
use tenebra_app::rows::{Columns, Selection, read_rows};
use tenebra_app::tune::{Codes, Tuned, Tuning, tune};
use tenebra_circuit::Options;
use tenebra_models::Model;

use crate::arguments::{InputPath, check_stdin, check_stdout};
use crate::commands::csv_options::CsvOptions;
use crate::files::{Content, is_stdout, write};
use crate::output::{self, Failure, bytes, milliseconds, score};
use crate::plots;

/// Score a model at each bit width on clear integers, and predict what it costs encrypted
///
/// The rows calibrate the ranges and are scored: with `--target` by the model's score, else by agreement with the float model.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra tune model.json --calibrate train.csv --target y
  tenebra tune model.json --calibrate train.csv --target y --min-bits 3 --max-bits 10 --plot bits.svg
  tenebra tune model.json --calibrate train.csv --json")]
pub(crate) struct Arguments {
    /// Float model, from `tenebra train` or `tenebra import`; `-` is stdin
    #[arg(value_parser = InputPath)]
    model: PathBuf,
    /// Rows like those that will be scored; `-` is stdin
    #[arg(long, value_name = "CSV", value_parser = InputPath)]
    calibrate: PathBuf,
    /// Column of what is to be predicted
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// Fewest bits to try
    #[arg(long, value_name = "B", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=16))]
    min_bits: u8,
    /// Most bits to try
    #[arg(long, value_name = "B", default_value_t = 12, value_parser = clap::value_parser!(u8).range(2..=16))]
    max_bits: u8,
    /// Loss of score that counts as none
    #[arg(long, value_name = "SCORE", default_value_t = 0.001)]
    may_lose: f64,
    /// log2 of the largest acceptable probability of a wrong result
    #[arg(long, value_name = "LOG2", default_value_t = -128.0, allow_negative_numbers = true)]
    p_fail: f64,
    /// Where to write a plot of scores and times, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let plot = arguments.plot.as_deref().is_some_and(is_stdout);
    check_stdout([("--json", arguments.json), ("--plot -", plot)])?;
    let (min, max) = (arguments.min_bits, arguments.max_bits);
    if min > max {
        return Err(Failure::usage(format!(
            "`--min-bits {min}` is above `--max-bits {max}`"
        )));
    }
    if !arguments.may_lose.is_finite() {
        return Err(Failure::usage("`--may-lose` must be a number"));
    }
    check_stdin([Some(&arguments.model), Some(&arguments.calibrate)])?;
    let model = read_model(&arguments.model)?;
    let file = TableFile::open(&arguments.calibrate)?;
    let extra = arguments.csv.extra(&arguments.target, None);
    let rows = read_rows(file, &Columns::of_model(&model), &extra, &Selection::ALL)?;
    let plan = Options {
        p_fail_log2: arguments.p_fail,
        ..Options::default()
    };
    let bar = output::steps(0, "bit widths");
    let mut progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let settings = (&plan, arguments.may_lose);
    let tuning = tune(&model, &rows, min..=max, settings, &mut progress)?;
    bar.finish_and_clear();
    if let Some(path) = &arguments.plot {
        let svg = plots::bits(&tuning)?;
        write(path, svg.as_bytes(), Content::Text)?;
    }
    if arguments.json {
        return output::json(&tuning);
    }
    output::table_beside(plot, &describe(&tuning, &model))
}

fn describe(tuning: &Tuning, model: &Model) -> String {
    let heading = [
        "codes",
        tuning.metric.as_str(),
        "loss",
        "encrypted row",
        "query",
        "response",
        "evaluation key",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.push(vec!["float".to_owned(), score(tuning.float_score)]);
    for (at, tuned) in tuning.tuned.iter().enumerate() {
        rows.push(row(tuned, tuning, tuning.smallest == Some(at)));
    }
    let mut text = output::table(&rows);
    let may_lose = tuning.may_lose;
    match tuning.smallest.and_then(|at| tuning.tuned.get(at)) {
        Some(Tuned {
            codes: Codes::Bits(bits),
            ..
        }) => {
            let bins = if matches!(model.behind_steps(), Model::Linear(_)) {
                ""
            } else {
                " --bins uniform"
            };
            text.push_str(&format!(
                "* the fewest bits that lose no more than {may_lose}: `tenebra compile --n-bits {bits}{bins}`\n"
            ));
        }
        Some(_) => text.push_str(
            "* the trees' own thresholds lose nothing: `tenebra compile` takes them by default\n",
        ),
        None => text.push_str(&format!("no codes lose less than {may_lose}\n")),
    }
    text
}

fn row(tuned: &Tuned, tuning: &Tuning, smallest: bool) -> Vec<String> {
    let mark = if smallest { " *" } else { "" };
    let mut row = vec![format!("{}{mark}", tuned.codes)];
    match tuned.score {
        Some(found) => row.extend([score(found), score(tuning.float_score - found)]),
        None => row.extend([String::new(), String::new()]),
    }
    match (&tuned.predicted, &tuned.refused) {
        (Some(predicted), _) => row.extend([
            milliseconds(predicted.evaluate_ms),
            bytes(predicted.query_bytes),
            bytes(predicted.response_bytes),
            bytes(predicted.evaluation_key_bytes),
        ]),
        (None, refused) => row.extend(refused.clone()),
    }
    row
}
