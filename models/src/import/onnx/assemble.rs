//! From what the outputs of a graph mean to a model.

use alloc::collections::BTreeMap;

use super::call::Run;
use super::chain::{Chain, moved};
use super::element::Element;
use super::error::OnnxError;
use super::form::Form;
use super::graph::Graph;
use super::leaves::{Leaves, Terms};
use super::meaning::{Meaning, meaning};
use super::neurons::neuron_of;
use super::quantized::network_layers;
use crate::forest::{ForestModel, ForestParts, Tree};
use crate::linear::{LinearModel, LinearParts};
use crate::model::Model;
use crate::model::ModelError;
use crate::network::{NetworkModel, NetworkParts};

/// 512 MiB of coefficients.
const MAX_COEFFICIENTS: usize = 1 << 26;

/// Values in all leaves together.
const MAX_LEAF_VALUES: usize = 1 << 24;

/// The model that the outputs describe, and what is left out.
pub(super) fn model(run: &Run<'_>) -> Result<(Model, Vec<String>), OnnxError> {
    let leaves = run.leaves.borrow();
    let mut meaning = meaning(run, !leaves.trees.is_empty())?;
    let n_features = leaves.n_features;
    let variables = || meaning.forms.iter().flat_map(|form| form.terms.iter());
    let used = || {
        variables()
            .filter(|(_, w)| **w != 0.0)
            .map(|(variable, _)| *variable)
    };
    let networks = used().any(|v| neuron_of(v).is_some());
    let (features, trees) = (
        networks || used().any(|v| v < n_features),
        used().any(|v| v >= n_features && neuron_of(v).is_none()),
    );
    let mut notes = core::mem::take(&mut meaning.notes);
    notes.dedup();
    let model = match (features, trees) {
        (true, true) => {
            let message = "it adds functions of the features to what trees give, which is no model here; train without passing the features on";
            return Err(OnnxError::Graph {
                message: message.to_owned(),
            });
        }
        (false, true) => Model::Forest(forest(run, &leaves, meaning)?),
        (_, false) if networks => Model::Network(network(run, n_features, meaning, &mut notes)?),
        (_, false) => Model::Linear(linear(run, n_features, meaning)?),
    };
    Ok((model, notes))
}

fn linear(run: &Run<'_>, n_features: usize, meaning: Meaning) -> Result<LinearModel, OnnxError> {
    if meaning.forms.len().saturating_mul(n_features) > MAX_COEFFICIENTS {
        let message = format!(
            "{} outputs of {n_features} features are more than {MAX_COEFFICIENTS} coefficients",
            meaning.forms.len()
        );
        return Err(OnnxError::Graph { message });
    }
    let parts = LinearParts {
        estimator: estimator(run.graph),
        feature_names: feature_names(run),
        n_features,
        coef: meaning
            .forms
            .iter()
            .map(|form| form.dense(n_features))
            .collect(),
        intercept: meaning.forms.iter().map(|form| form.intercept).collect(),
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        target_names: None,
        feature_stats: None,
        params: BTreeMap::new(),
    };
    Ok(LinearModel::new(parts)?)
}

fn network(
    run: &Run<'_>,
    n_features: usize,
    meaning: Meaning,
    notes: &mut Vec<String>,
) -> Result<NetworkModel, OnnxError> {
    let neurons = run.neurons.borrow();
    let (inputs, layers) = network_layers(neurons.list(), &meaning.forms, n_features, notes);
    let parts = NetworkParts {
        estimator: "Network".to_owned(),
        feature_names: feature_names(run),
        n_features,
        inputs,
        layers,
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        target_names: None,
        params: BTreeMap::new(),
    };
    Ok(NetworkModel::new(parts)?)
}

fn forest(run: &Run<'_>, leaves: &Leaves, meaning: Meaning) -> Result<ForestModel, OnnxError> {
    let mut trees = trees(leaves, &meaning.forms)?;
    let round_to_f32 = moved_splits(run, &leaves.chains, &mut trees)?;
    let operators = run.graph.nodes.iter().map(|node| node.operator.as_str());
    let mut ensembles = operators.filter(|name| name.starts_with("ai.onnx.ml.TreeEnsemble"));
    let parts = ForestParts {
        estimator: ensembles
            .next()
            .unwrap_or_default()
            .trim_start_matches("ai.onnx.ml.")
            .to_owned(),
        feature_names: feature_names(run),
        n_features: leaves.n_features,
        round_to_f32,
        trees,
        bias: meaning.forms.iter().map(|form| form.intercept).collect(),
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        categories: BTreeMap::new(),
        params: BTreeMap::new(),
    };
    ForestModel::new(parts).map_err(|error| OnnxError::Model(ModelError::Forest(error)))
}

