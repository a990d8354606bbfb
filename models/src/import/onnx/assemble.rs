//! From what the outputs of a graph mean to a model.

use alloc::collections::{BTreeMap, BTreeSet};

use super::before::Features;
use super::call::Run;
use super::chain::{Chain, moved};
use super::element::Element;
use super::error::OnnxError;
use super::form::Form;
use super::graph::Graph;
use super::layers::{Held, needed, variables};
use super::leaves::{Leaves, Terms};
use super::meaning::{Meaning, meaning};
use super::neurons::{Neuron, neuron_of};
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
    let steps = run.steps.borrow();
    let used: BTreeSet<usize> = meaning.forms.iter().flat_map(variables).collect();
    let networks = used.iter().any(|&v| neuron_of(v).is_some());
    let is_feature = |&&v: &&usize| steps.value_of(v).is_some();
    let features = networks || used.iter().any(|v| is_feature(&v));
    let trees = used
        .iter()
        .any(|v| !is_feature(&v) && neuron_of(*v).is_none());
    let mut notes = core::mem::take(&mut meaning.notes);
    notes.append(&mut run.notes.borrow_mut());
    notes.dedup();
    drop(steps);
    let model = match (features, trees) {
        (true, true) => {
            let message = "it adds functions of the features to what trees give, which is no model here; train without passing the features on";
            return Err(OnnxError::Graph {
                message: message.to_owned(),
            });
        }
        (false, true) => forest(run, &leaves, meaning)?,
        (_, false) if networks => network(run, meaning, &mut notes)?,
        (_, false) => {
            let features = Features::of(run, &used);
            let model = Model::Linear(linear(run, &features, meaning)?);
            features.pipeline(model)?
        }
    };
    Ok((model, notes))
}

fn linear(run: &Run<'_>, features: &Features, meaning: Meaning) -> Result<LinearModel, OnnxError> {
    let n_features = features.count;
    if meaning.forms.len().saturating_mul(n_features) > MAX_COEFFICIENTS {
        let message = format!(
            "{} outputs of {n_features} features are more than {MAX_COEFFICIENTS} coefficients",
            meaning.forms.len()
        );
        return Err(OnnxError::Graph { message });
    }
    let parts = LinearParts {
        estimator: estimator(run.graph),
        feature_names: features.names(),
        n_features,
        coef: meaning
            .forms
            .iter()
            .map(|form| features.renamed(form).dense(n_features))
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

fn network(run: &Run<'_>, meaning: Meaning, notes: &mut Vec<String>) -> Result<Model, OnnxError> {
    let neurons = run.neurons.borrow();
    let forms = || neurons.list().iter().map(|neuron| &neuron.form);
    let needed = needed(neurons.list(), &meaning.forms, &Held::new());
    let of_neurons = needed
        .iter()
        .flat_map(|&at| variables(&neurons.list()[at].form));
    let used = meaning.forms.iter().flat_map(variables).chain(of_neurons);
    let features = Features::of(run, &used.collect());
    let renamed = forms().zip(neurons.list()).map(|(form, neuron)| Neuron {
        form: features.renamed(form),
        ..neuron.clone()
    });
    let renamed: Vec<Neuron> = renamed.collect();
    let outputs: Vec<Form> = meaning.forms.iter().map(|f| features.renamed(f)).collect();
    let (inputs, layers) = network_layers(&renamed, &outputs, features.count, notes);
    let parts = NetworkParts {
        estimator: "Network".to_owned(),
        feature_names: features.names(),
        n_features: features.count,
        inputs,
        layers,
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        target_names: None,
        params: BTreeMap::new(),
    };
    features.pipeline(Model::Network(NetworkModel::new(parts)?))
}

fn forest(run: &Run<'_>, leaves: &Leaves, meaning: Meaning) -> Result<Model, OnnxError> {
    let mut trees = trees(leaves, &meaning.forms)?;
    let splits = trees.iter().flat_map(Tree::splits);
    let used = splits.map(|split| leaves.chains[split.feature as usize].feature);
    let features = Features::of(run, &used.collect());
    let round_to_f32 = moved_splits(run, &leaves.chains, &features, &mut trees)?;
    let operators = run.graph.nodes.iter().map(|node| node.operator.as_str());
    let mut ensembles = operators.filter(|name| name.starts_with("ai.onnx.ml.TreeEnsemble"));
    let parts = ForestParts {
        estimator: ensembles
            .next()
            .unwrap_or_default()
            .trim_start_matches("ai.onnx.ml.")
            .to_owned(),
        feature_names: features.names(),
        n_features: features.count,
        round_to_f32,
        trees,
        bias: meaning.forms.iter().map(|form| form.intercept).collect(),
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        categories: BTreeMap::new(),
        params: BTreeMap::new(),
    };
    let forest = ForestModel::new(parts);
    let forest = forest.map_err(|error| OnnxError::Model(ModelError::Forest(error)))?;
    features.pipeline(Model::Forest(forest))
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
fn moved_splits(
    run: &Run<'_>,
    chains: &[Chain],
    features: &Features,
    trees: &mut [Tree],
) -> Result<bool, OnnxError> {
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
            let feature = features.place(chain.feature).unwrap_or(usize::MAX);
            split.feature = u32::try_from(feature).unwrap_or(u32::MAX);
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
