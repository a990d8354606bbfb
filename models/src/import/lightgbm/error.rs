//! Why a LightGBM model was not read.

use crate::forest::ForestError;
use crate::import::iterations::IterationsError;

/// Why a LightGBM model was not read. Lines count from 1; trees and nodes from 0, as in the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LightgbmError {
    /// Another kind of file.
    #[error("not a LightGBM model in text form, whose first line is `tree`")]
    NotLightgbm,
    /// The line `end of trees` is missing.
    #[error("the file has no line `end of trees`; it may be cut off")]
    CutOff,
    /// Another version of the text form.
    #[error(
        "the text form is of version `{found}`, not v2, v3 or v4; load the model in LightGBM 2.2 or later and write it by `save_model` again"
    )]
    Version {
        /// The version; empty in files before 2.1.
        found: String,
    },
    /// A line that must be there is not.
    #[error("line {line}: the block that begins here has no `{key}`")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// First line of the block.
        line: usize,
    },
    /// A value that should be a number.
    #[error(
        "line {line}: in the block that begins here, `{key}` has `{text}`, which is not a number that it can be"
    )]
    Number {
        /// The key.
        key: &'static str,
        /// First line of the block.
        line: usize,
        /// The text.
        text: String,
    },
    /// An objective whose prediction rule is unknown here.
    #[error("objective `{objective}` is not supported; {instead}")]
    Objective {
        /// The objective and its parameters.
        objective: String,
        /// What to do.
        instead: &'static str,
    },
    /// The trees do not come in full rounds, or the rounds do not fit the classes.
    #[error("{trees} trees do not make whole rounds of {per_round} trees for {classes} classes")]
    TreeCount {
        /// Number of trees.
        trees: usize,
        /// Trees per boosting round.
        per_round: usize,
        /// Number of classes of the header.
        classes: usize,
    },
    /// The lists of a tree differ in length.
    #[error(
        "tree {tree}: `{key}` has {found} entries, {expected} are expected for {leaves} leaves"
    )]
    ListLength {
        /// Which tree.
        tree: usize,
        /// The key.
        key: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
        /// Number of leaves of the tree.
        leaves: usize,
    },
    /// The set of a categorical split.
    #[error(
        "tree {tree}, node {node}: the categories of the split are missing or those of another"
    )]
    Categories {
        /// Which tree.
        tree: usize,
        /// Which split.
        node: usize,
    },
    /// The names of categories are those of other columns.
    #[error(
        "`pandas_categorical` names the categories of {named} columns, and the model has {categorical} categorical features; encode the columns as integers from 0 and train again"
    )]
    CategoricalColumns {
        /// Columns of the data frame.
        named: usize,
        /// Features with sets of categories.
        categorical: usize,
    },
    /// The names of categories are not a list of lists of words, numbers or booleans.
    #[error("`pandas_categorical`: {message}")]
    CategoryNames {
        /// What is wrong with them.
        message: String,
    },
    /// A missing type that LightGBM does not have.
    #[error("tree {tree}, node {node}: decision type {decision_type} is unknown")]
    DecisionType {
        /// Which tree.
        tree: usize,
        /// Which split.
        node: usize,
        /// The value.
        decision_type: u8,
    },
    /// Leaves with linear models in them.
    #[error(
        "tree {tree} has linear leaves, which are not supported; train with `linear_tree=false`"
    )]
    LinearTree {
        /// Which tree.
        tree: usize,
    },
    /// Iterations that the file does not have.
    #[error(transparent)]
    Iterations(#[from] IterationsError),
    /// The trees do not make a forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
}
