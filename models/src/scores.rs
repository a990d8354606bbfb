//! Scores of predictions, as scikit-learn's `metrics` define them.
//!
//! The functions here take slices and optional sample weights, one per row. [`Metric`] names a score; [`Outcomes`] gathers
//! what scores are computed from, in as many pieces as the rows come in.

mod classification;
mod metric;
mod outcomes;
mod regression;

pub use classification::{
    Average, accuracy, f1, hinge_loss, log_loss, matthews_corrcoef, precision, recall, roc_auc,
};
pub use metric::{Averaging, Metric, UnknownMetric};
pub use outcomes::Outcomes;
pub use regression::{
    d2_tweedie, mean_absolute_error, mean_squared_error, mean_tweedie_deviance, r2,
};

use crate::data::TargetColumn;
use crate::error::{DataError, ScoreError};
use crate::model::Prediction;

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
    /// A score of classes for numbers, or the other way round.
    #[error("{metric} needs {needs}, and this model predicts {predicts}")]
    Task {
        /// The score.
        metric: Metric,
        /// What it is a score of.
        needs: &'static str,
        /// What there is.
        predicts: &'static str,
    },
    /// A score of two classes for more.
    #[error("{metric} needs two classes, the model has {classes}{instead}")]
    TwoClasses {
        /// The score.
        metric: Metric,
        /// How many there are.
        classes: usize,
        /// What to ask for.
        instead: &'static str,
    },
    /// A label that the model does not know, in a score that looks at the scores of the true class.
    #[error("row {row}: the model does not know this label, so there is no {metric}")]
    UnknownLabel {
        /// The score.
        metric: Metric,
        /// Row, from 1.
        row: usize,
    },
    /// A score of probabilities for a model without.
    #[error("{metric} needs probabilities; the scores of this model are none")]
    NoProbabilities {
        /// The score.
        metric: Metric,
    },
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
        let mut outcomes = Outcomes::new(classes, None, &[self]);
        outcomes.extend(predictions, targets, weights)?;
        outcomes.score(self)
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
