//! XGBoost models as `save_model` writes them: JSON and Universal Binary JSON, versions 1.0 to 3.x.
//!
//! A split goes left iff `(f32) x < threshold`, and a missing value where the split's default direction says; the margin
//! is the base score's margin plus the leaves
//! (<https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html>). Where training stopped early, only the
//! trees up to `best_iteration` count, as in XGBoost's scikit-learn interface. Class labels are not in the file: the
//! classes are named `0`, `1`, ….
//!
//! Not read: `gblinear`, categorical splits, and the old binary format.

mod objective;
mod schema;
mod ubjson;

use alloc::collections::BTreeMap;

use objective::Objective;
use schema::{File, GbTree, Learner, TreeArrays};
use tenebra_quant::Decision;
pub use ubjson::UbjsonError;

use crate::forest::{
    Comparison, ForestError, ForestModel, ForestParts, Missing, Node, Split, Tree,
};

/// Why an XGBoost model was not read. Trees and nodes count from 0, as in the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XgboostError {
    /// Not JSON, or not with the fields of a model.
    #[error("not an XGBoost model in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not Universal Binary JSON.
    #[error("not an XGBoost model in UBJSON: {0}")]
    Ubjson(#[from] UbjsonError),
    /// A booster other than trees.
    #[error("booster `{name}` is not supported; train with `gbtree` or `dart`")]
    Booster {
        /// The booster's name.
        name: String,
    },
    /// An objective whose prediction rule is unknown here.
    #[error("objective `{name}` is not supported")]
    Objective {
        /// The objective's name.
        name: String,
    },
    /// A parameter that should be a number.
    #[error("{parameter} is `{text}`, which is not a number that it can be")]
    Parameter {
        /// Its name in the file.
        parameter: &'static str,
        /// Its text.
        text: String,
    },
    /// A classifier with several targets.
    #[error(
        "objective `{objective}` with {targets} targets is a multi-label model, which is not supported; train one model per label"
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
    /// A split on a set of categories.
    #[error(
        "tree {tree}, node {node}: the split of feature {feature} is categorical, which is not supported; one-hot encode the feature and train again"
    )]
    Categorical {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// The feature's index.
        feature: u32,
    },
    /// A child index that is negative.
    #[error("tree {tree}, node {node}: child {child} does not exist")]
    Child {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// The child's index.
        child: i32,
    },
    /// The trees do not make a forest.
    #[error(transparent)]
    Forest(#[from] ForestError),
}

/// Reads a model that XGBoost saved, JSON or Universal Binary JSON.
///
/// # Errors
///
/// See [`XgboostError`]. Arbitrary bytes are an error at worst; memory is proportional to their number.
pub fn read(bytes: &[u8]) -> Result<ForestModel, XgboostError> {
    let file: File = if is_ubjson(bytes) {
        serde_json::from_value(ubjson::parse(bytes)?)?
    } else {
        serde_json::from_slice(bytes)?
    };
    forest(file.learner)
}

/// A UBJSON object goes on with the integer type of its first key's length, which JSON text cannot.
fn is_ubjson(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'i' | b'U' | b'I' | b'l' | b'L', ..])
}