/// The trees that some output needs, with what they add to the outputs in their leaves.
fn trees(leaves: &Leaves, forms: &[Form]) -> Result<Vec<Tree>, OnnxError> {
    let mut by_tree: BTreeMap<usize, Vec<(usize, Terms<'_>)>> = BTreeMap::new();
    for (output, form) in forms.iter().enumerate() {
        for (tree, terms) in leaves.by_tree(form).unwrap_or_default() {
            by_tree.entry(tree).or_default().push((output, terms));
        }
    }
    let mut room = MAX_LEAF_VALUES;
    let mut trees = Vec::new();
    for (tree, outputs) in by_tree {
        let first = outputs.iter().map(|(output, _)| *output).min().unwrap_or(0);
        let last = outputs.iter().map(|(output, _)| *output).max().unwrap_or(0);
        let width = last - first + 1;
        let count = leaves.trees[tree].leaves().count();
        room = room
            .checked_sub(width.saturating_mul(count))
            .ok_or_else(|| OnnxError::Graph {
                message: format!("the leaves have more than {MAX_LEAF_VALUES} values; train fewer or smaller trees"),
            })?;
        let leaf = |at: usize| {
            let mut values = vec![0.0; width];
            for (output, terms) in &outputs {
                values[output - first] = terms.iter().map(|(column, w)| w * column[at]).sum();
            }
            values
        };
        trees.push(Tree {
            first_output: first,
            nodes: leaves.filled(tree, leaf),
        });
    }
    Ok(trees)
}

/// Moves every split to the feature itself; whether features are rounded to single precision first.
fn moved_splits(run: &Run<'_>, chains: &[Chain], trees: &mut [Tree]) -> Result<bool, OnnxError> {
    let splits = || trees.iter().flat_map(Tree::splits);
    let single = splits().all(|split| {
        let chain = &chains[split.feature as usize];
        chain.starts_single() || (chain.steps.is_empty() && is_single(run, chain.feature))
    });
    for (index, tree) in trees.iter_mut().enumerate() {
        for split in tree.splits_mut() {
            let chain = &chains[split.feature as usize];
            let skipped = usize::from(single && chain.starts_single());
            let found = moved(*split, &chain.steps[skipped..], single);
            *split = found.ok_or_else(|| OnnxError::Graph {
                message: format!(
                    "tree {index}: what is compared of feature {} is no number for some of its values; scale it by finite numbers other than 0",
                    chain.feature + 1
                ),
            })?;
            split.feature = u32::try_from(chain.feature).unwrap_or(u32::MAX);
        }
    }
    Ok(single)
}

/// Whether the graph receives the feature in single precision.
fn is_single(run: &Run<'_>, feature: usize) -> bool {
    let mut first = 0;
    for (input, width) in run.graph.inputs.iter().zip(&run.widths) {
        if feature < first + width {
            return input.element == Element::Float32;
        }
        first += width;
    }
    false
}

/// The operator that carries the coefficients.
fn estimator(graph: &Graph) -> String {
    let operators = || graph.nodes.iter().map(|node| node.operator.as_str());
    let model = operators().find(|name| name.contains("Linear") || name.contains("SVM"));
    let operator = model
        .or_else(|| operators().find(|name| matches!(*name, "MatMul" | "Gemm")))
        .unwrap_or("affine");
    operator.trim_start_matches("ai.onnx.ml.").to_owned()
}

/// Names of the inputs, where each is one feature of its own; strings are none.
fn feature_names(run: &Run<'_>) -> Option<Vec<String>> {
    let inputs = run.graph.inputs.iter().zip(&run.widths);
    let used = inputs.filter(|(input, _)| input.element != Element::String);
    let (names, widths): (Vec<_>, Vec<_>) = used
        .map(|(input, width)| (input.name.clone(), *width))
        .unzip();
    let single = run.widths.len() > 1 && widths.iter().all(|&w| w == 1);
    single.then_some(names)
}
