//! Lasso and elastic net by coordinate descent ([linfa_elasticnet]).
//!
//! `1 / (2 n) |y - X w - b|^2 + alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|^2)`, the first term weighted by the sample
//! weights scaled to sum to `n`. The rows come centred, as linfa centres the target only.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet as Coordinates;
use ndarray::{Array1, Array2, ShapeBuilder};

use super::head::Head;
use super::least_squares::weighted_means;
use super::minimize::Solution;
use super::params::{ElasticNet, Lasso};
use crate::train::{TrainError, TrainingData};

pub(super) fn lasso(
    name: &'static str,
    params: &Lasso,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let params = ElasticNet {
        alpha: params.alpha,
        l1_ratio: 1.0,
        fit_intercept: params.fit_intercept,
        max_iter: params.max_iter,
        tol: params.tol,
    };
    elastic_net(name, &params, data)
}

pub(super) fn elastic_net(
    name: &'static str,
    params: &ElasticNet,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let target = data.one_target(name)?;
    let (rows, n) = (data.table.n_rows(), data.table.n_columns());
    let means = if params.fit_intercept {
        weighted_means(data, &[target])
    } else {
        Array1::zeros(n + 1)
    };
    let share = rows as f64 / data.weights.iter().sum::<f64>();
    let root = |at: usize| (data.weights[at] * share).sqrt();
    // Column after column: coordinate descent walks down the columns.
    let mut x = Array2::zeros((rows, n).f());
    for (at, row) in data.table.rows().enumerate() {
        for (j, value) in row.iter().enumerate() {
            x[(at, j)] = (value - means[j]) * root(at);
        }
    }
    let y: Array1<f64> = target
        .iter()
        .enumerate()
        .map(|(at, y)| (y - means[n]) * root(at))
        .collect();
    let (tol, scale) = (params.tol, y.dot(&y));
    let max_iter = params.max_iter;
    let fitted = Coordinates::params()
        .penalty(params.alpha)
        .l1_ratio(params.l1_ratio)
        .with_intercept(false)
        .tolerance(tol)
        .max_iterations(u32::try_from(max_iter).unwrap_or(u32::MAX))
        .fit(&DatasetBase::new(x, y))
        .map_err(|e| TrainError::Solver {
            estimator: name,
            message: e.to_string(),
        })?;
    let coef = fitted.hyperplane().to_vec();
    let intercept = means[n]
        - coef
            .iter()
            .zip(&means)
            .map(|(w, mean)| w * mean)
            .sum::<f64>();
    let stopped = fitted.duality_gap() > tol * scale;
    let warning = stopped.then(|| {
        let gap = fitted.duality_gap() / scale;
        format!("{name} stopped after {max_iter} rounds at a duality gap of {gap:.1e} of the target's square, above tol = {tol:.1e}: raise max_iter or scale the features")
    });
    Ok(Head::regression(Solution {
        coef: vec![coef],
        intercept: vec![intercept],
        warning,
    }))
}
