//! Operators that move, join and pick elements along an axis.

use super::unary::converted;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// Sizes before, along and behind an axis.
fn around(tensor: &Tensor, axis: usize) -> (usize, usize, usize) {
    let sizes = tensor.sizes();
    (
        sizes[..axis].iter().product(),
        sizes[axis],
        sizes[axis + 1..].iter().product(),
    )
}

/// The places `indices` along an axis that is not the rows.
pub(super) fn take(
    call: &Call<'_>,
    x: &Tensor,
    axis: usize,
    indices: &[usize],
) -> Result<Tensor, OnnxError> {
    if x.dims[axis].has_rows() {
        return Err(call.refuse("it picks rows; it must pick columns, axis 1"));
    }
    let (outer, size, inner) = around(x, axis);
    call.work(indices.len(), outer.saturating_mul(inner))?;
    if !x.data.is_constant() {
        call.columns(indices.len())?;
    }
    let places: Vec<usize> = (0..outer)
        .flat_map(|o| {
            indices
                .iter()
                .flat_map(move |&at| (0..inner).map(move |i| (o * size + at) * inner + i))
        })
        .collect();
    let mut dims = x.dims.clone();
    dims[axis] = Dim::Fixed(indices.len());
    Ok(Tensor {
        element: x.element,
        dims,
        data: call.gather(&x.data, &places)?,
    })
}

/// Indices along an axis of `size`, which may count from the end.
pub(super) fn places(
    call: &Call<'_>,
    indices: &[i64],
    size: usize,
) -> Result<Vec<usize>, OnnxError> {
    let place = |&index: &i64| {
        let index = if index < 0 {
            index.checked_add_unsigned(size as u64)?
        } else {
            index
        };
        usize::try_from(index).ok().filter(|&index| index < size)
    };
    let places: Option<Vec<usize>> = indices.iter().map(place).collect();
    places.ok_or_else(|| {
        let shown = &indices[..indices.len().min(8)];
        call.refuse(format!("places {shown:?} of {size} are not all there"))
    })
}

pub(super) fn transpose(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let rank = x.dims.len();
    let order: Vec<usize> = match call.node.ints("perm") {
        [] => (0..rank).rev().collect(),
        order => order
            .iter()
            .filter_map(|&axis| usize::try_from(axis).ok().filter(|&axis| axis < rank))
            .collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.iter().enumerate().any(|(at, &axis)| at != axis) || order.len() != rank {
        let order = call.node.ints("perm");
        return Err(call.refuse(format!("perm = {order:?} is no order of {rank} dimensions")));
    }
    let sizes = x.sizes();
    let mut strides = vec![1; rank];
    for axis in (1..rank).rev() {
        strides[axis - 1] = strides[axis] * sizes[axis];
    }
    let mut places = vec![0];
    for &axis in &order {
        let steps = |place: usize| (0..sizes[axis]).map(move |i| (place, i));
        places = places
            .into_iter()
            .flat_map(steps)
            .map(|(place, i)| place + i * strides[axis])
            .collect();
    }
    one(Tensor {
        element: x.element,
        dims: order.iter().map(|&axis| x.dims[axis]).collect(),
        data: call.gather(&x.data, &places)?,
    })
}

pub(super) fn concat(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let tensors = all(call)?;
    let rank = tensors.first().map_or(0, |tensor| tensor.dims.len());
    let axis = call
        .node
        .int("axis")
        .ok_or_else(|| call.refuse("it names no axis"))?;
    one(joined(call, &tensors, call.axis(axis, rank)?)?)
}

/// Side by side, in single precision.
pub(super) fn feature_vectorizer(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let mut tensors = Vec::new();
    for (at, tensor) in all(call)?.into_iter().enumerate() {
        let width = tensor.sizes().get(1).copied().unwrap_or(0);
        let declared = call.node.ints("inputdimensions").get(at).copied();
        if tensor.dims.len() != 2 || declared.is_some_and(|d| usize::try_from(d) != Ok(width)) {
            return Err(call.refuse(format!(
                "input {} has {width} columns, {declared:?} are declared",
                at + 1
            )));
        }
        tensors.push(converted(call, tensor, Element::Float32)?);
    }
    one(joined(call, &tensors.iter().collect::<Vec<_>>(), 1)?)
}

fn all<'a>(call: &Call<'a>) -> Result<Vec<&'a Tensor>, OnnxError> {
    (0..call.inputs.len()).map(|at| call.tensor(at)).collect()
}

