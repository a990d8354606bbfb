//! Products of features, which the client computes.

use super::folding::Binary;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// `ReduceProd` over the columns.
pub(super) fn reduce(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let ([Dim::Rows, Dim::Fixed(_)], Data::Cells(cells)) = (x.dims.as_slice(), &x.data) else {
        return Err(call.refuse("its input must be columns that are computed from the features"));
    };
    let axes = call.integers(1, "axes")?.unwrap_or_default();
    if !matches!(axes.as_slice(), [1 | -1]) || !x.element.is_float() {
        return Err(call.refuse("it must multiply the columns of floats, axis 1"));
    }
    let mut all: Option<Cell> = None;
    for cell in cells {
        all = Some(match all {
            None => cell.clone(),
            Some(left) => multiplied(call, &left, cell, x.element)?,
        });
    }
    let product = all.ok_or_else(|| call.refuse("it has no columns"))?;
    let mut dims = vec![Dim::Rows];
    if call.node.int("keepdims").unwrap_or(1) != 0 {
        dims.push(Dim::Fixed(1));
    }
    one(Tensor::cells(x.element, dims, vec![product]))
}

/// The product of two elements that are computed from the features alone.
fn multiplied(
    call: &Call<'_>,
    left: &Cell,
    right: &Cell,
    element: Element,
) -> Result<Cell, OnnxError> {
    let left = call.row_value(left, element)?;
    let right = call.row_value(right, element)?;
    let mut steps = call.run.steps.borrow_mut();
    let product = steps.product(left, right);
    Ok(steps.cell(product, element))
}

/// The product of two such elements as an expression; none for other operations.
pub(super) fn crossed(
    call: &Call<'_>,
    operation: Binary,
    left: &Cell,
    right: &Cell,
    element: Element,
) -> Option<Expr> {
    let computed = |cell: &Cell| cell.expr.affine().is_some();
    if operation != Binary::Mul || !computed(left) || !computed(right) {
        return None;
    }
    let product = multiplied(call, left, right, element);
    product.ok().map(|cell| cell.expr)
}
