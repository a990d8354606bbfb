//! Functions of one value of a row that no form says, kept until they are recognised as a step that exporters write out.

mod known;

use alloc::rc::Rc;
use core::fmt;

use tenebra_quant::RowStep;

use super::call::Call;
use super::cell::{Cell, Expr};
use super::compared::pieces;
use super::element::Element;
use super::error::OnnxError;
use super::form::Form;
use super::operators::Binary;
use super::pieces::Pieces;
pub(super) use known::place;

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
    hint: Hint,
    /// Why it is refused unless it is recognised.
    refused: OnnxError,
}

/// The constant in a function by which a step may be recognised.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Hint {
    None,
    /// What something is raised to.
    Exponent(f64),
    /// What the first operand chooses from.
    Table(Rc<[f64]>),
}

#[derive(Clone, Debug, PartialEq)]
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

/// One function with all that it is made of.
struct Whole<'a> {
    /// Its parts, each behind those that it reads, by their places; the last is the function.
    parts: Vec<(usize, &'a Traced)>,
    /// What it is a function of: `scale * value + shift`, as the first part reads it.
    of: (f64, f64),
}

impl Trace {
    /// Why a function is refused that is no step.
    pub(super) fn refused(&self, at: usize) -> OnnxError {
        self.0[at].refused.clone()
    }

    fn whole(&self, at: usize) -> Whole<'_> {
        let mut needed = vec![false; at + 1];
        needed[at] = true;
        let mut parts = Vec::new();
        for (place, part) in self.0.iter().enumerate().take(at + 1).rev() {
            if needed[place] {
                parts.push((place, part));
                for operand in &part.operands {
                    if let Operand::Traced(place) = operand {
                        needed[*place] = true;
                    }
                }
            }
        }
        parts.reverse();
        let mut operands = parts.iter().flat_map(|(_, part)| &part.operands);
        let of = operands.find_map(|operand| match operand {
            Operand::Value { scale, shift } => Some((*scale, *shift)),
            _ => None,
        });
        Whole {
            parts,
            of: of.unwrap_or((1.0, 0.0)),
        }
    }
}

impl Whole<'_> {
    /// What the parts and, last, the function are where what they are of is `x`; no numbers where they have none.
    fn values(&self, x: f64) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.parts.len());
        let mut numbers = Vec::new();
        for (_, part) in &self.parts {
            numbers.clear();
            let operands = part.operands.iter();
            numbers.extend(operands.map(|operand| self.operand(operand, x, &values)));
            values.push((part.function)(&numbers).unwrap_or(f64::NAN));
        }
        values
    }

    /// The number that a part reads where what functions are of is `x`, and the parts before have these values.
    fn operand(&self, operand: &Operand, x: f64, values: &[f64]) -> f64 {
        let (unit, origin) = self.of;
        match operand {
            Operand::Constant(number) => *number,
            // Nothing is rounded for what is compared with itself and its negative.
            Operand::Value { scale, shift } if (*scale, *shift) == self.of => x,
            Operand::Value { scale, shift } if (-*scale, -*shift) == self.of => -x,
            Operand::Value { scale, shift } => scale / unit * (x - origin) + shift,
            Operand::Pieces(pieces) if self.of == (1.0, 0.0) => pieces.at(x),
            Operand::Pieces(pieces) => pieces.at((x - origin) / unit),
            Operand::Traced(place) => {
                let part = self.parts.binary_search_by_key(place, |(place, _)| *place);
                part.map_or(f64::NAN, |part| values[part])
            }
        }
    }

    fn value(&self, x: f64) -> f64 {
        self.values(x).pop().unwrap_or(f64::NAN)
    }
}

impl Call<'_> {
    /// An operation on such functions. Some start with one: `x / x`, which is 1, the power transformation; comparisons with
    /// what was chosen by comparisons, and with a constant for equality, that to quantiles.
    pub(crate) fn traced_pair(
        &self,
        operation: Binary,
        a: &Cell,
        b: &Cell,
        element: Element,
    ) -> Option<Expr> {
        let (numbers, result) = (a.expr.affine().is_some(), b.expr.affine().is_some());
        let starts = match operation {
            Binary::Div => a.expr == b.expr && numbers,
            Binary::Equal => numbers && result,
            _ => operation.compares() && numbers != result,
        };
        let hint = match b.expr.as_constant() {
            Some(exponent) if operation == Binary::Pow => Hint::Exponent(exponent),
            _ => Hint::None,
        };
        let function = move |x: &[f64]| operation.either(x[0], x[1], element);
        let expr = self.traced(&[a, b], starts, hint, function)?;
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
        hint: Hint,
        function: impl Fn(&[f64]) -> Option<f64> + 'static,
    ) -> Option<Expr> {
        let steps = self.run.steps.borrow();
        let mut trace = self.run.trace.borrow_mut();
        let continues = cells
            .iter()
            .any(|cell| matches!(cell.expr, Expr::Traced(_)));
        let mut variable = None;
        let mut operands = Vec::with_capacity(cells.len());
        for cell in cells.iter().filter(|_| continues || starts) {
            let (operand, of) = match &cell.expr {
                Expr::Traced(at) => (Operand::Traced(*at), Some(trace.0.get(*at)?.variable)),
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
        trace.0.push(Traced {
            variable: variable?,
            operands,
            function: Rc::new(function),
            hint,
            refused: self.refuse("it is a function of a feature that is none of the steps here; Yeo and Johnson's power transformation and that to quantiles are"),
        });
        Some(Expr::Traced(trace.0.len() - 1))
    }

    /// The step that a function is, if it is one.
    pub(crate) fn recognised(&self, expr: Expr, element: Element) -> Option<Expr> {
        let Expr::Traced(at) = expr else {
            return Some(expr);
        };
        if !element.is_float() {
            return Some(expr);
        }
        self.work(1, at + 1).ok()?;
        let trace = self.run.trace.borrow();
        let whole = trace.whole(at);
        let spend = |probes: usize| self.work(whole.parts.len(), probes).ok();
        let mut steps = self.run.steps.borrow_mut();
        let variable = trace.0[at].variable;
        let filled = match steps.step_of(variable) {
            Some(RowStep::Fill { value, .. }) => Some(*value),
            _ => None,
        };
        let Some(step) = whole.step(element, filled, spend) else {
            return Some(Expr::Traced(at));
        };
        self.run.notes.borrow_mut().extend(known::note(&step));
        let (scale, shift) = whole.of;
        let form = Form::variable(variable);
        let from = steps.value(&form.scaled(scale).shifted(shift))?;
        let value = steps.push(step.relocated(|_| from));
        Some(steps.cell(value, element).expr)
    }

    /// The element, as the value of a step if it is a function that is one.
    pub(crate) fn settled(&self, cell: &Cell, element: Element) -> Result<Cell, OnnxError> {
        let Expr::Traced(_) = cell.expr else {
            return Ok(cell.clone());
        };
        let expr = self.recognised(cell.expr.clone(), element);
        let expr = expr.ok_or_else(|| self.refuse("the graph is too large"))?;
        Ok(Cell::new(expr))
    }
}
