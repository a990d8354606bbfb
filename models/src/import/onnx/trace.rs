//! Functions of one value of a row that no form says, kept until they are recognised as a step: the power transformation, which
//! exporters write out.
//!
//! It is not the nodes that are compared but what they compute, at numbers near and far, with what the step does.

use alloc::rc::Rc;
use core::fmt;

use tenebra_quant::RowStep;

use super::call::Call;
use super::cell::{Cell, Expr};
use super::compared::pieces;
use super::element::Element;
use super::error::OnnxError;
use super::operators::Binary;
use super::pieces::Pieces;

/// A function of numbers.
type Function = Rc<dyn Fn(&[f64]) -> Option<f64>>;

/// All such functions, each behind those that it reads.
#[derive(Debug, Default)]
pub(super) struct Trace(Vec<Traced>);

struct Traced {
    /// The variable of the value.
    variable: usize,
    operands: Vec<Operand>,
    function: Function,
    /// Constants that something was raised to.
    exponents: Vec<f64>,
    /// Why it is refused unless it is recognised.
    refused: OnnxError,
}

#[derive(Clone, Debug)]
enum Operand {
    Constant(f64),
    /// `scale * value + shift`
    Value {
        scale: f64,
        shift: f64,
    },
    Pieces(Pieces),
    Traced(usize),
}

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced")
            .field("variable", &self.variable)
            .field("operands", &self.operands)
            .finish_non_exhaustive()
    }
}

/// Where functions are compared.
const PROBES: [f64; 20] = [
    -40.0, -9.0, -3.0, -2.0, -1.0, -0.7, -0.3, -0.1, -0.01, 0.0, 0.01, 0.1, 0.3, 0.7, 1.0, 2.0,
    3.0, 9.0, 40.0, 200.0,
];

/// Values beyond are infinite in single precision.
const FAR: f64 = 1e30;

/// Most exponents of a function that are remembered.
const MAX_EXPONENTS: usize = 4;

impl Trace {
    /// Why a function is refused that is no step.
    pub(super) fn refused(&self, at: usize) -> OnnxError {
        self.0[at].refused.clone()
    }

    /// The value of a function at `x`; no number where it has none.
    fn value(&self, last: usize, x: f64) -> f64 {
        let mut values: Vec<f64> = Vec::with_capacity(last + 1);
        for traced in self.0.iter().take(last + 1) {
            let operand = |operand: &Operand| match operand {
                Operand::Constant(number) => *number,
                Operand::Value { scale, shift } => scale * x + shift,
                Operand::Pieces(pieces) => pieces.at(x),
                Operand::Traced(at) => values[*at],
            };
            let operands: Vec<f64> = traced.operands.iter().map(operand).collect();
            values.push((traced.function)(&operands).unwrap_or(f64::NAN));
        }
        values.pop().unwrap_or(f64::NAN)
    }

    /// The exponent of Yeo and Johnson's transformation that a function is.
    fn power(&self, at: usize) -> Option<f64> {
        let known = self.0.get(at)?.exponents.iter().copied().chain([0.0]);
        let values: Vec<f64> = PROBES.iter().map(|&x| self.value(at, x)).collect();
        let same = |lambda: &f64| {
            let step = RowStep::<Vec<f64>>::Power {
                from: 0,
                lambda: *lambda,
            };
            PROBES.iter().zip(&values).all(|(&x, &found)| {
                let expected = step.evaluate(&[x]).unwrap_or(f64::NAN);
                expected.abs() > FAR || (found - expected).abs() <= 1e-3 * expected.abs().max(1.0)
            })
        };
        known.flat_map(|p| [p, 2.0 - p]).find(same)
    }
}

impl Call<'_> {
    /// An operation on such functions; `x / x`, which is 1, is what the power transformation starts with.
    pub(crate) fn traced_pair(
        &self,
        operation: Binary,
        a: &Cell,
        b: &Cell,
        element: Element,
    ) -> Option<Expr> {
        let starts = operation == Binary::Div && a.expr == b.expr && a.expr.affine().is_some();
        let exponent = b.expr.as_constant().filter(|_| operation == Binary::Pow);
        let function = move |x: &[f64]| operation.either(x[0], x[1], element);
        let expr = self.traced(&[a, b], starts, exponent, function)?;
        match operation {
            // The sum of what is done to negative numbers and to others is all.
            Binary::Add => self.recognised(expr, element),
            _ => Some(expr),
        }
    }

    /// A function of elements that depend on one value, of which one is such a function already or, with `starts`, none is.
    pub(crate) fn traced(
        &self,
        cells: &[&Cell],
        starts: bool,
        exponent: Option<f64>,
        function: impl Fn(&[f64]) -> Option<f64> + 'static,
    ) -> Option<Expr> {
        let steps = self.run.steps.borrow();
        let mut trace = self.run.trace.borrow_mut();
        let continues = cells
            .iter()
            .any(|cell| matches!(cell.expr, Expr::Traced(_)));
        let mut exponents: Vec<f64> = exponent.into_iter().collect();
        let mut variable = None;
        let mut operands = Vec::with_capacity(cells.len());
        for cell in cells.iter().filter(|_| continues || starts) {
            let (operand, of) = match &cell.expr {
                Expr::Traced(at) => {
                    let inner = trace.0.get(*at)?;
                    exponents.extend(&inner.exponents);
                    (Operand::Traced(*at), Some(inner.variable))
                }
                expr if let Some(number) = expr.as_constant() => (Operand::Constant(number), None),
                Expr::Affine(form) => {
                    let mut terms = form.terms.iter().filter(|(_, w)| **w != 0.0);
                    let (Some((&of, &scale)), None) = (terms.next(), terms.next()) else {
                        return None;
                    };
                    steps.value_of(of)?;
                    let shift = form.intercept;
                    (Operand::Value { scale, shift }, Some(of))
                }
                _ => {
                    let pieces = pieces(cell)?;
                    let of = pieces.variable;
                    (Operand::Pieces(pieces), Some(of))
                }
            };
            if of.is_some_and(|of| *variable.get_or_insert(of) != of) {
                return None;
            }
            operands.push(operand);
        }
        exponents.sort_by(f64::total_cmp);
        exponents.dedup();
        exponents.truncate(MAX_EXPONENTS);
        trace.0.push(Traced {
            variable: variable?,
            operands,
            function: Rc::new(function),
            exponents,
            refused: self.refuse("it is a function of a feature that is none of the steps here; Yeo and Johnson's power transformation is one"),
        });
        Some(Expr::Traced(trace.0.len() - 1))
    }

    /// The step that a function is, if it is one.
    pub(crate) fn recognised(&self, expr: Expr, element: Element) -> Option<Expr> {
        let Expr::Traced(at) = expr else {
            return Some(expr);
        };
        let trace = self.run.trace.borrow();
        self.work(at + 1, PROBES.len()).ok()?;
        let Some(lambda) = trace.power(at) else {
            return Some(Expr::Traced(at));
        };
        let mut steps = self.run.steps.borrow_mut();
        let from = steps.value_of(trace.0[at].variable)?;
        let value = steps.push(RowStep::Power { from, lambda });
        Some(steps.cell(value, element).expr)
    }
}
