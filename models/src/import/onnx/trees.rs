//! Tree ensembles: `TreeEnsembleClassifier`, `TreeEnsembleRegressor` and `TreeEnsemble` of `ai.onnx.ml`.
//!
//! Trees compare the features themselves, so only operators that pick or join columns may stand before them; behind them
//! may come what names or links scores. Scores are added in double precision. With two labels and weights for a single
//! class, the sum is a probability where no weight is negative and no link follows, and a margin around 0 otherwise, as
//! ONNX Runtime has it. Missing values follow `nodes_missing_value_tracks_true` if any node sets it; otherwise rows with
//! missing values are refused, as scikit-learn does.

mod ensemble;
mod nodes;

use alloc::collections::BTreeMap;
use std::collections::HashMap;

use tenebra_quant::{Decision, InverseLink};

use self::ensemble::{Ensemble, PostTransform, Task};
use super::assemble::feature_names;
use super::error::OnnxError;
use super::graph::{Graph, Node};
use super::operators::value;
use super::scores::{Link, Value};
use super::structure::input_widths;
use crate::error::ModelError;
use crate::forest::{ForestModel, ForestParts, Tree};

/// The forest, if the graph has a tree operator.
pub(super) fn model(graph: &Graph) -> Result<Option<ForestModel>, OnnxError> {
    let mut operators = graph.nodes.iter().filter(|node| is_trees(node));
    let Some(node) = operators.next() else {
        return Ok(None);
    };
    if let Some(second) = operators.next() {
        return Err(second.refuse(
            "the graph has several tree operators; one is supported, of as many trees as you like",
        ));
    }
    let ensemble = Ensemble::new(node)?;
    let features = features(graph, node)?;
    let widths = input_widths(graph)?;
    let after = after(graph, node)?;
    let meaning = Meaning::new(node, &ensemble, after)?;
    let parts = ForestParts {
        estimator: node.operator.trim_start_matches("ai.onnx.ml.").to_owned(),
        feature_names: feature_names(graph, &widths),
        n_features: widths.iter().sum(),
        round_to_f32: element_type(graph, node) != DOUBLE,
        trees: renamed(ensemble.trees, &features, node)?,
        bias: ensemble.bias,
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        categories: BTreeMap::new(),
        params: BTreeMap::new(),
    };
    ForestModel::new(parts)
        .map(Some)
        .map_err(|error| OnnxError::Model(ModelError::Forest(error)))
}

/// `TensorProto.DataType.DOUBLE`.
const DOUBLE: i32 = 11;

/// Whether the operator holds trees.
pub(super) fn is_trees(node: &Node) -> bool {
    node.operator.starts_with("ai.onnx.ml.TreeEnsemble")
}

/// For each column that the trees read, the feature it is.
fn features(graph: &Graph, node: &Node) -> Result<Vec<usize>, OnnxError> {
    let name = node
        .inputs
        .first()
        .ok_or_else(|| node.refuse("it has no input"))?;
    let changed = || {
        node.refuse("its input is computed from the features; train the trees on the features themselves, trees need no scaling")
    };
    let Value::Scores(columns) = value(graph, name)? else {
        return Err(changed());
    };
    let feature = |form: &super::form::Form| {
        let (&feature, &factor) = form.terms.first_key_value()?;
        (form.terms.len() == 1 && factor == 1.0 && form.intercept == 0.0).then_some(feature)
    };
    let features: Option<Vec<usize>> = columns.forms.iter().map(feature).collect();
    features
        .filter(|_| columns.link == Link::Identity)
        .ok_or_else(changed)
}

/// The splits of trees over the columns, as splits over the features.
fn renamed(mut trees: Vec<Tree>, features: &[usize], node: &Node) -> Result<Vec<Tree>, OnnxError> {
    for (index, tree) in trees.iter_mut().enumerate() {
        for split in tree.splits_mut() {
            let feature = features
                .get(split.feature as usize)
                .and_then(|&f| u32::try_from(f).ok());
            let columns = features.len();
            split.feature = feature.ok_or_else(|| {
                node.refuse(format!(
                    "tree {index} reads column {}; the input has {columns} columns, counted from 0",
                    split.feature
                ))
            })?;
        }
    }
    Ok(trees)
}

