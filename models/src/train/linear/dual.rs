//! Dual coordinate descent for L1-loss support vector machines.
//!
//! Minimizes `1/2 |sum_i b_i x_i|^2 - sum_i centre_i b_i + epsilon sum_i |b_i|` over `b_i` in its bounds, whose solution gives
//! the weights `w = sum_i b_i x_i`. With targets as centres and bounds `[-C, C]` this is epsilon-insensitive regression
//! (Ho & Lin 2012, eq. 11); with labels in {-1, 1} as centres, `epsilon = 0`, and bounds `[0, C]` or `[-C, 0]` by the sign of
//! the label it is hinge-loss classification (Hsieh et al. 2008, eq. 2, with `b_i = y_i alpha_i`).

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::minimize::Solution;
use super::shuffle::shuffle;
use crate::data::Table;

/// The problem.
pub(super) struct Dual<'a> {
    pub(super) table: &'a Table,
    /// Value of the constant feature, if there is one.
    pub(super) constant: Option<f64>,
    pub(super) centre: &'a [f64],
    pub(super) epsilon: f64,
    pub(super) bounds: &'a [(f64, f64)],
}

/// A round's sum of violations, and the largest.
#[derive(Clone, Copy, Default)]
struct Violations {
    sum: f64,
    largest: f64,
}

/// Where the descent stands.
struct State {
    /// One variable per row.
    b: Vec<f64>,
    w: Vec<f64>,
    /// Weight of the constant feature.
    constant: f64,
}

impl Dual<'_> {
    /// Goes over the rows in random order until the violations of optimality are at most `tol` times those at the start.
    ///
    /// Rows whose variable is held at a bound by more than the largest violation of the last round are left out until the
    /// others are optimal (shrinking, Hsieh et al. 2008, section 3.2).
    pub(super) fn solve(
        &self,
        tol: f64,
        max_iter: usize,
        seed: u64,
        name: &'static str,
    ) -> Solution {
        let (rows, constant) = (self.table.n_rows(), self.constant.unwrap_or(0.0));
        let squares: Vec<f64> = self
            .table
            .rows()
            .map(|x| dot(x, x) + constant * constant)
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut active: Vec<usize> = (0..rows).collect();
        let mut state = State {
            b: vec![0.0; rows],
            w: vec![0.0; self.table.n_columns()],
            constant: 0.0,
        };
        let (mut first, mut reached, mut held) = (None, 0.0, f64::INFINITY);
        let mut converged = false;
        for _ in 0..max_iter {
            shuffle(&mut active, &mut rng);
            let found = self.round(&mut active, &mut state, &squares, held);
            reached = found.sum;
            held = if found.largest > 0.0 {
                found.largest
            } else {
                f64::INFINITY
            };
            if reached <= tol * *first.get_or_insert(reached) {
                if active.len() == rows {
                    converged = true;
                    break;
                }
                active = (0..rows).collect();
                held = f64::INFINITY;
            }
        }
        let warning = (!converged).then(|| {
            let reached = reached / first.unwrap_or(1.0);
            format!("{name} stopped after {max_iter} rounds at violations of {reached:.1e} of the first, above tol = {tol:.1e}: raise max_iter or scale the features")
        });
        Solution {
            coef: vec![state.w],
            intercept: vec![state.constant * constant],
            warning,
        }
    }

    /// Optimizes every active row once; those held at a bound by more than `held` become inactive.
    fn round(
        &self,
        active: &mut Vec<usize>,
        state: &mut State,
        squares: &[f64],
        held: f64,
    ) -> Violations {
        let n = self.table.n_columns();
        let constant = self.constant.unwrap_or(0.0);
        let mut violations = Violations::default();
        active.retain(|&row| {
            let x = &self.table.values()[row * n..(row + 1) * n];
            let slope = dot(&state.w, x) + state.constant * constant - self.centre[row];
            let b = state.b[row];
            let (right, left) = self.slopes(b, slope);
            let (low, high) = self.bounds[row];
            let violation = match (b < high, b > low) {
                (true, _) if right < 0.0 => -right,
                (_, true) if left > 0.0 => left,
                (up, down) => return (up && right <= held) || (down && left >= -held),
            };
            violations.sum += violation;
            violations.largest = violations.largest.max(violation);
            let change = self.best(b, slope, squares[row]).clamp(low, high) - b;
            state.b[row] += change;
            for (w, x) in state.w.iter_mut().zip(x) {
                *w += change * x;
            }
            state.constant += change * constant;
            true
        });
        violations
    }

    /// The objective's slopes to the right and to the left of `b`, which differ at the corner of `|b|`.
    fn slopes(&self, b: f64, slope: f64) -> (f64, f64) {
        let side = |positive: bool| {
            if positive {
                slope + self.epsilon
            } else {
                slope - self.epsilon
            }
        };
        (side(b >= 0.0), side(b > 0.0))
    }

    /// The unbounded minimum along one variable. A row of zeros leaves it to the bounds.
    fn best(&self, b: f64, slope: f64, square: f64) -> f64 {
        let (up, down) = (slope + self.epsilon, slope - self.epsilon);
        if up < square * b {
            b - up / square
        } else if down > square * b {
            b - down / square
        } else {
            0.0
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
