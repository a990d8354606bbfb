//! Least squares with and without an L2 penalty, solved directly.
//!
//! The rows are centred, scaled by the square roots of their weights and reduced to a triangle by QR, a block at a time;
//! the singular values of the triangle then give the minimum-norm solution whatever the rank:
//! `w = V diag(s / (s^2 + alpha)) U^T Q^T y`.

use linfa_linalg::qr::QRInto;
use linfa_linalg::svd::SVDInto;
use ndarray::{Array1, Array2, Axis};

use super::{LinearModel, LinearParts, estimators::trained};
use crate::error::TrainError;
use crate::estimator::{Params, TargetValues, Trained, TrainingData};

/// Rows that are reduced together: enough for matrix products, few enough for the cache.
const BLOCK: usize = 512;

pub(super) fn fit_linear_regression(
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    fit("LinearRegression", params, data, 0.0)
}

pub(super) fn fit_ridge(params: &Params, data: &TrainingData<'_>) -> Result<Trained, TrainError> {
    fit("Ridge", params, data, params.float("alpha"))
}

fn fit(
    name: &'static str,
    params: &Params,
    data: &TrainingData<'_>,
    alpha: f64,
) -> Result<Trained, TrainError> {
    let TargetValues::Numbers(targets) = &data.target else {
        return Err(TrainError::NoTarget);
    };
    let reduced = Reduced::new(data, targets, params.flag("fit_intercept"), name)?;
    let coef = reduced.solve(alpha, name)?;
    let intercept = coef.iter().zip(&reduced.target_means);
    let intercept = intercept
        .map(|(w, mean)| mean - reduced.feature_means.dot(&Array1::from_vec(w.clone())))
        .collect();
    let parts = LinearParts {
        coef,
        intercept,
        ..LinearParts::regression(name)
    };
    Ok(trained(
        LinearModel::new(data.describe(params, parts))?,
        None,
    ))
}

/// The normal form of a least-squares problem: `[R | Q^T y]`.
struct Reduced {
    feature_means: Array1<f64>,
    target_means: Vec<f64>,
    triangle: Array2<f64>,
    n_features: usize,
    n_rows: usize,
}

impl Reduced {
    fn new(
        data: &TrainingData<'_>,
        targets: &[Vec<f64>],
        centre: bool,
        name: &'static str,
    ) -> Result<Self, TrainError> {
        let (n, width) = (
            data.table.n_columns(),
            data.table.n_columns() + targets.len(),
        );
        let means = if centre {
            weighted_means(data, targets)
        } else {
            Array1::zeros(width)
        };
        let mut triangle = Array2::zeros((width, width));
        let mut block: Vec<f64> = Vec::with_capacity((width + BLOCK) * width);
        let rows: Vec<(usize, &[f64])> = data.table.rows().enumerate().collect();
        for rows in rows.chunks(BLOCK) {
            block.clear();
            block.extend(triangle.iter());
            for &(at, row) in rows {
                let root = data.weights[at].sqrt();
                let cells = row.iter().copied().chain(targets.iter().map(|y| y[at]));
                block.extend(cells.zip(&means).map(|(x, mean)| (x - mean) * root));
            }
            let stacked = Array2::from_shape_vec((width + rows.len(), width), block.clone());
            let stacked = stacked.unwrap_or_else(|_| unreachable!("every row has the width"));
            triangle = stacked.qr_into().map_err(|e| solver(name, &e))?.into_r();
        }
        let (feature_means, target_means) = means.view().split_at(Axis(0), n);
        let (feature_means, target_means) = (feature_means.to_owned(), target_means.to_vec());
        Ok(Self {
            feature_means,
            target_means,
            triangle,
            n_features: n,
            n_rows: data.table.n_rows(),
        })
    }

    /// Coefficients per target.
    fn solve(&self, alpha: f64, name: &'static str) -> Result<Vec<Vec<f64>>, TrainError> {
        let n = self.n_features;
        let (top, _) = self.triangle.view().split_at(Axis(0), n);
        let (r, y) = top.split_at(Axis(1), n);
        let (u, values, vt) = r
            .to_owned()
            .svd_into(true, true)
            .map_err(|e| solver(name, &e))?;
        let (Some(u), Some(vt)) = (u, vt) else {
            unreachable!("both factors were asked for")
        };
        let largest = values.iter().copied().fold(0.0, f64::max);
        let negligible = largest * f64::EPSILON * n.max(self.n_rows) as f64;
        let inverse = values.mapv(|s| {
            if s > negligible {
                s / (s * s + alpha)
            } else {
                0.0
            }
        });
        let mut projected = u.t().dot(&y);
        for (mut row, inverse) in projected.rows_mut().into_iter().zip(&inverse) {
            row *= *inverse;
        }
        Ok(vt
            .t()
            .dot(&projected)
            .columns()
            .into_iter()
            .map(|w| w.to_vec())
            .collect())
    }
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
