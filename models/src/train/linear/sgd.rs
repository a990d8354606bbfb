//! Stochastic gradient descent, step by step as scikit-learn takes it (Bottou 2010; the L1 penalty is cumulative, Tsuruoka
//! et al. 2009): without shuffling, the coefficients are the same.

mod loss;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tenebra_quant::InverseLink;

use super::classes::{OneVsRest, empty_classifier};
use super::describe::trained;
use super::shuffle::shuffle;
use crate::linear::{LinearModel, LinearParts};
use crate::train::TrainError;
use crate::train::{Params, Trained, TrainingData};
use loss::Loss;

pub(super) const CLASSIFIER_LOSSES: &[&str] = &[
    "hinge",
    "log_loss",
    "modified_huber",
    "squared_hinge",
    "perceptron",
    "squared_error",
    "huber",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
];
pub(super) const REGRESSOR_LOSSES: &[&str] = &[
    "squared_error",
    "huber",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
];

pub(super) fn fit_regressor(
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    const NAME: &str = "SGDRegressor";
    let target = data.one_target(NAME)?;
    let descent = Descent::new(NAME, params, data)?;
    let (w, intercept, warning) = descent.run(target, &data.weights, 0)?;
    let parts = LinearParts {
        coef: vec![w],
        intercept: vec![intercept],
        ..LinearParts::regression(NAME)
    };
    Ok(trained(
        LinearModel::new(data.describe(params, parts))?,
        warning,
    ))
}

pub(super) fn fit_classifier(
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    const NAME: &str = "SGDClassifier";
    let classes = data.classes()?;
    let descent = Descent::new(NAME, params, data)?;
    let mut parts = empty_classifier(NAME, classes);
    let mut warning = None;
    let ones = vec![1.0; classes.codes.len()];
    for (stream, problem) in OneVsRest::problems(params, classes, &ones)
        .iter()
        .enumerate()
    {
        let (w, intercept, note) =
            descent.run(&problem.signs, &problem.row_weights(data), stream)?;
        parts.coef.push(w);
        parts.intercept.push(intercept);
        warning = warning.or(note);
    }
    parts.inverse_link = match (params.choice("loss"), parts.coef.len()) {
        (Some("log_loss"), 1) => InverseLink::Sigmoid,
        (Some("log_loss"), _) => InverseLink::SigmoidNormalized,
        _ => InverseLink::Identity,
    };
    Ok(trained(
        LinearModel::new(data.describe(params, parts))?,
        warning,
    ))
}

#[derive(Clone, Copy, PartialEq)]
enum Rate {
    Constant,
    /// `1 / (alpha (t0 + t - 1))`
    Optimal {
        t0: f64,
    },
    /// `eta0 / t^power_t`
    InverseScaling {
        power: f64,
    },
    /// As constant, and divided by 5 whenever the loss stops falling.
    Adaptive,
}

struct Descent<'a> {
    name: &'static str,
    data: &'a TrainingData<'a>,
    loss: Loss,
    alpha: f64,
    /// Share of the L1 norm in the penalty; nothing without a penalty.
    l1_ratio: Option<f64>,
    rate: Rate,
    eta0: f64,
    fit_intercept: bool,
    shuffle: bool,
    tol: Option<f64>,
    max_iter: usize,
    n_iter_no_change: usize,
    seed: u64,
}

/// Steps are limited to this slope, as in scikit-learn, so that one row does not overflow the weights.
const MAX_SLOPE: f64 = 1e12;

impl<'a> Descent<'a> {
    fn new(
        name: &'static str,
        params: &Params,
        data: &'a TrainingData<'a>,
    ) -> Result<Self, TrainError> {
        let alpha = params.float("alpha");
        let loss = Loss::new(
            params.choice("loss").unwrap_or_default(),
            params.float("epsilon"),
        );
        let rate = match params.choice("learning_rate") {
            Some("constant") => Rate::Constant,
            Some("adaptive") => Rate::Adaptive,
            Some("invscaling") => Rate::InverseScaling {
                power: params.float("power_t"),
            },
            _ if alpha == 0.0 => {
                let message =
                    "learning_rate = optimal needs alpha above 0; choose another learning_rate"
                        .to_owned();
                return Err(TrainError::Combination {
                    estimator: name,
                    message,
                });
            }
            _ => {
                // Such that the first step is of the size of typical weights.
                let typical = (1.0 / alpha.sqrt()).sqrt();
                let eta0 = typical / loss.slope(1.0, -typical).max(1.0);
                Rate::Optimal {
                    t0: 1.0 / (eta0 * alpha),
                }
            }
        };
        let l1_ratio = match params.choice("penalty") {
            Some("l2") => Some(0.0),
            Some("l1") => Some(1.0),
            Some(_) => Some(params.float("l1_ratio")),
            None => None,
        };
        Ok(Self {
            name,
            data,
            loss,
            alpha,
            l1_ratio,
            rate,
            eta0: params.float("eta0"),
            fit_intercept: params.flag("fit_intercept"),
            shuffle: params.flag("shuffle"),
            tol: params.optional_float("tol"),
            max_iter: params.count("max_iter"),
            n_iter_no_change: params.count("n_iter_no_change"),
            seed: params.count("random_state") as u64,
        })
    }

