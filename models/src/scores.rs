//! Scores of predictions, as scikit-learn's `metrics` define them.
//!
//! Every score takes optional sample weights, one per row.

mod classification;
mod regression;

pub use classification::{
    Average, accuracy, f1, hinge_loss, log_loss, matthews_corrcoef, precision, recall, roc_auc,
};
pub use regression::{
    d2_tweedie, mean_absolute_error, mean_squared_error, mean_tweedie_deviance, r2,
};

use core::fmt;

use crate::data::TargetColumn;
use crate::error::{DataError, ScoreError};
use crate::model::Prediction;

/// The score a model is usually judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Metric {
    /// Share of rows whose class is right.
    Accuracy,
    /// 1 minus the squared error over the variance.
    R2,
    /// 1 minus the Tweedie deviance of this power over that of the mean (1: Poisson, 2: Gamma).
    D2 {
        /// The power.
        power: f64,
    },
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accuracy => f.write_str("accuracy"),
            Self::R2 => f.write_str("r2"),
            Self::D2 { .. } => f.write_str("d2"),
        }
    }
}

/// Why predictions could not be scored against a target.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The target was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The score is not defined.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

impl Metric {
    /// The score of `predictions` against a target column. A label that `classes` lacks counts as wrong.
    ///
    /// # Errors
    /// [`EvaluateError`].
    pub fn evaluate(
        self,
        predictions: &[Prediction],
        target: &TargetColumn,
        classes: &[String],
        weights: Option<&[f64]>,
    ) -> Result<f64, EvaluateError> {
        self.evaluate_all(predictions, core::slice::from_ref(target), classes, weights)
    }

    /// The mean score over several target columns, the first of which belongs to the first output, and so on.
    ///
    /// # Errors
    /// [`EvaluateError`]; no targets are [`ScoreError::Empty`], more targets than outputs [`ScoreError::Length`].
    pub fn evaluate_all(
        self,
        predictions: &[Prediction],
        targets: &[TargetColumn],
        classes: &[String],
        weights: Option<&[f64]>,
    ) -> Result<f64, EvaluateError> {
        let mut sum = 0.0;
        for (output, target) in targets.iter().enumerate() {
            sum += if self == Self::Accuracy {
                // A class of its own for labels the model does not know.
                let truth: Vec<usize> = target
                    .codes_in(classes)
                    .iter()
                    .map(|code| code.unwrap_or(usize::MAX))
                    .collect();
                let found: Vec<usize> = predictions
                    .iter()
                    .map(|p| p.class.unwrap_or(usize::MAX - 1))
                    .collect();
                accuracy(&truth, &found, weights)?
            } else {
                let value = |p: &Prediction| {
                    let missing = ScoreError::Length {
                        found: p.values.len(),
                        expected: targets.len(),
                    };
                    p.values.get(output).copied().ok_or(missing)
                };
                let found = predictions
                    .iter()
                    .map(value)
                    .collect::<Result<Vec<f64>, _>>()?;
                self.of_numbers(&target.to_numbers()?, &found, weights)?
            };
        }
        if targets.is_empty() {
            return Err(ScoreError::Empty.into());
        }
        Ok(sum / targets.len() as f64)
    }

    fn of_numbers(
        self,
        truth: &[f64],
        found: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<f64, ScoreError> {
        match self {
            Self::D2 { power } => d2_tweedie(truth, found, power, weights),
            Self::R2 | Self::Accuracy => r2(truth, found, weights),
        }
    }
}

/// The weights of `rows` rows, checked.
fn checked_weights(
    rows: usize,
    other: usize,
    weights: Option<&[f64]>,
) -> Result<Vec<f64>, ScoreError> {
    if rows == 0 {
        return Err(ScoreError::Empty);
    }
    let lengths = [other, weights.map_or(rows, <[f64]>::len)];
    if let Some(&found) = lengths.iter().find(|&&length| length != rows) {
        return Err(ScoreError::Length {
            found,
            expected: rows,
        });
    }
    let weights = weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
        return Err(ScoreError::Weights);
    }
    Ok(weights)
}

/// Weighted mean of `values`, one per weight.
fn mean(values: impl Iterator<Item = f64>, weights: &[f64]) -> f64 {
    values.zip(weights).map(|(x, w)| x * w).sum::<f64>() / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(cells: &[&str]) -> TargetColumn {
        TargetColumn {
            name: "y".to_owned(),
            cells: cells.iter().map(|&c| c.to_owned()).collect(),
        }
    }

    fn numbers(values: &[f64]) -> Prediction {
        Prediction {
            scores: values.to_vec(),
            values: values.to_vec(),
            class: None,
        }
    }

    #[test]
    fn several_targets_are_averaged() {
        let predictions = [numbers(&[1.0, 5.0]), numbers(&[3.0, 5.0])];
        // The first is exact, R2 = 1; the second is the mean of its target, R2 = 0.
        let targets = [target(&["1", "3"]), target(&["4", "6"])];
        assert_eq!(
            Metric::R2.evaluate_all(&predictions, &targets, &[], None),
            Ok(0.5)
        );
        // One target is compared with the first value: 1 and 3 against 4 and 6, R2 = 1 - 18/2 = -8.
        assert_eq!(
            Metric::R2.evaluate(&predictions, &targets[1], &[], None),
            Ok(-8.0)
        );
        let more = [targets[0].clone(), targets[0].clone(), targets[0].clone()];
        let error = ScoreError::Length {
            found: 2,
            expected: 3,
        };
        assert_eq!(
            Metric::R2.evaluate_all(&predictions, &more, &[], None),
            Err(error.into())
        );
    }

    #[test]
    fn unknown_labels_are_wrong() {
        let class = |class| Prediction {
            scores: vec![],
            values: vec![],
            class: Some(class),
        };
        let classes = ["no".to_owned(), "yes".to_owned()];
        let predictions = [class(0), class(1), class(1)];
        let score = Metric::Accuracy.evaluate(
            &predictions,
            &target(&["no", "yes", "perhaps"]),
            &classes,
            None,
        );
        assert_eq!(score, Ok(2.0 / 3.0));
    }
}
