//! What every linear model takes from its training data.

use crate::linear::{FeatureStats, LinearModel, LinearParts};
use crate::model::Model;
use crate::quantized::QuantizeOptions;
use crate::train::{Params, Trained, TrainingData};

pub(super) fn trained(model: LinearModel, warning: Option<String>) -> Trained {
    Trained {
        model: Model::Linear(model),
        warning,
    }
}

impl TrainingData<'_> {
    /// Fills in what every linear model takes from its data: names, classes and hyper-parameters.
    pub(super) fn describe(&self, params: &Params, parts: LinearParts) -> LinearParts {
        LinearParts {
            feature_names: Some(self.table.columns().to_vec()),
            n_features: self.table.n_columns(),
            feature_stats: self.stats(),
            classes: self
                .classes()
                .map(|classes| classes.labels.clone())
                .unwrap_or_default(),
            target_names: self.several_target_names(),
            params: params.to_text(),
            ..parts
        }
    }

    /// What the codecs of the features can be chosen from, without keeping the data.
    fn stats(&self) -> Option<Vec<FeatureStats>> {
        let options = QuantizeOptions::default();
        let feature =
            |j| FeatureStats::new(&self.table.column(j).collect::<Vec<_>>(), &options).ok();
        (0..self.table.n_columns()).map(feature).collect()
    }
}
