//! Tree ensembles: `TreeEnsembleClassifier`, `TreeEnsembleRegressor` and `TreeEnsemble` of `ai.onnx.ml`.
//!
//! Trees compare features, or what is computed of single ones step by step: such a comparison is one of the feature itself.
//! What they add up becomes forms of their leaves, so that whatever is affine may follow. Scores are added in double
//! precision. Missing values follow `nodes_missing_value_tracks_true` if any node sets it, and fail every comparison in
//! files of CatBoost, which learns that; otherwise rows with missing values are refused, as scikit-learn does.

mod ensemble;
mod nodes;

use std::collections::HashMap;

use super::call::{Call, Value};
use super::cell::{Cell, Expr};
use super::chain::{Chain, Operation};
use super::element::Element;
use super::error::OnnxError;
use super::form::Form;
use super::graph::Node as GraphNode;
use super::operators::linear::{classifier, transformed};
use super::tensor::{Data, Dim, Tensor};
use crate::forest::{Node, Tree};
use ensemble::{Ensemble, Task};
pub(super) use ensemble::{classifier as classes, ensemble, regressor};
use nodes::RawTree;

/// Values in all leaves together; a leaf has one for each output that its tree adds to.
const MAX_LEAF_VALUES: usize = 1 << 24;

/// Reads the attributes of one of the three operators.
type Read = fn(&GraphNode, bool) -> Result<Ensemble, OnnxError>;

pub(super) fn evaluate(call: &Call<'_>, read: Read) -> Result<Vec<Value>, OnnxError> {
    let chains = chains(call, call.tensor(0)?)?;
    let learned_missing = call.run.graph.producer.starts_with("CatBoost");
    let ensemble = read(call.node, learned_missing)?;
    let covered = covered(&ensemble.trees, ensemble.bias.len());
    let weights = || ensemble.trees.iter().flat_map(RawTree::weights);
    let positive = weights().all(|(_, weight)| weight >= 0.0);
    let only = only_class(&ensemble);
    let (transform, task) = (ensemble.post_transform, ensemble.task);
    let base = ensemble.base;
    let forms = sums(
        call,
        &chains,
        ensemble.trees,
        &ensemble.bias,
        ensemble.share,
    )?;
    match task {
        Task::Regression => Ok(vec![Value::Tensor(transformed(call, &transform, forms)?)]),
        Task::Classification => match only {
            Some(class) => one_score(call, forms, class, positive, base, &transform),
            None => many_scores(call, forms, covered, positive, base, &transform),
        },
    }
}

/// The only class of two that leaves have weights for.
fn only_class(ensemble: &Ensemble) -> Option<usize> {
    let mut classes = ensemble
        .trees
        .iter()
        .flat_map(RawTree::weights)
        .map(|(class, _)| class);
    let first = classes.next()?;
    (ensemble.bias.len() == 2 && classes.all(|class| class == first)).then_some(first)
}

/// Per output, whether every row has a weight for it: some tree has one in every leaf.
fn covered(trees: &[RawTree], outputs: usize) -> Vec<bool> {
    let mut covered = vec![false; outputs];
    for tree in trees {
        let mut leaves: HashMap<usize, usize> = HashMap::new();
        for weights in tree.leaf_weights() {
            let mut seen: Vec<usize> = weights.iter().map(|(output, _)| *output).collect();
            seen.sort_unstable();
            seen.dedup();
            for output in seen {
                *leaves.entry(output).or_default() += 1;
            }
        }
        for (output, count) in leaves {
            if count == tree.leaves()
                && let Some(covered) = covered.get_mut(output)
            {
                *covered = true;
            }
        }
    }
    covered
}

