//! Logistic regression: binary and multinomial, L2-penalized, intercept free.

use super::classes::class_weights;
use super::head::Head;
use super::minimize::{Intercept, Problem, RowLoss, Rows};
use super::params::LogisticRegression;
use crate::train::{TrainError, TrainingData};
use tenebra_quant::{Decision, InverseLink};

/// `ln(1 + exp(z)) - y z` with `y` in {0, 1}.
struct Binary<'a> {
    codes: &'a [usize],
}

impl RowLoss for Binary<'_> {
    fn value(&self, row: usize, z: &[f64], slope: &mut [f64]) -> f64 {
        let (z, positive) = (z[0], self.codes[row] == 1);
        // With m = z for y = 0 and -z for y = 1, the loss is ln(1 + exp(m)).
        let margin = if positive { -z } else { z };
        let e = (-margin.abs()).exp();
        let sigmoid = if margin > 0.0 {
            1.0 / (1.0 + e)
        } else {
            e / (1.0 + e)
        };
        slope[0] = if positive { -sigmoid } else { sigmoid };
        margin.max(0.0) + e.ln_1p()
    }

    fn curvature(&self, _: usize) -> f64 {
        0.25
    }
}

/// `ln sum_k exp(z_k) - z_y`.
struct Multinomial<'a> {
    codes: &'a [usize],
    n_classes: f64,
}

impl RowLoss for Multinomial<'_> {
    fn value(&self, row: usize, z: &[f64], slope: &mut [f64]) -> f64 {
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for (slope, z) in slope.iter_mut().zip(z) {
            *slope = (z - largest).exp();
            sum += *slope;
        }
        for slope in slope.iter_mut() {
            *slope /= sum;
        }
        let y = self.codes[row];
        slope[y] -= 1.0;
        largest + sum.ln() - z[y]
    }

    fn curvature(&self, _: usize) -> f64 {
        1.0 / self.n_classes
    }
}

pub(super) fn fit(
    name: &'static str,
    params: &LogisticRegression,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let classes = data.classes()?;
    let class_weights = class_weights(params.class_weight, classes, &data.weights);
    let weights: Vec<f64> = classes
        .codes
        .iter()
        .zip(&data.weights)
        .map(|(&code, w)| w * class_weights[code])
        .collect();
    let intercept = if params.fit_intercept {
        Intercept::Free { start: 0.0 }
    } else {
        Intercept::None
    };
    let l2 = 1.0 / (params.c * weights.iter().sum::<f64>());
    let (tol, max_iter) = (params.tol, params.max_iter);
    let codes = &classes.codes;
    let binary = classes.labels.len() == 2;
    let rows = Rows::of(data.table);
    let solution = if binary {
        Problem::new(&rows, &weights, Binary { codes }, 1, l2, intercept)
            .minimize(tol, max_iter, name)?
    } else {
        let n = classes.labels.len();
        let loss = Multinomial {
            codes,
            n_classes: n as f64,
        };
        Problem::new(&rows, &weights, loss, n, l2, intercept).minimize(tol, max_iter, name)?
    };
    let (inverse_link, decision) = if binary {
        (InverseLink::Sigmoid, Decision::Threshold)
    } else {
        (InverseLink::Softmax, Decision::ArgMax)
    };
    Ok(Head {
        solution,
        inverse_link,
        decision,
    })
}
