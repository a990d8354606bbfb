//! LightGBM models in their text form, as `Booster.save_model` writes it.
//!
//! A numerical split goes left iff `x <= threshold` in double precision, with 0 in the place of what is within 1e-35 of it; a missing
//! value counts as 0, or goes where the split's default direction says (`decision_type`: bit 0 categorical, bit 1 default
//! left, bits 2 and 3 the missing type: 0 none, 1 zero, 2 NaN; `src/io/tree.cpp` of LightGBM). A categorical split goes left
//! iff `x`, truncated towards 0, is in its set of codes; a missing value never is. Where the model was trained on a data frame,
//! its columns hold words or numbers for the codes, which the file lists. Scores are sums of leaves, or means for random forests.
//! A `sigmoid` parameter other than 1 is multiplied into the leaves, so that the scores here are the sigmoid's arguments.
//! Class labels are not in the file: the classes are named `0`, `1`, ….
//!
//! Not read: linear trees, and objectives whose prediction is not a link of `InverseLink`.

mod categorical;
mod error;
mod text;
mod zero;

use alloc::collections::BTreeMap;

use categorical::Sets;
pub use error::LightgbmError;
use tenebra_quant::{Decision, InverseLink};
use text::{Block, Text};
use zero::Direction;

use super::Imported;
use super::categories::{Children, Levels, borders, split};
use super::iterations::{Iterations, Rounds};
use crate::forest::{ForestModel, ForestParts, Missing, Node, Split, Tree};
use crate::model::Model;

/// Reads a model that LightGBM saved as text.
///
/// # Errors
///
/// See [`LightgbmError`]. Arbitrary text is an error at worst; memory is proportional to its length.
pub fn read(text: &str, iterations: Iterations) -> Result<Imported, LightgbmError> {
    let Text {
        header,
        trees: mut blocks,
        pandas_categorical,
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
    let (objective, rule) = rule(&header, outputs)?;
    let rounds = Rounds {
        total: trees / outputs,
        // `save_model` leaves the iterations after the best one out.
        best: None,
        takes_best: true,
    };
    let (taken, note) = rounds.take(iterations)?;
    blocks.truncate(taken * outputs);
    #[expect(clippy::cast_precision_loss, reason = "tree counts are far below 2^53")]
    let divisor = if header.has("average_output") {
        taken as f64
    } else {
        1.0
    };
    let columns = categorical::Columns::new(&header, pandas_categorical)?;
    let tree = |(index, block)| {
        let factor = rule.factor / divisor;
        tree(index, block, index % outputs, factor, &columns.levels)
    };
    let n_features = header.number::<usize>("max_feature_idx")?.saturating_add(1);
    let forest = ForestModel::new(ForestParts {
        estimator: format!("LightGBM {objective}"),
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
        classes: rule.classes(outputs),
        categories: columns.words(),
        params: BTreeMap::new(),
    })?;
    let mut imported = Imported::new(Model::Forest(forest));
    imported.notes.extend(note);
    Ok(imported)
}

/// The objective by its name, and what it makes of a raw score.
fn rule<'a>(header: &Block<'a>, outputs: usize) -> Result<(&'a str, Rule), LightgbmError> {
    let objective = if header.has("objective") {
        header.text("objective")?
    } else {
        "custom"
    };
    let rule = Rule::from_objective(objective, outputs).map_err(|instead| {
        let objective = objective.to_owned();
        LightgbmError::Objective { objective, instead }
    })?;
    Ok((objective.split(' ').next().unwrap_or_default(), rule))
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
    /// The names of the classes, which are not in the file.
    fn classes(&self, outputs: usize) -> Vec<String> {
        let labels = match self.decision {
            Decision::None => 0,
            Decision::Threshold => 2,
            Decision::ArgMax => outputs,
        };
        (0..labels).map(|label| label.to_string()).collect()
    }

    /// For an objective whose predictions are not a link of [`InverseLink`] applied to the raw scores, what to do instead.
    fn from_objective(objective: &str, outputs: usize) -> Result<Self, &'static str> {
        use InverseLink::{Exp, Identity, Sigmoid, Softmax};
        let mut words = objective.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let mut factor = 1.0;
        for word in words {
            match word.split_once(':') {
                Some(("sigmoid", steepness)) => {
                    let steepness: Option<f64> = steepness.parse().ok();
                    factor = steepness.ok_or("the steepness of its sigmoid is not a number")?;
                }
                // Predictions are signed squares of the scores.
                None if word == "sqrt" => {
                    return Err(
                        "train with `reg_sqrt=false`, or on square roots that you take yourself",
                    );
                }
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
            "cross_entropy_lambda" => return Err("train with `cross_entropy`"),
            _ => {
                return Err(
                    "train with one of LightGBM's, such as `regression`, `binary` or `multiclass`",
                );
            }
        };
        if decision != Decision::ArgMax && outputs != 1 && name != "custom" {
            return Err("it has one tree an iteration, and this file more");
        }
        Ok(Self {
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
    levels: &[Levels],
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
    let mut sets = Sets::new(block)?;
    // Splits first, then leaves, then what splits on zero or on sets add.
    let mut nodes = vec![Node::Leaf(Vec::new()); inner];
    nodes.extend(leaves.iter().map(|value| Node::Leaf(vec![factor * value])));
    for at in 0..inner {
        let split = if splits.is_categorical(at) {
            let set = sets.take(splits.threshold[at]);
            let set = set.ok_or(LightgbmError::Categories {
                tree: index,
                node: at,
            })?;
            let levels = levels.get(splits.feature[at] as usize);
            splits.categorical(at, set, levels.unwrap_or(&Levels::Codes), &mut nodes)
        } else {
            splits.split(index, at, &mut nodes)?
        };
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
    fn is_categorical(&self, at: usize) -> bool {
        self.decision_type[at] & 1 != 0
    }

    /// A value of the set goes left, any other and a missing one right, whatever the missing type.
    fn categorical(
        &self,
        at: usize,
        set: impl Iterator<Item = u32>,
        levels: &Levels,
        nodes: &mut Vec<Node>,
    ) -> Split {
        let [inside, outside] = [self.child(self.left[at]), self.child(self.right[at])];
        let missing = outside;
        let children = Children {
            inside,
            outside,
            missing,
        };
        // What is truncated to 0 begins above -1.
        let borders = borders(set, levels, Some((-1.0_f64).next_up()));
        split(self.feature[at], &borders, children, nodes)
    }

    fn split(&self, tree: usize, at: usize, nodes: &mut Vec<Node>) -> Result<Split, LightgbmError> {
        let (feature, decision_type) = (self.feature[at], self.decision_type[at]);
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
