//! Scores of predictions against target columns.

use super::{Metric, Outcomes, ScoreError};
use crate::data::TargetColumn;
use tenebra_quant::Prediction;

impl Metric {
    /// The score of `predictions` against a target column. A label that `classes` lacks is an error.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn evaluate(
        self,
        predictions: &[Prediction],
        target: &TargetColumn,
        classes: &[String],
        weights: Option<&[f64]>,
    ) -> Result<f64, ScoreError> {
        self.evaluate_all(predictions, core::slice::from_ref(target), classes, weights)
    }

    /// The mean score over several target columns, the first of which belongs to the first output, and so on.
    ///
    /// # Errors
    /// [`ScoreError`]; no targets are [`MetricError::Empty`](super::MetricError::Empty), another number than of outputs [`ScoreError::Targets`].
    pub fn evaluate_all(
        self,
        predictions: &[Prediction],
        targets: &[TargetColumn],
        classes: &[String],
        weights: Option<&[f64]>,
    ) -> Result<f64, ScoreError> {
        let mut outcomes = Outcomes::new(classes, None, &[self]);
        outcomes.extend(predictions, targets, weights)?;
        outcomes.score(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataError;

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
        for count in [1, 3] {
            let targets = vec![targets[0].clone(); count];
            let error = ScoreError::Targets {
                found: count,
                count: 2,
            };
            let score = Metric::R2.evaluate_all(&predictions, &targets, &[], None);
            assert_eq!(score, Err(error));
        }
    }

    #[test]
    fn targets_are_matched_by_name() {
        let names = ["a".to_owned(), "b".to_owned()];
        let column = |name: &str, cells: &[&str]| TargetColumn {
            name: name.to_owned(),
            ..target(cells)
        };
        let score = |targets: &[TargetColumn]| {
            let mut outcomes = Outcomes::new(&[], None, &[]).with_target_names(Some(&names));
            let predictions = [numbers(&[1.0, 5.0]), numbers(&[3.0, 7.0])];
            outcomes.extend(&predictions, targets, None)?;
            outcomes.score(Metric::R2)
        };
        let (a, b) = (column("a", &["1", "3"]), column("b", &["5", "7"]));
        for targets in [
            vec![a.clone(), b.clone()],
            vec![b.clone(), a.clone()],
            vec![b],
        ] {
            assert_eq!(score(&targets), Ok(1.0));
        }
        let error = score(&[a, column("c", &["5", "7"])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the model does not predict `c`; it predicts `a`, `b`"
        );
    }

    #[test]
    fn unknown_and_missing_labels_are_errors() {
        let class = |class| Prediction {
            scores: vec![],
            values: vec![],
            class: Some(class),
        };
        let classes = ["no".to_owned(), "yes".to_owned()];
        let mut outcomes = Outcomes::new(&classes, None, &[]);
        outcomes
            .extend(&[class(0), class(0)], &[target(&["no", "yes"])], None)
            .unwrap();
        let mut error = |cell| {
            outcomes
                .extend(&[class(0)], &[target(&[cell])], None)
                .unwrap_err()
        };
        assert!(matches!(
            error("perhaps"),
            ScoreError::Data(DataError::UnknownLabels { rows: 1, .. })
        ));
        assert!(matches!(
            error(""),
            ScoreError::Data(DataError::TargetMissing { row: 3, .. })
        ));
        assert_eq!(outcomes.score(Metric::Accuracy), Ok(0.5));
    }
}
