//! From the attributes of a tree operator to trees and a bias.

use super::super::error::OnnxError;
use super::super::graph::{Node, Tensor};
use super::nodes::{self, RawTree};
use crate::forest::Tree;

/// The trees of an operator and what its sums mean.
pub(super) struct Ensemble {
    pub(super) trees: Vec<Tree>,
    pub(super) bias: Vec<f64>,
    pub(super) post_transform: PostTransform,
    pub(super) task: Task,
}

pub(super) enum Task {
    Regression,
    Classification { labels: Vec<String> },
}

/// `post_transform`, as far as it is a link of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PostTransform {
    None,
    Logistic,
    Softmax,
}

/// How the trees' values come together.
#[derive(Clone, Copy, PartialEq)]
enum Aggregate {
    Sum,
    Average,
}

/// Values in all leaves together; a leaf has one for each output between the first and the last that its tree adds to.
const MAX_LEAF_VALUES: usize = 1 << 24;

impl Ensemble {
    pub(super) fn new(node: &Node) -> Result<Self, OnnxError> {
        match node.operator.as_str() {
            "ai.onnx.ml.TreeEnsembleClassifier" => classifier(node),
            "ai.onnx.ml.TreeEnsembleRegressor" => regressor(node),
            "ai.onnx.ml.TreeEnsemble" => ensemble(node),
            _ => Err(node.unsupported()),
        }
    }
}

fn classifier(node: &Node) -> Result<Ensemble, OnnxError> {
    let labels = node.class_labels();
    let raw = nodes::by_ids(node, "class")?;
    let mut post_transform = named_transform(node)?;
    let mut bias = numbers(node, "base_values")?;
    let weights = || raw.iter().flat_map(RawTree::weights);
    let last = weights().map(|(class, _)| class).max().unwrap_or(0);
    let single = labels.len() == 2 && weights().all(|(class, _)| class == last);
    if last >= labels.len() {
        return Err(node.refuse(format!(
            "a leaf belongs to class {last}, of {} classes counted from 0",
            labels.len()
        )));
    }
    let task = Task::Classification { labels };
    if !single {
        let outputs = match &task {
            Task::Classification { labels } => labels.len(),
            Task::Regression => 1,
        };
        let bias = filled(node, bias, outputs)?;
        return Ok(Ensemble {
            trees: dense(node, raw, 1.0)?,
            bias,
            post_transform,
            task,
        });
    }
    // One score for two classes. With two base values, the second is that of the class with weights.
    let own = if bias.len() == 2 {
        bias.remove(last)
    } else {
        filled(node, bias, 1)?[0]
    };
    let probability =
        post_transform == PostTransform::None && weights().all(|(_, weight)| weight >= 0.0);
    if post_transform == PostTransform::Softmax {
        // The softmax of one score is 1 whatever the score is; exporters mean a margin.
        return Err(
            node.refuse("a softmax over the scores of one class says nothing; use LOGISTIC")
        );
    }
    let raw: Vec<RawTree> = raw
        .into_iter()
        .map(|tree| tree.map_weights(|_, weight| vec![(0, weight)]))
        .collect();
    if !probability {
        return Ok(Ensemble {
            trees: dense(node, raw, 1.0)?,
            bias: vec![own],
            post_transform,
            task,
        });
    }
    // [1 - s, s], whose larger one is the class.
    post_transform = PostTransform::None;
    let raw = raw
        .into_iter()
        .map(|tree| tree.map_weights(|_, weight| vec![(0, -weight), (1, weight)]))
        .collect();
    Ok(Ensemble {
        trees: dense(node, raw, 1.0)?,
        bias: vec![1.0 - own, own],
        post_transform,
        task,
    })
}

fn regressor(node: &Node) -> Result<Ensemble, OnnxError> {
    let raw = nodes::by_ids(node, "target")?;
    let aggregate = match node.string("aggregate_function").as_deref() {
        None | Some("SUM") => Aggregate::Sum,
        Some("AVERAGE") => Aggregate::Average,
        Some("MIN" | "MAX") if raw.len() == 1 => Aggregate::Sum,
        Some(other) => return Err(aggregate_error(node, other)),
    };
    let targets = node.int("n_targets").unwrap_or(1);
    let bias = numbers(node, "base_values")?;
    regression(node, raw, targets, aggregate, bias, named_transform(node)?)
}

