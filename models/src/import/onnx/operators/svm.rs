//! Support vector machines with a linear kernel: the support vectors add up to one coefficient vector.

use alloc::rc::Rc;

use super::linear::{classifier as labels_and_scores, product, transform, transformed};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::Expr;
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::tensor::Tensor;

/// `sum_i coefficients_i <x, support_vectors_i> + rho`, or `<x, coefficients> + rho` without support vectors.
fn machine(call: &Call<'_>) -> Result<Form, OnnxError> {
    let node = call.node;
    let kernel = node.string("kernel_type");
    let kernel = kernel.unwrap_or_else(|| "LINEAR".to_owned());
    if kernel != "LINEAR" {
        return Err(call.refuse(format!(
            "the {kernel} kernel is not linear; only LINEAR is supported"
        )));
    }
    let x = call.affine_columns(call.tensor(0)?)?;
    let (n, coefficients, vectors) = (
        x.len(),
        node.floats("coefficients"),
        node.floats("support_vectors"),
    );
    let [rho] = node.floats("rho")[..] else {
        return Err(call.refuse("it must have one rho; several classes vote in pairs, which is not linear: train a LinearSVC or one model per class"));
    };
    let weights = if vectors.is_empty() {
        coefficients
    } else {
        if coefficients.len().checked_mul(n) != Some(vectors.len()) {
            let (vectors, machines) = (vectors.len(), coefficients.len());
            return Err(call.refuse(format!(
                "{vectors} numbers are no {machines} support vectors of {n} features"
            )));
        }
        let mut sum = vec![0.0; n];
        for (vector, coefficient) in vectors.chunks_exact(n.max(1)).zip(coefficients) {
            for (sum, x) in sum.iter_mut().zip(vector) {
                *sum += coefficient * x;
            }
        }
        sum
    };
    let mut product = product(call, &x, &weights, 1)?;
    let form = product.pop().unwrap_or_else(|| Form::constant(0.0));
    Ok(form.shifted(rho))
}

pub(super) fn regressor(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    if call.node.int("one_class").unwrap_or(0) != 0 {
        return Err(call.refuse("one-class machines are not supported"));
    }
    let vectors = call.node.floats("support_vectors").len();
    if (call.node.int("n_supports").unwrap_or(0) == 0) != (vectors == 0) {
        return Err(call.refuse("n_supports is not the number of its support vectors"));
    }
    one(transformed(call, &transform(call), vec![machine(call)?])?)
}

/// Two classes; the machine's score is that of the first.
pub(super) fn classifier(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let node = call.node;
    if !matches!(transform(call).as_str(), "" | "NONE") {
        return Err(call.refuse("post_transform NONE is supported"));
    }
    let form = machine(call)?;
    let reason = if node.has("prob_a") {
        "its probabilities (Platt) are left out, for its labels do not follow them: onnxruntime and scikit-learn decide on the score"
    } else {
        "its scores are left out: onnxruntime gives those of the other class"
    };
    let opaque = Expr::Opaque(Rc::new(call.refuse(reason)));
    let label = [form.clone(), form.scaled(-1.0)].map(Expr::Affine);
    let scores = Tensor::columns(Element::Float32, [opaque.clone(), opaque]);
    labels_and_scores(call, label.into(), scores)
}