    /// Weights, intercept and a warning. `row_weights` scale the steps; `stream` picks the random numbers.
    fn run(
        &self,
        target: &[f64],
        row_weights: &[f64],
        stream: usize,
    ) -> Result<(Vec<f64>, f64, Option<String>), TrainError> {
        let n = self.data.table.n_columns();
        let mut state = State {
            w: vec![0.0; n],
            intercept: 0.0,
            paid: vec![0.0; n],
            owed: 0.0,
            t: 1.0,
            eta: self.eta0,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream as u64);
        let mut order: Vec<usize> = (0..target.len()).collect();
        let (mut best, mut idle) = (f64::INFINITY, 0);
        for _ in 0..self.max_iter {
            if self.shuffle {
                shuffle(&mut order, &mut rng);
            }
            let objective = self.epoch(&mut state, &order, target, row_weights);
            if !(state.intercept.is_finite() && state.w.iter().all(|w| w.is_finite())) {
                let message = "the weights overflow; lower eta0".to_owned();
                return Err(TrainError::Solver {
                    estimator: self.name,
                    message,
                });
            }
            let Some(tol) = self.tol else { continue };
            idle = if objective > best - tol { idle + 1 } else { 0 };
            best = best.min(objective);
            if idle >= self.n_iter_no_change {
                if self.rate == Rate::Adaptive && state.eta > 1e-6 {
                    state.eta /= 5.0;
                    idle = 0;
                } else {
                    let warning = self.diverged(&state, target, row_weights);
                    return Ok((state.w, state.intercept, warning));
                }
            }
        }
        let diverged = self.diverged(&state, target, row_weights);
        let slow = self.tol.map(|tol| {
            let (name, rounds) = (self.name, self.max_iter);
            format!("{name} stopped after {rounds} rounds while the loss still fell by more than tol = {tol:.1e}: raise max_iter")
        });
        Ok((state.w, state.intercept, diverged.or(slow)))
    }

    /// What to say of weights that are worse than none: the steps were too large for the features.
    fn diverged(&self, state: &State, target: &[f64], row_weights: &[f64]) -> Option<String> {
        let rows = target.iter().zip(row_weights).zip(self.data.table.rows());
        let (mut reached, mut without) = (0.0, 0.0);
        for ((&y, weight), x) in rows {
            reached += weight * self.loss.value(y, state.score(x));
            // The perceptron's loss is 0 without weights, but its slope is not.
            let (value, slope) = (self.loss.value(y, 0.0), self.loss.slope(y, 0.0));
            without += weight * value.max(slope.abs());
        }
        let total: f64 = row_weights.iter().sum();
        let worse = reached.is_nan() || reached > 2.0 * without;
        worse.then(|| {
            let (name, reached, without) = (self.name, reached / total, without / total);
            format!("{name} diverged: its mean loss is {reached:.1e}, that of a model of zeros {without:.1e}: scale the features to mean 0 and deviation 1, or lower eta0")
        })
    }

    /// Goes over the rows once; the mean of loss and penalty on the way.
    fn epoch(
        &self,
        state: &mut State,
        order: &[usize],
        target: &[f64],
        row_weights: &[f64],
    ) -> f64 {
        let n = state.w.len();
        let mut objective = 0.0;
        for &row in order {
            let x = &self.data.table.values()[row * n..(row + 1) * n];
            let (y, score) = (target[row], state.score(x));
            match self.rate {
                Rate::Optimal { t0 } => state.eta = 1.0 / (self.alpha * (t0 + state.t - 1.0)),
                Rate::InverseScaling { power } => state.eta = self.eta0 / state.t.powf(power),
                Rate::Constant | Rate::Adaptive => {}
            }
            objective += self.loss.value(y, score) + self.penalty(&state.w);
            let slope = self.loss.slope(y, score).clamp(-MAX_SLOPE, MAX_SLOPE);
            let update = -state.eta * slope * row_weights[row];
            state.step(x, update, self.alpha, self.l1_ratio, self.fit_intercept);
            state.t += 1.0;
        }
        objective / order.len() as f64
    }

    fn penalty(&self, w: &[f64]) -> f64 {
        self.l1_ratio.map_or(0.0, |l1| {
            let squares = w.iter().map(|w| w * w).sum::<f64>();
            let sizes = if l1 > 0.0 {
                w.iter().map(|w| w.abs()).sum()
            } else {
                0.0
            };
            self.alpha * ((1.0 - l1) * 0.5 * squares + l1 * sizes)
        })
    }
}

struct State {
    w: Vec<f64>,
    intercept: f64,
    /// L1 penalty that each weight received, and what each should have received so far.
    paid: Vec<f64>,
    owed: f64,
    /// Number of the step, from 1.
    t: f64,
    /// Learning rate.
    eta: f64,
}

impl State {
    fn score(&self, x: &[f64]) -> f64 {
        self.w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + self.intercept
    }

    fn step(
        &mut self,
        x: &[f64],
        update: f64,
        alpha: f64,
        l1_ratio: Option<f64>,
        fit_intercept: bool,
    ) {
        if let Some(l1) = l1_ratio.filter(|&l1| l1 < 1.0) {
            let shrink = (1.0 - (1.0 - l1) * self.eta * alpha).max(0.0);
            self.w.iter_mut().for_each(|w| *w *= shrink);
        }
        for (w, x) in self.w.iter_mut().zip(x) {
            *w += update * x;
        }
        if fit_intercept {
            self.intercept += update;
        }
        if let Some(l1) = l1_ratio.filter(|&l1| l1 > 0.0) {
            self.owed += l1 * self.eta * alpha;
            for (w, paid) in self.w.iter_mut().zip(&mut self.paid) {
                let before = *w;
                if before > 0.0 {
                    *w = (before - (self.owed + *paid)).max(0.0);
                } else if before < 0.0 {
                    *w = (before + (self.owed - *paid)).min(0.0);
                }
                *paid += *w - before;
            }
        }
    }
}
