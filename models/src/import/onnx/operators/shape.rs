//! Constants, and operators that change shapes only.

use alloc::rc::Rc;
use core::fmt;

use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::element::{Element, integer};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

pub(super) fn constant(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let node = call.node;
    let scalar = |element, data| Tensor {
        element,
        dims: Vec::new(),
        data,
    };
    let float = |x: f64| scalar(Element::Float32, Data::Numbers(vec![x]));
    let mut found: Vec<Tensor> = node.tensor("value")?.into_iter().collect();
    found.extend(node.float("value_float").map(float));
    found.extend(
        node.int("value_int")
            .map(|x| scalar(Element::Int64, Data::Integers(vec![x]))),
    );
    found.extend(
        node.string("value_string")
            .map(|x| scalar(Element::String, Data::Strings(vec![x]))),
    );
    if node.has("value_floats") {
        let data = Data::Numbers(node.floats("value_floats"));
        found.push(Tensor::vector(Element::Float32, data));
    }
    if node.has("value_ints") {
        let data = Data::Integers(node.ints("value_ints").to_vec());
        found.push(Tensor::vector(Element::Int64, data));
    }
    if node.has("value_strings") {
        let data = Data::Strings(node.strings("value_strings"));
        found.push(Tensor::vector(Element::String, data));
    }
    match <[Tensor; 1]>::try_from(found) {
        Ok([tensor]) => one(tensor),
        Err(found) => Err(call.refuse(format!("{} values; one is expected", found.len()))),
    }
}

/// Why arithmetic with the number of rows is refused.
pub(super) const OF_ROWS: &str = "it computes with the number of rows";

/// A shape, which is known but for the number of rows.
pub(super) fn shape(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    if x.has_rows() {
        let size = |dim: &Dim| match dim {
            Dim::Rows => Expr::Rows,
            Dim::RowsOf(_) => Expr::Opaque(Rc::new(call.refuse(OF_ROWS))),
            Dim::Fixed(size) => Expr::constant(*size as f64),
        };
        let cells: Vec<Cell> = x.dims.iter().map(|dim| Cell::new(size(dim))).collect();
        let dims = vec![Dim::Fixed(cells.len())];
        return one(Tensor::cells(Element::Int64, dims, cells));
    }
    let sizes = x.sizes().into_iter();
    let sizes: Result<Vec<i64>, _> = sizes.map(i64::try_from).collect();
    let sizes = sizes.map_err(|_| call.refuse("its input is too large"))?;
    one(Tensor::vector(Element::Int64, Data::Integers(sizes)))
}

