//! `tenebra eval`.

use std::path::PathBuf;

use serde::Serialize;
use tenebra_app::Error;
use tenebra_app::clipping::ClippedCell;
use tenebra_app::evaluate::{Figures, peak_rss_bytes};
use tenebra_app::evaluation::{Comparison, Evaluation, Mode, Score};
use tenebra_app::files::TableFile;
use tenebra_app::model_folder::{ClientFile, read_float_model};
use tenebra_app::rows::{Columns, RowReader, Rows, Selection};
use tenebra_client::ClientSpec;
use tenebra_models::scores::Metric;

use crate::arguments::InputPath;
use crate::commands::csv_options::CsvOptions;
use crate::commands::predictions::Lists;
use crate::commands::{prediction_value, read_server};
use crate::output::{self, Failure, bytes, milliseconds};
use crate::spool;
use crate::suggest::did_you_mean;

/// Score the rows of a CSV and measure: float, simulated or encrypted
///
/// The encrypted way makes a key, quantizes and encrypts each row to the bytes of a query, evaluates those to the bytes of a
/// response, decrypts them, and compares the integers with the simulator's. Any mismatch is a defect and exits with status 1.
/// The file may be longer than memory: rows are read and scored in pieces.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra eval model/ --data test.csv --target y --mode encrypted
  tenebra eval model/ --data test.csv --mode encrypted --batch --rows 1000
  tenebra eval model/ --data test.csv --target y --mode simulate --metric roc_auc --metric f1
  tenebra eval model/ --data test.csv --target y --mode simulate --json --raw")]
pub(crate) struct Arguments {
    /// Folder of the compiled model, with client.tnb and server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Rows to score; `-` is stdin
    #[arg(long, value_name = "CSV", value_parser = InputPath)]
    data: PathBuf,
    /// Column of the truth, to compute a score
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    /// Column of sample weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// Score to compute beside the usual one, by scikit-learn's name; may be repeated
    #[arg(long, value_name = "NAME", requires = "target", value_parser = metric)]
    metric: Vec<Metric>,
    /// clear: the float model; simulate: the circuit on integers; encrypted: the circuit on ciphertexts
    #[arg(long, value_enum)]
    mode: Way,
    /// Most rows to score, the first ones of the file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rows: Option<u64>,
    /// As many rows in one query as it holds; times are per row still. With `--mode encrypted`
    #[arg(long)]
    batch: bool,
    /// Threads that one encrypted evaluation may use [default: 1]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Add the integer outputs of each row to the JSON
    #[arg(long, requires = "json")]
    raw: bool,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    Clear,
    Simulate,
    Encrypted,
}

impl From<Way> for Mode {
    fn from(way: Way) -> Self {
        match way {
            Way::Clear => Self::Clear,
            Way::Simulate => Self::Simulate,
            Way::Encrypted => Self::Encrypted,
        }
    }
}

/// What `--json` prints before its lists.
#[derive(Debug, Serialize)]
struct Head {
    model: String,
    rows: usize,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<Score>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    float: Option<Comparison>,
}

/// What `--json` prints after them.
#[derive(Debug, Serialize)]
struct Tail {
    #[serde(skip_serializing_if = "Option::is_none")]
    clipped: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clipped_cells: Vec<ClippedCell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatches: Option<usize>,
    #[serde(flatten)]
    figures: Option<Figures>,
    threads: u16,
    peak_rss_bytes: Option<u64>,
}

fn metric(name: &str) -> Result<Metric, String> {
    name.parse::<Metric>().map_err(|error| {
        let suggestion = did_you_mean(name, Metric::names());
        let suggestion = suggestion.map_or_else(String::new, |text| format!("; {text}"));
        format!("{error}{suggestion}")
    })
}

