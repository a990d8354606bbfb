//! What elements along an axis become.

use super::tensors::{numbers, tensor};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    L1,
    L2,
    LogSum,
    LogSumExp,
    Max,
    Mean,
    Min,
    Product,
    Sum,
    SumSquare,
}

impl Reduction {
    fn of(self, values: &[f64]) -> f64 {
        let sum = |function: fn(f64) -> f64| values.iter().map(|&x| function(x)).sum::<f64>();
        let most = || values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match self {
            Self::L1 => sum(f64::abs),
            Self::L2 => sum(|x| x * x).sqrt(),
            Self::LogSum => sum(|x| x).ln(),
            Self::LogSumExp => log_sum_exp(values),
            Self::Max => most(),
            Self::Mean => sum(|x| x) / values.len() as f64,
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Product => values.iter().product(),
            Self::Sum => sum(|x| x),
            Self::SumSquare => sum(|x| x * x),
        }
    }
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return most;
    }
    most + values.iter().map(|x| (x - most).exp()).sum::<f64>().ln()
}

/// Elements with these axes last, which are in ascending order; the sizes of the others, and how many elements there are to each.
fn split(values: &[f64], sizes: &[usize], axes: &[usize]) -> (Vec<f64>, usize) {
    let rank = sizes.len();
    let mut strides = vec![1; rank];
    for axis in (1..rank).rev() {
        strides[axis - 1] = strides[axis] * sizes[axis];
    }
    let kept = (0..rank).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    let mut places = vec![0];
    for axis in order {
        let (size, stride) = (sizes[axis], strides[axis]);
        let along = |place: usize| (0..size).map(move |i| place + i * stride);
        places = places.into_iter().flat_map(along).collect();
    }
    let count = axes.iter().map(|&axis| sizes[axis]).product();
    (
        places.into_iter().map(|place| values[place]).collect(),
        count,
    )
}

pub(super) fn reduce(call: &Call<'_>, reduction: Reduction) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let rank = x.dims.len();
    let axes = call.integers(1, "axes")?.unwrap_or_default();
    if axes.is_empty() && call.node.int("noop_with_empty_axes").unwrap_or(0) != 0 {
        return one(x.clone());
    }
    let axes = axes.into_iter().map(|axis| call.axis(axis, rank));
    let mut axes = axes.collect::<Result<Vec<_>, _>>()?;
    if axes.is_empty() {
        axes = (0..rank).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    let sizes = x.sizes();
    let (values, count) = split(&numbers(call, 0)?, &sizes, &axes);
    let groups: usize = (0..rank)
        .filter(|axis| !axes.contains(axis))
        .map(|axis| sizes[axis])
        .product();
    let group = |at: usize| {
        x.element
            .round(reduction.of(&values[at * count..][..count]))
    };
    let reduced = (0..groups).map(group).collect();
    let kept = call.node.int("keepdims").unwrap_or(1) != 0;
    let sizes = (0..rank).filter_map(|axis| match (axes.contains(&axis), kept) {
        (false, _) => Some(sizes[axis]),
        (true, true) => Some(1),
        (true, false) => None,
    });
    one(tensor(x.element, sizes.collect(), reduced))
}

/// Elements before an axis, along it and behind it.
pub(super) fn around(sizes: &[usize], axis: usize) -> (usize, usize, usize) {
    let outer = sizes[..axis].iter().product();
    (outer, sizes[axis], sizes[axis + 1..].iter().product())
}

/// The tensor with what a function makes of the elements along an axis.
pub(super) fn along(
    call: &Call<'_>,
    x: &Tensor,
    axis: usize,
    mut function: impl FnMut(&[f64]) -> Vec<f64>,
) -> Result<Vec<f64>, OnnxError> {
    let values = numbers(call, 0)?;
    let (outer, size, inner) = around(&x.sizes(), axis);
    let mut results: Vec<Vec<f64>> = Vec::new();
    for o in 0..outer {
        for i in 0..inner {
            let line: Vec<f64> = (0..size)
                .map(|j| values[(o * size + j) * inner + i])
                .collect();
            results.push(function(&line));
        }
    }
    let length = results.first().map_or(0, Vec::len);
    call.work(length, outer.saturating_mul(inner))?;
    let mut moved = Vec::with_capacity(length * outer * inner);
    for lines in results.chunks(inner.max(1)) {
        for j in 0..length {
            moved.extend(lines.iter().map(|line| line[j]));
        }
    }
    Ok(moved)
}

/// The first place, or the last, of an element that no other is better than.
pub(super) fn arg(call: &Call<'_>, better: fn(f64, f64) -> bool) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let axis = call.axis(call.node.int("axis").unwrap_or(0), x.dims.len())?;
    let last = call.node.int("select_last_index").unwrap_or(0) != 0;
    let found = along(call, x, axis, |line| {
        let mut best = 0;
        for at in 1..line.len() {
            if better(line[at], line[best]) || (last && line[at] == line[best]) {
                best = at;
            }
        }
        vec![best as f64]
    })?;
    let mut sizes = x.sizes();
    if call.node.int("keepdims").unwrap_or(1) != 0 {
        sizes[axis] = 1;
    } else {
        sizes.remove(axis);
    }
    one(tensor(Element::Int64, sizes, found))
}

/// `Softmax` or its logarithm. Before version 13, all axes from one on are one.
pub(super) fn softmax(call: &Call<'_>, log: bool) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let joins = call.node.version.is_some_and(|version| version < 13);
    let preset = if joins { 1 } else { -1 };
    let axis = call.axis(call.node.int("axis").unwrap_or(preset), x.dims.len())?;
    let shares = |line: &[f64]| -> Vec<f64> {
        let all = log_sum_exp(line);
        let share = |x: &f64| if log { x - all } else { (x - all).exp() };
        line.iter().map(|x| x_rounded(call, share(x))).collect()
    };
    if joins {
        let size: usize = x.sizes()[axis..].iter().product();
        let values = numbers(call, 0)?;
        let shared = values.chunks(size.max(1)).flat_map(shares).collect();
        return one(tensor(x.element, x.sizes(), shared));
    }
    let shared = along(call, x, axis, shares)?;
    one(tensor(x.element, x.sizes(), shared))
}

fn x_rounded(call: &Call<'_>, x: f64) -> f64 {
    call.tensor(0).map_or(x, |tensor| tensor.element.round(x))
}

pub(super) fn cumulative_sum(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let axis = call.integers(1, "")?.unwrap_or_default();
    let axis = call.axis(axis.first().copied().unwrap_or(0), x.dims.len())?;
    let flag = |name: &str| call.node.int(name).unwrap_or(0) != 0;
    let (exclusive, reverse) = (flag("exclusive"), flag("reverse"));
    let sums = along(call, x, axis, |line| {
        let mut sum = 0.0;
        let mut next = |x: f64| {
            let before = sum;
            sum = x_rounded(call, sum + x);
            if exclusive { before } else { sum }
        };
        if reverse {
            let mut sums: Vec<f64> = line.iter().rev().map(|&x| next(x)).collect();
            sums.reverse();
            return sums;
        }
        line.iter().map(|&x| next(x)).collect()
    })?;
    one(tensor(x.element, x.sizes(), sums))
}
