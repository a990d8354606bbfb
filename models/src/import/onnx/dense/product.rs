//! Matrix products of results.

use super::tensors::{numbers, tensor};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::operators::{Binary, apply};
use crate::import::onnx::tensor::{Dim, Tensor};

/// `a b`, of `rows × inner` and `inner × columns`, added to `sums`.
fn multiply(a: &[f64], b: &[f64], inner: usize, columns: usize, sums: &mut Vec<f64>) {
    for row in a.chunks_exact(inner) {
        let first = sums.len();
        sums.resize(first + columns, 0.0);
        for (x, weights) in row.iter().zip(b.chunks_exact(columns)) {
            for (sum, weight) in sums[first..].iter_mut().zip(weights) {
                *sum += x * weight;
            }
        }
    }
}

/// As numpy's `matmul`: of the last two axes, for each place of the others, which may be missing in one of the two.
pub(super) fn mat_mul(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    if a.element != b.element {
        return Err(call.refuse("it multiplies tensors of two types; cast one to the other's"));
    }
    let (mut left, mut right) = (a.sizes(), b.sizes());
    let vectors = (left.len() == 1, right.len() == 1);
    if vectors.0 {
        left.insert(0, 1);
    }
    if vectors.1 {
        right.push(1);
    }
    let unfit = || {
        let (a, b) = (a.sizes(), b.sizes());
        call.refuse(format!("shapes {a:?} and {b:?} do not fit"))
    };
    let ([.., rows, inner], [.., size, columns]) = (&left[..], &right[..]) else {
        return Err(unfit());
    };
    let (rows, inner, size, columns) = (*rows, *inner, *size, *columns);
    let (outer, other) = (&left[..left.len() - 2], &right[..right.len() - 2]);
    let repeated = other.iter().all(|&size| size == 1);
    if inner != size || inner == 0 || columns == 0 || !(outer == other || repeated) {
        return Err(unfit());
    }
    let count: usize = outer.iter().product();
    call.work(count.saturating_mul(rows).saturating_mul(inner), columns)?;
    let (x, y) = (numbers(call, 0)?, numbers(call, 1)?);
    let mut sums = Vec::with_capacity(count * rows * columns);
    for at in 0..count {
        let place = if repeated { 0 } else { at * size * columns };
        let block = &x[at * rows * inner..][..rows * inner];
        multiply(
            block,
            &y[place..][..size * columns],
            inner,
            columns,
            &mut sums,
        );
    }
    let mut sizes = outer.to_vec();
    sizes.extend((!vectors.0).then_some(rows));
    sizes.extend((!vectors.1).then_some(columns));
    for sum in &mut sums {
        *sum = a.element.round(*sum);
    }
    one(tensor(a.element, sizes, sums))
}

/// `alpha a b + beta c`
pub(super) fn gemm(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let flag = |name: &str| call.node.int(name).unwrap_or(0) != 0;
    let (a, b) = (
        matrix(call, 0, flag("transA"))?,
        matrix(call, 1, flag("transB"))?,
    );
    let element = call.tensor(0)?.element;
    if a.1 != b.0 || a.1 == 0 || b.1 == 0 || call.tensor(1)?.element != element {
        return Err(call.refuse("its matrices do not fit each other"));
    }
    call.work(a.0.saturating_mul(a.1), b.1)?;
    let mut sums = Vec::with_capacity(a.0 * b.1);
    multiply(&a.2, &b.2, a.1, b.1, &mut sums);
    let alpha = call.node.float("alpha").unwrap_or(1.0);
    for sum in &mut sums {
        *sum = element.round(alpha * *sum);
    }
    let product = tensor(element, vec![a.0, b.1], sums);
    let Some(c) = call.optional(2)? else {
        return one(product);
    };
    let beta = call.node.float("beta").unwrap_or(1.0);
    let scaled = numbers(call, 2)?
        .into_iter()
        .map(|c| element.round(beta * c));
    let scaled: Tensor = tensor(c.element, c.sizes(), scaled.collect());
    one(apply(call, Binary::Add, &product, &scaled)?)
}

/// Rows, columns and elements of an input.
fn matrix(
    call: &Call<'_>,
    at: usize,
    transposed: bool,
) -> Result<(usize, usize, Vec<f64>), OnnxError> {
    let &[Dim::Fixed(rows), Dim::Fixed(columns)] = call.tensor(at)?.dims.as_slice() else {
        return Err(call.refuse(format!("its input {} is no matrix", at + 1)));
    };
    let values = numbers(call, at)?;
    if !transposed {
        return Ok((rows, columns, values));
    }
    let column = |j: usize| values.iter().skip(j).step_by(columns.max(1)).copied();
    Ok((columns, rows, (0..columns).flat_map(column).collect()))
}
