//! `tenebra eval`.

use std::path::PathBuf;

use serde::Serialize;
use tenebra_app::clipping::{ClippedCell, Clipping};
use tenebra_app::evaluate::{self, EncryptedScorer, Figures, Scored, peak_rss_bytes};
use tenebra_app::files::TableFile;
use tenebra_app::rows::{Columns, RowReader, Rows, Selection};
use tenebra_app::{Error, ServerProgram};
use tenebra_client::ClientSpec;
use tenebra_models::scores::{Metric, Outcomes};
use tenebra_models::{Model, Prediction};

use crate::arguments::InputPath;
use crate::commands::csv_options::CsvOptions;
use crate::commands::predictions::Lists;
use crate::commands::{parse_client, prediction_value, read_client, read_float_model, read_server};
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
    mode: Mode,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Clear,
    Simulate,
    Encrypted,
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

/// The float model beside the quantized one.
#[derive(Clone, Copy, Debug, Serialize)]
struct Comparison {
    /// Share of the rows of which both predict the same class; of classifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    class_agreement: Option<f64>,
    /// The largest distance between a score of the one and of the other.
    max_score_error: f64,
}

/// What `--json` prints after them.
#[derive(Debug, Default, Serialize)]
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

#[derive(Debug, Serialize)]
struct Score {
    name: String,
    value: f64,
    /// Of the float model, with `--mode simulate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    float: Option<f64>,
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
    let (mode, encrypted) = (arguments.mode, arguments.mode == Mode::Encrypted);
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
    let client = read_client(&arguments.folder)?;
    let spec = parse_client(&arguments.folder, &client)?;
    let server = read_server(&arguments.folder, threads.into())?;
    if server.spec_id() != spec.id() {
        let (server, client) = (server.spec_id(), spec.id());
        return Err(Error::OtherModel { server, client }.into());
    }
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
        Err(e) if is_missing(&e) && arguments.mode != Mode::Clear => None,
        Err(e) => return Err(e.into()),
    };
    let mut run = Run::new(arguments, &spec, &server, model.as_ref())?;
    let bar = output::file_bar(reader.progress().0, "scoring");
    while let Some(rows) = reader.next(run.piece())? {
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

/// An evaluation on its way.
struct Run<'a> {
    arguments: &'a Arguments,
    spec: &'a ClientSpec<'a>,
    server: &'a ServerProgram,
    /// Where it is there; always for `--mode clear`.
    model: Option<&'a Model>,
    classes: Vec<String>,
    scorer: Option<EncryptedScorer<'a>>,
    outcomes: Outcomes,
    /// The float model beside the quantized one, where that is simulated.
    beside: Option<Beside>,
    lists: Lists,
    rows: usize,
    clipping: Clipping,
    tail: Tail,
}

/// What the float model says of the same rows.
struct Beside {
    outcomes: Outcomes,
    agreeing: usize,
    max_score_error: f64,
}

/// About how many cells are held at once.
const PIECE_CELLS: usize = 1 << 18;

impl<'a> Run<'a> {
    fn new(
        arguments: &'a Arguments,
        spec: &'a ClientSpec<'a>,
        server: &'a ServerProgram,
        model: Option<&'a Model>,
    ) -> Result<Self, Failure> {
        let encrypted = arguments.mode == Mode::Encrypted;
        let rows_per_query = if arguments.batch { spec.max_rows() } else { 1 };
        let scorer = encrypted
            .then(|| EncryptedScorer::new(spec, server, rows_per_query))
            .transpose()?;
        let link = Some(spec.inverse_link());
        let classes: Vec<String> = spec.classes().map(str::to_owned).collect();
        let outcomes = || {
            Outcomes::new(&classes, link, &arguments.metric)
                .with_target_names(model.and_then(Model::target_names))
        };
        Ok(Self {
            arguments,
            spec,
            server,
            model,
            scorer,
            outcomes: outcomes(),
            beside: (arguments.mode == Mode::Simulate && model.is_some()).then(|| Beside {
                outcomes: outcomes(),
                agreeing: 0,
                max_score_error: 0.0,
            }),
            classes,
            lists: Lists::new(),
            rows: 0,
            clipping: Clipping::default(),
            tail: Tail {
                mismatches: encrypted.then_some(0),
                threads: arguments.threads.unwrap_or(1),
                ..Tail::default()
            },
        })
    }

    /// Rows to read at once: whole queries.
    fn piece(&self) -> usize {
        let query = if self.arguments.batch {
            self.spec.max_rows()
        } else {
            1
        };
        let rows = PIECE_CELLS / self.spec.columns().max(1);
        rows.next_multiple_of(query.max(1)).max(query)
    }

