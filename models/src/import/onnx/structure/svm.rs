//! Support vector machines with a linear kernel: the support vectors add up to one coefficient vector.

use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::{Budget, Form};
use crate::import::onnx::graph::Node;
use crate::import::onnx::operators::{classifier as labels_and_scores, post_transform, scores};
use crate::import::onnx::scores::{Link, Scores, Value};

/// `sum_i coefficients_i <x, support_vectors_i> + rho`, or `<x, coefficients> + rho` without support vectors.
fn machine(node: &Node, inputs: &[Value], budget: &Budget) -> Result<Form, OnnxError> {
    let kernel = node
        .string("kernel_type")
        .unwrap_or_else(|| "LINEAR".to_owned());
    if kernel != "LINEAR" {
        return Err(node.refuse(format!(
            "the {kernel} kernel is not linear; only LINEAR is supported"
        )));
    }
    let x = scores(node, inputs, 0)?;
    let (n, coefficients, vectors) = (
        x.forms.len(),
        node.floats("coefficients"),
        node.floats("support_vectors"),
    );
    let [rho] = node.floats("rho")[..] else {
        return Err(node.refuse("it must have one rho; several classes vote in pairs, which is not linear: train a LinearSVC or one model per class"));
    };
    let weights = if vectors.is_empty() {
        coefficients
    } else {
        if vectors.len() != coefficients.len() * n {
            let (vectors, machines) = (vectors.len(), coefficients.len());
            return Err(node.refuse(format!(
                "{vectors} numbers are no {machines} support vectors of {n} features"
            )));
        }
        let mut sum = vec![0.0; n];
        for (vector, coefficient) in vectors.chunks_exact(n).zip(coefficients) {
            for (sum, x) in sum.iter_mut().zip(vector) {
                *sum += coefficient * x;
            }
        }
        sum
    };
    let product = x.product(&weights, 1, budget, node)?;
    let form = product
        .forms
        .into_iter()
        .next()
        .unwrap_or_else(|| Form::constant(0.0));
    Ok(form.shifted(rho))
}

pub(in crate::import::onnx) fn regressor(
    node: &Node,
    inputs: &[Value],
    budget: &Budget,
) -> Result<Value, OnnxError> {
    if node.int("one_class").unwrap_or(0) != 0 {
        return Err(node.refuse("one-class machines are not supported"));
    }
    let form = machine(node, inputs, budget)?;
    Ok(Value::Scores(Scores {
        link: post_transform(node, 1)?,
        forms: vec![form],
    }))
}

/// Two classes; the machine's score is that of the first. Platt's probabilities are left out: labels do not follow them
/// (onnxruntime and scikit-learn decide on the score).
pub(in crate::import::onnx) fn classifier(
    node: &Node,
    inputs: &[Value],
    budget: &Budget,
) -> Result<Vec<Value>, OnnxError> {
    if post_transform(node, 2)? != Link::Identity {
        return Err(node.refuse("post_transform NONE is supported"));
    }
    let form = machine(node, inputs, budget)?;
    labels_and_scores(
        node,
        vec![form.clone(), form.scaled(-1.0)],
        node.class_labels(),
    )
}
