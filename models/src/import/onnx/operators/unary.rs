//! Functions of single elements, and changes of their type.

use alloc::rc::Rc;

use super::elementwise::{finish, mapped, then, typed};
use super::folding::cast_number;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr, Labels};
use crate::import::onnx::chain::Operation;
use crate::import::onnx::element::{Element, integer};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Data, Tensor};
use crate::import::onnx::trace::Hint;
use crate::network::Activation;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Abs,
    Exp,
    IsNaN,
    Log,
    Neg,
    Not,
    Reciprocal,
    Sigmoid,
    Sqrt,
}

impl Unary {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Abs => x.abs(),
            Self::Exp => x.exp(),
            Self::IsNaN => f64::from(u8::from(x.is_nan())),
            Self::Log => x.ln(),
            Self::Neg => -x,
            Self::Not => f64::from(u8::from(x == 0.0)),
            Self::Reciprocal => 1.0 / x,
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Sqrt => x.sqrt(),
        }
    }

    /// Of an integer, for those that are defined for integers and truth values.
    fn of_integer(self, x: i64) -> i64 {
        match self {
            Self::Neg => x.wrapping_neg(),
            Self::Abs => x.wrapping_abs(),
            _ => i64::from(x == 0),
        }
    }
}

/// A function of every element.
pub(super) fn evaluate(call: &Call<'_>, function: Unary) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let element = x.element;
    let fits = match function {
        Unary::Not => element == Element::Bool,
        Unary::Abs | Unary::Neg => element.is_float() || element.is_integer(),
        _ => element.is_float(),
    };
    if !fits {
        return Err(call.refuse(format!("it is not defined for the type {}", element.name())));
    }
    let data = match &x.data {
        Data::Numbers(values) => Data::Numbers(
            values
                .iter()
                .map(|&x| element.round(function.of(x)))
                .collect(),
        ),
        Data::Integers(values) => Data::Integers(
            values
                .iter()
                .map(|&x| element.wrap(function.of_integer(x)))
                .collect(),
        ),
        Data::Strings(_) => return Err(call.refuse("it computes with strings")),
        Data::Cells(cells) => {
            let cells = cells.iter().map(|x| cell(call, function, x, element));
            Data::Cells(cells.collect::<Result<_, _>>()?)
        }
    };
    let (element, data) = match (function, data) {
        (Unary::IsNaN, Data::Numbers(flags)) => (Element::Bool, typed(Element::Bool, flags)),
        (Unary::IsNaN, data) => (Element::Bool, data),
        (_, data) => (element, data),
    };
    one(Tensor {
        element,
        dims: x.dims.clone(),
        data,
    })
}

fn cell(call: &Call<'_>, function: Unary, x: &Cell, element: Element) -> Result<Cell, OnnxError> {
    let leafwise = || {
        call.map_leaves(&[(&x.expr, element)], |x| {
            Some(element.round(function.of(x[0])))
        })
    };
    let same = |expr: &Expr| {
        call.run
            .leaves
            .borrow()
            .is_nonnegative(expr)
            .then(|| expr.clone())
    };
    let expr = match (function, &x.expr) {
        (_, expr) if let Some(x) = expr.as_constant() => {
            Some(Expr::constant(element.round(function.of(x))))
        }
        (_, Expr::Label(labels)) => {
            leafwise().or_else(|| mapped(labels, element, |class| Some(function.of(class))))
        }
        (Unary::Neg, expr) => expr.scaled(-1.0, 0.0),
        (Unary::Abs, expr) => same(expr),
        (Unary::Exp, expr) => expr.exp(),
        (Unary::Sigmoid, Expr::Affine(form)) => Some(Expr::sigmoid(form.clone())),
        (Unary::Reciprocal, expr) => Expr::constant(1.0).over(expr),
        _ => None,
    };
    let expr = expr
        .or_else(leafwise)
        .or_else(|| neural(call, function, &x.expr))
        .or_else(|| call.map_pieces(&[x], |x| Some(element.round(function.of(x[0])))))
        .or_else(|| {
            let starts = function == Unary::IsNaN;
            call.traced(&[x], starts, Hint::None, move |x| {
                Some(element.round(function.of(x[0])))
            })
        });
    let chain = match function {
        Unary::Neg => then(&x.chain, Operation::Multiply, -1.0, element),
        Unary::Not => then(&x.chain, Operation::SubtractFrom, 1.0, Element::Float32),
        _ => None,
    };
    let refused = match function {
        Unary::Reciprocal => "it is supported for 1 + exp(x) only",
        Unary::Exp | Unary::Sigmoid => {
            "it takes the result of a nonlinear function, and only affine functions can follow another operator here"
        }
        _ => {
            "it is not affine in the features; it is supported on constants, and behind single trees"
        }
    };
    finish(call, expr, chain, &[x], refused)
}

/// What a network computes of one number.
fn neural(call: &Call<'_>, function: Unary, x: &Expr) -> Option<Expr> {
    let form = call.neural(x)?;
    match function {
        Unary::Abs => call.neuron(Activation::Abs, form).map(Expr::Affine),
        Unary::Sigmoid => Some(Expr::sigmoid(form)),
        Unary::Exp
        | Unary::IsNaN
        | Unary::Log
        | Unary::Neg
        | Unary::Not
        | Unary::Reciprocal
        | Unary::Sqrt => None,
    }
}

/// `Cast`: to the type that an attribute names.
pub(super) fn cast(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let to = call.node.int("to").unwrap_or(0);
    let element = Element::from_number(to)
        .ok_or_else(|| call.refuse(format!("casting to type {to} is not supported")))?;
    one(converted(call, call.tensor(0)?, element)?)
}

