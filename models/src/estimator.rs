//! The estimators that can be trained here, and their hyper-parameters.
//!
//! A registry of plain data: [`estimators`] lists what there is, [`Estimator`] carries chosen parameters and trains.

mod error;
mod names;
mod params;

pub use error::TrainError;
pub use names::{EstimatorName, FAMILIES, Family};
pub use params::{Kind, Param, Params, Value};

use crate::data::{DataSet, Table};
use crate::forest;
use crate::linear;
use crate::model::Model;

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Numbers.
    Regression,
    /// One of a set of labels.
    Classification,
}

/// An estimator that can be trained, under scikit-learn's name.
#[derive(Debug)]
pub struct EstimatorInfo {
    /// scikit-learn's class name.
    pub name: &'static str,
    /// What it predicts.
    pub task: Task,
    /// One line for `tenebra train --list`.
    pub doc: &'static str,
    /// Hyper-parameters with scikit-learn's names and defaults.
    pub params: &'static [Param],
    /// Whether it can train on rows with missing values.
    pub missing: bool,
    /// Trains on checked data.
    pub(crate) fit: fn(&Params, &TrainingData<'_>) -> Result<Trained, TrainError>,
}

/// A trained model and what the user should know about the training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// For instance that the optimizer stopped before it converged.
    pub warning: Option<String>,
}

/// What the trainers see: features that are complete unless the estimator takes missing ones, a target of the right kind, usable weights.
#[derive(Debug)]
pub(crate) struct TrainingData<'a> {
    pub(crate) table: &'a Table,
    pub(crate) target: TargetValues,
    /// One per target column.
    pub(crate) target_names: Vec<String>,
    /// One per row, at least one positive; all 1 if none were given.
    pub(crate) weights: Vec<f64>,
}

/// The target in the form its task needs.
#[derive(Clone, Debug)]
pub(crate) enum TargetValues {
    /// One vector per target column.
    Numbers(Vec<Vec<f64>>),
    /// Labels and the label index of every row.
    Classes(crate::data::Classes),
}

/// Every estimator, linear ones first.
pub fn estimators() -> impl Iterator<Item = &'static EstimatorInfo> {
    linear::ESTIMATORS.iter().chain(forest::ESTIMATORS)
}

/// An estimator with its hyper-parameters.
#[derive(Clone, Debug)]
pub struct Estimator {
    info: &'static EstimatorInfo,
    params: Params,
}

impl Estimator {
    /// The estimator of this name with default parameters; case, `-` and `_` do not matter (`decision-tree-classifier`).
    ///
    /// # Errors
    /// [`TrainError::UnknownEstimator`] lists the names there are. The name of a [`Family`] needs a target to decide by:
    /// [`EstimatorName::parse`].
    pub fn new(name: &str) -> Result<Self, TrainError> {
        match EstimatorName::parse(name)? {
            EstimatorName::One(info) => Ok(Self::of(info)),
            EstimatorName::Family(_) => Err(names::unknown(name)),
        }
    }

    /// An estimator with default parameters.
    #[must_use]
    pub fn of(info: &'static EstimatorInfo) -> Self {
        Self {
            info,
            params: Params::defaults(info.params),
        }
    }

    /// What is known about it.
    pub fn info(&self) -> &'static EstimatorInfo {
        self.info
    }

    /// Sets a hyper-parameter from text, as in `--set C=0.5`.
    ///
    /// # Errors
    /// [`TrainError::UnknownParameter`] lists the known ones, [`TrainError::ParameterValue`] says the range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TrainError> {
        self.params.set(self.info, name, value)
    }

    /// Trains.
    ///
    /// # Errors
    /// [`TrainError`]: bad target, missing values, weights that are all zero, or a problem the method cannot solve.
    pub fn fit(&self, data: &DataSet) -> Result<Trained, TrainError> {
        let table = &data.table;
        if data.targets.is_empty() {
            return Err(TrainError::NoTarget);
        }
        let rows = table.n_rows();
        let lengths = data
            .targets
            .iter()
            .map(|t| t.cells.len())
            .chain(data.weights.as_ref().map(Vec::len));
        if let Some(found) = lengths.into_iter().find(|&length| length != rows) {
            return Err(TrainError::Rows {
                found,
                expected: rows,
            });
        }
        if !self.info.missing {
            table.require_complete()?;
        }
        let target = match self.info.task {
            Task::Regression => TargetValues::Numbers(
                data.targets
                    .iter()
                    .map(|t| t.to_numbers())
                    .collect::<Result<_, _>>()?,
            ),
            Task::Classification => match data.targets.as_slice() {
                [only] => TargetValues::Classes(only.to_classes()?),
                more => {
                    return Err(TrainError::OneTarget {
                        estimator: self.info.name,
                        found: more.len(),
                    });
                }
            },
        };
        require_moderate(data, &target)?;
        if let TargetValues::Classes(classes) = &target
            && classes.labels.len() < 2
        {
            return Err(TrainError::OneClass {
                label: classes.labels.first().cloned().unwrap_or_default(),
            });
        }
        let weights = data.weights.clone().unwrap_or_else(|| vec![1.0; rows]);
        if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().sum::<f64>() <= 0.0
        {
            return Err(TrainError::Weights);
        }
        (self.info.fit)(
            &self.params,
            &TrainingData {
                table,
                target,
                target_names: data.targets.iter().map(|t| t.name.clone()).collect(),
                weights,
            },
        )
    }
}

