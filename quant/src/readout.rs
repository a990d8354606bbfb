//! What a model's integers say: scores, predictions, a class.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::{Decision, InverseLink, Output};

/// From a circuit's integers to scores, from scores to predictions and a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// In the order of the circuit's outputs.
    pub outputs: Vec<Output>,
    /// From scores to what `predict_proba` returns.
    pub inverse_link: InverseLink,
    /// From scores to a class.
    pub decision: Decision,
    /// Names of the classes, in the order of their indices; empty for a regression.
    pub classes: Vec<String>,
}

impl Readout {
    /// What the integers of a row say, one per output; `None` for another number of them.
    #[must_use]
    pub fn predict(&self, integers: &[i64]) -> Option<Prediction> {
        if integers.len() != self.outputs.len() {
            return None;
        }
        let scores = self.outputs.iter().zip(integers);
        let scores = scores.map(|(output, &integer)| output.score(integer));
        Some(Prediction::from_scores(
            scores.collect(),
            self.inverse_link,
            self.decision,
        ))
    }

    /// The name of the predicted class, where there is one.
    #[must_use]
    pub fn label(&self, prediction: &Prediction) -> Option<&str> {
        self.classes.get(prediction.class?).map(String::as_str)
    }
}

/// What a model says about one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Real scores before the link, one per output (scikit-learn's `decision_function`).
    pub scores: Vec<f64>,
    /// The scores behind the inverse link: predicted numbers, or probabilities where the link gives them.
    pub values: Vec<f64>,
    /// Index of the predicted class; `None` in regression.
    pub class: Option<usize>,
}

impl Prediction {
    /// Applies link and decision to scores.
    #[must_use]
    pub fn from_scores(scores: Vec<f64>, inverse_link: InverseLink, decision: Decision) -> Self {
        let class = decision.decide(&scores);
        let mut values = scores.clone();
        inverse_link.apply(&mut values);
        Self {
            scores,
            values,
            class,
        }
    }

    /// A probability per class, for classifiers whose link gives probabilities.
    #[must_use]
    pub fn probabilities(&self, inverse_link: InverseLink) -> Option<Vec<f64>> {
        match (self.class, inverse_link, self.values.as_slice()) {
            (None, _, _) | (_, InverseLink::Identity | InverseLink::Exp, _) => None,
            (_, _, &[p]) => Some(vec![1.0 - p, p]),
            (_, _, values) => Some(values.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readout(outputs: usize, inverse_link: InverseLink, decision: Decision) -> Readout {
        let output = Output {
            min: -8,
            max: 7,
            scale: 0.5,
            offset: 1.0,
        };
        Readout {
            outputs: vec![output; outputs],
            inverse_link,
            decision,
            classes: ["no", "yes"].map(String::from).to_vec(),
        }
    }

    #[test]
    fn integers_become_scores_and_a_class() {
        // 0.5 * -6 + 1 = -2 and 0.5 * -2 + 1 = 0: the second is larger.
        let readout = readout(2, InverseLink::Identity, Decision::ArgMax);
        let prediction = readout.predict(&[-6, -2]).expect("two outputs");
        assert_eq!(prediction.scores, [-2.0, 0.0]);
        assert_eq!(prediction.values, prediction.scores);
        assert_eq!(prediction.class, Some(1));
        assert_eq!(readout.label(&prediction), Some("yes"));
        assert_eq!(prediction.probabilities(InverseLink::Identity), None);
        for count in [0, 1, 3] {
            assert_eq!(readout.predict(&vec![0; count]), None, "{count} integers");
        }
    }

    #[test]
    fn one_score_makes_two_probabilities() {
        // The score is 0, which is not above 0; its sigmoid is 1/2.
        let readout = readout(1, InverseLink::Sigmoid, Decision::Threshold);
        let prediction = readout.predict(&[-2]).expect("one output");
        assert_eq!(readout.label(&prediction), Some("no"));
        assert_eq!(
            prediction.probabilities(InverseLink::Sigmoid),
            Some(vec![0.5, 0.5])
        );
    }

    #[test]
    fn a_regression_has_no_class() {
        let readout = readout(1, InverseLink::Exp, Decision::None);
        let prediction = readout.predict(&[-2]).expect("one output");
        assert_eq!(prediction.values, [1.0]);
        assert_eq!((prediction.class, readout.label(&prediction)), (None, None));
    }
}
