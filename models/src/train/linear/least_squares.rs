//! Least squares with and without an L2 penalty, solved directly.
//!
//! The rows are centred, scaled by the square roots of their weights and reduced to a triangle by QR, a block at a time
//! (Golub & Van Loan 2013, ch. 5); a penalty `alpha |w|^2` is as many more rows `sqrt(alpha) I`. Where there are fewer rows than
//! features, all of this happens in the space of the rows. Features that depend on each other leave a choice, of which the
//! coefficients with the least norm are taken, as by scikit-learn.

use linfa_linalg::qr::QR;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use ndarray::{Array1, Array2, ArrayView2, Axis, ShapeBuilder, Slice};

use super::factor::Qr;
use super::head::Head;
use super::minimize::Solution;
use super::params::{LinearRegression, Ridge};
use super::row_space::RowSpace;
use crate::train::{TargetValues, TrainError, TrainingData};

/// Rows that are reduced together: enough for matrix products, few enough for the cache.
const BLOCK: usize = 512;

pub(super) fn linear_regression(
    name: &'static str,
    params: &LinearRegression,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    fit(name, data, 0.0, params.fit_intercept)
}

pub(super) fn ridge(
    name: &'static str,
    params: &Ridge,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    fit(name, data, params.alpha, params.fit_intercept)
}

fn fit(
    name: &'static str,
    data: &TrainingData<'_>,
    alpha: f64,
    fit_intercept: bool,
) -> Result<Head, TrainError> {
    let TargetValues::Numbers(targets) = &data.target else {
        return Err(TrainError::NoTarget);
    };
    let reduced = Reduced::new(data, targets, fit_intercept);
    let coef = reduced.solve(alpha, name)?;
    let intercept = coef.iter().zip(&reduced.target_means);
    let intercept = intercept
        .map(|(w, mean)| mean - reduced.feature_means.dot(&Array1::from_vec(w.clone())))
        .collect();
    Ok(Head::regression(Solution {
        coef,
        intercept,
        warning: None,
    }))
}

/// The normal form of a least-squares problem: `[R | Q^T y]`.
struct Reduced {
    feature_means: Array1<f64>,
    target_means: Vec<f64>,
    triangle: Array2<f64>,
    space: RowSpace,
    /// Features, or coordinates in the space of the rows.
    n_features: usize,
    n_rows: usize,
}

impl Reduced {
    fn new(data: &TrainingData<'_>, targets: &[Vec<f64>], centre: bool) -> Self {
        let (n, rows) = (data.table.n_columns(), data.table.n_rows());
        let means = if centre {
            weighted_means(data, targets)
        } else {
            Array1::zeros(n + targets.len())
        };
        let (feature_means, target_means) = means.view().split_at(Axis(0), n);
        let (feature_means, target_means) = (feature_means.to_owned(), target_means.to_vec());
        let roots: Vec<f64> = data.weights.iter().map(|weight| weight.sqrt()).collect();
        let centred = |(row, root): (&[f64], &f64)| -> Vec<f64> {
            let cells = row.iter().zip(&feature_means);
            cells.map(|(x, mean)| (x - mean) * root).collect()
        };
        let values = data.table.rows().zip(&roots).flat_map(centred).collect();
        let (space, x) = RowSpace::of(rows, n, values);
        let width = x.ncols() + targets.len();
        let mut triangle = Array2::zeros((width, width));
        // A block as high as the triangle: it is reduced again with each.
        let block_rows = BLOCK.max(width);
        for first in (0..rows).step_by(block_rows) {
            let last = rows.min(first + block_rows);
            // Column after column: QR works down the columns.
            let mut block = Array2::zeros((last - first, width).f());
            let (mut features, mut others) = block.view_mut().split_at(Axis(1), x.ncols());
            features.assign(&x.slice_axis(Axis(0), Slice::from(first..last)));
            for ((mut to, y), mean) in others
                .columns_mut()
                .into_iter()
                .zip(targets)
                .zip(&target_means)
            {
                let cells = y[first..last].iter().zip(&roots[first..last]);
                for (to, (y, root)) in to.iter_mut().zip(cells) {
                    *to = (y - mean) * root;
                }
            }
            triangle = reduce(&triangle, &block);
        }
        Self {
            feature_means,
            target_means,
            triangle,
            n_features: x.ncols(),
            space,
            n_rows: rows,
        }
    }

    /// Coefficients per target.
    fn solve(&self, alpha: f64, name: &'static str) -> Result<Vec<Vec<f64>>, TrainError> {
        let n = self.n_features;
        let mut triangle = self.triangle.clone();
        if alpha > 0.0 {
            let mut penalty = Array2::zeros((n, triangle.ncols()).f());
            penalty.diag_mut().fill(alpha.sqrt());
            triangle = reduce(&triangle, &penalty);
        }
        let (top, _) = triangle.view().split_at(Axis(0), n);
        let (r, y) = top.split_at(Axis(1), n);
        let negligible = f64::EPSILON * self.feature_means.len().max(self.n_rows) as f64;
        let independent = r
            .columns()
            .into_iter()
            .enumerate()
            .all(|(j, r)| r[j].abs() > negligible * r.dot(&r).sqrt());
        let coef = if independent {
            r.solve_triangular(&y.to_owned(), UPLO::Upper)
        } else {
            least_norm(&r, &y, negligible)
        };
        let coef = coef.map_err(|e| solver(name, &e))?;
        Ok(self
            .space
            .to_features(coef)
            .columns()
            .into_iter()
            .map(|w| w.to_vec())
            .collect())
    }
}

