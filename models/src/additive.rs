//! Additive models (generalized additive models, GAM): a step function of each feature, summed.
//!
//! `score[c] = bias[c] + sum over terms of values[b(x_feature)][c]`, where `b(x)` is the number of the term's cut points at
//! or below `x` (Hastie and Tibshirani 1986; as boosted steps: Lou et al. 2012). Each term can be read and plotted by
//! itself; as a circuit each is a lookup of one input.

mod error;

pub use error::AdditiveError;

use alloc::collections::BTreeMap;
use core::ops::Deref;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tenebra_quant::{Bins, Decision, InverseLink};

use crate::forest::{
    Comparison, ForestError, ForestModel, ForestParts, Missing, Node, Split, Tree,
};
use crate::scores::Metric;
use tenebra_quant::Prediction;

/// A step function of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Index of the feature, from 0.
    pub feature: usize,
    /// Where the function steps, in the feature's unit: strictly increasing.
    pub cuts: Vec<f64>,
    /// For each interval between cut points, one more than these, what it adds to each output.
    pub values: Vec<Vec<f64>>,
    /// What a missing value adds; `None` where the model learned nothing about it, and such rows are refused.
    #[serde(default)]
    pub missing: Option<Vec<f64>>,
}

/// What an additive model is made of, unchecked; [`AdditiveModel::new`] is the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdditiveParts {
    /// Estimator it comes from.
    pub estimator: String,
    /// One name per feature, where they are known.
    #[serde(default)]
    pub feature_names: Option<Vec<String>>,
    /// Number of features of a row; at least 1.
    pub n_features: usize,
    /// Whether features are rounded to single precision before they are compared.
    pub round_to_f32: bool,
    /// The step functions, at most one per feature.
    pub terms: Vec<Term>,
    /// One per output: the score of a row before any term.
    pub bias: Vec<f64>,
    /// From scores to probabilities or means.
    pub inverse_link: InverseLink,
    /// From scores to a class.
    pub decision: Decision,
    /// Class labels: two for [`Decision::Threshold`], one per output for [`Decision::ArgMax`], else none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Hyper-parameters as given, by name.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// A checked additive model. Reads as its [`AdditiveParts`].
#[derive(Clone, Debug, PartialEq)]
pub struct AdditiveModel {
    parts: AdditiveParts,
    forest: ForestModel,
}

impl Deref for AdditiveModel {
    type Target = AdditiveParts;

    fn deref(&self) -> &AdditiveParts {
        &self.parts
    }
}

impl AdditiveModel {
    /// Checks `parts`.
    ///
    /// # Errors
    ///
    /// The first thing wrong, with its term.
    pub fn new(parts: AdditiveParts) -> Result<Self, AdditiveError> {
        if parts.terms.is_empty() {
            return Err(AdditiveError::NoTerms);
        }
        let mut features = HashSet::new();
        for (index, term) in parts.terms.iter().enumerate() {
            if !features.insert(term.feature) {
                return Err(AdditiveError::SecondTerm {
                    term: index,
                    feature: term.feature,
                });
            }
            Bins::new(&term.cuts).map_err(|source| AdditiveError::Cuts {
                term: index,
                source,
            })?;
            let (found, expected) = (term.values.len(), term.cuts.len() + 1);
            if found != expected {
                return Err(AdditiveError::Intervals {
                    term: index,
                    found,
                    expected,
                });
            }
        }
        let forest = forest(&parts)?;
        // A tree may score some outputs alone, a term all of them.
        let expected = parts.bias.len();
        for (term, of) in parts.terms.iter().enumerate() {
            let lengths = of.values.iter().chain(&of.missing).map(Vec::len);
            if let Some(found) = lengths.into_iter().find(|found| *found != expected) {
                return Err(AdditiveError::Values {
                    term,
                    found,
                    expected,
                });
            }
        }
        Ok(Self { parts, forest })
    }

    /// The parts, for reading.
    #[must_use]
    pub fn parts(&self) -> &AdditiveParts {
        &self.parts
    }

    /// The same function as a forest: one tree per term, of comparisons of one feature.
    #[must_use]
    pub fn as_forest(&self) -> &ForestModel {
        &self.forest
    }

    /// The scores of a row, before link and decision. A missing value is NaN.
    ///
    /// # Errors
    ///
    /// As [`ForestModel::decision_function`].
    pub fn decision_function(&self, row: &[f64]) -> Result<Vec<f64>, ForestError> {
        self.forest.decision_function(row)
    }

    /// Scores, predictions and class of a row.
    ///
    /// # Errors
    ///
    /// As [`ForestModel::decision_function`].
    pub fn predict(&self, row: &[f64]) -> Result<Prediction, ForestError> {
        self.forest.predict(row)
    }

    pub(crate) fn metric(&self) -> Metric {
        self.forest.metric()
    }
}

/// One balanced tree per term. Its leaves stand in the order of the intervals, with that of missing values last.
fn forest(parts: &AdditiveParts) -> Result<ForestModel, ForestError> {
    ForestModel::new(ForestParts {
        estimator: parts.estimator.clone(),
        feature_names: parts.feature_names.clone(),
        n_features: parts.n_features,
        round_to_f32: parts.round_to_f32,
        trees: parts.terms.iter().map(tree).collect(),
        bias: parts.bias.clone(),
        inverse_link: parts.inverse_link,
        decision: parts.decision,
        classes: parts.classes.clone(),
        categories: BTreeMap::new(),
        params: parts.params.clone(),
    })
}

fn tree(term: &Term) -> Tree {
    let mut nodes = Vec::with_capacity(2 * term.values.len() + 1);
    if let Some(missing) = &term.missing {
        // Every real goes left.
        let last = 2 * term.cuts.len() + 2;
        nodes.push(split(term, f64::INFINITY, 1, last));
        intervals(term, 0, term.cuts.len(), &mut nodes);
        nodes.push(Node::Leaf(missing.clone()));
    } else {
        intervals(term, 0, term.cuts.len(), &mut nodes);
    }
    Tree {
        first_output: 0,
        nodes,
    }
}

fn split(term: &Term, threshold: f64, left: usize, right: usize) -> Node {
    // An index beyond 32 bits does not exist, as the forest's door will say.
    let index = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    Node::Split(Split {
        feature: index(term.feature),
        threshold,
        comparison: Comparison::Less,
        missing: if term.missing.is_some() {
            Missing::Right
        } else {
            Missing::Refused
        },
        left: index(left),
        right: index(right),
    })
}

/// The intervals `first..=last` as a balanced tree; there are at most 2^16, so it is at most 16 deep.
fn intervals(term: &Term, first: usize, last: usize, nodes: &mut Vec<Node>) {
    if first == last {
        nodes.push(Node::Leaf(term.values[first].clone()));
        return;
    }
    let middle = first.midpoint(last);
    let at = nodes.len();
    // `n` intervals take `2 n - 1` nodes.
    let right = at + 1 + 2 * (middle - first) + 1;
    nodes.push(split(term, term.cuts[middle], at + 1, right));
    intervals(term, first, middle, nodes);
    intervals(term, middle + 1, last, nodes);
}

#[cfg(test)]
mod tests;
