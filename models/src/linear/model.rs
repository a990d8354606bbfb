//! Linear models on reals.

use alloc::collections::BTreeMap;
use core::ops::Deref;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tenebra_quant::{Decision, InverseLink};

use super::calibration::FeatureStats;
use crate::model::ModelError;
use crate::scores::Metric;
use tenebra_quant::Prediction;

/// The parts of a linear model, unchecked; [`LinearModel::new`] is the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearParts {
    /// Estimator or operator it comes from, as scikit-learn or ONNX calls it.
    pub estimator: String,
    /// One name per feature, where they are known.
    #[serde(default)]
    pub feature_names: Option<Vec<String>>,
    /// Number of features, at least 1.
    pub n_features: usize,
    /// One row of `n_features` coefficients per output.
    pub coef: Vec<Vec<f64>>,
    /// One per output.
    pub intercept: Vec<f64>,
    /// From scores to predictions.
    pub inverse_link: InverseLink,
    /// From scores to a class.
    pub decision: Decision,
    /// Class labels: two for [`Decision::Threshold`], one per output for [`Decision::ArgMax`], else none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Names of the outputs of a regression, where it has several and they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_names: Option<Vec<String>>,
    /// What is known of each feature from the training data: what to quantize on when there is no other calibration data.
    #[serde(default)]
    pub feature_stats: Option<Vec<FeatureStats>>,
    /// Hyper-parameters as given, by name.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

impl LinearParts {
    /// A regression without features, to be filled in by struct update.
    pub fn regression(estimator: &str) -> Self {
        Self {
            estimator: estimator.to_owned(),
            feature_names: None,
            n_features: 0,
            coef: Vec::new(),
            intercept: vec![0.0],
            inverse_link: InverseLink::Identity,
            decision: Decision::None,
            classes: Vec::new(),
            target_names: None,
            feature_stats: None,
            params: BTreeMap::new(),
        }
    }
}

/// A linear model: finite numbers, shapes that agree. Reads as its [`LinearParts`].
#[derive(Clone, Debug, PartialEq)]
pub struct LinearModel(LinearParts);

impl Deref for LinearModel {
    type Target = LinearParts;

    fn deref(&self) -> &LinearParts {
        &self.0
    }
}

impl LinearModel {
    /// Checks the parts.
    ///
    /// # Errors
    /// [`ModelError::Shape`] or [`ModelError::NotFinite`].
    pub fn new(parts: LinearParts) -> Result<Self, ModelError> {
        let shape = |message: String| Err(ModelError::Shape { message });
        let outputs = parts.coef.len();
        if parts.n_features == 0 || outputs == 0 {
            return shape(format!(
                "{} features and {outputs} outputs; at least one of each is needed",
                parts.n_features
            ));
        }
        if let Some(at) = parts
            .coef
            .iter()
            .position(|row| row.len() != parts.n_features)
        {
            let found = parts.coef[at].len();
            return shape(format!(
                "output {at} has {found} coefficients for {} features",
                parts.n_features
            ));
        }
        if parts.intercept.len() != outputs {
            return shape(format!(
                "{} intercepts for {outputs} outputs",
                parts.intercept.len()
            ));
        }
        if let Some(names) = &parts.feature_names {
            let distinct: HashSet<&String> = names.iter().collect();
            if names.len() != parts.n_features || distinct.len() != names.len() {
                let (found, distinct, n) = (names.len(), distinct.len(), parts.n_features);
                return shape(format!(
                    "{found} feature names ({distinct} distinct) for {n} features"
                ));
            }
        }
        if let Some(names) = &parts.target_names {
            let distinct: HashSet<&String> = names.iter().collect();
            if names.len() != outputs || distinct.len() != outputs || !parts.classes.is_empty() {
                let (found, distinct) = (names.len(), distinct.len());
                return shape(format!(
                    "{found} target names ({distinct} distinct) for {outputs} outputs"
                ));
            }
        }
        check_decision(&parts, outputs)?;
        check_stats(&parts)?;
        for (output, row) in parts.coef.iter().enumerate() {
            if let Some(feature) = row.iter().position(|w| !w.is_finite()) {
                let names = parts.feature_names.as_deref().unwrap_or_default();
                let name = names.get(feature).map(|name| format!("`{name}`"));
                let name = name.unwrap_or_else(|| (feature + 1).to_string());
                let place = format!("the coefficient of output {}, feature {name}", output + 1);
                return Err(ModelError::NotFinite {
                    place,
                    value: row[feature],
                });
            }
        }
        if let Some(output) = parts.intercept.iter().position(|b| !b.is_finite()) {
            let place = format!("the intercept of output {}", output + 1);
            return Err(ModelError::NotFinite {
                place,
                value: parts.intercept[output],
            });
        }
        Ok(Self(parts))
    }

