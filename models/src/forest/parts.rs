//! What forests are made of.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenebra_quant::{Decision, InverseLink};

use super::tree::Tree;
use crate::data::Words;

/// What a forest is made of, unchecked; [`ForestModel::new`](super::ForestModel::new) is the door.
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
    /// where it holds numbers. Their cut points stay exact whatever [`BinsMode`](super::BinsMode).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<u32, Words>,
    /// Hyper-parameters as given, by name.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}