/// Refuses options that would change nothing.
fn check_effects(arguments: &Arguments) -> Result<(), Failure> {
    let (mode, encrypted) = (Mode::from(arguments.mode), arguments.mode == Way::Encrypted);
    let only = "it is for `--mode encrypted`";
    let options = [
        (arguments.batch && !encrypted, "--batch", only),
        (arguments.threads.is_some() && !encrypted, "--threads", only),
        (
            arguments.raw && mode == Mode::Clear,
            "--raw",
            "the float model has no integer outputs",
        ),
    ];
    match options.into_iter().find(|(given, ..)| *given) {
        Some((_, option, why)) => Err(Failure::no_effect(option, why)),
        None => Ok(()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_effects(arguments)?;
    let data = TableFile::open(&arguments.data)?;
    let threads = arguments.threads.unwrap_or(1);
    let client = ClientFile::read(&arguments.folder)?;
    let spec = client.spec()?;
    let server = read_server(&arguments.folder)?;
    let extra = arguments
        .csv
        .extra(&arguments.target, arguments.weight.as_ref());
    let rows = arguments
        .rows
        .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let columns = Columns::of_spec(&spec);
    let selection = Selection::First(rows);
    let mut reader = RowReader::new(data, &columns, &extra, &selection)?;
    let model = match read_float_model(&arguments.folder, &server) {
        Ok(model) => Some(model),
        // Others may have the two files that are handed out.
        Err(e) if is_missing(&e) && arguments.mode != Way::Clear => None,
        Err(e) => return Err(e.into()),
    };
    let evaluation = Evaluation::new(
        arguments.mode.into(),
        &spec,
        &server,
        model.as_ref(),
        &arguments.metric,
        arguments.batch,
        threads.into(),
    )?;
    let mut run = Run {
        arguments,
        spec: &spec,
        classes: spec.classes().map(str::to_owned).collect(),
        evaluation,
        lists: Lists::new(),
    };
    let bar = output::file_bar(reader.progress().0, "scoring");
    while let Some(rows) = reader.next(run.evaluation.piece_rows())? {
        run.add(&rows)?;
        bar.set_position(reader.progress().1);
    }
    bar.finish_and_clear();
    run.finish()
}

fn is_missing(error: &Error) -> bool {
    matches!(
        error.root(),
        Error::Io {
            not_found: true,
            ..
        }
    )
}

/// An evaluation on its way, and what is printed of every row.
struct Run<'a> {
    arguments: &'a Arguments,
    spec: &'a ClientSpec<'a>,
    classes: Vec<String>,
    evaluation: Evaluation<'a>,
    lists: Lists,
}

impl Run<'_> {
    fn add(&mut self, rows: &Rows) -> Result<(), Failure> {
        let in_file = |error: Error| error.in_file(&self.arguments.data);
        let scored = self.evaluation.add(rows).map_err(in_file)?;
        if !self.arguments.json {
            return Ok(());
        }
        let link = self.spec.inverse_link();
        for (row, prediction) in scored.predictions.iter().enumerate() {
            let value = prediction_value(prediction, &self.classes);
            let integers = scored.integers.get(row).filter(|_| self.arguments.raw);
            self.lists
                .push(&value, prediction, link, integers.map(Vec::as_slice))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        let in_file = |error: Error| error.in_file(&self.arguments.data);
        let summary = self.evaluation.summary().map_err(in_file)?;
        let quantized = self.arguments.mode != Way::Clear;
        let text = summary.clipping.describe();
        let head = Head {
            model: summary.model,
            rows: summary.rows,
            mode: self.arguments.mode.into(),
            metric: summary.metric,
            metrics: summary.metrics,
            float: summary.float,
        };
        let tail = Tail {
            clipped: quantized.then_some(summary.clipping.count),
            clipped_cells: summary.clipping.first,
            mismatches: summary.mismatches,
            figures: summary.figures,
            threads: self.arguments.threads.unwrap_or(1),
            peak_rss_bytes: peak_rss_bytes(),
        };
        if self.arguments.json {
            spool::print_json(&head, self.lists.into_lists(&self.classes)?, &tail)?;
        } else {
            output::data(&describe(&head, &tail))?;
            if let Some(text) = text {
                output::note(&format!("note: {text}"));
            }
        }
        match tail.mismatches {
            None | Some(0) => Ok(()),
            Some(rows) => {
                let message = format!("{rows} rows decrypt to other integers than the simulator's");
                Err(Failure::new(message)
                    .with_hint("this is a defect of tenebra; please report it"))
            }
        }
    }
}

fn describe(head: &Head, tail: &Tail) -> String {
    let mode = match head.mode {
        Mode::Clear => "float model",
        Mode::Simulate => "simulated",
        Mode::Encrypted => "encrypted",
    };
    let mut rows = vec![
        ["model".to_owned(), head.model.clone()],
        ["rows".to_owned(), format!("{}, {mode}", head.rows)],
    ];
    let mut line = |name: &str, value: String| rows.push([name.to_owned(), value]);
    for score in head.metric.iter().chain(&head.metrics) {
        let float = score
            .float
            .map(|float| format!(" (float model: {})", output::score(float)));
        let float = float.unwrap_or_default();
        line(
            &score.name,
            format!("{}{float}", output::score(score.value)),
        );
    }
    if let Some(float) = &head.float {
        let mut text = format!("scores within {:.2e}", float.max_score_error);
        if let Some(share) = float.class_agreement {
            text.push_str(&format!(", same class in {:.1} %", 100.0 * share));
        }
        line("against float", text);
    }
    if let Some(clipped) = tail.clipped {
        line("clipped values", clipped.to_string());
    }
    if let Some(mismatches) = tail.mismatches {
        line(
            "mismatches",
            format!("{mismatches} (rows that differ from the simulation)"),
        );
    }
    if let Some(figures) = &tail.figures {
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
    if let Some(peak) = tail.peak_rss_bytes {
        line("peak memory", bytes(peak));
    }
    output::table(&rows)
}
