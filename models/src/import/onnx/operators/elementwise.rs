//! Operators of two and more tensors, element by element, with ONNX's broadcasting.

use alloc::rc::Rc;

use super::broadcast::broadcast;
use super::folding::Binary;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Curve, Expr, Function, Labels};
use crate::import::onnx::chain::{Chain, Operation};
use crate::import::onnx::element::{Element, integer};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::tensor::{Data, Tensor};
use crate::import::onnx::trace::Hint;

/// An operation on two tensors.
pub(super) fn binary(call: &Call<'_>, operation: Binary) -> Result<Vec<Value>, OnnxError> {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    if operation == Binary::Div && super::reduce::is_sum_of(b, a) {
        return one(super::reduce::shares(call, a)?);
    }
    one(apply(call, operation, a, b)?)
}

/// Remainders: of integers with the sign of the divisor, unless `fmod` asks for that of the dividend, as it must of other numbers.
pub(super) fn remainder(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    match call.node.int("fmod").unwrap_or(0) {
        1 => binary(call, Binary::Fmod),
        0 if call.tensor(0)?.element.is_integer() => binary(call, Binary::Mod),
        _ => Err(call.refuse("its attribute fmod does not go with its type; it is 1 for numbers that are no integers")),
    }
}

/// An operation on one or more tensors, one after the other.
pub(super) fn variadic(call: &Call<'_>, operation: Binary) -> Result<Vec<Value>, OnnxError> {
    one(folded(call, operation)?)
}

/// The mean of one or more tensors.
pub(super) fn mean(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let sum = folded(call, Binary::Add)?;
    let count = Tensor::vector(sum.element, Data::Numbers(vec![call.inputs.len() as f64]));
    one(apply(call, Binary::Div, &sum, &count)?)
}

fn folded(call: &Call<'_>, operation: Binary) -> Result<Tensor, OnnxError> {
    let mut all = call.tensor(0)?.clone();
    for at in 1..call.inputs.len() {
        all = apply(call, operation, &all, call.tensor(at)?)?;
    }
    Ok(all)
}

/// The second input where the first is true, else the third.
pub(super) fn select(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let tensors = [call.tensor(0)?, call.tensor(1)?, call.tensor(2)?];
    let element = tensors[1].element;
    if tensors[0].element != Element::Bool || tensors[2].element != element {
        return Err(call.refuse("its types do not go together"));
    }
    let (dims, [condition, yes, no]) = broadcast(call, tensors)?;
    let numbers = |tensor: &Tensor| {
        tensor
            .to_cells()
            .ok_or_else(|| call.refuse("it chooses between strings"))
    };
    let (condition, yes, no) = (numbers(&condition)?, numbers(&yes)?, numbers(&no)?);
    let mut cells = Vec::with_capacity(condition.len());
    for ((condition, yes), no) in condition.iter().zip(&yes).zip(&no) {
        if yes == no {
            cells.push(yes.clone());
            continue;
        }
        let pick = |x: &[f64]| Some(if x[0] == 0.0 { x[2] } else { x[1] });
        let expr = match (condition.expr.as_constant(), &condition.expr) {
            (Some(0.0), _) => Some(no.expr.clone()),
            (Some(_), _) => Some(yes.expr.clone()),
            (None, Expr::Label(labels)) => chosen(labels, &yes.expr, &no.expr, element),
            (None, _) => None,
        };
        let operands = [
            (&condition.expr, Element::Bool),
            (&yes.expr, element),
            (&no.expr, element),
        ];
        let expr = call
            .map_leaves(&operands, pick)
            .or_else(|| call.map_pieces(&[condition, yes, no], pick))
            .or(expr)
            .or_else(|| call.traced(&[condition, yes, no], false, Hint::None, pick));
        cells.push(finish(
            call,
            expr,
            None,
            &[condition, yes, no],
            "its condition is no constant and does not come from a single tree",
        )?);
    }
    one(Tensor::cells(element, dims, cells))
}

/// One of two constants for each class.
fn chosen(labels: &Labels, yes: &Expr, no: &Expr, element: Element) -> Option<Expr> {
    let (yes, no) = (yes.as_constant()?, no.as_constant()?);
    mapped(labels, element, |class| {
        Some(if class == 0.0 { no } else { yes })
    })
}