/// The triangle of `[triangle; block]`.
fn reduce(triangle: &Array2<f64>, block: &Array2<f64>) -> Array2<f64> {
    let mut stacked = Array2::zeros((triangle.nrows() + block.nrows(), block.ncols()).f());
    let (mut above, mut below) = stacked.view_mut().split_at(Axis(0), triangle.nrows());
    above.assign(triangle);
    below.assign(block);
    Qr::new(stacked).into_triangle()
}

/// The least `w` that minimizes `|R w - y|`: with an orthonormal basis `Q` of the columns of `R`, the least solution of
/// `Q^T R w = Q^T y`.
fn least_norm(
    r: &ArrayView2<'_, f64>,
    y: &ArrayView2<'_, f64>,
    negligible: f64,
) -> linfa_linalg::Result<Array2<f64>> {
    let basis = column_basis(r, negligible);
    if basis.ncols() == 0 {
        return Ok(Array2::zeros((r.ncols(), y.ncols())));
    }
    r.t().dot(&basis).qr()?.solve_tr_into(basis.t().dot(y))
}

/// Gram-Schmidt, the largest column first, each made orthogonal twice (Giraud et al. 2005).
fn column_basis(r: &ArrayView2<'_, f64>, negligible: f64) -> Array2<f64> {
    let mut left: Vec<Array1<f64>> = r
        .columns()
        .into_iter()
        .map(|column| column.to_owned())
        .collect();
    let mut basis: Vec<Array1<f64>> = Vec::new();
    let mut smallest = None;
    while let Some((at, square)) = left
        .iter()
        .map(|c| c.dot(c))
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
    {
        if square.sqrt() <= *smallest.get_or_insert(negligible * square.sqrt()) {
            break;
        }
        let mut next = left.swap_remove(at);
        for known in &basis {
            let along = known.dot(&next);
            next.scaled_add(-along, known);
        }
        next /= next.dot(&next).sqrt();
        for column in &mut left {
            let along = next.dot(column);
            column.scaled_add(-along, &next);
        }
        basis.push(next);
    }
    let mut matrix = Array2::zeros((r.nrows(), basis.len()));
    for (mut column, vector) in matrix.columns_mut().into_iter().zip(&basis) {
        column.assign(vector);
    }
    matrix
}

/// Weighted means of the features, then of the targets.
pub(super) fn weighted_means<T: AsRef<[f64]>>(
    data: &TrainingData<'_>,
    targets: &[T],
) -> Array1<f64> {
    let mut sums = Array1::zeros(data.table.n_columns() + targets.len());
    let mut total = 0.0;
    for (at, (row, weight)) in data.table.rows().zip(&data.weights).enumerate() {
        let cells = row
            .iter()
            .copied()
            .chain(targets.iter().map(|y| y.as_ref()[at]));
        for (sum, x) in sums.iter_mut().zip(cells) {
            *sum += weight * x;
        }
        total += weight;
    }
    sums / total
}

fn solver(name: &'static str, error: &linfa_linalg::LinalgError) -> TrainError {
    TrainError::Solver {
        estimator: name,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{DataSet, Table, TargetColumn};
    use crate::{Estimator, LinearModel, Model};

    fn fit(name: &str, columns: usize, x: &[f64], y: &[f64]) -> LinearModel {
        let cells = y.iter().map(f64::to_string).collect();
        let targets = vec![TargetColumn {
            name: "y".to_owned(),
            cells,
        }];
        let table = Table::from_rows(columns, x.to_vec()).unwrap();
        let trained = Estimator::new(name)
            .unwrap()
            .fit(&DataSet {
                table,
                targets,
                weights: None,
            })
            .unwrap();
        let Model::Linear(model) = trained.model else {
            panic!("linear")
        };
        model
    }

    fn near(found: &[f64], expected: &[f64]) {
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?} is not {expected:?}"
        );
    }

    #[test]
    fn equal_features_share_the_weight() {
        // y = 1 + 2 x, with x there twice: the least norm is (1, 1).
        let model = fit(
            "LinearRegression",
            2,
            &[0.0, 0.0, 1.0, 1.0, 2.0, 2.0],
            &[1.0, 3.0, 5.0],
        );
        near(&model.coef[0], &[1.0, 1.0]);
        near(&model.intercept, &[1.0]);
    }

    #[test]
    fn fewer_rows_than_features() {
        // Centred: one direction (3, 4), half apart: y goes up by 5, so w = 5 / 25 (3, 4).
        let model = fit("LinearRegression", 2, &[0.0, 0.0, 3.0, 4.0], &[0.0, 5.0]);
        near(&model.coef[0], &[0.6, 0.8]);
        // A constant feature, and one that does not vary at all: nothing to learn.
        near(
            &fit("LinearRegression", 1, &[7.0, 7.0], &[1.0, 3.0]).coef[0],
            &[0.0],
        );
    }

    #[test]
    fn a_penalty_shrinks_by_hand() {
        // Centred x is (-1, 1), y (-1, 1): x y = 2, x x = 2, so w = 2 / (2 + 1).
        near(
            &fit("Ridge", 1, &[0.0, 2.0], &[0.0, 2.0]).coef[0],
            &[2.0 / 3.0],
        );
    }
}