fn joined(call: &Call<'_>, tensors: &[&Tensor], axis: usize) -> Result<Tensor, OnnxError> {
    let first = *tensors
        .first()
        .ok_or_else(|| call.refuse("it has no input"))?;
    let mut dims = first.dims.clone();
    let mut size = 0_usize;
    for tensor in tensors {
        let others_fit = tensor.dims.len() == dims.len()
            && (0..dims.len()).all(|at| at == axis || tensor.dims[at] == dims[at]);
        if !others_fit || tensor.element != first.element {
            return Err(call.refuse("its inputs differ in shape or type"));
        }
        if tensor.dims[axis].has_rows() {
            return Err(
                call.refuse("it puts rows below rows; it must put columns side by side, axis 1")
            );
        }
        size = size.saturating_add(tensor.sizes()[axis]);
    }
    dims[axis] = Dim::Fixed(size);
    let elements: usize = tensors.iter().map(|tensor| tensor.data.len()).sum();
    if tensors.iter().any(|tensor| !tensor.data.is_constant()) {
        call.columns(elements)?;
    }
    let outer = around(first, axis).0;
    let mut data = None;
    for tensor in tensors {
        let one = match &tensor.data {
            Data::Strings(_) => tensor.data.clone(),
            _ if tensors.iter().all(|tensor| tensor.data.is_constant()) => tensor.data.clone(),
            _ => Data::Cells(tensor.to_cells().ok_or_else(|| {
                call.refuse("it joins integers beyond 2^53 and what is computed from rows")
            })?),
        };
        data = Some(match data {
            None => one,
            Some(mut all) => {
                if !append(&mut all, one) {
                    return Err(call.refuse("it joins strings and numbers"));
                }
                all
            }
        });
    }
    // All of each tensor in turn; the axis wants them interleaved where it is not the first.
    let mut places = Vec::with_capacity(elements);
    for o in 0..outer {
        let mut start = 0;
        for tensor in tensors {
            let part = tensor.data.len() / outer.max(1);
            places.extend((0..part).map(|i| start + o * part + i));
            start += tensor.data.len();
        }
    }
    let data = data.ok_or_else(|| call.refuse("it has no input"))?;
    Ok(Tensor {
        element: first.element,
        dims,
        data: call.gather(&data, &places)?,
    })
}

fn append(all: &mut Data, more: Data) -> bool {
    match (all, more) {
        (Data::Numbers(all), Data::Numbers(more)) => all.extend(more),
        (Data::Integers(all), Data::Integers(more)) => all.extend(more),
        (Data::Strings(all), Data::Strings(more)) => all.extend(more),
        (Data::Cells(all), Data::Cells(more)) => all.extend(more),
        _ => return false,
    }
    true
}

