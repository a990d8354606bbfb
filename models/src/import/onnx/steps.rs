//! Values that are made of a row before the model: the steps of a pipeline.
//!
//! A row has values, its columns first and behind them one a step, as [`RowStep`] counts them. Each is a variable of forms.

use alloc::collections::BTreeMap;
use std::collections::HashMap;

use tenebra_quant::{Other, RowStep};

use super::cell::Cell;
use super::element::Element;
use super::form::Form;
use crate::data::Words;
use crate::pipeline::{Step, needed};

/// The variable of the first step: behind features and columns of leaves, before neurons.
const FIRST: usize = 1 << (usize::BITS - 3);

/// How many variables there are for steps.
const COUNT: usize = FIRST;

/// Whether a variable is a step's.
pub(super) fn is_step(variable: usize) -> bool {
    (FIRST..FIRST + COUNT).contains(&variable)
}

/// All steps, each behind those that it reads.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Columns of a row.
    pub(super) columns: usize,
    pub(super) list: Vec<Step>,
    /// By how they print: equal steps are one.
    known: HashMap<String, usize>,
    /// Copies of values that stand side by side, by these values.
    copies: HashMap<Vec<usize>, usize>,
    /// The words of columns of strings that some operator names.
    pub(super) words: BTreeMap<usize, Words>,
}

impl Steps {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// The value of a row that a variable is; none for columns of leaves and neurons.
    pub(super) fn value_of(&self, variable: usize) -> Option<usize> {
        if variable < self.columns {
            Some(variable)
        } else if is_step(variable) {
            Some(variable - FIRST + self.columns)
        } else {
            None
        }
    }

    /// The step that a variable is, if it is one.
    pub(super) fn step_of(&self, variable: usize) -> Option<&Step> {
        is_step(variable).then(|| self.list.get(variable - FIRST))?
    }

    /// The variable of a value.
    pub(super) fn variable(&self, value: usize) -> usize {
        value
            .checked_sub(self.columns)
            .map_or(value, |step| FIRST + step)
    }

    /// The value as an element of a tensor.
    pub(super) fn cell(&self, value: usize, element: Element) -> Cell {
        Cell::feature(self.variable(value), element)
    }

    /// The value as a form.
    pub(super) fn form(&self, value: usize) -> Form {
        Form::variable(self.variable(value))
    }

    /// The value of a step, which may be there already.
    pub(super) fn push(&mut self, step: Step) -> usize {
        let next = self.list.len();
        let place = *self.known.entry(format!("{step:?}")).or_insert(next);
        if place == next {
            self.list.push(step);
        }
        self.columns + place
    }

    /// The value that a form is, by steps where it is none yet; none for a form of other variables than values, and for
    /// weights that no step has.
    pub(super) fn value(&mut self, form: &Form) -> Option<usize> {
        let terms: Option<Vec<(usize, f64)>> = form
            .terms
            .iter()
            .filter(|(_, w)| **w != 0.0)
            .map(|(&variable, &w)| Some((self.value_of(variable)?, w)))
            .collect();
        let finite = |x: f64| x.is_finite().then_some(x);
        let value = match terms?.as_slice() {
            [] => self.push(RowStep::Constant {
                value: finite(form.intercept)?,
            }),
            [(value, 1.0)] if form.intercept == 0.0 => *value,
            [(from, w)] => {
                let (from, scale, center) = (*from, 1.0 / w, -form.intercept / w);
                let sound = scale.is_normal() && center.is_finite();
                sound.then(|| {
                    self.push(RowStep::Affine {
                        from,
                        center,
                        scale,
                    })
                })?
            }
            terms => {
                let values: Vec<usize> = terms.iter().map(|(value, _)| *value).collect();
                let weights = terms.iter().map(|(_, w)| *w).collect();
                self.dot(&values, weights, form.intercept)?
            }
        };
        Some(value)
    }

    /// The sum of values, each times its weight, and a number.
    pub(super) fn dot(
        &mut self,
        values: &[usize],
        weights: Vec<f64>,
        intercept: f64,
    ) -> Option<usize> {
        if !weights.iter().all(|w| w.is_finite()) || !intercept.is_finite() {
            return None;
        }
        let first = self.side_by_side(values)?;
        let from = self.push(RowStep::Dot { first, weights });
        Some(if intercept == 0.0 {
            from
        } else {
            self.push(RowStep::Affine {
                from,
                center: -intercept,
                scale: 1.0,
            })
        })
    }

