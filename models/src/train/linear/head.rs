//! What every trainer of a linear model gives, and what the model takes from its training data besides.

use tenebra_quant::{Decision, InverseLink};

use super::minimize::Solution;
use crate::data::Classes;
use crate::linear::{FeatureStats, LinearModel, LinearParts};
use crate::model::Model;
use crate::quantized::QuantizeOptions;
use crate::train::{Params, TrainError, Trained, TrainingData};

/// `scores = coef · x + intercept`, and what they mean.
pub(super) struct Head {
    /// Coefficients and intercepts per output, and what to tell the user.
    pub(super) solution: Solution,
    pub(super) inverse_link: InverseLink,
    pub(super) decision: Decision,
}

impl Head {
    /// Scores that are the predictions.
    pub(super) fn regression(solution: Solution) -> Self {
        Self {
            solution,
            inverse_link: InverseLink::Identity,
            decision: Decision::None,
        }
    }

    /// A score of the second of two classes, or one of each of several.
    pub(super) fn classifier(solution: Solution, classes: &Classes) -> Self {
        Self {
            solution,
            inverse_link: InverseLink::Identity,
            decision: if classes.labels.len() == 2 {
                Decision::Threshold
            } else {
                Decision::ArgMax
            },
        }
    }

    /// The model, with names, classes and hyper-parameters.
    pub(super) fn into_trained(
        self,
        estimator: &str,
        params: &Params,
        data: &TrainingData<'_>,
    ) -> Result<Trained, TrainError> {
        let classes = data.classes().map(|classes| classes.labels.clone());
        let model = LinearModel::new(LinearParts {
            estimator: estimator.to_owned(),
            feature_names: Some(data.table.columns().to_vec()),
            n_features: data.table.n_columns(),
            coef: self.solution.coef,
            intercept: self.solution.intercept,
            inverse_link: self.inverse_link,
            decision: self.decision,
            classes: classes.unwrap_or_default(),
            target_names: data.several_target_names(),
            feature_stats: stats(data),
            params: params.to_text(),
        })?;
        Ok(Trained {
            model: Model::Linear(model),
            warning: self.solution.warning,
        })
    }
}

/// What the codecs of the features can be chosen from, without keeping the data.
fn stats(data: &TrainingData<'_>) -> Option<Vec<FeatureStats>> {
    let options = QuantizeOptions::default();
    let feature = |j| FeatureStats::new(&data.table.column(j).collect::<Vec<_>>(), &options).ok();
    (0..data.table.n_columns()).map(feature).collect()
}