/// `starts..ends` by `steps` along `axes`.
pub(super) fn slice(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let mut x = call.tensor(0)?.clone();
    let wanted = |at: usize, name: &str| {
        call.integers(at, name)?
            .ok_or_else(|| call.refuse(format!("it has no {name}")))
    };
    let (starts, ends) = (wanted(1, "starts")?, wanted(2, "ends")?);
    let count = i64::try_from(starts.len()).unwrap_or(i64::MAX);
    let axes = call
        .integers(3, "axes")?
        .unwrap_or_else(|| (0..count).collect());
    let steps = call
        .integers(4, "steps")?
        .unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()]
        .iter()
        .any(|&n| n != starts.len())
    {
        return Err(call.refuse("its starts, ends, axes and steps differ in number"));
    }
    for (((&start, &end), &axis), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = call.axis(axis, x.dims.len())?;
        if x.dims[axis].has_rows() {
            if (start, step) == (0, 1) && end >= i64::from(i32::MAX) {
                continue;
            }
            return Err(call.refuse("it takes some of the rows; it must take columns, axis 1"));
        }
        let indices = range(start, end, step, x.sizes()[axis]);
        let indices = indices.ok_or_else(|| call.refuse("its step is 0"))?;
        // Of a shape there may be none: exporters write the dimensions behind the last one so.
        if indices.is_empty() && x.has_rows() {
            return Err(call.refuse("no column is left"));
        }
        x = take(call, &x, axis, &indices)?;
    }
    one(x)
}

/// The places of a slice; starts and ends beyond the axis are moved to its ends.
fn range(start: i64, end: i64, step: i64, size: usize) -> Option<Vec<usize>> {
    if size == 0 {
        return Some(Vec::new());
    }
    let n = i64::try_from(size).ok()?;
    let from_end = |at: i64| if at < 0 { at.saturating_add(n) } else { at };
    let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let end = from_end(end).clamp(low, high);
    let mut at = from_end(start).clamp(low.max(0), high.max(0));
    let mut places = Vec::new();
    while step != 0 && ((step > 0 && at < end) || (step < 0 && at > end)) {
        places.push(usize::try_from(at).ok()?);
        at = at.saturating_add(step);
    }
    (step != 0).then_some(places)
}

pub(super) fn split(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let axis = call.axis(call.node.int("axis").unwrap_or(0), x.dims.len())?;
    let size = x.sizes()[axis];
    let outputs = call.node.outputs.len().max(1);
    let lengths = match call.integers(1, "split")? {
        Some(lengths) => lengths
            .into_iter()
            .map(|length| usize::try_from(length).ok())
            .collect::<Option<Vec<usize>>>()
            .ok_or_else(|| call.refuse("a length is negative"))?,
        None => {
            let parts = call
                .node
                .int("num_outputs")
                .map_or(Ok(outputs), usize::try_from);
            if parts != Ok(outputs) {
                return Err(call.refuse(format!(
                    "num_outputs is not the number of its {outputs} outputs"
                )));
            }
            // The last part is smaller where they do not come out even.
            let length = size.div_ceil(outputs);
            (0..outputs)
                .map(|at| length.min(size.saturating_sub(at * length)))
                .collect()
        }
    };
    let total = lengths
        .iter()
        .try_fold(0_usize, |sum, &n| sum.checked_add(n));
    if total != Some(size) || lengths.len() != outputs || lengths.contains(&0) {
        return Err(call.refuse(format!(
            "the lengths {lengths:?} do not fill {outputs} outputs from {size} columns"
        )));
    }
    let mut start = 0;
    lengths
        .into_iter()
        .map(|length| {
            let part: Vec<usize> = (start..start + length).collect();
            start += length;
            take(call, x, axis, &part).map(Value::Tensor)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn slices_are_those_of_python() {
        // list(range(5))[start:end:step]
        for (start, end, step, expected) in [
            (0, 5, 2, vec![0, 2, 4]),
            (-2, i64::MAX, 1, vec![3, 4]),
            (4, 0, -1, vec![4, 3, 2, 1]),
            (-1, i64::MIN, -2, vec![4, 2, 0]),
            (3, 2, 1, vec![]),
            (9, -9, -3, vec![4, 1]),
        ] {
            assert_eq!(
                range(start, end, step, 5),
                Some(expected),
                "{start}:{end}:{step}"
            );
        }
        assert_eq!(range(0, 5, 0, 5), None);
    }
}