fn forest(learner: Learner) -> Result<ForestModel, XgboostError> {
    let name = &learner.objective.name;
    let objective =
        Objective::from_name(name).ok_or_else(|| XgboostError::Objective { name: name.clone() })?;
    let (mut model, weights) = trees(learner.gradient_booster)?;
    let param = &learner.learner_model_param;
    let classes = number("num_class", param.num_class.as_deref())?;
    let targets = number("num_target", param.num_target.as_deref())?;
    let outputs = classes.max(targets).max(1);
    if objective.decision != Decision::None && targets > 1 {
        return Err(XgboostError::MultiLabel {
            objective: name.clone(),
            targets,
        });
    }
    let vector_leaves = model
        .trees
        .first()
        .is_some_and(|tree| leaf_width(tree) != Some(1));
    // Each output has a tree, or a value in the first leaf: a claim of more would ask for memory that no tree backs.
    let (backed, what) = match model.trees.first() {
        Some(tree) if vector_leaves => (leaf_values(tree).1.len(), "leaf values"),
        _ => (model.trees.len().max(1), "trees"),
    };
    if outputs > backed {
        return Err(XgboostError::Outputs {
            outputs,
            what,
            found: backed,
        });
    }
    if let Some(best) = learner.attributes.get("best_iteration") {
        let best = number("best_iteration", Some(best))?;
        let parallel = &model.gbtree_model_param.num_parallel_tree;
        let parallel = number("num_parallel_tree", parallel.as_deref())?.max(1);
        let round = parallel.saturating_mul(if vector_leaves { 1 } else { outputs });
        model
            .trees
            .truncate(best.saturating_add(1).saturating_mul(round));
    }
    let trees = (0..).zip(&model.trees).map(|(index, arrays)| {
        let weight = weights
            .as_ref()
            .and_then(|w| w.get(index))
            .copied()
            .unwrap_or(1.0);
        let output = if vector_leaves {
            0
        } else {
            model.tree_info.get(index).copied().unwrap_or(0)
        };
        tree(index, arrays, output as usize, f64::from(weight))
    });
    let trees = trees.collect::<Result<Vec<_>, _>>()?;
    let labels = if objective.decision == Decision::Threshold {
        2
    } else {
        outputs
    };
    let labels = if objective.decision == Decision::None {
        0
    } else {
        labels
    };
    Ok(ForestModel::new(ForestParts {
        estimator: format!("XGBoost {name}"),
        n_features: number("num_feature", Some(&param.num_feature))?,
        feature_names: Some(learner.feature_names).filter(|names| !names.is_empty()),
        round_to_f32: true,
        trees,
        bias: bias(&param.base_score, objective, outputs)?,
        inverse_link: objective.inverse_link,
        decision: objective.decision,
        classes: (0..labels).map(|label| label.to_string()).collect(),
        params: BTreeMap::new(),
    })?)
}

/// The trees, and for `dart` the weight of each.
fn trees(booster: schema::Booster) -> Result<(GbTree, Option<Vec<f32>>), XgboostError> {
    match (booster.name.as_str(), booster.model, booster.gbtree) {
        ("gbtree", Some(model), _) => Ok((model, None)),
        ("dart", _, Some(dart)) => {
            let weights = booster.weight_drop.unwrap_or_default();
            let (expected, found) = (dart.model.trees.len(), weights.len());
            if found != expected {
                let (outputs, what) = (expected, "entries in `weight_drop`, one per tree");
                return Err(XgboostError::Outputs {
                    outputs,
                    what,
                    found,
                });
            }
            Ok((dart.model, Some(weights)))
        }
        _ => Err(XgboostError::Booster { name: booster.name }),
    }
}

fn number(parameter: &'static str, text: Option<&str>) -> Result<usize, XgboostError> {
    let Some(text) = text else { return Ok(0) };
    text.parse().map_err(|_| XgboostError::Parameter {
        parameter,
        text: text.to_owned(),
    })
}

/// One margin per output, from a number or (since version 3.1) a list of one or one per output.
fn bias(text: &str, objective: Objective, outputs: usize) -> Result<Vec<f64>, XgboostError> {
    let list = text.trim().trim_start_matches('[').trim_end_matches(']');
    let parse = |part: &str| {
        let score = part.trim().parse().ok();
        let margin = score
            .map(|score| objective.margin(score))
            .filter(|margin| margin.is_finite());
        let text = part.to_owned();
        margin.ok_or(XgboostError::Parameter {
            parameter: "base_score",
            text,
        })
    };
    let margins = list
        .split(',')
        .map(parse)
        .collect::<Result<Vec<f64>, _>>()?;
    match margins.as_slice() {
        [margin] => Ok(vec![*margin; outputs]),
        many if many.len() == outputs => Ok(margins),
        many => Err(XgboostError::Outputs {
            outputs,
            what: "base scores",
            found: many.len(),
        }),
    }
}