    fn add(&mut self, rows: &Rows) -> Result<(), Failure> {
        let in_file = |error: Error| error.in_file(&self.arguments.data);
        let (predictions, integers) = match (self.arguments.mode, self.model) {
            (Mode::Clear, Some(model)) => (evaluate::clear(model, rows).map_err(in_file)?, None),
            _ => {
                let scored = self.scored(rows).map_err(in_file)?;
                (scored.predictions, Some(scored.integers))
            }
        };
        if !rows.targets.is_empty() {
            let weights = rows.weights.as_deref();
            let scored = self.outcomes.extend(&predictions, &rows.targets, weights);
            scored.map_err(|e| in_file(e.into()))?;
        }
        self.compare(&predictions, rows)?;
        self.rows += predictions.len();
        self.keep(&predictions, integers.as_deref())
    }

    /// With the float model, where it stands beside.
    fn compare(&mut self, predictions: &[Prediction], rows: &Rows) -> Result<(), Failure> {
        let (Some(beside), Some(model)) = (&mut self.beside, self.model) else {
            return Ok(());
        };
        let in_file = |error: Error| error.in_file(&self.arguments.data);
        let float = evaluate::clear(model, rows).map_err(in_file)?;
        for (float, found) in float.iter().zip(predictions) {
            beside.agreeing += usize::from(float.class == found.class);
            let pairs = float.scores.iter().zip(&found.scores);
            let distances = pairs.map(|(x, y)| (x - y).abs());
            beside.max_score_error = distances.fold(beside.max_score_error, f64::max);
        }
        if !rows.targets.is_empty() {
            let weights = rows.weights.as_deref();
            beside.outcomes.extend(&float, &rows.targets, weights)?;
        }
        Ok(())
    }

    fn scored(&mut self, rows: &Rows) -> Result<Scored, Error> {
        let clipping = &mut self.clipping;
        let simulated = evaluate::simulate_and_count(self.spec, self.server, rows, clipping)?;
        let Some(scorer) = &mut self.scorer else {
            return Ok(simulated);
        };
        let scored = scorer.score(rows, |_| ())?;
        let differ = simulated.mismatches(&scored);
        self.tail.mismatches = self.tail.mismatches.map(|before| before + differ);
        Ok(scored)
    }

    /// What is printed of every row.
    fn keep(
        &mut self,
        predictions: &[Prediction],
        integers: Option<&[Vec<i64>]>,
    ) -> Result<(), Failure> {
        if !self.arguments.json {
            return Ok(());
        }
        let link = self.spec.inverse_link();
        for (row, prediction) in predictions.iter().enumerate() {
            let value = prediction_value(prediction, &self.classes);
            let integers = integers.filter(|_| self.arguments.raw);
            let integers = integers.and_then(|integers| integers.get(row));
            self.lists
                .push(&value, prediction, link, integers.map(Vec::as_slice))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Failure> {
        let head = self.head()?;
        self.tail.figures = self.scorer.as_ref().map(EncryptedScorer::figures);
        self.tail.peak_rss_bytes = peak_rss_bytes();
        if self.arguments.mode != Mode::Clear {
            self.tail.clipped = Some(self.clipping.count);
            self.tail.clipped_cells.clone_from(&self.clipping.first);
        }
        if self.arguments.json {
            spool::print_json(&head, self.lists.into_lists(&self.classes)?, &self.tail)?;
        } else {
            output::data(&describe(&head, &self.tail))?;
            if let Some(text) = self.clipping.describe() {
                output::note(&format!("note: {text}"));
            }
        }
        match self.tail.mismatches {
            None | Some(0) => Ok(()),
            Some(rows) => {
                let message = format!("{rows} rows decrypt to other integers than the simulator's");
                Err(Failure::new(message)
                    .with_hint("this is a defect of tenebra; please report it"))
            }
        }
    }

    fn head(&self) -> Result<Head, Failure> {
        let score = |name: String, metric: Metric| {
            let of = |outcomes: &Outcomes| {
                let score = outcomes.score(metric);
                score.map_err(|e| Error::from(e).in_file(&self.arguments.data))
            };
            Ok::<_, Error>(Score {
                name,
                value: of(&self.outcomes)?,
                float: self.beside.as_ref().map(|b| of(&b.outcomes)).transpose()?,
            })
        };
        let without = if self.classes.is_empty() {
            Metric::R2
        } else {
            Metric::Accuracy
        };
        let usual = self.model.map_or(without, Model::metric);
        let metric = (self.outcomes.rows() > 0).then(|| score(usual.to_string(), usual));
        let metrics = self.arguments.metric.iter();
        let metrics = metrics.map(|metric| score(metric.name(), *metric));
        Ok(Head {
            model: self.server.report().model.clone(),
            rows: self.rows,
            mode: self.arguments.mode,
            metric: metric.transpose()?,
            metrics: metrics.collect::<Result<_, _>>()?,
            float: self.beside.as_ref().map(|beside| Comparison {
                class_agreement: (!self.classes.is_empty())
                    .then(|| beside.agreeing as f64 / self.rows as f64),
                max_score_error: beside.max_score_error,
            }),
        })
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
