//! Operators that scale, bound and cut single columns.

use alloc::collections::BTreeSet;

use tenebra_quant::RowStep;

use super::elementwise::{apply, finish, then};
use super::folding::Binary;
use super::unary::converted;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::chain::Operation;
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::tensor::{Data, Tensor};

/// Not less than the second input and not more than the third, attributes in old versions.
pub(super) fn clip(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    if let Some(clipped) = clipped_values(call)? {
        return one(clipped);
    }
    let mut x = call.tensor(0)?.clone();
    let bounds = [("min", Binary::Max), ("max", Binary::Min)];
    for (at, (name, operation)) in bounds.into_iter().enumerate() {
        let attribute = call.node.float(name);
        let attribute = attribute.map(|x_| Tensor::vector(x.element, Data::Numbers(vec![x_])));
        if let Some(bound) = call.optional(at + 1)?.or(attribute.as_ref()) {
            if bound.data.len() != 1 {
                return Err(call.refuse("its bounds must be single numbers"));
            }
            let bound = Tensor {
                dims: Vec::new(),
                ..bound.clone()
            };
            x = apply(call, operation, &x, &bound)?;
        }
    }
    one(x)
}

/// Columns of one value each, all different, between two bounds: the client bounds them.
fn clipped_values(call: &Call<'_>) -> Result<Option<Tensor>, OnnxError> {
    let x = call.tensor(0)?;
    let bound = |at: usize, name: &str| match call.optional(at)? {
        Some(tensor) => Ok::<_, OnnxError>(tensor.numbers().filter(|n| n.len() == 1).map(|n| n[0])),
        None => Ok(call.node.float(name)),
    };
    let (Some(min), Some(max)) = (bound(1, "min")?, bound(2, "max")?) else {
        return Ok(None);
    };
    let Data::Cells(cells) = &x.data else {
        return Ok(None);
    };
    let forms: Option<Vec<&Form>> = cells.iter().map(|cell| cell.expr.affine()).collect();
    let mut variables = BTreeSet::new();
    let mut single = |form: &&Form| {
        let mut terms = form.terms.iter().filter(|(_, w)| **w != 0.0);
        matches!((terms.next(), terms.next()), (Some((&v, _)), None) if variables.insert(v))
    };
    let apart = forms.filter(|forms| forms.iter().all(&mut single));
    let Some(forms) = apart.filter(|_| x.element.is_float() && min <= max) else {
        return Ok(None);
    };
    let mut steps = call.run.steps.borrow_mut();
    let mut clipped = Vec::with_capacity(cells.len());
    for (cell, form) in cells.iter().zip(forms) {
        let Some(from) = steps.value(form) else {
            return Ok(None);
        };
        let value = steps.push(RowStep::Clip { from, min, max });
        let chain = then(&cell.chain, Operation::Max, min, x.element);
        clipped.push(Cell {
            expr: Expr::Affine(steps.form(value)),
            chain: then(&chain, Operation::Min, max, x.element),
        });
    }
    Ok(Some(Tensor::cells(x.element, x.dims.clone(), clipped)))
}

/// `(x - offset) * scale`, in single precision but for doubles.
pub(super) fn scaler(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let element = if x.element == Element::Float64 {
        Element::Float64
    } else {
        Element::Float32
    };
    let (offset, scale) = (call.node.floats("offset"), call.node.floats("scale"));
    let columns = x.sizes().last().copied().unwrap_or(0);
    if offset.len() != scale.len() || !(offset.len() == 1 || offset.len() == columns) {
        let (offset, scale) = (offset.len(), scale.len());
        return Err(call.refuse(format!(
            "{offset} offsets and {scale} scales for {columns} columns; one each for every column or for all is expected"
        )));
    }
    let constant = |values: Vec<f64>| Tensor::vector(element, Data::Numbers(values));
    let x = converted(call, x, element)?;
    let centred = apply(call, Binary::Sub, &x, &constant(offset))?;
    let scaled = apply(call, Binary::Mul, &centred, &constant(scale))?;
    one(converted(call, &scaled, Element::Float32)?)
}

/// 1 above the threshold, 0 elsewhere.
pub(super) fn binarizer(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, threshold) = (call.tensor(0)?, call.node.float("threshold").unwrap_or(0.0));
    let element = x.element;
    if !element.is_float() {
        return Err(call.refuse("it takes floats alone"));
    }
    let above = |values: &[f64]| Some(f64::from(u8::from(values[0] > threshold)));
    let Data::Cells(cells) = &x.data else {
        return Err(call.refuse("its input is not computed from the features"));
    };
    let cell = |cell: &Cell| {
        let chain = then(&cell.chain, Operation::Above, threshold, element);
        let expr = call
            .map_leaves(&[(&cell.expr, element)], above)
            .or_else(|| {
                let alone = Cell {
                    chain: chain.clone(),
                    ..cell.clone()
                };
                call.map_pieces(&[&alone], |x| Some(x[0]))
            });
        finish(
            call,
            expr,
            chain,
            &[cell],
            "it cuts what is not a single feature or tree; a threshold is not affine",
        )
    };
    let cells = cells.iter().map(cell).collect::<Result<_, _>>()?;
    one(Tensor::cells(element, x.dims.clone(), cells))
}
