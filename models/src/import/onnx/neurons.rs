//! Functions of one affine form each, which are the neurons of a network.

use std::collections::HashMap;

use super::cell::{Curve, Expr, Function};
use super::form::Form;
use crate::network::{Activation, ActivationCodes};

/// The variable of the first neuron: behind features and columns of leaves.
const FIRST: usize = 1 << (usize::BITS - 2);

/// Bounds beyond every number of a model: a clip with one of them has one side.
const FAR: f64 = 1e100;

/// All neurons, each behind those that it reads.
#[derive(Debug, Default)]
pub(super) struct Neurons {
    list: Vec<Neuron>,
    /// By activation and form, as they print: equal neurons are one.
    known: HashMap<String, usize>,
}

/// `activation(form)`, rounded to what codes stand for where it has some.
#[derive(Clone, Debug)]
pub(super) struct Neuron {
    pub(super) activation: Activation,
    pub(super) form: Form,
    pub(super) codes: Option<ActivationCodes>,
}

/// The variable of a neuron.
pub(super) fn variable_of(neuron: usize) -> usize {
    FIRST + neuron
}

/// Which neuron a variable is.
pub(super) fn neuron_of(variable: usize) -> Option<usize> {
    variable.checked_sub(FIRST)
}

impl Neurons {
    pub(super) fn list(&self) -> &[Neuron] {
        &self.list
    }

    /// `activation(form)` as a form.
    pub(super) fn add(&mut self, activation: Activation, form: Form) -> Form {
        let narrowed = match activation {
            Activation::Relu => self.narrowed(&form, 0.0, FAR),
            Activation::Clip { min, max } => self.narrowed(&form, min, max),
            _ => None,
        };
        if let Some(narrowed) = narrowed {
            return narrowed;
        }
        self.push(Neuron {
            activation,
            form,
            codes: None,
        })
    }

    /// The neuron as a form.
    pub(super) fn push(&mut self, neuron: Neuron) -> Form {
        let next = self.list.len();
        let key = format!("{neuron:?}");
        let place = *self.known.entry(key).or_insert(next);
        if place == next {
            self.list.push(neuron);
        }
        Form::variable(FIRST + place)
    }

    /// The neuron that a form is, but for a positive factor and a shift.
    pub(super) fn shifted(&self, form: &Form) -> Option<(&Neuron, f64)> {
        let mut terms = form.terms.iter().filter(|(_, w)| **w != 0.0);
        match (terms.next(), terms.next()) {
            (Some((&variable, &factor)), None) if factor > 0.0 => {
                Some((self.list.get(neuron_of(variable)?)?, factor))
            }
            _ => None,
        }
    }

    /// The neuron that a form is, but for a factor of 1.
    fn alone(&self, form: &Form) -> Option<&Neuron> {
        let mut terms = form.terms.iter();
        match (terms.next(), terms.next()) {
            (Some((&variable, &1.0)), None) if form.intercept == 0.0 => {
                self.list.get(neuron_of(variable)?)
            }
            _ => None,
        }
    }

    /// The form, no less than `min` and no more than `max`.
    pub(super) fn bounded(&mut self, form: Form, min: Option<f64>, max: Option<f64>) -> Form {
        let (mut low, mut high) = (min.unwrap_or(-FAR), max.unwrap_or(FAR));
        let mut inner = form;
        if let Some(neuron) = self.alone(&inner).filter(|neuron| neuron.codes.is_none()) {
            let bounds = match neuron.activation {
                Activation::Relu => Some((0.0, FAR)),
                Activation::Clip { min, max } => Some((min, max)),
                _ => None,
            };
            if let Some((least, most)) = bounds {
                // The outer bounds win where they do not meet the inner ones.
                low = least.max(low).min(high);
                high = most.max(low).min(high);
                inner = neuron.form.clone();
            }
        }
        let activation = if low == 0.0 && high >= FAR {
            Activation::Relu
        } else {
            Activation::Clip {
                min: low,
                max: high,
            }
        };
        self.add(activation, inner)
    }

    /// The larger of two forms: `a + max(b - a, 0)`.
    pub(super) fn larger(&mut self, a: &Form, b: &Form) -> Form {
        if let Some(bound) = b.as_constant() {
            return self.bounded(a.clone(), Some(bound), None);
        }
        if let Some(bound) = a.as_constant() {
            return self.bounded(b.clone(), Some(bound), None);
        }
        let more = b.plus(&a.scaled(-1.0));
        a.plus(&self.add(Activation::Relu, more))
    }

    /// The smaller of two forms.
    pub(super) fn smaller(&mut self, a: &Form, b: &Form) -> Form {
        if let Some(bound) = b.as_constant() {
            return self.bounded(a.clone(), None, Some(bound));
        }
        if let Some(bound) = a.as_constant() {
            return self.bounded(b.clone(), None, Some(bound));
        }
        let more = a.plus(&b.scaled(-1.0));
        a.plus(&self.add(Activation::Relu, more).scaled(-1.0))
    }

    /// The expression as a form of features and neurons, if a network computes it.
    pub(super) fn form(&mut self, expr: &Expr) -> Option<Form> {
        match expr {
            Expr::Affine(form) => Some(form.clone()),
            Expr::Curve(Curve {
                function: Function::Sigmoid,
                form,
                scale,
                shift,
            }) => {
                let neuron = self.add(Activation::Logistic, form.clone());
                Some(neuron.scaled(*scale).shifted(*shift))
            }
            Expr::Curve(Curve {
                function: Function::Exp,
                ..
            }) => None,
            Expr::Share(..) => self.form(&expr.of_two()?),
            Expr::Total(members) => {
                let mut sum = Form::constant(0.0);
                for member in members.iter() {
                    sum.add_scaled(&self.form(member)?, 1.0);
                }
                Some(sum)
            }
            Expr::Positive
            | Expr::Rows
            | Expr::Label(_)
            | Expr::Pieces(_)
            | Expr::Traced(_)
            | Expr::Word(_)
            | Expr::Opaque(_) => None,
        }
    }

    /// The product of a form and a function of it, where that is an activation: `x sigmoid(x)`, and `x (1 + erf(x / sqrt 2))`.
    pub(super) fn gated(&mut self, a: &Form, b: &Form) -> Option<Form> {
        self.gate(a, b).or_else(|| self.gate(b, a))
    }

    fn gate(&mut self, x: &Form, gate: &Form) -> Option<Form> {
        let mut terms = gate.terms.iter().filter(|(_, w)| **w != 0.0);
        let (Some((&variable, &factor)), None) = (terms.next(), terms.next()) else {
            return None;
        };
        let neuron = self.list.get(neuron_of(variable)?)?;
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs();
        let (activation, scale) = match neuron.activation {
            Activation::Logistic if gate.intercept == 0.0 => (Activation::Swish, factor),
            Activation::Erf if near(gate.intercept, factor) => (Activation::Gelu, 2.0 * factor),
            _ => return None,
        };
        let inner = match activation {
            Activation::Gelu => x.scaled(core::f64::consts::FRAC_1_SQRT_2),
            _ => x.clone(),
        };
        neuron
            .form
            .is_negative_of(&inner.scaled(-1.0))
            .then(|| self.add(activation, x.clone()).scaled(scale))
    }
}