/// `CastLike`: to the type of another tensor.
pub(super) fn cast_like(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    one(converted(call, call.tensor(0)?, call.tensor(1)?.element)?)
}

/// The tensor with elements of another type.
pub(crate) fn converted(call: &Call<'_>, x: &Tensor, to: Element) -> Result<Tensor, OnnxError> {
    let from = x.element;
    if from == to {
        return Ok(x.clone());
    }
    let refuse = || {
        let message = format!(
            "casting {} to {} is not supported here",
            from.name(),
            to.name()
        );
        call.refuse(message)
    };
    let data = match &x.data {
        Data::Numbers(values)
            if to == Element::Float16 && values.iter().any(|&x| to.round(x) != x) =>
        {
            return Err(call.refuse(ROUNDED_CONSTANT));
        }
        Data::Numbers(values) => {
            let cast = values.iter().map(|&x| cast_number(x, to));
            let cast: Option<Vec<f64>> = cast.collect();
            let cast = cast.filter(|_| to != Element::String).ok_or_else(|| {
                call.refuse(format!(
                    "casting these numbers to {} is not defined",
                    to.name()
                ))
            })?;
            typed(to, cast)
        }
        Data::Integers(values) if to.is_float() => {
            Data::Numbers(values.iter().map(|&x| float(x, to)).collect())
        }
        Data::Integers(values) if to != Element::String => {
            Data::Integers(values.iter().map(|&x| to.wrap(x)).collect())
        }
        Data::Cells(cells) => {
            let cells = cells.iter().map(|x| cast_cell(call, x, from, to));
            Data::Cells(cells.collect::<Result<_, _>>()?)
        }
        Data::Integers(_) | Data::Strings(_) => return Err(refuse()),
    };
    Ok(Tensor {
        element: to,
        dims: x.dims.clone(),
        data,
    })
}

/// An integer as a floating-point number, rounded once.
#[expect(clippy::cast_precision_loss, reason = "the rounding is the point")]
fn float(x: i64, to: Element) -> f64 {
    match to {
        Element::Float32 => f64::from(x as f32),
        _ => to.round(x as f64),
    }
}

/// onnxruntime's optimizer takes a cast to half precision and back for nothing, or does not.
const ROUNDED_CONSTANT: &str = "it rounds constants to half precision, which onnxruntime may leave out; store them in half precision";

fn cast_cell(call: &Call<'_>, x: &Cell, from: Element, to: Element) -> Result<Cell, OnnxError> {
    if to == Element::Float16 && x.expr.as_constant().is_some_and(|x| to.round(x) != x) {
        return Err(call.refuse(ROUNDED_CONSTANT));
    }
    let leafwise = || {
        call.map_leaves(&[(&x.expr, from)], |x| {
            let exact = from.is_float() || to.is_float() || to == Element::Bool;
            let cast = cast_number(x[0], to)?;
            (exact || integer(x[0]).is_some_and(|x| to.wrap(x) == x)).then_some(cast)
        })
    };
    // Widening keeps every integer.
    let keeps = to.is_float()
        || matches!(
            (from, to),
            (Element::Bool, _)
                | (
                    Element::Int32 | Element::Int64,
                    Element::Int32 | Element::Int64
                )
        ) && to != Element::String;
    let expr = match &x.expr {
        Expr::Label(labels) => cast_label(labels, to),
        Expr::Word(_) => None,
        Expr::Pieces(_) => call.map_pieces(&[x], |x| cast_number(x[0], to)),
        expr if keeps => Some(expr.clone()),
        expr if to == Element::Bool && is_positive(expr) => Some(Expr::constant(1.0)),
        expr if to.is_integer() && call.run.leaves.borrow().is_at_least_one(expr) => {
            Some(Expr::Positive)
        }
        _ => leafwise(),
    };
    // A float becomes one of another type by rounding, and so does an integer; an integer by cutting off.
    let chain = match to {
        Element::Int32 | Element::Int64 if from.is_float() => {
            then(&x.chain, Operation::Truncate, 0.0, from)
        }
        _ if to.is_float() && from != Element::String => then(&x.chain, Operation::Round, 0.0, to),
        _ => None,
    };
    let message = format!(
        "casting scores to {} rounds them; float and double are supported",
        to.name()
    );
    finish(call, expr, chain, &[x], &message)
}

/// Labels in another type, if each stays what it is.
fn cast_label(labels: &Labels, to: Element) -> Option<Expr> {
    let strings = matches!(labels.classes, Data::Strings(_));
    if to == Element::String {
        let classes = match &labels.classes {
            Data::Integers(_) | Data::Strings(_) => Data::Strings(labels.classes.labels()?),
            _ => return None,
        };
        return Some(Expr::Label(Rc::new(Labels {
            classes,
            ..labels.clone()
        })));
    }
    if strings {
        return None;
    }
    mapped(labels, to, |class| {
        cast_number(class, to).filter(|&cast| cast == class || to == Element::Bool)
    })
}

/// Sums and shares of exponentials and sigmoids are positive.
fn is_positive(expr: &Expr) -> bool {
    match expr {
        Expr::Curve(curve) => curve.scale > 0.0 && curve.shift >= 0.0,
        Expr::Share(..) | Expr::Positive | Expr::Rows => true,
        Expr::Total(members) => members.iter().all(is_positive),
        Expr::Affine(_)
        | Expr::Label(_)
        | Expr::Pieces(_)
        | Expr::Traced(_)
        | Expr::Word(_)
        | Expr::Opaque(_) => false,
    }
}
