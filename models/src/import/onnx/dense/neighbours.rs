//! The nearest of many: distances, the least or greatest along an axis, and elements at places.

use super::reduce::along;
use super::tensors::{numbers, tensor};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Dim, Tensor};

/// The `k` greatest or least along an axis, and their places; of equal ones the first, as onnxruntime has it.
pub(super) fn top_k(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let axis = call.axis(call.node.int("axis").unwrap_or(-1), x.dims.len())?;
    let k = call.integers(1, "")?.unwrap_or_default();
    let size = x.sizes()[axis];
    let k = k.first().and_then(|&k| usize::try_from(k).ok());
    let k = k.filter(|&k| k <= size).ok_or_else(|| {
        call.refuse(format!(
            "k is more than the {size} elements along its axis, or negative"
        ))
    })?;
    let largest = call.node.int("largest").unwrap_or(1) != 0;
    call.work(x.data.len(), 8)?;
    let order = |line: &[f64]| -> Vec<usize> {
        let mut order: Vec<usize> = (0..line.len()).collect();
        let compare = |a: &usize, b: &usize| {
            let ascending = line[*a].total_cmp(&line[*b]);
            let ordered = if largest {
                ascending.reverse()
            } else {
                ascending
            };
            ordered.then(a.cmp(b))
        };
        if k > 0 && k < order.len() {
            order.select_nth_unstable_by(k - 1, compare);
        }
        order.truncate(k);
        order.sort_unstable_by(compare);
        order
    };
    let values = along(call, x, axis, |line| {
        order(line).into_iter().map(|at| line[at]).collect()
    })?;
    let places = along(call, x, axis, |line| {
        order(line).into_iter().map(|at| at as f64).collect()
    })?;
    let mut sizes = x.sizes();
    sizes[axis] = k;
    Ok(vec![
        Value::Tensor(tensor(x.element, sizes.clone(), values)),
        Value::Tensor(tensor(Element::Int64, sizes, places)),
    ])
}

/// Along an axis, the elements whose places the second input gives.
pub(super) fn gather_elements(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let axis = call.axis(call.node.int("axis").unwrap_or(0), x.dims.len())?;
    let (from, to) = (x.sizes(), indices.sizes());
    let fits = from.len() == to.len() && (0..from.len()).all(|at| at == axis || to[at] <= from[at]);
    let Some(places) = indices.integers().filter(|_| fits) else {
        return Err(call.refuse("its places are no integers of its input's shape"));
    };
    let size = from[axis].cast_signed() as i64;
    let mut found = Vec::with_capacity(places.len());
    for (at, &place) in places.iter().enumerate() {
        let place = if place < 0 {
            place.saturating_add(size)
        } else {
            place
        };
        let place = usize::try_from(place).ok().filter(|&p| p < from[axis]);
        let place = place.ok_or_else(|| call.refuse(format!("a place is none of {size}")))?;
        let (mut rest, mut target, mut stride) = (at, 0, 1);
        for axis_ in (0..from.len()).rev() {
            let index = if axis_ == axis {
                place
            } else {
                rest % to[axis_]
            };
            rest /= to[axis_].max(1);
            target += index * stride;
            stride *= from[axis_];
        }
        found.push(target);
    }
    one(Tensor {
        element: x.element,
        dims: indices.dims.clone(),
        data: call.gather(&x.data, &found)?,
    })
}

/// Distances of each row of one matrix from each of another.
pub(super) fn distances(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    let (&[Dim::Fixed(rows), Dim::Fixed(columns)], &[Dim::Fixed(others), Dim::Fixed(width)]) =
        (a.dims.as_slice(), b.dims.as_slice())
    else {
        return Err(call.refuse("it takes two matrices"));
    };
    if columns != width || columns == 0 {
        return Err(call.refuse(format!("{columns} and {width} columns do not fit")));
    }
    let metric = call.node.string("metric");
    let metric = metric.unwrap_or_else(|| "sqeuclidean".to_owned());
    let root = match metric.as_str() {
        "euclidean" => true,
        "sqeuclidean" => false,
        other => return Err(call.refuse(format!("the metric {other} is not known"))),
    };
    call.work(rows.saturating_mul(others), columns)?;
    let (x, y) = (numbers(call, 0)?, numbers(call, 1)?);
    let mut found = Vec::with_capacity(rows * others);
    for row in x.chunks_exact(columns) {
        for other in y.chunks_exact(columns) {
            let square: f64 = row.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
            found.push(a.element.round(if root { square.sqrt() } else { square }));
        }
    }
    one(tensor(a.element, vec![rows, others], found))
}
