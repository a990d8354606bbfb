//! Sums, shares and the largest along the columns.

use alloc::rc::Rc;

use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr, Group, Labels, Link};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// What the elements along axes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Sum,
    Mean,
}

/// `ReduceSum` and `ReduceMean`.
pub(super) fn reduce(call: &Call<'_>, reduction: Reduction) -> Result<Vec<Value>, OnnxError> {
    let (x, rank) = (call.tensor(0)?, call.tensor(0)?.dims.len());
    let axes = call.integers(1, "axes")?.unwrap_or_default();
    let axes = if axes.is_empty() {
        if call.node.int("noop_with_empty_axes").unwrap_or(0) != 0 {
            return one(x.clone());
        }
        (0..rank).collect()
    } else {
        axes.into_iter()
            .map(|axis| call.axis(axis, rank))
            .collect::<Result<Vec<_>, _>>()?
    };
    if axes.iter().any(|&axis| x.dims[axis].has_rows()) {
        return Err(call.refuse("it adds up rows; it must sum the columns, axis 1"));
    }
    if !x.element.is_float() {
        return Err(call.refuse("it adds integers up; cast to float first"));
    }
    let sizes = x.sizes();
    let (mut place, mut count) = (vec![0_usize; x.data.len()], 1);
    let (mut inner, mut stride) = (1, 1);
    for axis in (0..rank).rev() {
        let reduced = axes.contains(&axis);
        if !reduced {
            for (index, place) in place.iter_mut().enumerate() {
                *place += index / inner % sizes[axis] * stride;
            }
            stride *= sizes[axis];
        } else {
            count *= sizes[axis];
        }
        inner *= sizes[axis];
    }
    let share = if reduction == Reduction::Mean {
        1.0 / count.max(1) as f64
    } else {
        1.0
    };
    let kept = call.node.int("keepdims").unwrap_or(1) != 0;
    let dims = (0..rank).filter_map(|axis| match (axes.contains(&axis), kept) {
        (false, _) => Some(x.dims[axis]),
        (true, true) => Some(Dim::Fixed(1)),
        (true, false) => None,
    });
    let data = match &x.data {
        Data::Numbers(values) => {
            let mut sums = vec![0.0; stride];
            for (x, &place) in values.iter().zip(&place) {
                sums[place] += x;
            }
            Data::Numbers(
                sums.into_iter()
                    .map(|sum| x.element.round(sum * share))
                    .collect(),
            )
        }
        Data::Cells(cells) => {
            let mut groups: Vec<Vec<Expr>> = vec![Vec::new(); stride];
            for (cell, &place) in cells.iter().zip(&place) {
                groups[place].push(numeric(call, cell, x.element)?);
            }
            let sums = groups
                .into_iter()
                .map(|members| total(call, members, share));
            Data::Cells(sums.collect::<Result<_, _>>()?)
        }
        _ => return Err(call.refuse("it adds up what is no numbers")),
    };
    one(Tensor {
        element: x.element,
        dims: dims.collect(),
        data,
    })
}

/// The cell as a number, which a label is behind a single tree.
fn numeric(call: &Call<'_>, cell: &Cell, element: Element) -> Result<Expr, OnnxError> {
    match &cell.expr {
        Expr::Label(_) | Expr::Pieces(_) => call
            .map_leaves(&[(&cell.expr, element)], |x| Some(x[0]))
            .map_or_else(|| call.form_of(cell, element).map(Expr::Affine), Ok),
        Expr::Opaque(error) => Err(OnnxError::clone(error)),
        Expr::Positive => Err(call.refuse("it computes with a rounded sum")),
        Expr::Rows => Err(call.refuse(super::shape::OF_ROWS)),
        expr => Ok(expr.clone()),
    }
}

fn total(call: &Call<'_>, members: Vec<Expr>, share: f64) -> Result<Cell, OnnxError> {
    let mut sum = Form::constant(0.0);
    let affine = members.iter().try_for_each(|member| {
        sum.add_scaled(member.affine()?, 1.0);
        Some(())
    });
    let expr = match affine {
        Some(()) => Expr::Affine(if share == 1.0 { sum } else { sum.scaled(share) }),
        None if share == 1.0 => Expr::Total(Rc::new(members)),
        None => {
            let operands: Vec<_> = members
                .iter()
                .map(|member| (member, Element::Float64))
                .collect();
            call.map_leaves(&operands, |x| Some(x.iter().sum::<f64>() * share))
                .ok_or_else(|| {
                    call.refuse(
                        "the mean of what went through a nonlinear function is not supported",
                    )
                })?
        }
    };
    Ok(Cell::new(expr))
}

/// Whether `sum` is the sum over the columns of `x`, all of them affine.
pub(super) fn is_sum_of(sum: &Tensor, x: &Tensor) -> bool {
    let (Data::Cells(sum), Data::Cells(cells)) = (&sum.data, &x.data) else {
        return false;
    };
    let [
        Cell {
            expr: Expr::Affine(sum),
            ..
        },
    ] = sum.as_slice()
    else {
        return false;
    };
    let mut own = Form::constant(0.0);
    cells.len() > 1
        && cells.iter().all(|cell| {
            let form = cell.expr.affine();
            form.inspect(|form| own.add_scaled(form, 1.0)).is_some()
        })
        && own == *sum
}

