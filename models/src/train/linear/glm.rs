//! Generalized linear models of the Tweedie family: Poisson, Gamma and any other power.
//!
//! Half the mean deviance plus `alpha / 2 |w|^2`. With mean `m`, the half deviance of power `p` is, up to terms of `y` alone,
//! `m^(2-p) / (2-p) - y m^(1-p) / (1-p)` (Jørgensen 1997; logarithms in the limits `p = 1` and `p = 2`).

use tenebra_quant::InverseLink;

use super::head::Head;
use super::minimize::{Intercept, Problem, RowLoss, Rows};
use super::params::{LogLinkRegressor, MeanLink, TweedieRegressor};
use crate::train::{TrainError, TrainingData};

struct Tweedie<'a> {
    target: &'a [f64],
    power: f64,
    log_link: bool,
    /// Mean of the target.
    mean: f64,
}

impl Tweedie<'_> {
    /// Value and slope by the mean; finite for positive means.
    fn by_mean(&self, y: f64, mean: f64) -> (f64, f64) {
        let p = self.power;
        let value = if p == 0.0 {
            return (0.5 * (y - mean).powi(2), mean - y);
        } else if p == 1.0 {
            mean - y * mean.ln()
        } else if p == 2.0 {
            mean.ln() + y / mean
        } else {
            mean.powf(2.0 - p) / (2.0 - p) - y * mean.powf(1.0 - p) / (1.0 - p)
        };
        (value, mean.powf(1.0 - p) - y * mean.powf(-p))
    }
}

impl RowLoss for Tweedie<'_> {
    fn value(&self, row: usize, z: &[f64], slope: &mut [f64]) -> f64 {
        let (y, z) = (self.target[row], z[0]);
        if self.log_link {
            let mean = z.exp();
            let (value, by_mean) = self.by_mean(y, mean);
            slope[0] = by_mean * mean;
            return value;
        }
        // Means that the distribution does not have: straight on from the edge, so that the search comes back.
        let edge = if self.power == 0.0 {
            f64::NEG_INFINITY
        } else {
            1e-6 * self.mean.abs()
        };
        let (value, by_mean) = self.by_mean(y, z.max(edge));
        slope[0] = by_mean;
        if z < edge {
            value + by_mean * (z - edge)
        } else {
            value
        }
    }

    fn curvature(&self, _: usize) -> f64 {
        // Fisher information at the mean.
        let mean = self.mean.abs().max(f64::MIN_POSITIVE);
        mean.powf(if self.log_link {
            2.0 - self.power
        } else {
            -self.power
        })
    }
}

pub(super) fn poisson(
    name: &'static str,
    params: &LogLinkRegressor,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    fit(name, params, data, 1.0, true)
}

pub(super) fn gamma(
    name: &'static str,
    params: &LogLinkRegressor,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    fit(name, params, data, 2.0, true)
}

pub(super) fn tweedie(
    name: &'static str,
    params: &TweedieRegressor,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let power = params.power;
    if power > 0.0 && power < 1.0 {
        let message =
            format!("no distribution has the power {power}; choose at most 0 or at least 1");
        return Err(TrainError::Combination {
            estimator: name,
            message,
        });
    }
    let log_link = match params.link {
        MeanLink::Log => true,
        MeanLink::Identity => false,
        MeanLink::Auto => power > 0.0,
    };
    let params = LogLinkRegressor {
        alpha: params.alpha,
        fit_intercept: params.fit_intercept,
        max_iter: params.max_iter,
        tol: params.tol,
    };
    fit(name, &params, data, power, log_link)
}

fn fit(
    name: &'static str,
    params: &LogLinkRegressor,
    data: &TrainingData<'_>,
    power: f64,
    log_link: bool,
) -> Result<Head, TrainError> {
    let target = data.one_target(name)?;
    let (sum, total) = target
        .iter()
        .zip(&data.weights)
        .fold((0.0, 0.0), |(sum, total), (y, w)| (sum + y * w, total + w));
    let mean = sum / total;
    check_target(name, target, power, mean, log_link)?;
    let intercept = if params.fit_intercept {
        Intercept::Free {
            start: if log_link { mean.ln() } else { mean },
        }
    } else {
        Intercept::None
    };
    let loss = Tweedie {
        target,
        power,
        log_link,
        mean,
    };
    let problem = Problem::new(
        &Rows::of(data.table),
        &data.weights,
        loss,
        1,
        params.alpha,
        intercept,
    );
    let solution = problem.minimize(params.tol, params.max_iter, name)?;
    let inverse_link = if log_link {
        InverseLink::Exp
    } else {
        InverseLink::Identity
    };
    Ok(Head {
        inverse_link,
        ..Head::regression(solution)
    })
}

/// Targets that the distribution can give.
fn check_target(
    name: &str,
    target: &[f64],
    power: f64,
    mean: f64,
    log_link: bool,
) -> Result<(), TrainError> {
    let refuse = |row: usize, range| TrainError::TargetRange {
        estimator: format!("{name} of power {power}"),
        row: row + 1,
        value: target[row],
        range,
    };
    if power >= 2.0
        && let Some(row) = target.iter().position(|&y| y <= 0.0)
    {
        return Err(refuse(row, "positive targets"));
    }
    if power >= 1.0
        && let Some(row) = target.iter().position(|&y| y < 0.0)
    {
        return Err(refuse(row, "targets of at least 0"));
    }
    if mean <= 0.0 && (log_link || power != 0.0) {
        let worst = (0..target.len())
            .min_by(|&a, &b| target[a].total_cmp(&target[b]))
            .unwrap_or(0);
        return Err(refuse(worst, "targets whose mean is positive"));
    }
    Ok(())
}
