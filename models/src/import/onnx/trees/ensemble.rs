//! From the attributes of a tree operator to trees and a bias.

use super::super::error::OnnxError;
use super::super::graph::Node;
use super::nodes::{self, RawTree};

/// The trees of an operator and what its sums mean.
pub(crate) struct Ensemble {
    pub(super) trees: Vec<RawTree>,
    /// One per output.
    pub(super) bias: Vec<f64>,
    /// Base values in the file.
    pub(super) base: usize,
    /// What each leaf value is multiplied by.
    pub(super) share: f64,
    /// By its name.
    pub(super) post_transform: String,
    pub(super) task: Task,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Task {
    Regression,
    Classification,
}

/// How the trees' values come together.
#[derive(Clone, Copy, PartialEq)]
enum Aggregate {
    Sum,
    Average,
}

/// Reads `TreeEnsembleClassifier`. `learned_missing` tells whether missing values have a direction though no attribute gives one.
pub(crate) fn classifier(node: &Node, learned_missing: bool) -> Result<Ensemble, OnnxError> {
    let classes = node.class_labels().len();
    let trees = nodes::by_ids(node, "class", learned_missing)?;
    let weights = trees.iter().flat_map(RawTree::weights);
    let last = weights.map(|(class, _)| class).max().unwrap_or(0);
    if last >= classes {
        return Err(node.refuse(format!(
            "a leaf belongs to class {last}, of {classes} classes counted from 0"
        )));
    }
    let values = numbers(node, "base_values")?;
    let base = values.len();
    let bias = if (classes, base) == (2, 1) {
        // Of the class that has weights, which only one may.
        vec![values[0]; 2]
    } else {
        filled(node, values, classes)?
    };
    Ok(Ensemble {
        trees,
        bias,
        base,
        share: 1.0,
        post_transform: named_transform(node),
        task: Task::Classification,
    })
}

/// Reads `TreeEnsembleRegressor`, as [`classifier`].
pub(crate) fn regressor(node: &Node, learned_missing: bool) -> Result<Ensemble, OnnxError> {
    let raw = nodes::by_ids(node, "target", learned_missing)?;
    let aggregate = match node.string("aggregate_function").as_deref() {
        None | Some("SUM") => Aggregate::Sum,
        Some("AVERAGE") => Aggregate::Average,
        Some("MIN" | "MAX") if raw.len() == 1 => Aggregate::Sum,
        Some(other) => return Err(aggregate_error(node, other)),
    };
    let targets = node.int("n_targets").unwrap_or(1);
    let bias = numbers(node, "base_values")?;
    regression(node, raw, targets, aggregate, bias, named_transform(node))
}

/// Reads `TreeEnsemble`, the operator of `ai.onnx.ml` version 5, as [`classifier`].
pub(crate) fn ensemble(node: &Node, learned_missing: bool) -> Result<Ensemble, OnnxError> {
    let raw = nodes::by_roots(node, learned_missing)?;
    let aggregate = match node.int("aggregate_function").unwrap_or(1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 | 3 if raw.len() == 1 => Aggregate::Sum,
        other => return Err(aggregate_error(node, other)),
    };
    let transforms = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];
    let number = node.int("post_transform").unwrap_or(0);
    let transform = usize::try_from(number)
        .ok()
        .and_then(|at| transforms.get(at));
    let transform = transform
        .ok_or_else(|| node.refuse(format!("post_transform {number} is none that is known")))?;
    let targets = node.int("n_targets").unwrap_or(1);
    let transform = (*transform).to_owned();
    regression(node, raw, targets, aggregate, Vec::new(), transform)
}

fn regression(
    node: &Node,
    raw: Vec<RawTree>,
    targets: i64,
    aggregate: Aggregate,
    bias: Vec<f64>,
    post_transform: String,
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
    #[expect(clippy::cast_precision_loss, reason = "tree counts are far below 2^53")]
    let share = if aggregate == Aggregate::Average {
        1.0 / raw.len().max(1) as f64
    } else {
        1.0
    };
    Ok(Ensemble {
        trees: raw,
        base: bias.len(),
        bias: filled(node, bias, outputs)?,
        share,
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

fn named_transform(node: &Node) -> String {
    node.string("post_transform")
        .unwrap_or_else(|| "NONE".to_owned())
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
    let tensor = node.tensor(name)?;
    tensor
        .map(|tensor| tensor.numbers().ok_or_else(strings))
        .transpose()
}