/// Squares of features and targets, and sums of them, must not overflow.
fn require_moderate(data: &DataSet, target: &TargetValues) -> Result<(), TrainError> {
    const LIMIT: f64 = 1e100;
    let refuse = |row: usize, column: &str, value: f64| {
        Err(TrainError::Magnitude {
            row: row + 1,
            column: column.to_owned(),
            value,
        })
    };
    let (table, width) = (&data.table, data.table.n_columns());
    if let Some(at) = table.values().iter().position(|x| x.abs() > LIMIT) {
        return refuse(at / width, &table.columns()[at % width], table.values()[at]);
    }
    let TargetValues::Numbers(columns) = target else {
        return Ok(());
    };
    for (values, column) in columns.iter().zip(&data.targets) {
        if let Some(row) = values.iter().position(|y| y.abs() > LIMIT) {
            return refuse(row, &column.name, values[row]);
        }
    }
    Ok(())
}

impl TrainingData<'_> {
    /// The single target column of a regression.
    pub(crate) fn one_target(&self, estimator: &'static str) -> Result<&[f64], TrainError> {
        match &self.target {
            TargetValues::Numbers(columns) if columns.len() == 1 => Ok(&columns[0]),
            TargetValues::Numbers(columns) => Err(TrainError::OneTarget {
                estimator,
                found: columns.len(),
            }),
            TargetValues::Classes(_) => Err(TrainError::NoTarget),
        }
    }

    /// Names of the target columns, if they are several.
    pub(crate) fn several_target_names(&self) -> Option<Vec<String>> {
        (self.target_names.len() > 1).then(|| self.target_names.clone())
    }

    /// The classes of a classification.
    pub(crate) fn classes(&self) -> Result<&crate::data::Classes, TrainError> {
        match &self.target {
            TargetValues::Classes(classes) => Ok(classes),
            TargetValues::Numbers(_) => Err(TrainError::NoTarget),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_list_the_known_ones() {
        let message = Estimator::new("LogisticRegresion").unwrap_err().to_string();
        assert!(
            message.contains("`LogisticRegression`") && message.contains("`LinearRegression`"),
            "{message}"
        );
        let mut estimator = Estimator::new("logisticregression").unwrap();
        let message = estimator.set("c", "1").unwrap_err().to_string();
        assert!(
            message.contains("`C`") && message.contains("`max_iter`"),
            "{message}"
        );
    }

    #[test]
    fn values_out_of_range_say_the_range() {
        let mut estimator = Estimator::new("LogisticRegression").unwrap();
        for (name, value, message) in [
            ("C", "0", "`C` = `0`: expected a number in (0, inf)"),
            ("C", "nan", "`C` = `nan`: expected a number in (0, inf)"),
            (
                "max_iter",
                "2.5",
                "`max_iter` = `2.5`: expected an integer in [1, 1000000000]",
            ),
            (
                "fit_intercept",
                "yes",
                "`fit_intercept` = `yes`: expected true or false",
            ),
        ] {
            assert_eq!(estimator.set(name, value).unwrap_err().to_string(), message);
        }
        estimator.set("C", "0.5").unwrap();
        estimator.set("fit_intercept", "False").unwrap();
    }

    #[test]
    fn defaults_are_valid_values() {
        for info in estimators() {
            let mut estimator = Estimator::new(info.name).unwrap();
            for param in info.params {
                estimator.set(param.name, param.default).unwrap();
            }
        }
    }
}
