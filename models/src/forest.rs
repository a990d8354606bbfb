//! Trees, random forests and boosted trees as real numbers: what training or an importer gives.
//!
//! `score[c] = bias[c] + sum over trees of leaf[c]`; [`InverseLink`] and [`Decision`] turn scores into probabilities and
//! classes. Means over trees are folded into the leaves. Every library's own rules decide at a split: strict or not
//! ([`Comparison`]), rounded to single precision or not ([`ForestParts::round_to_f32`]), and where a missing value goes
//! ([`Missing`]), so that a forest reaches the very leaves that the original model reaches.
//!
//! Start with [`import`](crate::import) or the trainers, or fill in [`ForestParts`] and pass the door [`ForestModel::new`].

mod check;
mod error;
mod quantize;
mod tree;

pub use error::ForestError;
pub use quantize::{
    BinsMode, Decoys, ForestOptions, ForestReport, MAX_LEAF_BITS, ScoreDeviation,
    quantize_additive, quantize_forest,
};
pub use tree::{Comparison, Missing, Node, Split, Tree};

use alloc::collections::BTreeMap;
use core::ops::Deref;

use serde::{Deserialize, Serialize};
use tenebra_quant::{Decision, InverseLink};

use crate::data::Words;
use crate::model::Prediction;
use crate::scores::Metric;

/// What a forest is made of, unchecked; [`ForestModel::new`] is the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForestParts {
    /// Estimator or objective it comes from, as its library calls it.
    pub estimator: String,
    /// One name per feature, where they are known.
    #[serde(default)]
    pub feature_names: Option<Vec<String>>,
    /// Number of features of a row, used by a split or not; at least 1.
    pub n_features: usize,
    /// Whether features are rounded to single precision (ties to even) before they are compared, as XGBoost and
    /// scikit-learn do.
    pub round_to_f32: bool,
    /// The trees; their leaves add up.
    pub trees: Vec<Tree>,
    /// One per output: the score of a row before any tree.
    pub bias: Vec<f64>,
    /// From scores to probabilities, rates or means.
    pub inverse_link: InverseLink,
    /// From scores to a class.
    pub decision: Decision,
    /// Class labels: two for [`Decision::Threshold`], one per output for [`Decision::ArgMax`], else none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// The features that are codes of categories, 0, 1, …, each with the words that its column holds for these; without words
    /// where it holds numbers. Their cut points stay exact whatever [`BinsMode`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<u32, Words>,
    /// Hyper-parameters as given, by name.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// A checked forest. Reads as its [`ForestParts`].
///
/// Holds for every one: children exist and come after their parents, thresholds and leaves are finite, features and
/// outputs are in range, and the classes fit the outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestModel {
    parts: ForestParts,
    /// The features that splits read, ascending, each with whether it must not be missing.
    used: Vec<(u32, bool)>,
}

impl Deref for ForestModel {
    type Target = ForestParts;

    fn deref(&self) -> &ForestParts {
        &self.parts
    }
}

impl ForestModel {
    /// Checks `parts`; trees are renumbered where children come before their parents, and unreachable nodes dropped.
    ///
    /// # Errors
    ///
    /// The first thing wrong, with its tree and node. Memory and time are linear in the size of `parts`, whatever the depth.
    pub fn new(mut parts: ForestParts) -> Result<Self, ForestError> {
        check::check(&mut parts)?;
        let used = check::used_features(&parts.trees);
        Ok(Self { parts, used })
    }

    /// The parts, for reading.
    #[must_use]
    pub fn parts(&self) -> &ForestParts {
        &self.parts
    }

    /// Number of scores of a row.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.parts.bias.len()
    }

    /// The features that some split reads, ascending.
    pub fn used_features(&self) -> impl Iterator<Item = usize> {
        self.used.iter().map(|&(feature, _)| feature as usize)
    }

    /// The scores of a row, before link and decision. A missing value is NaN.
    ///
    /// Leaves are added in double precision; a library that adds in single precision differs from it by its own rounding.
    ///
    /// # Errors
    ///
    /// [`ForestError::RowLength`], [`ForestError::MissingValue`], [`ForestError::InfiniteValue`].
    pub fn decision_function(&self, row: &[f64]) -> Result<Vec<f64>, ForestError> {
        let row = self.admit(row)?;
        let mut scores = self.parts.bias.clone();
        for tree in &self.parts.trees {
            if let Node::Leaf(values) = &tree.nodes[tree.leaf(&row)] {
                for (score, value) in scores[tree.first_output..].iter_mut().zip(values) {
                    *score += value;
                }
            }
        }
        Ok(scores)
    }

    /// The leaf that a row reaches in each tree, as an index into [`Tree::nodes`].
    ///
    /// # Errors
    ///
    /// As [`decision_function`](Self::decision_function).
    pub fn apply(&self, row: &[f64]) -> Result<Vec<usize>, ForestError> {
        let row = self.admit(row)?;
        Ok(self
            .parts
            .trees
            .iter()
            .map(|tree| tree.leaf(&row))
            .collect())
    }

    /// Scores, predictions and class of a row.
    ///
    /// # Errors
    ///
    /// As [`decision_function`](Self::decision_function).
    pub fn predict(&self, row: &[f64]) -> Result<Prediction, ForestError> {
        let scores = self.decision_function(row)?;
        Ok(Prediction::from_scores(
            scores,
            self.parts.inverse_link,
            self.parts.decision,
        ))
    }

    /// The score that is usual for the objective.
    pub(crate) fn metric(&self) -> Metric {
        let log_link = self.parts.inverse_link == InverseLink::Exp;
        let objective = self
            .parts
            .params
            .get("objective")
            .unwrap_or(&self.parts.estimator);
        let power = if objective.contains("gamma") {
            2.0
        } else {
            1.0
        };
        match self.parts.decision {
            Decision::None if log_link => Metric::D2 { power },
            Decision::None => Metric::R2,
            Decision::Threshold | Decision::ArgMax => Metric::Accuracy,
        }
    }

    /// Checks a row and rounds it as the splits expect it.
    fn admit(&self, row: &[f64]) -> Result<Vec<f64>, ForestError> {
        if row.len() != self.parts.n_features {
            return Err(ForestError::RowLength {
                found: row.len(),
                expected: self.parts.n_features,
            });
        }
        let mut admitted = row.to_vec();
        for &(feature, must_be_there) in &self.used {
            let feature = feature as usize;
            let value = &mut admitted[feature];
            if self.parts.round_to_f32 {
                #[expect(clippy::cast_possible_truncation, reason = "the rounding is the point")]
                let single = *value as f32;
                *value = f64::from(single);
            }
            if value.is_infinite() {
                let rounded = self.parts.round_to_f32;
                return Err(ForestError::InfiniteValue {
                    feature,
                    value: row[feature],
                    rounded,
                });
            }
            if value.is_nan() && must_be_there {
                return Err(ForestError::MissingValue { feature });
            }
        }
        Ok(admitted)
    }
}

#[cfg(test)]
mod tests;
