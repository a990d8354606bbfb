//! `tenebra search`.

mod shown;
mod watch;

use alloc::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tenebra_app::Error;
use tenebra_app::files::TableFile;
use tenebra_app::predicted::Planned;
use tenebra_app::search_log::SearchLog;
use tenebra_models::data::{DataSet, Words};
use tenebra_models::scores::Metric;
use tenebra_models::search::{
    CandidateResult, Halving, Latency, N_BITS, Objective, Search, Space, Split, Strategy, Values,
};
use tenebra_models::{EstimatorName, Pipeline};

use crate::arguments::{InputPath, check_stdout, written_to};
use crate::commands::csv_options::CsvOptions;
use crate::files::{Content, interrupts, is_stdout, write};
use crate::output::{self, Failure};
use crate::plots;
use watch::Watched;

/// Search for the best parameters of a model or pipeline by cross-validation
///
/// Every candidate is trained on the folds that are not held out, its steps included, and scored on the one that is. The best
/// is trained on all rows and written, if `-o` names a file. Ctrl-C ends a search with what is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra search gradient-boosting --data train.csv --target y --try n_estimators=20,50 --try max_depth=2,3,4 -o model.json
  tenebra search 'standard-scaler | pca | logistic-regression' --data train.csv --target y --try pca__n_components=2,4,8 --try C=0.1,1,10
  tenebra search random-forest --data train.csv --target y --try max_depth=3,5 --try n_bits=4,6,8 --latency --plot front.svg
  tenebra search ridge --data train.csv --target y --random 40 --try 'alpha=log(0.001,100)'
  tenebra search gradient-boosting --data train.csv --target y --halving --try max_depth=1,2,3,4,5,6 --keep search.jsonl

A parameter of a step is step__parameter. `n_bits` is the width of codes: models are then scored on the integers that would
be encrypted. Values are a list, or, with `--random`, a range: int(1,9), uniform(0,1), log(0.01,100).")]
pub(crate) struct Arguments {
    /// A model, or steps and a model, as in `tenebra train --pipeline`
    pipeline: String,
    /// Training data; `-` is stdin
    #[arg(long, value_name = "CSV", value_parser = InputPath)]
    data: PathBuf,
    /// Column to predict; several give several outputs, where the model can
    #[arg(long, value_name = "COLUMN", required = true)]
    target: Vec<String>,
    /// Column of sample weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// A parameter and the values to try, as in C=0.1,1,10
    #[arg(long = "try", value_name = "NAME=VALUES", value_parser = parameter)]
    space: Vec<(String, Values)>,
    /// Try so many candidates, drawn at random, instead of all
    #[arg(long, value_name = "N", conflicts_with = "halving")]
    random: Option<usize>,
    /// Try all on few rows, and one of FACTOR on FACTOR times as many, until one is left or all rows are used [default: 3]
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, require_equals = true, default_missing_value = "3")]
    halving: Option<usize>,
    /// Rows that halving starts with [default: so that the last round has nearly all]
    #[arg(long, value_name = "ROWS", requires = "halving")]
    min_rows: Option<usize>,
    /// Seed of `--random`, and of the rows of `--halving` [default: 0]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Folds
    #[arg(long, value_name = "FOLDS", default_value_t = 5)]
    cv: usize,
    /// How rows are held out [default: stratified for classes, else k-fold; group where `--groups` is given]
    #[arg(long, value_enum, value_name = "HOW")]
    split: Option<SplitName>,
    /// Column of groups, whose rows are held out together; it is no feature
    #[arg(long, value_name = "COLUMN")]
    groups: Option<String>,
    /// Score, by scikit-learn's name [default: accuracy, r2, or d2 for models with a log link]
    #[arg(long, value_name = "METRIC")]
    score: Option<Metric>,
    /// What is scored [default: simulated where `n_bits` is tried, else float]
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,
    /// Predict what an encrypted row takes, by planning the model of each candidate's first fold
    #[arg(long)]
    latency: bool,
    /// Rank by the score less so much for each millisecond of an encrypted row
    #[arg(long, value_name = "SCORE", value_parser = weight)]
    cost_per_ms: Option<f64>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// File that keeps what is done, training by training; a search goes on from there if it exists
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Where to write a plot of the scores against encrypted time, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Where to write the best model, trained on all rows; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print all results as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SplitName {
    KFold,
    Stratified,
    Group,
    TimeSeries,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Float,
    Simulated,
}

fn parameter(text: &str) -> Result<(String, Values), String> {
    let (name, values) = text.split_once('=').ok_or("expected NAME=VALUES")?;
    Ok((name.trim().to_owned(), values.parse()?))
}

