//! Why an XGBoost model was not read.

use super::ubjson::UbjsonError;
use crate::forest::ForestError;
use crate::import::iterations::IterationsError;
use crate::model::ModelError;

/// Why an XGBoost model was not read. Trees and nodes count from 0, as in the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XgboostError {
    /// No trees.
    #[error(
        "the model was trained for 0 rounds: it has no trees, and the same score for every row; train it for one at least (`n_estimators`, `num_boost_round`)"
    )]
    NoRounds,
    /// Not JSON, or not with the fields of a model.
    #[error("not an XGBoost model in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not Universal Binary JSON.
    #[error("not an XGBoost model in UBJSON: {0}")]
    Ubjson(#[from] UbjsonError),
    /// A booster other than trees.
    #[error("booster `{name}` is not supported; train with `gbtree`, `dart` or `gblinear`")]
    Booster {
        /// The booster's name.
        name: String,
    },
    /// A booster without its model.
    #[error("the file has no model for the booster `{name}`; it may be cut or made by hand")]
    NoModel {
        /// The booster's name.
        name: String,
    },
    /// Parameters of training in place of a model.
    #[error(
        "this is a configuration, as `save_config` writes it, and holds no trees; write the model by `save_model(\"model.json\")`"
    )]
    Configuration,
    /// An objective whose prediction rule is unknown here.
    #[error("objective `{name}` is not supported; {instead}")]
    Objective {
        /// The objective's name.
        name: String,
        /// What to do.
        instead: &'static str,
    },
    /// A parameter that should be a number.
    #[error("{parameter} is `{text}`, which is not a number that it can be")]
    Parameter {
        /// Its name in the file.
        parameter: &'static str,
        /// Its text.
        text: String,
    },
    /// Several labels a row, each of which the objective makes a class of without a probability.
    #[error(
        "objective `{objective}` with {targets} targets is not supported; train with `binary:logistic`, which gives a probability for each"
    )]
    MultiLabel {
        /// The objective's name.
        objective: String,
        /// Number of targets.
        targets: usize,
    },
    /// The outputs do not fit the base scores or the trees.
    #[error("the model claims {outputs} outputs, but has {found} {what}")]
    Outputs {
        /// Number of classes or targets.
        outputs: usize,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// `gblinear` has another number of weights than features and outputs need.
    #[error("the booster has {found} weights, its features and outputs need {expected}")]
    Weights {
        /// Number of weights.
        found: usize,
        /// The number there must be.
        expected: usize,
    },
    /// The arrays of a tree differ in length.
    #[error("tree {tree}: `{array}` has {found} entries, the nodes need {expected}")]
    ArrayLength {
        /// Which tree.
        tree: usize,
        /// The array's name.
        array: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
    },
    /// The set of a categorical split.
    #[error(
        "tree {tree}, node {node}: the categories of the split are missing, overlap those of another, or reach beyond the list"
    )]
    Categories {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
    },
    /// What a data frame held for its categories.
    #[error(
        "the categories of feature {feature}, counted from 0, are neither ASCII words (XGBoost cuts others) nor numbers below 2^24; rename them and train again"
    )]
    CategoryNames {
        /// The feature's index.
        feature: usize,
    },
    /// A child index outside the tree.
    #[error("tree {tree}, node {node}: child {child} does not exist; the tree has {nodes} nodes")]
    Child {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// The child's index.
        child: i32,
        /// Number of nodes of the tree.
        nodes: usize,
    },
    /// Iterations that the file does not have.
    #[error(transparent)]
    Iterations(#[from] IterationsError),
    /// The coefficients do not make a linear model.
    #[error(transparent)]
    Linear(#[from] ModelError),
    /// The trees do not make a forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
}