/// Two classes with weights for one of them: its sum is a probability where no weight is negative, and a margin otherwise.
fn one_score(
    call: &Call<'_>,
    mut forms: Vec<Form>,
    class: usize,
    positive: bool,
    base: usize,
    transform: &str,
) -> Result<Vec<Value>, OnnxError> {
    if base > 1 || (base > 0 && class == 1) {
        return Err(call.refuse("base values for two classes and weights for one, or for the second alone, are not supported, as onnxruntime leaves some out; add them to the leaves of a tree"));
    }
    let score = forms.swap_remove(class);
    let other = if class == 0 {
        // onnxruntime takes the weights of the first class for those of the second, if they are the only ones.
        None
    } else {
        Some(Form::constant(0.0))
    };
    let range = call.run.leaves.borrow().range(&score);
    let at_half = score.clone().shifted(-0.5);
    // The label of positive weights changes at 1/2, whatever the transform.
    let label = if !positive || range.is_some_and(|(low, high)| low > 0.5 || high <= 0.0) {
        score.clone()
    } else {
        at_half
    };
    let affine = |form: &Form| Expr::Affine(form.clone());
    let columns = |exprs: [Expr; 2]| Tensor::columns(Element::Float32, exprs);
    let (label, scores) = match (transform, other) {
        ("NONE", None) if positive => {
            let both = [score.scaled(-1.0).shifted(1.0), score];
            (
                both.iter().map(affine).collect(),
                columns(both.map(Expr::Affine)),
            )
        }
        ("NONE", None) => (
            vec![affine(&label)],
            columns([score.scaled(-1.0), score].map(Expr::Affine)),
        ),
        ("LOGISTIC", None) => {
            if label != score {
                return Err(call.refuse("no weight is negative, so that onnxruntime predicts the second class above a score of 1/2, though LOGISTIC makes that a probability of 0.62; export the model with both classes' weights"));
            }
            let both = [score.scaled(-1.0), score.clone()];
            (vec![affine(&label)], columns(both.map(Expr::sigmoid)))
        }
        (_, None) => {
            return Err(call.refuse(format!(
                "post_transform {transform} of the scores of one class says nothing; use LOGISTIC"
            )));
        }
        (_, Some(zero)) => (
            vec![affine(&label)],
            transformed(call, transform, vec![zero, score])?,
        ),
    };
    classifier(call, label, scores)
}

/// A score for every class.
fn many_scores(
    call: &Call<'_>,
    forms: Vec<Form>,
    covered: Vec<bool>,
    positive: bool,
    base: usize,
    transform: &str,
) -> Result<Vec<Value>, OnnxError> {
    if forms.len() == 2 && base > 0 {
        return Err(call.refuse("base values for two classes are not supported, as onnxruntime mixes their scores; add them to the leaves of a tree"));
    }
    let all = covered.iter().all(|covered| *covered);
    let some = covered.iter().any(|covered| *covered);
    if base == 0 && !all && !(forms.len() > 2 && positive && some) {
        return Err(call.refuse("some rows have no weight for a class, which onnxruntime does not rank then; give every leaf a weight for every class"));
    }
    let mut forms = forms;
    let label = if let [first, second] = forms.as_mut_slice() {
        // onnxruntime predicts the second of two classes where its score is above 0, and calls integers 0 and 1.
        let named = matches!(call.node.class_labels().as_slice(), [a, b] if a == "0" && b == "1");
        let sum = call.run.leaves.borrow().range(&first.plus(second));
        if sum != Some((0.0, 0.0)) {
            return Err(call.refuse("two classes have scores that are not opposite, of which onnxruntime predicts the second wherever its score is above 0; give the weights of one class only"));
        }
        if !named && !call.node.ints("classlabels_int64s").is_empty() {
            return Err(call.refuse("onnxruntime calls two integer classes with weights for both 0 and 1, whatever their labels; train on labels 0 and 1"));
        }
        *first = second.scaled(-1.0);
        vec![Expr::Affine(second.clone())]
    } else {
        forms.iter().cloned().map(Expr::Affine).collect()
    };
    classifier(call, label, transformed(call, transform, forms)?)
}