/// The operator of `ai.onnx.ml` version 5.
fn ensemble(node: &Node) -> Result<Ensemble, OnnxError> {
    let raw = nodes::by_roots(node)?;
    let aggregate = match node.int("aggregate_function").unwrap_or(1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 | 3 if raw.len() == 1 => Aggregate::Sum,
        other => return Err(aggregate_error(node, other)),
    };
    let post_transform = match node.int("post_transform").unwrap_or(0) {
        0 => PostTransform::None,
        1 => PostTransform::Softmax,
        2 => PostTransform::Logistic,
        other => return Err(transform_error(node, other)),
    };
    regression(
        node,
        raw,
        node.int("n_targets").unwrap_or(1),
        aggregate,
        Vec::new(),
        post_transform,
    )
}

fn regression(
    node: &Node,
    raw: Vec<RawTree>,
    targets: i64,
    aggregate: Aggregate,
    bias: Vec<f64>,
    post_transform: PostTransform,
) -> Result<Ensemble, OnnxError> {
    let weights = raw.iter().flat_map(RawTree::weights);
    let (count, last) = weights.fold((0, 0), |(count, last), (target, _)| {
        (count + 1, target.max(last))
    });
    // Targets without a weight would ask for memory that no leaf backs.
    let outputs = usize::try_from(targets)
        .ok()
        .filter(|&n| (1..=count.max(1)).contains(&n) && last < n);
    let outputs = outputs.ok_or_else(|| {
        node.refuse(format!(
            "n_targets is {targets}, and {count} weights go to targets 0 to {last}"
        ))
    })?;
    let bias = filled(node, bias, outputs)?;
    #[expect(clippy::cast_precision_loss, reason = "tree counts are far below 2^53")]
    let share = if aggregate == Aggregate::Average {
        1.0 / raw.len().max(1) as f64
    } else {
        1.0
    };
    Ok(Ensemble {
        trees: dense(node, raw, share)?,
        bias,
        post_transform,
        task: Task::Regression,
    })
}

/// The base values, or zeros.
fn filled(node: &Node, bias: Vec<f64>, outputs: usize) -> Result<Vec<f64>, OnnxError> {
    match bias.len() {
        0 => Ok(vec![0.0; outputs]),
        found if found == outputs => Ok(bias),
        found => Err(node.refuse(format!("{found} base values for {outputs} outputs"))),
    }
}

/// Leaves as vectors over the outputs that the tree adds to, times `share`.
fn dense(node: &Node, raw: Vec<RawTree>, share: f64) -> Result<Vec<Tree>, OnnxError> {
    let mut room = MAX_LEAF_VALUES;
    let tree = |tree: RawTree| {
        let targets = || tree.weights().map(|(target, _)| target);
        let first = targets().min().unwrap_or(0);
        let width = targets().max().unwrap_or(0) - first + 1;
        let values = width.saturating_mul(tree.leaves());
        room = room.checked_sub(values).ok_or_else(|| {
            node.refuse(format!(
                "the leaves have more than {MAX_LEAF_VALUES} values; train fewer or smaller trees"
            ))
        })?;
        Ok(tree.finish(first, width, share))
    };
    raw.into_iter().map(tree).collect()
}

fn named_transform(node: &Node) -> Result<PostTransform, OnnxError> {
    match node.string("post_transform").as_deref() {
        None | Some("NONE") => Ok(PostTransform::None),
        Some("LOGISTIC") => Ok(PostTransform::Logistic),
        Some("SOFTMAX") => Ok(PostTransform::Softmax),
        Some(other) => Err(transform_error(node, other)),
    }
}

fn transform_error(node: &Node, found: impl core::fmt::Display) -> OnnxError {
    node.refuse(format!(
        "post_transform {found} is not supported; NONE, LOGISTIC and SOFTMAX are"
    ))
}

fn aggregate_error(node: &Node, found: impl core::fmt::Display) -> OnnxError {
    node.refuse(format!(
        "aggregate_function {found} is not supported; SUM and AVERAGE are"
    ))
}

/// An attribute's numbers, single precision or, with `_as_tensor`, double.
pub(super) fn numbers(node: &Node, name: &str) -> Result<Vec<f64>, OnnxError> {
    match tensor(node, &format!("{name}_as_tensor"))? {
        Some(numbers) => Ok(numbers),
        None => Ok(node.floats(name)),
    }
}

/// The numbers of an attribute that is a tensor, if it is there.
pub(super) fn tensor(node: &Node, name: &str) -> Result<Option<Vec<f64>>, OnnxError> {
    let strings = || node.refuse(format!("{name} holds strings where numbers are needed"));
    let numbers = |tensor: Tensor| tensor.numbers().map(<[f64]>::to_vec).ok_or_else(strings);
    node.tensor(name)?.map(numbers).transpose()
}
