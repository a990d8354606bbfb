//! LightGBM models in their text form, as `Booster.save_model` writes it.
//!
//! A split goes left iff `x <= threshold` in double precision, with 0 in the place of what is within 1e-35 of it; a missing
//! value counts as 0, or goes where the split's default direction says (`decision_type`: bit 0 categorical, bit 1 default
//! left, bits 2 and 3 the missing type: 0 none, 1 zero, 2 NaN; `src/io/tree.cpp` of LightGBM). Scores are sums of leaves, or means for random forests.
//! A `sigmoid` parameter other than 1 is multiplied into the leaves, so that the scores here are the sigmoid's arguments.
//! Class labels are not in the file: the classes are named `0`, `1`, ….
//!
//! Not read: categorical splits, linear trees, and objectives whose prediction is not a link of `InverseLink`.

mod text;
mod zero;

use alloc::collections::BTreeMap;

use tenebra_quant::{Decision, InverseLink};
use text::{Block, Text};

use crate::forest::{ForestError, ForestModel, ForestParts, Missing, Node, Split, Tree};

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
    #[error("objective `{objective}` is not supported")]
    Objective {
        /// The objective and its parameters.
        objective: String,
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
    /// A split on a set of categories.
    #[error(
        "tree {tree}, node {node}: the split of feature {feature} is categorical, which is not supported; one-hot encode the feature and train again"
    )]
    Categorical {
        /// Which tree.
        tree: usize,
        /// Which split.
        node: usize,
        /// The feature's index.
        feature: u32,
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
    /// The trees do not make a forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
}

/// Where a missing value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Left,
    Right,
}

/// Reads a model that LightGBM saved as text.
///
/// # Errors
///
/// See [`LightgbmError`]. Arbitrary text is an error at worst; memory is proportional to its length.
pub fn read(text: &str) -> Result<ForestModel, LightgbmError> {
    let Text {
        header,
        trees: blocks,
    } = Text::parse(text)?;
    let outputs: usize = header.number("num_tree_per_iteration")?;
    let (trees, classes) = (blocks.len(), header.number("num_class")?);
    if outputs == 0 || trees < outputs || trees % outputs != 0 || classes != outputs {
        return Err(LightgbmError::TreeCount {
            trees,
            per_round: outputs,
            classes,
        });
    }
    let objective = if header.has("objective") {
        header.text("objective")?
    } else {
        "custom"
    };
    let rule =
        Rule::from_objective(objective, outputs).ok_or_else(|| LightgbmError::Objective {
            objective: objective.to_owned(),
        })?;
    #[expect(clippy::cast_precision_loss, reason = "tree counts are far below 2^53")]
    let rounds = if header.has("average_output") {
        (trees / outputs) as f64
    } else {
        1.0
    };
    let tree = |(index, block)| tree(index, block, index % outputs, rule.factor / rounds);
    let n_features = header.number::<usize>("max_feature_idx")?.saturating_add(1);
    let labels = match rule.decision {
        Decision::None => 0,
        Decision::Threshold => 2,
        Decision::ArgMax => outputs,
    };
    Ok(ForestModel::new(ForestParts {
        estimator: format!(
            "LightGBM {}",
            objective.split(' ').next().unwrap_or_default()
        ),
        feature_names: feature_names(&header),
        n_features,
        round_to_f32: false,
        trees: blocks
            .iter()
            .enumerate()
            .map(tree)
            .collect::<Result<_, _>>()?,
        bias: vec![0.0; outputs],
        inverse_link: rule.inverse_link,
        decision: rule.decision,
        classes: (0..labels).map(|label| label.to_string()).collect(),
        params: BTreeMap::new(),
    })?)
}

/// The names of the features, unless they are the ones LightGBM makes up for data without names.
fn feature_names(header: &Block<'_>) -> Option<Vec<String>> {
    let names = header.text("feature_names").ok()?.split(' ');
    let names: Vec<String> = names.map(str::to_owned).collect();
    let made_up = names
        .iter()
        .enumerate()
        .all(|(at, name)| *name == format!("Column_{at}"));
    (!made_up).then_some(names)
}

/// What an objective makes of a raw score.
struct Rule {
    inverse_link: InverseLink,
    decision: Decision,
    /// Multiplies the raw score: the steepness of the sigmoid.
    factor: f64,
}