fn weight(text: &str) -> Result<f64, String> {
    let value = text
        .parse()
        .ok()
        .filter(|x: &f64| x.is_finite() && *x >= 0.0);
    value.ok_or_else(|| "expected a number that is not negative".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let on_stdout = |file: &Option<PathBuf>| file.as_deref().is_some_and(is_stdout);
    let (plot, model) = (on_stdout(&arguments.plot), on_stdout(&arguments.output));
    check_stdout([
        ("--json", arguments.json),
        ("--plot -", plot),
        ("-o -", model),
    ])?;
    let mut search = search(arguments)?;
    let busy = output::busy("reading");
    let (data, words, groups) = read(arguments, &search)?;
    busy.finish_and_clear();
    search.groups = groups;
    let timed = arguments.latency || arguments.plot.is_some() || arguments.cost_per_ms.is_some();
    let planned = Planned::default();
    let latency = timed.then_some(&planned as &dyn Latency);
    let log = match &arguments.keep {
        Some(path) => Some(SearchLog::open(path, &search, &data, timed)?),
        None => None,
    };
    let watched = Watched::new(log);
    let results = search.run(&data, &words, latency, &watched);
    interrupts::ask_no_more();
    let ended = watched.outcome(arguments.keep.as_deref())?;
    let results = results.map_err(Error::from)?;
    if let Some(ended) = ended {
        output::warning(&ended);
    }
    if let Some(failure) = results.candidates.iter().find_map(|c| c.failure.as_ref()) {
        let failed = results.candidates.iter().filter(|c| c.mean_score.is_none());
        output::warning(&format!(
            "{} candidates failed, the first: {failure}",
            failed.count()
        ));
    }
    if let Some(path) = &arguments.plot {
        let svg = plots::front(&results)?;
        write(path, svg.as_bytes(), Content::Text)?;
    }
    let Some(best) = results.best() else {
        return Err(Failure::new(
            "the search was ended before a candidate was done",
        ));
    };
    if let Some(out) = &arguments.output {
        write_best(&search, best, (&data, &words), out)?;
    }
    if arguments.json {
        return output::json(&results);
    }
    output::table_beside(plot || model, &shown::table(&results))
}

fn search(arguments: &Arguments) -> Result<Search, Failure> {
    let pipeline: Pipeline = arguments.pipeline.parse()?;
    let mut space = Space::default();
    for (name, values) in &arguments.space {
        space.insert(name, values.clone()).map_err(Error::from)?;
    }
    let seed = arguments.seed.unwrap_or_default();
    let strategy = match (arguments.random, arguments.halving) {
        (Some(n_iter), _) => Strategy::Random { n_iter, seed },
        (None, Some(factor)) => {
            let min_rows = arguments.min_rows;
            Strategy::Halving(Halving {
                factor,
                min_rows,
                seed,
            })
        }
        (None, None) if arguments.seed.is_some() => {
            return Err(Failure::no_effect(
                "--seed",
                "nothing is drawn at random without `--random` or `--halving`; `--try random_state=…` seeds models",
            ));
        }
        (None, None) => Strategy::Grid,
    };
    let by = arguments.by.unwrap_or(if space.has(N_BITS) {
        By::Simulated
    } else {
        By::Float
    });
    let objective = match (arguments.cost_per_ms, by) {
        (Some(_), By::Float) if arguments.by.is_some() => {
            return Err(Failure::no_effect(
                "--by float",
                "a cost is that of the simulated model",
            ));
        }
        (Some(per_ms), _) => Objective::Cost { per_ms },
        (None, By::Float) => Objective::Float,
        (None, By::Simulated) => Objective::Simulated,
    };
    let split = match (arguments.split, &arguments.groups) {
        (Some(SplitName::Group) | None, Some(_)) => Some(Split::GroupKFold),
        (Some(SplitName::Group), None) => {
            return Err(Failure::usage("`--split group` needs `--groups COLUMN`"));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::no_effect(
                "--groups",
                "this split does not look at groups",
            ));
        }
        (Some(SplitName::KFold), None) => Some(Split::KFold),
        (Some(SplitName::Stratified), None) => Some(Split::StratifiedKFold),
        (Some(SplitName::TimeSeries), None) => Some(Split::TimeSeriesSplit),
        (None, None) => None,
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Search {
        strategy,
        split,
        folds: arguments.cv,
        metric: arguments.score,
        objective,
        threads: arguments.threads.map_or(cores, usize::from),
        ..Search::new(pipeline, space)
    })
}

type Data = (DataSet, BTreeMap<String, Words>, Option<Vec<String>>);

/// The data, its words, and the groups, which are read like a target.
fn read(arguments: &Arguments, search: &Search) -> Result<Data, Failure> {
    let targets: Vec<String> = arguments
        .target
        .iter()
        .chain(&arguments.groups)
        .cloned()
        .collect();
    let spec = arguments.csv.spec(&targets, arguments.weight.as_ref());
    let file = TableFile::open(&arguments.data)?;
    let (mut data, words) = if search.pipeline.stages().is_empty() {
        (file.read(&spec)?, BTreeMap::new())
    } else {
        file.read_with_words(&spec)?
    };
    let groups = arguments.groups.as_ref().and_then(|_| data.targets.pop());
    Ok((data, words, groups.map(|column| column.cells)))
}

/// Trains the best candidate on all rows.
fn write_best(
    search: &Search,
    best: &CandidateResult,
    (data, words): (&DataSet, &BTreeMap<String, Words>),
    out: &Path,
) -> Result<(), Failure> {
    let busy = output::busy("training the best on all rows");
    let pipeline = search.pipeline_of(&best.parameters).map_err(Error::from)?;
    let trained = pipeline.fit(data, words)?;
    busy.finish_and_clear();
    if let Some(warning) = &trained.warning {
        output::warning(warning);
    }
    write(out, trained.model.to_json()?.as_bytes(), Content::Text)?;
    let bits = best
        .parameters
        .get(N_BITS)
        .filter(|_| !has_bits(&pipeline, data));
    let compile = bits.map_or_else(String::new, |bits| {
        let bins = if matches!(
            trained.model.behind_steps(),
            tenebra_models::Model::Linear(_)
        ) {
            ""
        } else {
            " --bins uniform"
        };
        format!("; compile it with `--n-bits {bits}{bins}`")
    });
    output::note(&format!(
        "wrote the best, trained on all rows: {}{compile}",
        written_to(out)
    ));
    Ok(())
}

/// Whether `n_bits` is a parameter of the model itself.
fn has_bits(pipeline: &Pipeline, data: &DataSet) -> bool {
    let name = pipeline.model();
    let info = match name {
        EstimatorName::One(info) => info,
        EstimatorName::Family(family) => family.estimator_for(&data.targets),
    };
    info.params.iter().any(|param| param.name == N_BITS)
}
