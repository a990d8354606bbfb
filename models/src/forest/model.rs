//! Forests on reals.

use core::ops::Deref;

use tenebra_quant::{Decision, InverseLink};

use super::{ForestError, ForestParts, Node, check, ties};
use crate::data::Words;
use crate::scores::Metric;
use tenebra_quant::Prediction;

/// A checked forest. Reads as its [`ForestParts`].
///
/// Holds for every one: children exist and come after their parents, thresholds and leaves are finite, features and
/// outputs are in range, and the classes fit the outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestModel {
    parts: ForestParts,
    /// The features that splits read, ascending, each with whether it must not be missing.
    used: Vec<(u32, bool)>,
    /// How close scores must be to be equal.
    equal: f64,
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
        let equal = ties::equal(&parts);
        Ok(Self { parts, used, equal })
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

    /// The columns of categories whose cells are words, by feature.
    pub fn words(&self) -> impl Iterator<Item = (usize, &Words)> {
        let words = self.parts.categories.iter();
        let words = words.filter(|(_, words)| !words.words.is_empty());
        words.map(|(feature, words)| (*feature as usize, words))
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

    /// The leaf that a row reaches in each tree, as an index into [`Tree::nodes`](super::Tree::nodes).
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
        let class = self.decide(&scores);
        let prediction =
            Prediction::from_scores(scores, self.parts.inverse_link, self.parts.decision);
        Ok(Prediction {
            class,
            ..prediction
        })
    }

    /// The class that scores decide on, the first of those that tie; `None` of a regression.
    pub(crate) fn decide(&self, scores: &[f64]) -> Option<usize> {
        ties::decide(self.parts.decision, scores, self.equal)
    }

    pub(crate) fn equal(&self) -> f64 {
        self.equal
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
