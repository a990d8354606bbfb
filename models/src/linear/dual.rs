//! Dual coordinate descent for L1-loss support vector machines.
//!
//! Minimizes `1/2 |sum_i b_i x_i|^2 - sum_i centre_i b_i + epsilon sum_i |b_i|` over `b_i` in its bounds, whose solution gives
//! the weights `w = sum_i b_i x_i`. With targets as centres and bounds `[-C, C]` this is epsilon-insensitive regression
//! (Ho & Lin 2012, eq. 11); with labels in {-1, 1} as centres, `epsilon = 0`, and bounds `[0, C]` or `[-C, 0]` by the sign of
//! the label it is hinge-loss classification (Hsieh et al. 2008, eq. 2, with `b_i = y_i alpha_i`).

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::minimize::Solution;
use super::sgd::shuffle;
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

impl Dual<'_> {
    /// Goes over the rows in random order until the violations of optimality are at most `tol` times those at the start.
    pub(super) fn solve(
        &self,
        tol: f64,
        max_iter: usize,
        seed: usize,
        name: &'static str,
    ) -> Solution {
        let n = self.table.n_columns();
        let constant = self.constant.unwrap_or(0.0);
        let squares: Vec<f64> = self
            .table
            .rows()
            .map(|x| dot(x, x) + constant * constant)
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
        let mut order: Vec<usize> = (0..squares.len()).collect();
        let mut b = vec![0.0; order.len()];
        let mut w = vec![0.0; n];
        let mut intercept = 0.0;
        let (mut first, mut last) = (None, 0.0);
        for _ in 0..max_iter {
            shuffle(&mut order, &mut rng);
            last = 0.0;
            for &row in &order {
                let x = &self.table.values()[row * n..(row + 1) * n];
                let slope = dot(&w, x) + intercept * constant - self.centre[row];
                let (next, violation) = self.step(row, b[row], slope, squares[row]);
                last += violation;
                let change = next - b[row];
                if change != 0.0 {
                    b[row] = next;
                    for (w, x) in w.iter_mut().zip(x) {
                        *w += change * x;
                    }
                    intercept += change * constant;
                }
            }
            if last <= tol * *first.get_or_insert(last) {
                break;
            }
        }
        let first = first.unwrap_or(last);
        let warning = (last > tol * first).then(|| {
            let reached = last / first;
            format!("{name} stopped after {max_iter} rounds at violations of {reached:.1e} of the first, above tol = {tol:.1e}: raise max_iter or scale the features")
        });
        Solution {
            coef: vec![w],
            intercept: vec![intercept * constant],
            warning,
        }
    }

    /// The best value of one variable, and how far it was from optimal.
    fn step(&self, row: usize, b: f64, slope: f64, square: f64) -> (f64, f64) {
        let (low, high) = self.bounds[row];
        let (up, down) = (slope + self.epsilon, slope - self.epsilon);
        // The objective's slopes to the right and to the left of b, where |b| has a corner.
        let (right, left) = (
            if b >= 0.0 { up } else { down },
            if b > 0.0 { up } else { down },
        );
        let violation = if right < 0.0 && b < high {
            -right
        } else if left > 0.0 && b > low {
            left
        } else {
            return (b, 0.0);
        };
        if square == 0.0 {
            return (if right < 0.0 { high } else { low }, 0.0);
        }
        let best = if up < square * b {
            b - up / square
        } else if down > square * b {
            b - down / square
        } else {
            0.0
        };
        (best.clamp(low, high), violation)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