/// The type of the elements that the trees compare.
fn element_type(graph: &Graph, node: &Node) -> i32 {
    let mut name = node.inputs.first();
    // A path is no longer than there are nodes.
    for _ in 0..=graph.nodes.len() {
        let Some(wanted) = name else { break };
        if let Some(input) = graph.inputs.iter().find(|input| input.name == *wanted) {
            return input.element_type;
        }
        let Some(source) = graph
            .nodes
            .iter()
            .find(|node| node.outputs.contains(wanted))
        else {
            break;
        };
        if let ("Cast", Some(to)) = (source.operator.as_str(), source.int("to")) {
            return i32::try_from(to).unwrap_or(0);
        }
        name = source.inputs.first();
    }
    0
}

/// What the nodes behind the trees make of the scores.
fn after(graph: &Graph, trees: &Node) -> Result<Link, OnnxError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Part {
        Labels,
        Scores,
    }
    let mut link = Link::Identity;
    let mut parts: HashMap<&str, Part> = HashMap::new();
    let outputs = match trees.outputs.as_slice() {
        [scores] => [(scores, Part::Scores), (scores, Part::Scores)],
        [labels, scores] => [(labels, Part::Labels), (scores, Part::Scores)],
        _ => return Err(trees.refuse("it has no outputs")),
    };
    parts.extend(outputs.map(|(name, part)| (name.as_str(), part)));
    for node in &graph.nodes {
        let Some(&part) = node.inputs.iter().find_map(|name| parts.get(name.as_str())) else {
            continue;
        };
        let new = match (node.operator.as_str(), part) {
            ("Identity" | "ai.onnx.ml.ZipMap" | "Reshape" | "Flatten" | "Squeeze", _) => {
                Link::Identity
            }
            ("Cast", Part::Labels) => Link::Identity,
            ("Cast", Part::Scores) if matches!(node.int("to"), Some(1 | 11)) => Link::Identity,
            ("Exp", Part::Scores) => Link::Exp,
            ("Sigmoid", Part::Scores) => Link::Sigmoid,
            _ => return Err(node.unsupported()),
        };
        if new != Link::Identity && link != Link::Identity {
            return Err(
                node.refuse("two functions follow each other behind the trees; one is supported")
            );
        }
        link = if new == Link::Identity { link } else { new };
        parts.extend(node.outputs.iter().map(|name| (name.as_str(), part)));
    }
    match graph
        .outputs
        .iter()
        .find(|name| !parts.contains_key(name.as_str()))
    {
        None => Ok(link),
        Some(name) => Err(OnnxError::Graph {
            message: format!("the output `{name}` does not come from the trees"),
        }),
    }
}

struct Meaning {
    inverse_link: InverseLink,
    decision: Decision,
    classes: Vec<String>,
}

impl Meaning {
    fn new(node: &Node, ensemble: &Ensemble, after: Link) -> Result<Self, OnnxError> {
        let inverse_link = match (ensemble.post_transform, after) {
            (PostTransform::None, Link::Identity) => InverseLink::Identity,
            (PostTransform::None, Link::Exp) => InverseLink::Exp,
            (PostTransform::None, Link::Sigmoid) | (PostTransform::Logistic, Link::Identity) => {
                InverseLink::Sigmoid
            }
            (PostTransform::Softmax, Link::Identity) => InverseLink::Softmax,
            _ => {
                return Err(node
                    .refuse("two functions follow each other behind the trees; one is supported"));
            }
        };
        let outputs = ensemble.bias.len();
        let (decision, classes) = match &ensemble.task {
            Task::Regression if inverse_link == InverseLink::Softmax => (
                Decision::ArgMax,
                (0..outputs).map(|class| class.to_string()).collect(),
            ),
            Task::Regression => (Decision::None, Vec::new()),
            Task::Classification { labels } if outputs == 1 => {
                (Decision::Threshold, labels.clone())
            }
            Task::Classification { labels } => (Decision::ArgMax, labels.clone()),
        };
        Ok(Self {
            inverse_link,
            decision,
            classes,
        })
    }
}