    /// The first of consecutive values that are these ones.
    fn side_by_side(&mut self, values: &[usize]) -> Option<usize> {
        let first = *values.first()?;
        if values.iter().enumerate().all(|(at, &v)| v == first + at) {
            return Some(first);
        }
        if let Some(&known) = self.copies.get(values) {
            return Some(known);
        }
        let start = self.columns + self.list.len();
        let copy = |&from: &usize| RowStep::Affine {
            from,
            center: 0.0,
            scale: 1.0,
        };
        self.list.extend(values.iter().map(copy));
        self.copies.insert(values.to_vec(), start);
        Some(start)
    }

    /// The product of two values.
    pub(super) fn product(&mut self, left: usize, right: usize) -> usize {
        self.push(RowStep::Product { left, right })
    }

    /// The place of a value among numbers, which are strictly increasing; others are `other`, and so are missing values.
    pub(super) fn code(&mut self, from: usize, categories: Vec<f64>, other: Other) -> usize {
        self.push(RowStep::Code {
            from,
            categories,
            unknown: other,
            missing: other,
        })
    }

    /// For each place of a code, a number, as a form: the code itself where numbers are affine in it.
    pub(super) fn chosen(&mut self, code: usize, first: usize, numbers: &[f64]) -> Form {
        let at = |place: usize| (place + first) as f64;
        let slope = match numbers {
            [a, b, ..] => b - a,
            _ => 0.0,
        };
        let start = numbers.first().copied().unwrap_or(0.0) - slope * at(0);
        let line = |place: usize| start + slope * at(place);
        if numbers.len() > 2 && numbers.iter().enumerate().all(|(i, &x)| x == line(i)) {
            return self.form(code).scaled(slope).shifted(start);
        }
        let mut sum = Form::constant(0.0);
        for (place, &number) in numbers.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            let flag = self.push(RowStep::Equals {
                from: code,
                value: at(place),
            });
            sum.add_scaled(&self.form(flag), number);
        }
        sum
    }

    /// The codes of words of a column; words that are not there yet are put behind the others.
    pub(super) fn codes_of_words(&mut self, column: usize, keys: &[String]) -> Vec<f64> {
        let words = &mut self.words.entry(column).or_default().words;
        let code = |key: &String| {
            let place = words.iter().position(|word| word == key);
            let place = place.unwrap_or_else(|| {
                words.push(key.clone());
                words.len() - 1
            });
            place as f64
        };
        keys.iter().map(code).collect()
    }

    /// Of a column of strings: words that no operator names are missing values, which the steps deal with.
    pub(super) fn tolerate(&mut self, column: usize) {
        self.words.entry(column).or_default().others_are_missing = true;
    }
}

/// What the steps and the columns of a graph become in a pipeline: those that the model needs.
#[derive(Debug)]
pub(super) struct Kept {
    /// By value, its place among those that are kept.
    place: HashMap<usize, usize>,
    pub(super) columns: Vec<usize>,
    pub(super) steps: Vec<Step>,
}

impl Kept {
    /// What the values that are used depend on; of the columns, also those that `always` names.
    pub(super) fn of(steps: &Steps, used: &[usize], always: impl Fn(usize) -> bool) -> Self {
        let n = steps.columns;
        let needed = needed(&steps.list, n, used.iter().copied());
        let columns: Vec<usize> = (0..n).filter(|&j| needed[j] || always(j)).collect();
        let mut place: HashMap<usize, usize> = columns
            .iter()
            .enumerate()
            .map(|(new, &old)| (old, new))
            .collect();
        let mut kept = Vec::new();
        for (index, step) in steps.list.iter().enumerate() {
            if needed[n + index] {
                place.insert(n + index, columns.len() + kept.len());
                kept.push(step.clone());
            }
        }
        let relocated =
            |step: Step| step.relocated(|value| place.get(&value).copied().unwrap_or(value));
        Self {
            steps: kept.into_iter().map(relocated).collect(),
            place,
            columns,
        }
    }

    /// The new place of a value that is kept.
    pub(super) fn place(&self, value: usize) -> Option<usize> {
        self.place.get(&value).copied()
    }
}