/// Labels with other numbers.
pub(super) fn mapped(
    labels: &Labels,
    element: Element,
    function: impl Fn(f64) -> Option<f64>,
) -> Option<Expr> {
    let classes: Vec<f64> = match &labels.classes {
        Data::Integers(classes) => classes.iter().map(|&c| c as f64).collect(),
        Data::Numbers(classes) => classes.clone(),
        Data::Strings(_) | Data::Cells(_) => return None,
    };
    let classes: Option<Vec<f64>> = classes.into_iter().map(function).collect();
    let classes = if element.is_float() {
        Data::Numbers(classes?)
    } else {
        let integers = classes?.into_iter().map(integer);
        Data::Integers(integers.collect::<Option<_>>()?)
    };
    Some(Expr::Label(Rc::new(Labels {
        classes,
        ..labels.clone()
    })))
}

/// An operation on two tensors of one type.
pub(crate) fn apply(
    call: &Call<'_>,
    operation: Binary,
    a: &Tensor,
    b: &Tensor,
) -> Result<Tensor, OnnxError> {
    if a.element != b.element {
        let (a, b) = (a.element.name(), b.element.name());
        return Err(call.refuse(format!(
            "its inputs have the types {a} and {b}; cast one to the other's"
        )));
    }
    let element = a.element;
    let (dims, [a, b]) = broadcast(call, [a, b])?;
    if operation.is_logical() != (element == Element::Bool) && operation != Binary::Equal {
        return Err(call.refuse(if operation.is_logical() {
            "it takes truth values"
        } else {
            "it computes with truth values; cast them first"
        }));
    }
    let result = if operation.decides() {
        Element::Bool
    } else {
        element
    };
    let data = match (&a.data, &b.data) {
        (Data::Strings(a), Data::Strings(b)) if operation == Binary::Equal => {
            Data::Integers(a.iter().zip(b).map(|(a, b)| i64::from(a == b)).collect())
        }
        (Data::Numbers(a), Data::Numbers(b)) => {
            let numbers = a
                .iter()
                .zip(b)
                .map(|(&a, &b)| operation.numbers(a, b, element));
            typed(result, numbers.collect())
        }
        (Data::Integers(a), Data::Integers(b)) => {
            let integers = a
                .iter()
                .zip(b)
                .map(|(&a, &b)| operation.integers(a, b, element));
            Data::Integers(integers.collect::<Option<_>>().ok_or_else(|| {
                call.refuse("it is not defined for these integers; a divisor is 0, or the operation is for floats")
            })?)
        }
        _ => {
            let cells = (a.to_cells(), b.to_cells());
            let (Some(a), Some(b), true) = (cells.0, cells.1, element != Element::String) else {
                return Err(call.refuse("it computes with strings"));
            };
            call.columns(a.len())?;
            let cells = a
                .iter()
                .zip(&b)
                .map(|(a, b)| cell(call, operation, a, b, element));
            Data::Cells(cells.collect::<Result<_, _>>()?)
        }
    };
    Ok(Tensor {
        element: result,
        dims,
        data,
    })
}

/// Numbers in the data that their type has.
pub(crate) fn typed(element: Element, numbers: Vec<f64>) -> Data {
    if element.is_float() {
        return Data::Numbers(numbers);
    }
    let integers = numbers.into_iter().map(integer);
    Data::Integers(integers.map(Option::unwrap_or_default).collect())
}

/// One element.
fn cell(
    call: &Call<'_>,
    operation: Binary,
    a: &Cell,
    b: &Cell,
    element: Element,
) -> Result<Cell, OnnxError> {
    call.work(1, a.size() + b.size())?;
    let leafwise = || {
        call.map_leaves(&[(&a.expr, element), (&b.expr, element)], |x| {
            operation.either(x[0], x[1], element)
        })
    };
    let expr = if matches!(
        (&a.expr, &b.expr),
        (Expr::Label(_), _) | (_, Expr::Label(_))
    ) {
        leafwise().or_else(|| with_label(operation, &a.expr, &b.expr, element))
    } else {
        symbolic(operation, &a.expr, &b.expr, element).or_else(leafwise)
    };
    // Functions of different trees can be added once each is one of leaves.
    let expr = expr.or_else(|| {
        let alone = |x: &Cell| match x.expr {
            Expr::Affine(_) => Some(x.expr.clone()),
            _ => call.map_leaves(&[(&x.expr, element)], |x| Some(x[0])),
        };
        symbolic(operation, &alone(a)?, &alone(b)?, element)
    });
    let expr = expr
        .or_else(|| neural(call, operation, &a.expr, &b.expr, element))
        .or_else(|| call.map_pieces(&[a, b], |x| operation.either(x[0], x[1], element)))
        .or_else(|| super::product::crossed(call, operation, a, b, element))
        .or_else(|| call.traced_pair(operation, a, b, element));
    let chain = chained(operation, a, b, element);
    let refused = match operation {
        Binary::Div if b.expr.as_constant() == Some(0.0) => "dividing by 0",
        Binary::Div if !element.is_float() => {
            "a quotient of integers is rounded, which is not affine; cast to float first"
        }
        Binary::Div if a.expr.as_constant().is_some() => "dividing by features is not linear",
        Binary::Mul | Binary::Div => "products and quotients of features are not linear",
        Binary::Max | Binary::Min => {
            "the larger or smaller of two numbers is not affine in the features; it is supported for single features before trees, and behind single trees"
        }
        Binary::Add | Binary::Sub => {
            "sums of what went through a nonlinear function are not supported"
        }
        _ => "it is not affine in the features",
    };
    finish(call, expr, chain, &[a, b], refused)
}

