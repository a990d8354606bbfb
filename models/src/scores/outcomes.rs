//! What scores are computed from, gathered piece by piece.

use tenebra_quant::InverseLink;

use super::{
    Average, Averaging, Metric, ScoreError, accuracy, d2_tweedie, f1, hinge_loss, log_loss,
    matthews_corrcoef, mean_absolute_error, mean_squared_error, mean_tweedie_deviance, precision,
    r2, recall, roc_auc,
};
use crate::data::DataError;
use crate::data::TargetColumn;
use crate::scores::MetricError;
use tenebra_quant::Prediction;

/// Truths and predictions of many rows in columns: 16 bytes a row for a score of classes or for one number, 8 more for sample
/// weights and for each further number that the scores look at.
#[derive(Clone, Debug)]
pub struct Outcomes {
    classes: Vec<String>,
    /// Of models of several numbers, where they know them.
    target_names: Option<Vec<String>>,
    /// Of models whose scores become probabilities.
    inverse_link: Option<InverseLink>,
    /// Whether any of the metrics looks at the scores of the classes.
    keep_scores: bool,
    rows: usize,
    weights: Vec<f64>,
    weighted: bool,
    /// True and predicted class.
    truth: Vec<usize>,
    found: Vec<usize>,
    /// Decision values and probabilities, one inner `Vec` a row.
    scores: Vec<Vec<f64>>,
    probabilities: Vec<Vec<f64>>,
    /// By target: true and predicted numbers.
    numbers: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Outcomes {
    /// Nothing yet, for the classes (none for a regression) and the link of a model, and the scores that will be asked for.
    #[must_use]
    pub fn new(classes: &[String], inverse_link: Option<InverseLink>, metrics: &[Metric]) -> Self {
        Self {
            classes: classes.to_vec(),
            target_names: None,
            inverse_link,
            keep_scores: metrics.iter().any(|metric| metric.needs_scores()),
            rows: 0,
            weights: Vec::new(),
            weighted: false,
            truth: Vec::new(),
            found: Vec::new(),
            scores: Vec::new(),
            probabilities: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// With the names of the outputs, by which targets are matched; without, there must be a target for every output, in order.
    #[must_use]
    pub fn with_target_names(self, names: Option<&[String]>) -> Self {
        Self {
            target_names: names.map(<[String]>::to_vec),
            ..self
        }
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds rows, the same target columns every time.
    ///
    /// # Errors
    /// [`ScoreError::Data`] for a target that is missing, no number where numbers are predicted, or none of the classes, with
    /// its row counted over all pieces; [`ScoreError::UnknownTarget`] and [`ScoreError::Targets`] for targets that are not
    /// the outputs'; [`MetricError::Length`] for lists of different lengths.
    pub fn extend(
        &mut self,
        predictions: &[Prediction],
        targets: &[TargetColumn],
        weights: Option<&[f64]>,
    ) -> Result<(), ScoreError> {
        let expected = predictions.len();
        let lengths = targets.iter().map(|target| target.cells.len());
        let mut lengths = lengths.chain(weights.map(<[f64]>::len));
        if let Some(found) = lengths.find(|found| *found != expected) {
            return Err(MetricError::Length { found, expected }.into());
        }
        if targets.is_empty() {
            return Err(MetricError::Empty.into());
        }
        if self.classes.is_empty() {
            self.extend_numbers(predictions, targets)?;
        } else {
            self.extend_classes(predictions, targets)?;
        }
        self.weighted = weights.is_some();
        self.weights.extend(weights.unwrap_or_default());
        self.rows += expected;
        Ok(())
    }

    fn extend_numbers(
        &mut self,
        predictions: &[Prediction],
        targets: &[TargetColumn],
    ) -> Result<(), ScoreError> {
        let first = self.rows;
        let expected = predictions.first().map_or(0, |p| p.values.len());
        let outputs = self.outputs(targets, expected)?;
        self.numbers.resize(targets.len(), Default::default());
        for ((output, target), (truth, found)) in
            outputs.into_iter().zip(targets).zip(&mut self.numbers)
        {
            truth.extend(target.to_numbers().map_err(|e| later(e, first))?);
            for prediction in predictions {
                let values = &prediction.values;
                let missing = MetricError::Length {
                    found: values.len(),
                    expected,
                };
                found.push(values.get(output).copied().ok_or(missing)?);
            }
        }
        Ok(())
    }

    /// Which of `count` outputs predicts each target.
    fn outputs(&self, targets: &[TargetColumn], count: usize) -> Result<Vec<usize>, ScoreError> {
        let found = targets.len();
        match &self.target_names {
            _ if (found, count) == (1, 1) => Ok(vec![0]),
            Some(names) => targets
                .iter()
                .map(|target| {
                    let unknown = || ScoreError::UnknownTarget {
                        name: target.name.clone(),
                        known: names.clone(),
                    };
                    let output = names.iter().position(|name| *name == target.name);
                    output.ok_or_else(unknown)
                })
                .collect(),
            None if found == count => Ok((0..count).collect()),
            None => Err(ScoreError::Targets { found, count }),
        }
    }

    fn extend_classes(
        &mut self,
        predictions: &[Prediction],
        targets: &[TargetColumn],
    ) -> Result<(), ScoreError> {
        let [target] = targets else {
            let (found, expected) = (targets.len(), 1);
            return Err(MetricError::Length { found, expected }.into());
        };
        let codes = target.codes_in(&self.classes);
        self.truth.extend(codes.map_err(|e| later(e, self.rows))?);
        // A prediction without a class is never right.
        let found = predictions.iter().map(|p| p.class.unwrap_or(usize::MAX));
        self.found.extend(found);
        if self.keep_scores {
            self.scores
                .extend(predictions.iter().map(|p| p.scores.clone()));
            if let Some(link) = self.inverse_link {
                let probabilities = predictions.iter().filter_map(|p| p.probabilities(link));
                self.probabilities.extend(probabilities);
            }
        }
        Ok(())
    }

    /// The score of all rows; the mean over the targets where there are several.
    ///
    /// # Errors
    /// [`ScoreError`]: no rows, useless weights, a score that is not defined for this model or for these values.
    pub fn score(&self, metric: Metric) -> Result<f64, ScoreError> {
        let of_classes = !self.classes.is_empty();
        if of_classes != metric.is_of_classes() {
            let name = |classes| if classes { "classes" } else { "numbers" };
            return Err(ScoreError::Task {
                metric,
                needs: name(metric.is_of_classes()),
                predicts: name(of_classes),
            });
        }
        if self.rows == 0 {
            return Err(MetricError::Empty.into());
        }
        if of_classes {
            return self.score_classes(metric);
        }
        let mut sum = 0.0;
        for (truth, found) in &self.numbers {
            sum += self.score_numbers(metric, truth, found)?;
        }
        Ok(sum / self.numbers.len() as f64)
    }

    fn score_numbers(
        &self,
        metric: Metric,
        truth: &[f64],
        found: &[f64],
    ) -> Result<f64, MetricError> {
        let weights = self.weights();
        match metric {
            Metric::SquaredError => mean_squared_error(truth, found, weights),
            Metric::AbsoluteError => mean_absolute_error(truth, found, weights),
            Metric::D2 { power } => d2_tweedie(truth, found, power, weights),
            Metric::Deviance { power } => mean_tweedie_deviance(truth, found, power, weights),
            _ => r2(truth, found, weights),
        }
    }

    fn score_classes(&self, metric: Metric) -> Result<f64, ScoreError> {
        let (truth, found, weights) = (&self.truth, &self.found, self.weights());
        let average = |averaging| self.average(metric, averaging);
        let score = match metric {
            Metric::Precision(over) => precision(truth, found, average(over)?, weights),
            Metric::Recall(over) => recall(truth, found, average(over)?, weights),
            Metric::F1(over) => f1(truth, found, average(over)?, weights),
            Metric::Matthews => matthews_corrcoef(truth, found, weights),
            Metric::LogLoss if self.probabilities.len() != self.rows => {
                return Err(ScoreError::NoProbabilities { metric });
            }
            Metric::LogLoss => log_loss(truth, &self.probabilities, weights),
            Metric::Hinge => hinge_loss(truth, &self.scores, weights),
            Metric::RocAuc => {
                self.two_classes(metric, "")?;
                roc_auc(truth, &self.second_scores(), weights)
            }
            _ => accuracy(truth, found, weights),
        };
        Ok(score?)
    }

    fn average(&self, metric: Metric, averaging: Averaging) -> Result<Average, ScoreError> {
        Ok(match averaging {
            Averaging::Binary => {
                self.two_classes(metric, "; ask for the mean over classes, as in f1_macro")?;
                Average::Class(1)
            }
            Averaging::Macro => Average::Macro,
            Averaging::Weighted => Average::Weighted,
        })
    }

    fn two_classes(&self, metric: Metric, instead: &'static str) -> Result<(), ScoreError> {
        let classes = self.classes.len();
        if classes == 2 {
            Ok(())
        } else {
            Err(ScoreError::TwoClasses {
                metric,
                classes,
                instead,
            })
        }
    }

    /// The score of the second of two classes: the only one, or how far it is above the first.
    fn second_scores(&self) -> Vec<f64> {
        let second = |scores: &Vec<f64>| match *scores.as_slice() {
            [first, second] => second - first,
            _ => scores.first().copied().unwrap_or(f64::NAN),
        };
        self.scores.iter().map(second).collect()
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weighted.then_some(self.weights.as_slice())
    }
}

/// The error with its row counted from the first piece.
fn later(mut error: DataError, first: usize) -> DataError {
    if let DataError::TargetMissing { row, .. } | DataError::TargetNotANumber { row, .. } =
        &mut error
    {
        *row += first;
    }
    error
}

#[cfg(test)]
mod tests {
    use tenebra_quant::Decision;

    use super::*;

    fn target(cells: &[&str]) -> TargetColumn {
        TargetColumn {
            name: "y".to_owned(),
            cells: cells.iter().map(|&c| c.to_owned()).collect(),
        }
    }

    fn classified(score: f64) -> Prediction {
        Prediction::from_scores(vec![score], InverseLink::Sigmoid, Decision::Threshold)
    }

    #[test]
    fn pieces_score_as_the_whole() {
        let classes = ["no".to_owned(), "yes".to_owned()];
        let metrics = [
            Metric::Accuracy,
            Metric::F1(Averaging::Binary),
            Metric::LogLoss,
            Metric::Hinge,
            Metric::RocAuc,
        ];
        let scores = [-1.0, 0.5, 2.0, -0.25];
        let predictions = scores.map(classified);
        let cells = ["no", "no", "yes", "yes"];
        let weights = [1.0, 2.0, 1.0, 0.5];
        let gather = |piece: usize| {
            let mut outcomes = Outcomes::new(&classes, Some(InverseLink::Sigmoid), &metrics);
            for at in (0..4).step_by(piece) {
                let place = at..at + piece;
                let (predictions, weights) = (&predictions[place.clone()], &weights[place.clone()]);
                outcomes
                    .extend(predictions, &[target(&cells[place])], Some(weights))
                    .unwrap();
            }
            metrics.map(|metric| outcomes.score(metric).unwrap())
        };
        assert_eq!(gather(1), gather(4));
        // Right: the first and the third, weights 1 + 1 of 4.5.
        assert_eq!(gather(2)[0], 2.0 / 4.5);
        // Margins -(-1) = 1, -0.5, 2, -0.25: losses 0, 1.5, 0, 1.25; weighted (2 * 1.5 + 0.5 * 1.25) / 4.5.
        assert_eq!(gather(2)[3], 3.625 / 4.5);
        // Pairs of a yes over a no: 2 beats both, 1 * 3; -0.25 beats -1 alone, 0.5 * 1; of 1.5 * 3.
        assert_eq!(gather(2)[4], 3.5 / 4.5);
    }

    #[test]
    fn scores_that_do_not_fit_say_why() {
        let classes = ["a", "b", "c"].map(str::to_owned);
        let mut outcomes = Outcomes::new(&classes, None, &[Metric::LogLoss]);
        let prediction =
            Prediction::from_scores(vec![0.0, 1.0, 0.5], InverseLink::Identity, Decision::ArgMax);
        outcomes
            .extend(&[prediction], &[target(&["b"])], None)
            .unwrap();
        for (metric, message) in [
            (
                Metric::F1(Averaging::Binary),
                "f1 needs two classes, the model has 3; ask for the mean over classes, as in f1_macro",
            ),
            (
                Metric::R2,
                "r2 needs numbers, and this model predicts classes",
            ),
            (
                Metric::LogLoss,
                "log_loss needs probabilities; the scores of this model are none",
            ),
        ] {
            assert_eq!(outcomes.score(metric).unwrap_err().to_string(), message);
        }
        // Classes that occur are averaged, as in scikit-learn: `b` alone.
        assert_eq!(outcomes.score(Metric::F1(Averaging::Macro)), Ok(1.0));
    }

    #[test]
    fn a_bad_target_is_counted_over_the_pieces() {
        let number = Prediction::from_scores(vec![1.0], InverseLink::Identity, Decision::None);
        let mut outcomes = Outcomes::new(&[], None, &[]);
        let piece = [number.clone(), number];
        outcomes
            .extend(&piece, &[target(&["1", "2"])], None)
            .unwrap();
        let error = outcomes
            .extend(&piece, &[target(&["1", "x"])], None)
            .unwrap_err();
        assert!(error.to_string().starts_with("row 4"), "{error}");
    }
}
