//! Operators of `ai.onnx.ml` on rows.

use super::tensors::{numbers, tensor};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::operators::class_data;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// The rows of the first input, in double precision.
pub(super) fn rows(call: &Call<'_>) -> Result<Vec<Vec<f64>>, OnnxError> {
    let &[Dim::Fixed(_), Dim::Fixed(columns)] = call.tensor(0)?.dims.as_slice() else {
        return Err(call.refuse("its input is no matrix"));
    };
    let values = numbers(call, 0)?;
    Ok(values.chunks(columns.max(1)).map(<[f64]>::to_vec).collect())
}

/// The outputs of a classifier: of each row the class, counted from 0, and scores.
pub(super) fn label_outputs(
    call: &Call<'_>,
    found: Vec<(usize, Vec<f64>)>,
) -> Result<Vec<Value>, OnnxError> {
    let (element, classes) = class_data(call);
    let places: Vec<usize> = found.iter().map(|(class, _)| *class).collect();
    if places.iter().any(|&place| place >= classes.len()) {
        return Err(call.refuse("it has fewer labels than classes"));
    }
    let width = found.first().map_or(0, |(_, scores)| scores.len());
    let scores = found.into_iter().flat_map(|(_, scores)| scores);
    let scores: Vec<f64> = scores.map(|score| Element::Float32.round(score)).collect();
    Ok(vec![
        Value::Tensor(Tensor {
            element,
            dims: vec![Dim::Fixed(places.len())],
            data: call.gather(&classes, &places)?,
        }),
        Value::Tensor(tensor(Element::Float32, vec![places.len(), width], scores)),
    ])
}

/// `x W^T + b` of each row.
fn linear(call: &Call<'_>, outputs: usize) -> Result<Vec<Vec<f64>>, OnnxError> {
    let (node, rows) = (call.node, rows(call)?);
    let (weights, constants) = (node.floats("coefficients"), node.floats("intercepts"));
    let columns = rows.first().map_or(0, Vec::len);
    let fits = outputs > 0
        && columns > 0
        && outputs.checked_mul(columns) == Some(weights.len())
        && (constants.is_empty() || constants.len() == outputs);
    if !fits {
        let (weights, constants) = (weights.len(), constants.len());
        return Err(call.refuse(format!(
            "{weights} coefficients and {constants} intercepts for {columns} columns and {outputs} outputs"
        )));
    }
    call.work(rows.len(), weights.len())?;
    let scores = |row: &Vec<f64>| {
        let products = weights.chunks_exact(columns).map(|weights| {
            let products = row.iter().zip(weights).map(|(x, w)| x * w);
            products.sum::<f64>()
        });
        let constants = constants.iter().copied().chain(core::iter::repeat(0.0));
        products.zip(constants).map(|(sum, b)| sum + b).collect()
    };
    Ok(rows.iter().map(scores).collect())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Scores after a `post_transform`; onnxruntime leaves a single one as it is.
fn transformed(call: &Call<'_>, scores: Vec<f64>) -> Result<Vec<f64>, OnnxError> {
    let transform = call.node.string("post_transform").unwrap_or_default();
    let single = scores.len() == 1;
    match transform.as_str() {
        "" | "NONE" => Ok(scores),
        "LOGISTIC" if !single => Ok(scores.into_iter().map(sigmoid).collect()),
        "SOFTMAX" if !single => {
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let shares: Vec<f64> = scores.iter().map(|x| (x - most).exp()).collect();
            let sum: f64 = shares.iter().sum();
            Ok(shares.into_iter().map(|share| share / sum).collect())
        }
        other => Err(call.refuse(format!(
            "post_transform {other} is not supported here; NONE, LOGISTIC and SOFTMAX of several scores are"
        ))),
    }
}

pub(super) fn linear_regressor(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let targets = usize::try_from(call.node.int("targets").unwrap_or(1)).unwrap_or(0);
    let scores = linear(call, targets)?.into_iter();
    let scores: Vec<Vec<f64>> = scores
        .map(|s| transformed(call, s))
        .collect::<Result<_, _>>()?;
    let rounded = scores.iter().flatten().map(|&x| Element::Float32.round(x));
    one(tensor(
        Element::Float32,
        vec![scores.len(), targets],
        rounded.collect(),
    ))
}

/// With one row of coefficients for two classes, the second is predicted above 0.
pub(super) fn linear_classifier(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let outputs = call.node.floats("intercepts").len();
    let logistic = call.node.string("post_transform").as_deref() == Some("LOGISTIC");
    let of_row = |scores: Vec<f64>| -> Result<(usize, Vec<f64>), OnnxError> {
        if let [score] = scores[..] {
            let (first, second) = if logistic {
                (sigmoid(-score), sigmoid(score))
            } else {
                (1.0 - score, score)
            };
            return Ok((usize::from(score > 0.0), vec![first, second]));
        }
        let better = |best: usize, at: usize| if scores[at] > scores[best] { at } else { best };
        let class = (1..scores.len()).fold(0, better);
        Ok((class, transformed(call, scores)?))
    };
    let found = linear(call, outputs)?.into_iter().map(of_row);
    label_outputs(call, found.collect::<Result<_, _>>()?)
}

/// 1 above the threshold, 0 elsewhere.
pub(super) fn binarizer(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, threshold) = (call.tensor(0)?, call.node.float("threshold").unwrap_or(0.0));
    let above = numbers(call, 0)?
        .into_iter()
        .map(|x| f64::from(u8::from(x > threshold)));
    one(tensor(x.element, x.sizes(), above.collect()))
}