/// The cell, or why there is none: the reason that an operand has, or `refused`.
pub(super) fn finish(
    call: &Call<'_>,
    expr: Option<Expr>,
    chain: Option<Chain>,
    operands: &[&Cell],
    refused: &str,
) -> Result<Cell, OnnxError> {
    if let Some(expr) = expr {
        return Ok(Cell { expr, chain });
    }
    if operands.iter().any(|cell| cell.expr == Expr::Rows) {
        return Err(call.refuse(super::shape::OF_ROWS));
    }
    let opaque = operands.iter().find_map(|cell| match &cell.expr {
        Expr::Opaque(error) => Some(Rc::clone(error)),
        _ => None,
    });
    let error = opaque.unwrap_or_else(|| Rc::new(call.refuse(refused)));
    if chain.is_some() {
        let expr = Expr::Opaque(error);
        return Ok(Cell { expr, chain });
    }
    Err(OnnxError::clone(&error))
}

/// Codes no larger or no smaller than a constant.
fn narrowed(call: &Call<'_>, operation: Binary, a: &Expr, b: &Expr) -> Option<Expr> {
    let (codes, bound) = match (a.as_constant(), b.as_constant()) {
        (None, Some(bound)) => (a, bound),
        (Some(bound), None) => (b, bound),
        _ => return None,
    };
    let (low, high) = match operation {
        Binary::Max => (bound, f64::INFINITY),
        Binary::Min => (f64::NEG_INFINITY, bound),
        _ => return None,
    };
    let form = call.neural(codes)?;
    let mut neurons = call.run.neurons.borrow_mut();
    neurons.narrowed(&form, low, high).map(Expr::Affine)
}

/// What a network computes of two numbers.
fn neural(
    call: &Call<'_>,
    operation: Binary,
    a: &Expr,
    b: &Expr,
    element: Element,
) -> Option<Expr> {
    if !element.is_float() {
        return narrowed(call, operation, a, b);
    }
    let (a, b) = (call.neural(a)?, call.neural(b)?);
    if [&a, &b].iter().any(|form| form.intercept.is_nan()) {
        return None;
    }
    let mut neurons = call.run.neurons.borrow_mut();
    match operation {
        Binary::Max => Some(Expr::Affine(neurons.larger(&a, &b))),
        Binary::Min => Some(Expr::Affine(neurons.smaller(&a, &b))),
        Binary::Mul if a.as_constant().is_none() && b.as_constant().is_none() => {
            neurons.gated(&a, &b).map(Expr::Affine)
        }
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Div => {
            symbolic(operation, &Expr::Affine(a), &Expr::Affine(b), element)
        }
        _ => None,
    }
}

fn symbolic(operation: Binary, a: &Expr, b: &Expr, element: Element) -> Option<Expr> {
    if let (Some(x), Some(y)) = (a.as_constant(), b.as_constant()) {
        return operation.either(x, y, element).map(Expr::constant);
    }
    match operation {
        Binary::Mul if !element.is_float() && zero(a, b) => Some(Expr::constant(0.0)),
        Binary::Add => a.plus(b),
        Binary::Sub => a.plus(&b.scaled(-1.0, 0.0)?),
        Binary::Mul => a.times(b),
        Binary::Div if element.is_float() => a.over(b),
        Binary::Pow => {
            let base = a.as_constant().filter(|&base| base > 0.0)?;
            b.scaled(base.ln(), 0.0)?.exp()
        }
        Binary::Equal => {
            let not_positive = |x: &Expr| x.as_constant().is_some_and(|x| x < 1.0);
            let differs = (*a == Expr::Positive && not_positive(b))
                || (*b == Expr::Positive && not_positive(a));
            differs.then(|| Expr::constant(0.0))
        }
        Binary::Less => above(b, a, [0, 1], element),
        Binary::Greater => above(a, b, [0, 1], element),
        Binary::LessOrEqual => above(a, b, [1, 0], element),
        Binary::GreaterOrEqual => above(b, a, [1, 0], element),
        Binary::Div | Binary::Mod | Binary::Fmod | Binary::Max | Binary::Min => None,
        Binary::And | Binary::Or | Binary::Xor => None,
    }
}

