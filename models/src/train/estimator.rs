//! Estimators with their hyper-parameters.

use super::names;
use super::{
    EstimatorInfo, EstimatorName, Params, TargetValues, TrainError, Trained, TrainingData,
    Unwatched, Watch,
};
use crate::data::DataSet;
use crate::model::Task;

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
    /// [`TrainError::UnknownEstimator`] lists the names there are. The name of a [`Family`](super::Family) needs a target to decide by:
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

    /// The hyper-parameters as they are set.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Sets a hyper-parameter from text, as in `--set C=0.5`.
    ///
    /// # Errors
    /// [`TrainError::UnknownParameter`] lists the known ones, [`TrainError::ParameterValue`] says the range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TrainError> {
        self.params
            .set(self.info.name, self.info.params, name, value)
    }

    /// Whether it predicts classes.
    pub(crate) fn is_classifier(&self) -> bool {
        self.info.task == Task::Classification
    }

    /// There is a target, and as many targets and usable weights as rows.
    pub(crate) fn check_rows(&self, data: &DataSet) -> Result<(), TrainError> {
        if data.targets.is_empty() {
            return Err(TrainError::NoTarget);
        }
        let rows = data.table.n_rows();
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
        Ok(())
    }

    /// Trains.
    ///
    /// # Errors
    /// [`TrainError`]: bad target, missing values, weights that are all zero, or a problem the method cannot solve.
    pub fn fit(&self, data: &DataSet) -> Result<Trained, TrainError> {
        self.fit_watched(data, &Unwatched)
    }

    /// Trains, and tells `watch` how it goes: networks do, epoch by epoch.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`TrainError::Checkpoint`] for one of another run.
    pub fn fit_watched(&self, data: &DataSet, watch: &dyn Watch) -> Result<Trained, TrainError> {
        let table = &data.table;
        let rows = table.n_rows();
        self.check_rows(data)?;
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
                watch,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::estimators;

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