/// Every column divided by the sum of all, none of which may be negative.
pub(super) fn shares(call: &Call<'_>, x: &Tensor) -> Result<Tensor, OnnxError> {
    let ([Dim::Rows, Dim::Fixed(_)], Data::Cells(cells)) = (x.dims.as_slice(), &x.data) else {
        return Err(call.refuse("its input must have the shape [rows, columns]"));
    };
    let members: Vec<Expr> = cells
        .iter()
        .map(|cell| numeric(call, cell, x.element))
        .collect::<Result<_, _>>()?;
    if let Some(group) = Group::new(&members) {
        return Ok(shared(x.element, group));
    }
    let forms: Option<Vec<Form>> = members
        .iter()
        .map(|member| member.affine().cloned())
        .collect();
    let leaves = call.run.leaves.borrow();
    let positive = members.iter().all(|member| leaves.is_nonnegative(member));
    let forms = forms.filter(|_| positive).ok_or_else(|| {
        call.refuse("dividing a row by its sum is not affine; it is supported behind Exp, Sigmoid and Softmax, and for trees that give probabilities")
    })?;
    let mut sum = Form::constant(0.0);
    forms.iter().for_each(|form| sum.add_scaled(form, 1.0));
    // Probabilities in single precision have the sum 1 only nearly.
    let sum = leaves
        .range(&sum)
        .filter(|(low, high)| high - low <= 1e-6 * low)
        .map(|(low, _)| low);
    match sum {
        Some(sum) if sum > 0.0 => Ok(Tensor::columns(
            x.element,
            forms.iter().map(|form| {
                Expr::Affine(if (sum - 1.0).abs() <= 1e-6 {
                    form.clone()
                } else {
                    form.scaled(1.0 / sum)
                })
            }),
        )),
        _ => Ok(shared(
            x.element,
            Group {
                link: Link::Proportion,
                forms,
            },
        )),
    }
}

/// All shares of a group.
fn shared(element: Element, group: Group) -> Tensor {
    let group = Rc::new(group);
    let share = |at| Expr::Share(Rc::clone(&group), at);
    Tensor::columns(element, (0..group.forms.len()).map(share))
}

pub(super) fn softmax(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let forms = call.affine_columns(x)?;
    if !matches!(call.node.int("axis"), None | Some(1 | -1)) || forms.len() < 2 {
        return Err(call.refuse("it must run over the columns, of which there must be several"));
    }
    let link = Link::Softmax;
    one(shared(x.element, Group { link, forms }))
}

/// Division of each row by its norm, which is affine in nothing: allowed where no column is negative, so that the L1 norm is
/// their sum.
pub(super) fn normalizer(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let norm = call.node.string("norm");
    let norm = norm.unwrap_or_else(|| "MAX".to_owned());
    if norm != "L1" {
        return Err(call.refuse(format!("the {norm} norm of a row is not affine; only L1 behind a sigmoid or softmax is supported")));
    }
    one(shares(call, call.tensor(0)?)?)
}

pub(super) fn lp_normalization(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (p, axis) = (
        call.node.int("p").unwrap_or(2),
        call.node.int("axis").unwrap_or(-1),
    );
    if p != 1 || !matches!(axis, 1 | -1) {
        return Err(call.refuse(format!("p = {p} along axis {axis} is not affine; only p = 1 along the columns is supported, where none is negative")));
    }
    one(shares(call, call.tensor(0)?)?)
}

/// The index of the first of the largest columns.
pub(super) fn arg_max(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let ([Dim::Rows, Dim::Fixed(count)], Data::Cells(cells)) = (x.dims.as_slice(), &x.data) else {
        return Err(call.refuse("its input must be columns that are computed from the features"));
    };
    let axis = call.axis(call.node.int("axis").unwrap_or(0), 2)?;
    if axis != 1 || call.node.int("select_last_index").unwrap_or(0) != 0 || *count < 2 {
        return Err(call.refuse("it must take the first of the largest of several columns, axis 1"));
    }
    let mut dims = vec![Dim::Rows];
    if call.node.int("keepdims").unwrap_or(1) != 0 {
        dims.push(Dim::Fixed(1));
    }
    let all: Vec<&Cell> = cells.iter().collect();
    let first_of_largest = |x: &[f64]| {
        let better = |best: usize, at: usize| if x[at] > x[best] { at } else { best };
        Some((1..x.len()).fold(0, better) as f64)
    };
    if let Some(expr) = call.map_pieces(&all, first_of_largest) {
        return one(Tensor::cells(Element::Int64, dims, vec![Cell::new(expr)]));
    }
    let scores = cells.iter().map(|cell| numeric(call, cell, x.element));
    let classes = i64::try_from(*count).map_err(|_| call.refuse("too many columns"))?;
    let labels = Labels {
        scores: scores.collect::<Result<_, _>>()?,
        classes: Data::Integers((0..classes).collect()),
        element: x.element,
        classifier: false,
    };
    let cell = Cell::new(Expr::Label(Rc::new(labels)));
    one(Tensor::cells(Element::Int64, dims, vec![cell]))
}