impl Rule {
    /// `None` for an objective whose predictions are not a link of [`InverseLink`] applied to the raw scores.
    fn from_objective(objective: &str, outputs: usize) -> Option<Self> {
        use InverseLink::{Exp, Identity, Sigmoid, Softmax};
        let mut words = objective.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let mut factor = 1.0;
        for word in words {
            match word.split_once(':') {
                Some(("sigmoid", steepness)) => factor = steepness.parse().ok()?,
                // Predictions are signed squares of the scores.
                None if word == "sqrt" => return None,
                _ => {}
            }
        }
        let (inverse_link, decision) = match name {
            "binary" => (Sigmoid, Decision::Threshold),
            "multiclass" => (Softmax, Decision::ArgMax),
            "multiclassova" => (Sigmoid, Decision::ArgMax),
            "cross_entropy" => (Sigmoid, Decision::None),
            "poisson" | "gamma" | "tweedie" => (Exp, Decision::None),
            "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape"
            | "lambdarank" | "rank_xendcg" | "custom" => (Identity, Decision::None),
            _ => return None,
        };
        let fits = decision == Decision::ArgMax || outputs == 1 || name == "custom";
        fits.then_some(Self {
            inverse_link,
            decision,
            factor,
        })
    }
}

fn tree(
    index: usize,
    block: &Block<'_>,
    output: usize,
    factor: f64,
) -> Result<Tree, LightgbmError> {
    if block.has("is_linear") && block.number::<u8>("is_linear")? != 0 {
        return Err(LightgbmError::LinearTree { tree: index });
    }
    let leaves: Vec<f64> = block.numbers("leaf_value")?;
    let splits = Splits {
        feature: block.numbers("split_feature")?,
        threshold: block.numbers("threshold")?,
        decision_type: block.numbers("decision_type")?,
        left: block.numbers("left_child")?,
        right: block.numbers("right_child")?,
    };
    let count: usize = block.number("num_leaves")?;
    let inner = count.saturating_sub(1);
    let lengths = [
        ("leaf_value", leaves.len(), count),
        ("split_feature", splits.feature.len(), inner),
        ("threshold", splits.threshold.len(), inner),
        ("decision_type", splits.decision_type.len(), inner),
        ("left_child", splits.left.len(), inner),
        ("right_child", splits.right.len(), inner),
    ];
    for (key, found, expected) in lengths {
        if found != expected {
            let (tree, leaves) = (index, count);
            return Err(LightgbmError::ListLength {
                tree,
                key,
                found,
                expected,
                leaves,
            });
        }
    }
    // Splits first, then leaves, then what splits on zero add.
    let mut nodes = vec![Node::Leaf(Vec::new()); inner];
    nodes.extend(leaves.iter().map(|value| Node::Leaf(vec![factor * value])));
    for at in 0..inner {
        let split = splits.split(index, at, &mut nodes)?;
        nodes[at] = Node::Split(split);
    }
    Ok(Tree {
        first_output: output,
        nodes,
    })
}

/// The splits of a tree, list by list.
struct Splits {
    feature: Vec<u32>,
    threshold: Vec<f64>,
    decision_type: Vec<u8>,
    /// An index of a split, or the complement of an index of a leaf.
    left: Vec<i32>,
    right: Vec<i32>,
}

impl Splits {
    fn split(&self, tree: usize, at: usize, nodes: &mut Vec<Node>) -> Result<Split, LightgbmError> {
        let (feature, decision_type) = (self.feature[at], self.decision_type[at]);
        if decision_type & 1 != 0 {
            return Err(LightgbmError::Categorical {
                tree,
                node: at,
                feature,
            });
        }
        let [left, right] = [self.child(self.left[at]), self.child(self.right[at])];
        let default = if decision_type & 2 == 0 {
            Direction::Right
        } else {
            Direction::Left
        };
        let missing = match (decision_type >> 2, default) {
            (0, _) => Missing::AsZero,
            (1, _) => {
                return Ok(zero::split(
                    feature,
                    self.threshold[at],
                    default,
                    [left, right],
                    nodes,
                ));
            }
            (2, Direction::Left) => Missing::Left,
            (2, Direction::Right) => Missing::Right,
            _ => {
                return Err(LightgbmError::DecisionType {
                    tree,
                    node: at,
                    decision_type,
                });
            }
        };
        let (comparison, threshold) = zero::comparison(self.threshold[at]);
        Ok(Split {
            feature,
            threshold,
            comparison,
            missing,
            left,
            right,
        })
    }

    /// A child's index among the nodes; one beyond them all, which the forest's door reports, if the file's is negative
    /// beyond its leaves.
    fn child(&self, child: i32) -> u32 {
        let leaf = u32::try_from(!child).map(|leaf| self.left.len() + leaf as usize);
        let index = match (u32::try_from(child), leaf) {
            (Ok(split), _) if (split as usize) < self.left.len() => split as usize,
            (Err(_), Ok(leaf)) => leaf,
            _ => usize::MAX,
        };
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
