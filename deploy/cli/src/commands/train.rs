//! `tenebra train`.

use alloc::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tenebra_app::Error;
use tenebra_app::files::{TableFile, is_same_target};
use tenebra_models::data::{DataSet, TargetColumn};
use tenebra_models::pipeline::transformers;
use tenebra_models::scores::Outcomes;
use tenebra_models::{
    CalibrationNote, EstimatorName, FAMILIES, Model, Pipeline, QuantizeOptions, Task, TrainError,
    calibration_notes, estimators,
};

use crate::arguments::{InputPath, written_to};
use crate::commands::csv_options::{CsvOptions, doubtful_features};
use crate::commands::training::Training;
use crate::files::{Content, interrupts, write};
use crate::output::{self, Failure};

/// Train a float model on a CSV
///
/// The file has a header and numbers, as CSV, packed by gzip or not; every column but the targets, the weights and what
/// `--drop` names is a feature. Class labels are integers, booleans or words.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra train --list
  tenebra train LogisticRegression --data train.csv --target y --set C=0.5 -o model.json
  tenebra train gradient-boosting --data train.csv --target y --set n_estimators=50 -o model.json
  tenebra train LinearRegression --data train.csv --target price --weight rows -o model.json
  tenebra train network --data train.csv --target y --set hidden_layer_sizes=32 --set n_bits=2 -o model.json
  tenebra train --data train.csv --target y --pipeline 'standard-scaler | pca(8) | logistic-regression(C=0.5)' -o model.json
  tenebra train --data train.csv --target y --pipeline 'one-hot-encoder[words] | simple-imputer | random-forest' -o model.json

Steps of a pipeline change the columns before the model gets them, and are what scikit-learn calls
so: `--list` names them. In brackets stand the columns of a step, by name, or `words`, `numbers` or
`rest`; the others pass. Scaling, and values for missing cells, become part of a client's codes;
other steps are computed by the client before it encrypts, and its spec shows what they learned.")]
pub(crate) struct Arguments {
    /// Name of the model, as scikit-learn calls it, in any spelling (random-forest-regressor); decision-tree, random-forest,
    /// gradient-boosting and additive-model (gam) take classes or numbers, as the target asks for
    #[arg(required_unless_present_any = ["list", "pipeline"], conflicts_with = "pipeline")]
    model: Option<String>,
    /// Training data; `-` is stdin
    #[arg(long, value_name = "CSV", required_unless_present = "list", value_parser = InputPath)]
    data: Option<PathBuf>,
    /// Column to predict; several give several outputs, where the model can
    #[arg(long, value_name = "COLUMN", required_unless_present = "list")]
    target: Vec<String>,
    /// Column of sample weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// Steps and a model, separated by `|`, each with its parameters in parentheses; columns of words are read as such
    #[arg(long, value_name = "STEPS")]
    pipeline: Option<String>,
    /// Hyper-parameter, by scikit-learn's name; of a step of a pipeline as in pca__n_components=8
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    /// Where a network's training keeps how far it is, every few seconds; it goes on from there if the file exists, and removes
    /// it in the end
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Where to write the model; `-` is stdout
    #[arg(short, long, value_name = "FILE", required_unless_present = "list")]
    output: Option<PathBuf>,
    /// Print what was trained, and its score on the training data, as JSON
    #[arg(long)]
    json: bool,
    /// List the models and their parameters
    #[arg(long, exclusive = true)]
    list: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (Some(path), Some(out)) = (&arguments.data, &arguments.output) else {
        return output::data(&list());
    };
    check_set(&arguments.set)?;
    if arguments.json && out == Path::new("-") {
        return Err(Failure::usage("`--json` and `-o -` both print to stdout")
            .with_hint("write the model to a file"));
    }
    // Wrong parameters are an error before the data is read, where the name alone says whose they are.
    let mut recipe = match (&arguments.pipeline, &arguments.model) {
        (Some(pipeline), _) => pipeline.parse::<Pipeline>()?,
        (None, model) => {
            let name = model.as_deref().unwrap_or_default();
            Pipeline::new(Vec::new(), EstimatorName::parse(name)?)
        }
    };
    if arguments.checkpoint.is_some() && !is_network(recipe.model()) {
        return Err(Failure::no_effect(
            "--checkpoint",
            "only networks are trained by epochs, which a checkpoint keeps",
        ));
    }
    if let Some(checkpoint) = &arguments.checkpoint
        && is_same_target(checkpoint, out)
    {
        let message =
            "`--checkpoint` and `-o` name the same file, and a checkpoint is removed in the end";
        return Err(Failure::usage(message).with_hint("write the model to another file"));
    }
    for (name, value) in &arguments.set {
        recipe.set(name, value)?;
    }
    let spec = arguments
        .csv
        .spec(&arguments.target, arguments.weight.as_ref());
    let in_file = |error: tenebra_app::Error| error.in_file(path);
    let file = TableFile::open(path)?;
    let busy = output::busy("reading");
    let (data, words) = if recipe.stages().is_empty() {
        (file.read(&spec)?, BTreeMap::new())
    } else {
        file.read_with_words(&spec)?
    };
    busy.set_message("training");
    let checkpoint = arguments.checkpoint.as_deref();
    let training = Training::new(busy.clone(), checkpoint)?;
    let trained = recipe.fit_watched(&data, &words, &training);
    interrupts::ask_no_more();
    let trained = trained.map_err(|e| match (&e, checkpoint) {
        (TrainError::Checkpoint { .. }, Some(path)) => Error::from(e).in_file(path),
        _ => in_file(e.into()),
    })?;
    let ended = training.outcome()?;
    busy.set_message("scoring");
    let score = score(&trained.model, &data);
    busy.finish_and_clear();
    for warning in doubtful_features(&data.table)
        .iter()
        .chain(&trained.warning)
        .chain(&ended)
    {
        output::warning(warning);
    }
    if let Model::Linear(model) = &trained.model {
        let notes = calibration_notes(model, &data.table, &QuantizeOptions::default());
        let outliers = |note: &CalibrationNote| matches!(note, CalibrationNote::Outliers { .. });
        // Without ranges, calibration data is needed, and there is nothing to tell.
        for note in notes.unwrap_or_default().into_iter().filter(outliers) {
            output::warning(&format!("{}: {note}", path.display()));
        }
    }
    if let Err(error) = &score {
        output::warning(&format!("no score on the training rows: {error}"));
    }
    let model = &trained.model;
    write(out, model.to_json()?.as_bytes(), Content::Text)?;
    if let (Some(path), None) = (checkpoint, &ended) {
        // Where there was none to remove, all is as it should be.
        let _ = std::fs::remove_file(path);
    }
    let summary = Summary {
        model: model.estimator(),
        rows: data.table.n_rows(),
        features: data.table.n_columns(),
        classes: model.classes(),
        metric: score.ok().map(|value| Score {
            name: model.metric().to_string(),
            value,
        }),
        warning: trained.warning.as_deref(),
        output: &written_to(out),
    };
    if arguments.json {
        return output::json(&summary);
    }
    output::note(&summary.describe());
    Ok(())
}

