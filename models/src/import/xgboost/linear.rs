//! `gblinear`: margins that are affine in the features.

use alloc::collections::BTreeMap;

use super::error::XgboostError;
use super::non_finite::Single;
use super::{Head, Rule};
use crate::linear::{LinearModel, LinearParts};
use crate::model::Model;

/// The weights are those of the first feature for each output, of the second, …, then the intercepts.
///
/// XGBoost leaves a missing value out of the sum; a linear model here refuses such a row. Where each output has a base score, it
/// adds that of the first one to all.
pub(super) fn model(head: Head, rule: Rule, weights: &[Single]) -> Result<Model, XgboostError> {
    let (n_features, outputs) = (head.n_features()?, rule.outputs);
    let expected = n_features.saturating_add(1).saturating_mul(outputs);
    if weights.len() != expected {
        return Err(XgboostError::Weights {
            found: weights.len(),
            expected,
        });
    }
    let weight = |feature: usize, output: usize| f64::from(weights[feature * outputs + output].0);
    let coef = |output| {
        (0..n_features)
            .map(|feature| weight(feature, output))
            .collect()
    };
    let model = LinearModel::new(LinearParts {
        estimator: head.estimator(),
        feature_names: head.feature_names(),
        n_features,
        coef: (0..outputs).map(coef).collect(),
        intercept: (0..outputs)
            .map(|output| rule.bias[0] + weight(n_features, output))
            .collect(),
        inverse_link: rule.objective.inverse_link,
        decision: rule.objective.decision,
        classes: rule.classes,
        target_names: None,
        feature_stats: None,
        params: BTreeMap::new(),
    })?;
    Ok(Model::Linear(model))
}
