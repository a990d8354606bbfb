//! What models say about rows.

use tenebra_quant::{Decision, InverseLink};

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