/// Whether a name is that of a network, whose training has checkpoints.
fn is_network(name: EstimatorName) -> bool {
    let name = match name {
        EstimatorName::One(info) => info.name,
        EstimatorName::Family(family) => family.classifier,
    };
    ["MLPClassifier", "MLPRegressor"].contains(&name)
}

/// A parameter is set once.
fn check_set(set: &[(String, String)]) -> Result<(), Failure> {
    for (at, (name, _)) in set.iter().enumerate() {
        if set[..at].iter().any(|(other, _)| other == name) {
            return Err(Failure::usage(format!("`--set {name}` is given twice")));
        }
    }
    Ok(())
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    model: &'a str,
    rows: usize,
    features: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    classes: &'a [String],
    /// On the rows that it learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
    output: &'a str,
}

#[derive(Debug, Serialize)]
struct Score {
    name: String,
    value: f64,
}

impl Summary<'_> {
    fn describe(&self) -> String {
        let (model, rows, features) = (self.model, self.rows, self.features);
        let score = self.metric.as_ref().map_or_else(String::new, |score| {
            format!(", {} {} on them", score.name, output::score(score.value))
        });
        let output = self.output;
        format!("trained {model} on {rows} rows of {features} features{score}: {output}")
    }
}

/// The usual score on the rows that a model learned from.
fn score(model: &Model, data: &DataSet) -> Result<f64, Error> {
    /// Rows whose predictions are held at once.
    const PIECE: usize = 1 << 12;
    let link = Some(model.inverse_link());
    let mut outcomes = Outcomes::new(model.classes(), link, &[]);
    let n_rows = data.table.n_rows();
    for first in (0..n_rows).step_by(PIECE) {
        let piece = first..n_rows.min(first + PIECE);
        let rows = piece.clone().filter_map(|row| data.table.row(row));
        let predictions = rows.map(|row| model.predict(row));
        let predictions: Vec<_> = predictions.collect::<Result<_, _>>()?;
        let part = |target: &TargetColumn| TargetColumn {
            name: target.name.clone(),
            cells: target.cells[piece.clone()].to_vec(),
        };
        let targets: Vec<TargetColumn> = data.targets.iter().map(part).collect();
        let weights = data.weights.as_ref().map(|weights| &weights[piece.clone()]);
        outcomes.extend(&predictions, &targets, weights)?;
    }
    Ok(outcomes.score(model.metric())?)
}

fn list() -> String {
    let mut text = String::new();
    for family in FAMILIES {
        let [names, classifier, regressor] = [
            &family.names.join(", "),
            family.classifier,
            family.regressor,
        ];
        text.push_str(&format!(
            "{names}: {classifier} for words and up to 20 distinct integers, else {regressor}\n"
        ));
    }
    for info in estimators() {
        let task = match info.task {
            Task::Regression => "regression",
            Task::Classification => "classification",
        };
        text.push_str(&format!("{} ({task}): {}\n", info.name, info.doc));
        let params = info.params.iter().map(|param| {
            [
                format!("  --set {}={}", param.name, param.default),
                format!("{}; {}", param.kind, param.doc),
            ]
        });
        text.push_str(&output::table(&params.collect::<Vec<_>>()));
    }
    text.push_str("\nSteps of pipelines:\n");
    for info in transformers() {
        text.push_str(&format!(
            "{} ({}): {}\n",
            info.command(),
            info.name,
            info.doc
        ));
        let params = info.params.iter().map(|param| {
            [
                format!("  {}={}", param.name, param.default),
                format!("{}; {}", param.kind, param.doc),
            ]
        });
        text.push_str(&output::table(&params.collect::<Vec<_>>()));
    }
    text
}