/// Whether one of them is 0.
fn zero(a: &Expr, b: &Expr) -> bool {
    [a, b].iter().any(|expr| expr.as_constant() == Some(0.0))
}

/// The label that says whether `a > b`.
fn above(a: &Expr, b: &Expr, classes: [i64; 2], element: Element) -> Option<Expr> {
    let score = match (a, b) {
        (Expr::Curve(curve), level) => curve_above(curve, level.as_constant()?)?,
        (level, Expr::Curve(curve)) => curve_above(curve, level.as_constant()?)?.scaled(-1.0),
        _ => a.affine()?.plus(&b.affine()?.scaled(-1.0)),
    };
    Some(Expr::Label(Rc::new(Labels {
        scores: vec![Expr::Affine(score)],
        classes: Data::Integers(classes.to_vec()),
        element,
        classifier: false,
    })))
}

/// A form that is above 0 where the curve is above `level`.
fn curve_above(curve: &Curve, level: f64) -> Option<Form> {
    let y = (level - curve.shift) / curve.scale;
    let sign = curve.scale.signum();
    let z = match curve.function {
        _ if !y.is_finite() => return None,
        _ if y <= 0.0 => return Some(Form::constant(sign)),
        Function::Exp => y.ln(),
        Function::Sigmoid if y >= 1.0 => return Some(Form::constant(-sign)),
        Function::Sigmoid => (y / (1.0 - y)).ln(),
    };
    Some(curve.form.clone().shifted(-z).scaled(sign))
}

/// A label and a constant.
fn with_label(operation: Binary, a: &Expr, b: &Expr, element: Element) -> Option<Expr> {
    let result = if operation.decides() {
        Element::Bool
    } else {
        element
    };
    match (a, b) {
        (Expr::Label(labels), c) => {
            let c = c.as_constant()?;
            mapped(labels, result, |class| operation.either(class, c, element))
        }
        (c, Expr::Label(labels)) => {
            let c = c.as_constant()?;
            mapped(labels, result, |class| operation.either(c, class, element))
        }
        _ => None,
    }
}

pub(super) fn then(
    chain: &Option<Chain>,
    operation: Operation,
    constant: f64,
    element: Element,
) -> Option<Chain> {
    let chain = chain
        .as_ref()
        .filter(|_| element.is_float() && constant.is_finite())?;
    chain.then(operation, constant, element)
}

fn chained(operation: Binary, a: &Cell, b: &Cell, element: Element) -> Option<Chain> {
    let (x, c, reversed) = match (a.expr.as_constant(), b.expr.as_constant()) {
        (None, Some(c)) => (a, c, false),
        (Some(c), None) => (b, c, true),
        _ => return None,
    };
    let (step, c) = match (operation, reversed) {
        (Binary::Add, _) => (Operation::Add, c),
        (Binary::Sub, false) => (Operation::Add, -c),
        (Binary::Sub, true) => (Operation::SubtractFrom, c),
        (Binary::Mul, _) => (Operation::Multiply, c),
        (Binary::Div, false) if c != 0.0 => (Operation::Divide, c),
        (Binary::Max, _) => (Operation::Max, c),
        (Binary::Min, _) => (Operation::Min, c),
        (Binary::Greater, false) | (Binary::Less, true) => (Operation::Above, c),
        (Binary::Less, false) | (Binary::Greater, true) => (Operation::Below, c),
        (Binary::GreaterOrEqual, false) | (Binary::LessOrEqual, true) => {
            (Operation::Above, element.next_down(c))
        }
        (Binary::LessOrEqual, false) | (Binary::GreaterOrEqual, true) => {
            (Operation::Below, -element.next_down(-c))
        }
        _ => return None,
    };
    then(&x.chain, step, c, element)
}
