//! Element by element: choices, functions, shapes that repeat.

use super::tensors::{numbers, tensor};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::operators::{Binary, apply, broadcast, converted};
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// A function of each number.
pub(super) fn function(call: &Call<'_>, of: fn(f64) -> f64) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    if !x.element.is_float() {
        return Err(call.refuse("it takes floats alone"));
    }
    let values = numbers(call, 0)?
        .into_iter()
        .map(|v| x.element.round(of(v)));
    one(tensor(x.element, x.sizes(), values.collect()))
}

/// The exponent may have another type.
pub(super) fn power(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let base = call.tensor(0)?;
    let exponent = converted(call, call.tensor(1)?, base.element)?;
    if base.element.is_float() {
        return one(apply(call, Binary::Pow, base, &exponent)?);
    }
    let wide = |tensor: &Tensor| converted(call, tensor, Element::Float64);
    let power = apply(call, Binary::Pow, &wide(base)?, &wide(&exponent)?)?;
    one(converted(call, &power, base.element)?)
}

/// The second input where the first is true, else the third.
pub(super) fn select(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    fn chosen<T: Clone>(condition: &[i64], yes: &[T], no: &[T]) -> Vec<T> {
        let pairs = condition.iter().zip(yes.iter().zip(no));
        let pick = |(&c, (yes, no)): (&i64, (&T, &T))| if c == 0 { no } else { yes }.clone();
        pairs.map(pick).collect()
    }
    let tensors = [call.tensor(0)?, call.tensor(1)?, call.tensor(2)?];
    let element = tensors[1].element;
    let (dims, [condition, yes, no]) = broadcast(call, tensors)?;
    let Data::Integers(condition) = &condition.data else {
        return Err(call.refuse("its condition is no truth value"));
    };
    let data = match (&yes.data, &no.data) {
        (Data::Numbers(yes), Data::Numbers(no)) => Data::Numbers(chosen(condition, yes, no)),
        (Data::Integers(yes), Data::Integers(no)) => Data::Integers(chosen(condition, yes, no)),
        (Data::Strings(yes), Data::Strings(no)) => Data::Strings(chosen(condition, yes, no)),
        _ => return Err(call.refuse("its types do not go together")),
    };
    one(Tensor {
        element,
        dims,
        data,
    })
}

/// Repeated to the shape that is asked for.
pub(super) fn expand(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let shape = call.integers(1, "")?.unwrap_or_default();
    let dims = shape
        .iter()
        .map(|&size| usize::try_from(size).map(Dim::Fixed));
    let dims: Vec<Dim> = dims
        .collect::<Result<_, _>>()
        .map_err(|_| call.refuse("a size is negative"))?;
    let size = dims
        .iter()
        .try_fold(1_usize, |n, dim| n.checked_mul(dim.stored()));
    let size = size
        .filter(|&n| n <= 1 << 24)
        .ok_or_else(|| call.refuse("its result is too large"))?;
    call.work(1, size)?;
    let ones = Tensor {
        element: x.element,
        dims,
        data: match x.data {
            Data::Integers(_) => Data::Integers(vec![0; size]),
            _ => Data::Numbers(vec![0.0; size]),
        },
    };
    let (dims, [data, _]) = broadcast(call, [x, &ones])?;
    one(Tensor { dims, ..data })
}