/// For each column that the trees read, the feature it is and the steps from that to it.
fn chains(call: &Call<'_>, x: &Tensor) -> Result<Vec<Result<Chain, OnnxError>>, OnnxError> {
    let ([Dim::Rows, Dim::Fixed(_)], Data::Cells(cells)) = (x.dims.as_slice(), &x.data) else {
        return Err(call.refuse("its input must be columns of features"));
    };
    let rounds = match x.element {
        Element::Float32 | Element::Float64 => false,
        Element::Int32 | Element::Int64 => true,
        other => {
            return Err(call.refuse(format!(
                "it compares {}; float, double and integers are supported",
                other.name()
            )));
        }
    };
    let chain = |(at, cell): (usize, &Cell)| {
        // Integers are compared in single precision.
        let chain = cell.chain.as_ref().and_then(|chain| {
            if rounds {
                chain.then(Operation::Round, 0.0, Element::Float32)
            } else {
                Some(chain.clone())
            }
        });
        // What is made of several features, the client computes.
        let chain = chain.or_else(|| {
            let value = call.row_value(cell, x.element).ok()?;
            call.run.steps.borrow().cell(value, Element::Float32).chain
        });
        chain.ok_or_else(|| {
            call.refuse(format!("its column {} is computed from several features, or in steps that are not followed; trees can read features, and what Scaler, Add, Sub, Mul, Div, Clip and Cast make of single ones", at + 1))
        })
    };
    Ok(cells.iter().enumerate().map(chain).collect())
}

/// What the trees add up to, per output.
fn sums(
    call: &Call<'_>,
    chains: &[Result<Chain, OnnxError>],
    trees: Vec<RawTree>,
    bias: &[f64],
    share: f64,
) -> Result<Vec<Form>, OnnxError> {
    let mut forms: Vec<Form> = bias.iter().map(|&b| Form::constant(b)).collect();
    let mut leaves = call.run.leaves.borrow_mut();
    let mut known: HashMap<usize, u32> = HashMap::new();
    let mut room = MAX_LEAF_VALUES;
    for (index, raw) in trees.into_iter().enumerate() {
        let (mut nodes, weights) = raw.into_nodes();
        for node in &mut nodes {
            let Node::Split(split) = node else { continue };
            let column = split.feature as usize;
            let chain = chains.get(column).ok_or_else(|| {
                call.refuse(format!(
                    "tree {index} reads column {column}; the input has {} columns, counted from 0",
                    chains.len()
                ))
            })?;
            let chain = chain.as_ref().map_err(Clone::clone)?;
            split.feature = *known.entry(column).or_insert_with(|| {
                leaves.chains.push(chain.clone());
                u32::try_from(leaves.chains.len() - 1).unwrap_or(u32::MAX)
            });
        }
        let tree = leaves.trees.len();
        leaves.trees.push(Tree {
            first_output: 0,
            nodes,
        });
        let mut columns: HashMap<usize, Vec<f64>> = HashMap::new();
        for (leaf, weights) in weights.iter().enumerate() {
            for &(output, weight) in weights {
                let column = columns.entry(output);
                let column = column.or_insert_with(|| {
                    room = room.saturating_sub(weights_len(&leaves.trees[tree]));
                    vec![0.0; weights_len(&leaves.trees[tree])]
                });
                column[leaf] += share * weight;
                if room == 0 {
                    return Err(call.refuse(format!(
                        "the leaves have more than {MAX_LEAF_VALUES} values; train fewer or smaller trees"
                    )));
                }
            }
        }
        let mut columns: Vec<(usize, Vec<f64>)> = columns.into_iter().collect();
        columns.sort_by_key(|(output, _)| *output);
        for (output, values) in columns {
            let column = leaves.column(tree, values);
            let form = forms.get_mut(output).ok_or_else(|| {
                call.refuse(format!(
                    "tree {index} adds to output {output}, counted from 0, which does not exist"
                ))
            })?;
            form.add_scaled(&column, 1.0);
        }
    }
    Ok(forms)
}

fn weights_len(tree: &Tree) -> usize {
    tree.leaves().count()
}
