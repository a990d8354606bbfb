//! Weights of classes, and classifiers of one class against the others.

use crate::data::Classes;
use crate::train::TrainingData;
use crate::train::params::ClassWeight;

/// A weight per class: 1, or with `class_weight=balanced` what makes the classes weigh the same.
///
/// `weights` say how much a row counts; scikit-learn lets the sample weights decide everywhere but in SGD.
pub(super) fn class_weights(
    class_weight: Option<ClassWeight>,
    classes: &Classes,
    weights: &[f64],
) -> Vec<f64> {
    if class_weight.is_none() {
        return vec![1.0; classes.labels.len()];
    }
    let mut totals = vec![0.0; classes.labels.len()];
    for (&code, weight) in classes.codes.iter().zip(weights) {
        totals[code] += weight;
    }
    let share = totals.iter().sum::<f64>() / totals.len() as f64;
    // A class without weight matters nowhere.
    totals
        .iter()
        .map(|&total| if total > 0.0 { share / total } else { 1.0 })
        .collect()
}

/// One class against the others.
pub(super) struct OneVsRest {
    /// Per row 1 or -1.
    pub(super) signs: Vec<f64>,
    /// Weight of a row of the class, and of another. The others weigh 1 if they are several classes.
    pub(super) weights: (f64, f64),
}

impl OneVsRest {
    /// The second of two classes, or each of more; `weights` as for [`class_weights`].
    pub(super) fn problems(
        class_weight: Option<ClassWeight>,
        classes: &Classes,
        weights: &[f64],
    ) -> Vec<Self> {
        let weights = class_weights(class_weight, classes, weights);
        let problem = |positive: usize, negative: f64| Self {
            signs: classes
                .codes
                .iter()
                .map(|&code| if code == positive { 1.0 } else { -1.0 })
                .collect(),
            weights: (weights[positive], negative),
        };
        match weights.as_slice() {
            [first, _] => vec![problem(1, *first)],
            all => (0..all.len()).map(|class| problem(class, 1.0)).collect(),
        }
    }

    /// Sample weights times those of the classes.
    pub(super) fn row_weights(&self, data: &TrainingData<'_>) -> Vec<f64> {
        let (positive, negative) = self.weights;
        let weight =
            |(sign, weight): (&f64, &f64)| weight * if *sign > 0.0 { positive } else { negative };
        self.signs.iter().zip(&data.weights).map(weight).collect()
    }
}