/// A dimension that is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Rows,
    Number(i64),
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows => f.write_str("rows"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Input `at` as a shape, which may have been made of that of a tensor with rows.
fn sizes(call: &Call<'_>, at: usize) -> Result<Vec<Size>, OnnxError> {
    if let Some(Value::Tensor(tensor)) = call.inputs.get(at).map(AsRef::as_ref)
        && let Data::Cells(cells) = &tensor.data
    {
        let size = |cell: &Cell| match &cell.expr {
            Expr::Rows => Some(Size::Rows),
            expr => integer(expr.as_constant()?).map(Size::Number),
        };
        let sizes = cells.iter().map(size).collect::<Option<_>>();
        return sizes.ok_or_else(|| call.refuse("its shape depends on the features"));
    }
    let numbers = call.integers(at, "")?.unwrap_or_default();
    Ok(numbers.into_iter().map(Size::Number).collect())
}

/// Most elements that a shape may ask for.
const MAX_ELEMENTS: usize = 1 << 20;

pub(super) fn constant_of_shape(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let dim = |size| match size {
        Size::Rows => Ok(Dim::Rows),
        Size::Number(number) => usize::try_from(number).map(Dim::Fixed),
    };
    let dims = sizes(call, 0)?.into_iter().map(dim);
    let dims: Vec<Dim> = dims
        .collect::<Result<_, _>>()
        .map_err(|_| call.refuse("its shape has a negative size"))?;
    let size = dims
        .iter()
        .try_fold(1_usize, |size, dim| size.checked_mul(dim.stored()))
        .filter(|&size| size <= MAX_ELEMENTS)
        .ok_or_else(|| call.refuse("its result is too large to fold"))?;
    let value = call
        .node
        .tensor("value")?
        .unwrap_or_else(|| Tensor::vector(Element::Float32, Data::Numbers(vec![0.0])));
    if value.data.len() != 1 {
        return Err(call.refuse("its value must be a single number"));
    }
    one(Tensor {
        element: value.element,
        dims,
        data: call.gather(&value.data, &vec![0; size])?,
    })
}

pub(super) fn identity(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    one(call.tensor(0)?.clone())
}

/// Does nothing when a model is used, unless it is told that it is trained.
pub(super) fn dropout(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    if let Some(training) = call.optional(2)?
        && training.numbers().is_none_or(|mode| mode != [0.0])
    {
        return Err(call.refuse(
            "it is in training mode, in which it is random; export the model for inference",
        ));
    }
    identity(call)
}

pub(super) fn reshape(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let asked = sizes(call, 1)?;
    let zero_is_size = call.node.int("allowzero").unwrap_or(0) != 0;
    if zero_is_size && asked.contains(&Size::Number(0)) {
        return Err(call.refuse("allowzero asks for a dimension of no elements"));
    }
    let mut dims = Vec::new();
    let mut open = None;
    for (axis, &size) in asked.iter().enumerate() {
        dims.push(match size {
            Size::Rows => Dim::Rows,
            Size::Number(0) => *x.dims.get(axis).ok_or_else(|| {
                call.refuse(format!("dimension {axis} does not exist in its input"))
            })?,
            Size::Number(-1) if open.is_none() => {
                open = Some(axis);
                Dim::Fixed(1)
            }
            Size::Number(size) => Dim::Fixed(
                usize::try_from(size)
                    .map_err(|_| call.refuse(format!("the shape {asked:?} is none")))?,
            ),
        });
    }
    if let Some(axis) = open {
        let known = dims
            .iter()
            .try_fold(1_usize, |n, dim| n.checked_mul(dim.stored()));
        let rest = known
            .filter(|&n| n > 0)
            .map(|n| (x.data.len() / n, x.data.len() % n));
        dims[axis] = match rest {
            Some((1, 0)) if x.has_rows() && !dims.contains(&Dim::Rows) => Dim::Rows,
            Some((size, 0)) => Dim::Fixed(size),
            _ => {
                return Err(call.refuse(format!(
                    "the shape {asked:?} does not keep the columns of {:?}",
                    x.sizes()
                )));
            }
        };
    }
    // A graph that was exported for one row says 1 for their number.
    if x.dims.first() == Some(&Dim::Rows)
        && dims.first() == Some(&Dim::Fixed(1))
        && !dims.contains(&Dim::Rows)
    {
        dims[0] = Dim::Rows;
    }
    reshaped(call, &settled(call, x)?, dims)
}

/// Functions that were written out over flattened rows are complete where these get their shape again.
fn settled(call: &Call<'_>, x: &Tensor) -> Result<Tensor, OnnxError> {
    let Data::Cells(cells) = &x.data else {
        return Ok(x.clone());
    };
    let cells = cells.iter().map(|cell| call.settled(cell, x.element));
    Ok(Tensor {
        data: Data::Cells(cells.collect::<Result<_, _>>()?),
        ..x.clone()
    })
}

/// The tensor in another shape, if rows stay rows.
fn reshaped(call: &Call<'_>, x: &Tensor, dims: Vec<Dim>) -> Result<Vec<Value>, OnnxError> {
    /// Elements before the rows, and in each of them.
    fn around(dims: &[Dim]) -> Option<(usize, usize)> {
        let rows = dims.iter().position(|dim| dim.has_rows())?;
        let size = |dims: &[Dim]| dims.iter().map(|dim| dim.stored()).product();
        Some((size(&dims[..rows]), size(&dims[rows..])))
    }
    let size = dims
        .iter()
        .try_fold(1_usize, |n, dim| n.checked_mul(dim.stored()));
    if size != Some(x.data.len()) || around(&dims) != around(&x.dims) {
        return Err(call.refuse(format!("it does not keep {} columns per row", x.data.len())));
    }
    one(Tensor { dims, ..x.clone() })
}

/// To a matrix, with the dimensions before the axis as its rows.
pub(super) fn flatten(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let axis = call.node.int("axis").unwrap_or(1);
    let rank = x.dims.len();
    let axis = if usize::try_from(axis) == Ok(rank) {
        rank
    } else {
        call.axis(axis, rank)?
    };
    let join = |dims: &[Dim]| {
        let size = dims.iter().map(|dim| dim.stored()).product();
        match (dims.iter().any(|dim| dim.has_rows()), size) {
            (true, 1) => Dim::Rows,
            (true, _) => Dim::RowsOf(size),
            (false, _) => Dim::Fixed(size),
        }
    };
    reshaped(call, x, vec![join(&x.dims[..axis]), join(&x.dims[axis..])])
}

pub(super) fn squeeze(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let rank = x.dims.len();
    let axes = match call.integers(1, "axes")? {
        Some(axes) => axes
            .into_iter()
            .map(|axis| call.axis(axis, rank))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..rank)
            .filter(|&axis| x.dims[axis] == Dim::Fixed(1))
            .collect(),
    };
    if axes.iter().any(|&axis| x.dims[axis] != Dim::Fixed(1)) {
        return Err(call.refuse(format!("it does not keep {} columns per row", x.data.len())));
    }
    let dims = x.dims.iter().enumerate();
    let dims = dims
        .filter(|(axis, _)| !axes.contains(axis))
        .map(|(_, dim)| *dim);
    reshaped(call, x, dims.collect())
}

pub(super) fn unsqueeze(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let axes = call.integers(1, "axes")?.unwrap_or_default();
    if axes.len() > 8 {
        return Err(call.refuse("more than 8 new dimensions"));
    }
    let rank = x.dims.len() + axes.len();
    let axes = axes
        .into_iter()
        .map(|axis| call.axis(axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut old = x.dims.iter();
    let dims: Vec<Dim> = (0..rank)
        .filter_map(|axis| {
            if axes.contains(&axis) {
                Some(Dim::Fixed(1))
            } else {
                old.next().copied()
            }
        })
        .collect();
    if dims.len() != rank {
        return Err(call.refuse("an axis is there twice"));
    }
    reshaped(call, x, dims)
}
