//! `tenebra eval`.

use std::path::PathBuf;

use serde::Serialize;
use tenebra::evaluate::{self, EncryptedScorer, Figures, Scored, peak_rss_bytes};
use tenebra::rows::{Columns, Extra, RowReader, Rows, Selection};
use tenebra::{Error, ServerProgram};
use tenebra_client::ClientSpec;
use tenebra_models::scores::{Metric, Outcomes};
use tenebra_models::{Model, Prediction};

use crate::commands::{parse_client, prediction_value, read_client, read_server};
use crate::output::{self, Failure, bytes, milliseconds};
use crate::spool::{self, JsonList, Spool};

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
    /// Rows to score
    #[arg(long, value_name = "CSV")]
    data: PathBuf,
    /// Column of the truth, to compute a score
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    /// Column of sample weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// Score to compute beside the usual one, by scikit-learn's name; may be repeated
    #[arg(long, value_name = "NAME", requires = "target")]
    metric: Vec<Metric>,
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

/// What `--json` prints before the lists of `predictions` and `raw`.
#[derive(Debug, Serialize)]
struct Head {
    model: String,
    rows: usize,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<Score>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Score>,
}

/// What `--json` prints after them.
#[derive(Debug, Default, Serialize)]
struct Tail {
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
    let selection = Selection::First(rows);
    let mut reader = RowReader::open(&arguments.data, &columns, &extra, &selection)?;
    let model = server.model()?;
    let mut run = Run::new(arguments, &spec, &server, &model)?;
    let bar = output::file_bar(reader.progress().0, "scoring");
    while let Some(rows) = reader.next(run.piece())? {
        run.add(&rows)?;
        bar.set_position(reader.progress().1);
    }
    bar.finish_and_clear();
    run.finish()
}

/// An evaluation on its way.
struct Run<'a> {
    arguments: &'a Arguments,
    spec: &'a ClientSpec<'a>,
    server: &'a ServerProgram,
    model: &'a Model,
    scorer: Option<EncryptedScorer<'a>>,
    outcomes: Outcomes,
    predictions: JsonList,
    raw: JsonList,
    /// Lines of integers, where they are not printed as JSON.
    raw_lines: Spool,
    rows: usize,
    tail: Tail,
}

/// About how many cells are held at once.
const PIECE_CELLS: usize = 1 << 18;

impl<'a> Run<'a> {
    fn new(
        arguments: &'a Arguments,
        spec: &'a ClientSpec<'a>,
        server: &'a ServerProgram,
        model: &'a Model,
    ) -> Result<Self, Failure> {
        let encrypted = arguments.mode == Mode::Encrypted;
        let rows_per_query = if arguments.batch { spec.max_rows() } else { 1 };
        let scorer = encrypted
            .then(|| EncryptedScorer::new(spec, server, rows_per_query))
            .transpose()?;
        let link = Some(model.inverse_link());
        Ok(Self {
            arguments,
            spec,
            server,
            model,
            scorer,
            outcomes: Outcomes::new(model.classes(), link, &arguments.metric),
            predictions: JsonList::new("predictions"),
            raw: JsonList::new("raw"),
            raw_lines: Spool::new(),
            rows: 0,
            tail: Tail {
                clipped: (arguments.mode != Mode::Clear).then_some(0),
                mismatches: encrypted.then_some(0),
                threads: arguments.threads,
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
        let (predictions, integers) = match self.arguments.mode {
            Mode::Clear => (evaluate::clear(self.model, rows).map_err(in_file)?, None),
            Mode::Simulate | Mode::Encrypted => {
                let scored = self.scored(rows).map_err(in_file)?;
                (scored.predictions, Some(scored.integers))
            }
        };
        if !rows.targets.is_empty() {
            let weights = rows.weights.as_deref();
            self.outcomes.extend(&predictions, &rows.targets, weights)?;
        }
        self.rows += predictions.len();
        self.keep(&predictions, &integers.unwrap_or_default())
    }

    fn scored(&mut self, rows: &Rows) -> Result<Scored, Error> {
        let (simulated, clipped) = evaluate::simulate_and_count(self.spec, self.server, rows)?;
        self.tail.clipped = self.tail.clipped.map(|before| before + clipped);
        let Some(scorer) = &mut self.scorer else {
            return Ok(simulated);
        };
        let scored = scorer.score(rows, |_| ())?;
        let differ = simulated.mismatches(&scored);
        self.tail.mismatches = self.tail.mismatches.map(|before| before + differ);
        Ok(scored)
    }

    /// What is printed of every row.
    fn keep(&mut self, predictions: &[Prediction], integers: &[Vec<i64>]) -> Result<(), Failure> {
        if self.arguments.json {
            for prediction in predictions {
                let value = prediction_value(prediction, self.model.classes());
                self.predictions.push(&value)?;
            }
        }
        for integers in integers.iter().filter(|_| self.arguments.raw) {
            if self.arguments.json {
                self.raw.push(integers)?;
            } else {
                let cells: Vec<String> = integers.iter().map(ToString::to_string).collect();
                self.raw_lines.push(&format!("raw {}\n", cells.join(",")))?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Failure> {
        let in_file = |error: Error| error.in_file(&self.arguments.data);
        let score = |metric: Metric| self.outcomes.score(metric).map_err(|e| in_file(e.into()));
        let targets = self.outcomes.rows() > 0;
        let usual = self.model.metric();
        let metric = targets.then(|| score(usual)).transpose()?;
        let metrics = self.arguments.metric.iter();
        let metrics = metrics
            .map(|metric| {
                let (name, value) = (metric.name(), score(*metric)?);
                Ok(Score { name, value })
            })
            .collect::<Result<_, Error>>()?;
        let head = Head {
            model: self.model.estimator().to_owned(),
            rows: self.rows,
            mode: self.arguments.mode,
            metric: metric.map(|value| Score {
                name: usual.to_string(),
                value,
            }),
            metrics,
        };
        self.tail.figures = self.scorer.as_ref().map(EncryptedScorer::figures);
        self.tail.peak_rss_bytes = peak_rss_bytes();
        if self.arguments.json {
            let mut lists = vec![self.predictions];
            if self.arguments.raw && self.arguments.mode != Mode::Clear {
                lists.push(self.raw);
            }
            spool::print_json(&head, lists, &self.tail)?;
        } else {
            spool::print(&describe(&head, &self.tail), self.raw_lines)?;
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
        line(&score.name, format!("{:.4}", score.value));
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
