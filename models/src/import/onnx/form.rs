//! Affine forms of variables, which are features and what trees add, and the work spent on them.

use alloc::collections::BTreeMap;
use core::cell::Cell;

/// Most columns of a tensor, so that a graph that doubles them ends.
pub(super) const MAX_COLUMNS: usize = 1 << 16;

/// `sum terms + intercept`. Variables below the number of features are these, the others columns of leaves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    /// Coefficients by variable.
    pub(super) terms: BTreeMap<usize, f64>,
    pub(super) intercept: f64,
}

impl Form {
    pub(super) fn variable(variable: usize) -> Self {
        Self {
            terms: BTreeMap::from([(variable, 1.0)]),
            intercept: 0.0,
        }
    }

    pub(super) fn constant(intercept: f64) -> Self {
        Self {
            terms: BTreeMap::new(),
            intercept,
        }
    }

    pub(super) fn scaled(&self, by: f64) -> Self {
        Self {
            terms: self.terms.iter().map(|(&j, w)| (j, w * by)).collect(),
            intercept: self.intercept * by,
        }
    }

    pub(super) fn shifted(mut self, by: f64) -> Self {
        self.intercept += by;
        self
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.add_scaled(other, 1.0);
        sum
    }

    /// `self += by * other`
    pub(super) fn add_scaled(&mut self, other: &Self, by: f64) {
        for (&feature, w) in &other.terms {
            *self.terms.entry(feature).or_insert(0.0) += w * by;
        }
        self.intercept += other.intercept * by;
    }

    /// The number, if it depends on no variable.
    pub(super) fn as_constant(&self) -> Option<f64> {
        let constant = self.terms.values().all(|&w| w == 0.0);
        constant.then_some(self.intercept)
    }

    /// Whether `other` is its negative to within single precision, which exporters round to.
    pub(super) fn is_negative_of(&self, other: &Self) -> bool {
        let sum = self.plus(other);
        let zero = |sum: f64, term: f64| sum.abs() <= 1e-6 * term.abs();
        zero(sum.intercept, self.intercept)
            && sum
                .terms
                .iter()
                .all(|(j, w)| zero(*w, self.terms.get(j).copied().unwrap_or(0.0)))
    }

    /// The coefficients of all `n` features.
    pub(super) fn dense(&self, n: usize) -> Vec<f64> {
        let mut coef = vec![0.0; n];
        for (&feature, w) in &self.terms {
            if let Some(coef) = coef.get_mut(feature) {
                *coef = *w;
            }
        }
        coef
    }
}

/// A bound on the multiplications of one import: a small file can ask for large products again and again.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self::of(1 << 26)
    }

    /// Of so much work.
    pub(super) fn of(work: u64) -> Self {
        Self(Cell::new(work))
    }

    pub(super) fn left(&self) -> u64 {
        self.0.get()
    }

    /// Takes `forms * terms` from the budget; false if it is used up.
    #[must_use]
    pub(super) fn spend(&self, forms: usize, terms: usize) -> bool {
        let work = (forms as u64)
            .saturating_mul(terms as u64)
            .saturating_add(1);
        let left = self.0.get().checked_sub(work);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}