    /// The parts, for reading.
    pub fn parts(&self) -> &LinearParts {
        &self.0
    }

    /// Number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.coef.len()
    }

    /// The scores of one row, one per output, before the link.
    ///
    /// # Errors
    /// [`ModelError::RowLength`], [`ModelError::MissingValue`].
    pub fn decision_function(&self, row: &[f64]) -> Result<Vec<f64>, ModelError> {
        if row.len() != self.n_features {
            return Err(ModelError::RowLength {
                found: row.len(),
                expected: self.n_features,
            });
        }
        if let Some(feature) = row.iter().position(|x| !x.is_finite()) {
            return Err(ModelError::MissingValue { feature });
        }
        let scores = self.coef.iter().zip(&self.intercept);
        Ok(scores
            .map(|(w, b)| w.iter().zip(row).map(|(w, x)| w * x).sum::<f64>() + b)
            .collect())
    }

    /// Scores, predictions and class of one row.
    ///
    /// # Errors
    /// As [`LinearModel::decision_function`].
    pub fn predict(&self, row: &[f64]) -> Result<Prediction, ModelError> {
        Ok(Prediction::from_scores(
            self.decision_function(row)?,
            self.inverse_link,
            self.decision,
        ))
    }

    pub(crate) fn metric(&self) -> Metric {
        if self.decision != Decision::None {
            return Metric::Accuracy;
        }
        match (self.estimator.as_str(), self.inverse_link) {
            ("PoissonRegressor", _) => Metric::D2 { power: 1.0 },
            ("GammaRegressor", _) => Metric::D2 { power: 2.0 },
            ("TweedieRegressor", _) => Metric::D2 {
                power: self
                    .params
                    .get("power")
                    .and_then(|p| p.parse().ok())
                    .unwrap_or(0.0),
            },
            // A log link without a name: counts are its most common use.
            (_, InverseLink::Exp) => Metric::D2 { power: 1.0 },
            _ => Metric::R2,
        }
    }
}

fn check_stats(parts: &LinearParts) -> Result<(), ModelError> {
    let Some(stats) = &parts.feature_stats else {
        return Ok(());
    };
    let message = if stats.len() != parts.n_features {
        format!(
            "statistics of {} features for {} features",
            stats.len(),
            parts.n_features
        )
    } else if let Some(at) = stats.iter().position(|stats| !stats.is_valid()) {
        format!(
            "the statistics of feature {at} contradict each other: {:?}",
            stats[at]
        )
    } else {
        return Ok(());
    };
    Err(ModelError::Shape { message })
}

fn check_decision(parts: &LinearParts, outputs: usize) -> Result<(), ModelError> {
    let classes = parts.classes.len();
    let (fits, wanted) = match parts.decision {
        Decision::None => (classes == 0, "none for a regression".to_owned()),
        Decision::Threshold => (
            classes == 2 && outputs == 1,
            "2 and 1 output for a threshold".to_owned(),
        ),
        Decision::ArgMax => (
            classes == outputs && classes > 1,
            "one per output and at least 2".to_owned(),
        ),
    };
    if !fits {
        return Err(ModelError::Shape {
            message: format!("{classes} classes and {outputs} outputs; expected {wanted}"),
        });
    }
    let distinct: HashSet<&String> = parts.classes.iter().collect();
    if distinct.len() != classes {
        return Err(ModelError::Shape {
            message: "two classes have the same label".to_owned(),
        });
    }
    let fits = match parts.inverse_link {
        InverseLink::Identity | InverseLink::Sigmoid => true,
        InverseLink::Exp => parts.decision == Decision::None,
        InverseLink::SigmoidNormalized | InverseLink::Softmax => parts.decision == Decision::ArgMax,
    };
    if fits {
        return Ok(());
    }
    let message = format!(
        "the inverse link {:?} does not go with {:?}",
        parts.inverse_link, parts.decision
    );
    Err(ModelError::Shape { message })
}