/// Values per leaf; `None` where the parameter is not a number. 0 (before version 2.0) and 1 are scalar leaves.
fn leaf_width(arrays: &TreeArrays) -> Option<usize> {
    let width = arrays
        .tree_param
        .size_leaf_vector
        .as_deref()
        .map_or(Ok(1), str::parse::<usize>);
    width.ok().map(|width| width.max(1))
}

fn tree(
    index: usize,
    arrays: &TreeArrays,
    output: usize,
    weight: f64,
) -> Result<Tree, XgboostError> {
    let nodes = arrays.left_children.len();
    let lengths = [
        ("right_children", arrays.right_children.len()),
        ("split_indices", arrays.split_indices.len()),
        ("split_conditions", arrays.split_conditions.len()),
        ("default_left", arrays.default_left.len()),
        // Absent in files of versions before 1.3.
        (
            "split_type",
            if arrays.split_type.is_empty() {
                nodes
            } else {
                arrays.split_type.len()
            },
        ),
    ];
    for (array, found) in lengths {
        if found != nodes {
            return Err(XgboostError::ArrayLength {
                tree: index,
                array,
                found,
                expected: nodes,
            });
        }
    }
    let node = |node: usize| {
        if arrays.left_children[node] < 0 {
            let values = leaf(index, arrays, node)?;
            return Ok(Node::Leaf(
                values.iter().map(|&v| weight * f64::from(v)).collect(),
            ));
        }
        let feature = arrays.split_indices[node];
        if arrays.split_type.get(node) == Some(&1) {
            return Err(XgboostError::Categorical {
                tree: index,
                node,
                feature,
            });
        }
        let child = |child: i32| {
            u32::try_from(child).map_err(|_| XgboostError::Child {
                tree: index,
                node,
                child,
            })
        };
        Ok(Node::Split(Split {
            feature,
            threshold: f64::from(arrays.split_conditions[node]),
            comparison: Comparison::Less,
            missing: if arrays.default_left[node] {
                Missing::Left
            } else {
                Missing::Right
            },
            left: child(arrays.left_children[node])?,
            right: child(arrays.right_children[node])?,
        }))
    };
    let nodes = (0..nodes).map(node).collect::<Result<_, _>>()?;
    Ok(Tree {
        first_output: output,
        nodes,
    })
}

/// The values of a leaf: one, or the vector of a tree with several outputs.
fn leaf(tree: usize, arrays: &TreeArrays, node: usize) -> Result<&[f32], XgboostError> {
    let width = leaf_width(arrays).ok_or_else(|| XgboostError::Parameter {
        parameter: "size_leaf_vector",
        text: arrays
            .tree_param
            .size_leaf_vector
            .clone()
            .unwrap_or_default(),
    })?;
    if width == 1 {
        return Ok(&arrays.split_conditions[node..=node]);
    }
    let (array, values) = leaf_values(arrays);
    let at = match arrays.leaf_weights {
        Some(_) => usize::try_from(arrays.right_children[node]).unwrap_or(usize::MAX),
        None => node,
    };
    let from = at.saturating_mul(width);
    let expected = from.saturating_add(width);
    let found = values.len();
    values.get(from..expected).ok_or(XgboostError::ArrayLength {
        tree,
        array,
        found,
        expected,
    })
}

/// The array that holds vector leaves, with its name.
fn leaf_values(arrays: &TreeArrays) -> (&'static str, &[f32]) {
    match &arrays.leaf_weights {
        Some(weights) => ("leaf_weights", weights),
        None => ("base_weights", &arrays.base_weights),
    }
}

#[cfg(test)]
mod tests;