/// Each row divided by its norm.
pub(super) fn normalizer(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let norm = call.node.string("norm").unwrap_or_else(|| "MAX".to_owned());
    let rows = rows(call)?;
    // Libraries do not agree on the greatest of negative numbers.
    if norm == "MAX" && rows.iter().flatten().any(|&x| x < 0.0) {
        return Err(call.refuse("the MAX norm is supported where no number is negative"));
    }
    let normed = |row: &Vec<f64>| -> Result<Vec<f64>, OnnxError> {
        let size = match norm.as_str() {
            "L1" => row.iter().map(|x| x.abs()).sum::<f64>(),
            "L2" => row.iter().map(|x| x * x).sum::<f64>().sqrt(),
            "MAX" => row.iter().copied().fold(0.0, f64::max),
            other => return Err(call.refuse(format!("the norm {other} is not known"))),
        };
        let size = if size == 0.0 { 1.0 } else { size };
        Ok(row
            .iter()
            .map(|x| Element::Float32.round(x / size))
            .collect())
    };
    let normed: Vec<Vec<f64>> = rows.iter().map(normed).collect::<Result<_, _>>()?;
    one(tensor(
        Element::Float32,
        call.tensor(0)?.sizes(),
        normed.concat(),
    ))
}

/// Names for columns, which stay as they are.
pub(super) fn zip_map(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    one(call.tensor(0)?.clone())
}

/// Values by their keys.
pub(super) fn label_encoder(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, node) = (call.tensor(0)?, call.node);
    let side = |name: &str| {
        let (ints, floats) = (format!("{name}_int64s"), format!("{name}_floats"));
        if node.has(&ints) {
            return (Element::Int64, Data::Integers(node.ints(&ints).to_vec()));
        }
        if node.has(&floats) {
            return (Element::Float32, Data::Numbers(node.floats(&floats)));
        }
        let strings = node.strings(&format!("{name}_strings"));
        (Element::String, Data::Strings(strings))
    };
    let ((from, keys), (to, values)) = (side("keys"), side("values"));
    if keys.len() != values.len() || keys.len() == 0 || from != x.element {
        return Err(call.refuse("its keys, values and input do not go together"));
    }
    call.work(x.data.len(), keys.len())?;
    let (Some(known), Some(found)) = (keys.labels(), x.data.labels()) else {
        return Err(call.refuse("its keys are no constants"));
    };
    let places = found
        .iter()
        .map(|key| known.iter().position(|known| known == key));
    let places: Option<Vec<usize>> = places.collect();
    let places =
        places.ok_or_else(|| call.refuse("a value has no key, and defaults are not supported"))?;
    one(Tensor {
        element: to,
        dims: x.dims.clone(),
        data: call.gather(&values, &places)?,
    })
}
