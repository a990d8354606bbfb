//! `tenebra train`.

use std::path::PathBuf;

use tenebra_models::data::read_csv_file;
use tenebra_models::{
    CalibrationNote, Estimator, EstimatorName, FAMILIES, Model, QuantizeOptions, Task,
    calibration_notes, estimators,
};

use crate::commands::csv_options::{CsvOptions, doubtful_features};
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
  tenebra train LinearRegression --data train.csv --target price --weight rows -o model.json")]
pub(crate) struct Arguments {
    /// Name of the model, as scikit-learn calls it, in any spelling (random-forest-regressor); decision-tree, random-forest,
    /// gradient-boosting and additive-model (gam) take classes or numbers, as the target asks for
    #[arg(required_unless_present = "list")]
    model: Option<String>,
    /// Training data
    #[arg(long, value_name = "CSV", required_unless_present = "list")]
    data: Option<PathBuf>,
    /// Column to predict; several give several outputs, where the model can
    #[arg(long, value_name = "COLUMN", required_unless_present = "list")]
    target: Vec<String>,
    /// Column of sample weights
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// Hyper-parameter, by scikit-learn's name
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    /// Where to write the model
    #[arg(short, long, value_name = "FILE", required_unless_present = "list")]
    output: Option<PathBuf>,
    /// List the models and their parameters
    #[arg(long, exclusive = true)]
    list: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (Some(model), Some(path), Some(out)) =
        (&arguments.model, &arguments.data, &arguments.output)
    else {
        return output::data(&list());
    };
    let named = EstimatorName::parse(model)?;
    let estimator = |info| {
        let mut estimator = Estimator::of(info);
        for (name, value) in &arguments.set {
            estimator.set(name, value)?;
        }
        Ok::<_, Failure>(estimator)
    };
    if let EstimatorName::One(info) = named {
        // Wrong parameters are an error before the data is read, where the name alone says whose they are.
        estimator(info)?;
    }
    let spec = arguments
        .csv
        .spec(&arguments.target, arguments.weight.as_ref());
    let in_file = |error: tenebra::Error| error.in_file(path);
    let data = read_csv_file(path, &spec).map_err(|e| match e {
        e @ tenebra_models::DataError::Open { .. } => e.into(),
        e => in_file(e.into()),
    })?;
    let estimator = estimator(named.estimator_for(&data.targets))?;
    let trained = estimator.fit(&data).map_err(|e| in_file(e.into()))?;
    for warning in doubtful_features(&data.table)
        .iter()
        .chain(&trained.warning)
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
    trained.model.save(out)?;
    let (rows, columns) = (data.table.n_rows(), data.table.n_columns());
    output::note(&format!(
        "trained {} on {rows} rows of {columns} features: {}",
        trained.model.estimator(),
        out.display()
    ));
    Ok(())
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
    text
}
