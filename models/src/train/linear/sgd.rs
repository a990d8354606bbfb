//! Stochastic gradient descent, step by step as scikit-learn takes it (Bottou 2010; the L1 penalty is cumulative, Tsuruoka
//! et al. 2009): without shuffling, the coefficients are the same.

mod loss;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tenebra_quant::InverseLink;

use super::classes::OneVsRest;
use super::head::Head;
use super::minimize::Solution;
use super::params::{Penalty, Schedule, SgdClassifier, SgdLoss, SgdRegressor};
use super::shuffle::shuffle;
use crate::train::{TrainError, TrainingData};
use loss::Loss;

pub(super) fn regressor(
    name: &'static str,
    params: &SgdRegressor,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let target = data.one_target(name)?;
    let descent = Descent::new(name, params, data)?;
    let (w, intercept, warning) = descent.run(target, &data.weights, 0)?;
    Ok(Head::regression(Solution {
        coef: vec![w],
        intercept: vec![intercept],
        warning,
    }))
}

pub(super) fn classifier(
    name: &'static str,
    params: &SgdClassifier,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let classes = data.classes()?;
    let steps = params.steps();
    let descent = Descent::new(name, &steps, data)?;
    let mut found = Solution {
        coef: Vec::new(),
        intercept: Vec::new(),
        warning: None,
    };
    let ones = vec![1.0; classes.codes.len()];
    let problems = OneVsRest::problems(params.class_weight, classes, &ones);
    for (stream, problem) in problems.iter().enumerate() {
        let (w, intercept, note) =
            descent.run(&problem.signs, &problem.row_weights(data), stream)?;
        found.coef.push(w);
        found.intercept.push(intercept);
        found.warning = found.warning.or(note);
    }
    let inverse_link = match (params.loss, found.coef.len()) {
        (SgdLoss::Log, 1) => InverseLink::Sigmoid,
        (SgdLoss::Log, _) => InverseLink::SigmoidNormalized,
        _ => InverseLink::Identity,
    };
    Ok(Head {
        inverse_link,
        ..Head::classifier(found, classes)
    })
}

impl SgdClassifier {
    /// The steps, which are those of a regression.
    fn steps(&self) -> SgdRegressor {
        SgdRegressor {
            loss: self.loss,
            penalty: self.penalty,
            alpha: self.alpha,
            l1_ratio: self.l1_ratio,
            fit_intercept: self.fit_intercept,
            max_iter: self.max_iter,
            tol: self.tol,
            shuffle: self.shuffle,
            epsilon: self.epsilon,
            random_state: self.random_state,
            learning_rate: self.learning_rate,
            eta0: self.eta0,
            power_t: self.power_t,
            n_iter_no_change: self.n_iter_no_change,
        }
    }
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
    params: &'a SgdRegressor,
    loss: Loss,
    /// Share of the L1 norm in the penalty; nothing without a penalty.
    l1_ratio: Option<f64>,
    rate: Rate,
}

/// Steps are limited to this slope, as in scikit-learn, so that one row does not overflow the weights.
const MAX_SLOPE: f64 = 1e12;

impl<'a> Descent<'a> {
    fn new(
        name: &'static str,
        params: &'a SgdRegressor,
        data: &'a TrainingData<'a>,
    ) -> Result<Self, TrainError> {
        let alpha = params.alpha;
        let loss = Loss::new(params.loss, params.epsilon);
        let rate = match params.learning_rate {
            Schedule::Constant => Rate::Constant,
            Schedule::Adaptive => Rate::Adaptive,
            Schedule::InverseScaling => Rate::InverseScaling {
                power: params.power_t,
            },
            Schedule::Optimal if alpha == 0.0 => {
                let message =
                    "learning_rate = optimal needs alpha above 0; choose another learning_rate"
                        .to_owned();
                return Err(TrainError::Combination {
                    estimator: name,
                    message,
                });
            }
            Schedule::Optimal => {
                // Such that the first step is of the size of typical weights.
                let typical = (1.0 / alpha.sqrt()).sqrt();
                let eta0 = typical / loss.slope(1.0, -typical).max(1.0);
                Rate::Optimal {
                    t0: 1.0 / (eta0 * alpha),
                }
            }
        };
        let l1_ratio = params.penalty.map(|penalty| match penalty {
            Penalty::L2 => 0.0,
            Penalty::L1 => 1.0,
            Penalty::ElasticNet => params.l1_ratio,
        });
        Ok(Self {
            name,
            data,
            params,
            loss,
            l1_ratio,
            rate,
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
            eta: self.params.eta0,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.params.random_state);
        rng.set_stream(stream as u64);
        let mut order: Vec<usize> = (0..target.len()).collect();
        let (mut best, mut idle) = (f64::INFINITY, 0);
        for _ in 0..self.params.max_iter {
            if self.params.shuffle {
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
            let Some(tol) = self.params.tol else { continue };
            idle = if objective > best - tol { idle + 1 } else { 0 };
            best = best.min(objective);
            if idle >= self.params.n_iter_no_change {
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
        let slow = self.params.tol.map(|tol| {
            let (name, rounds) = (self.name, self.params.max_iter);
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
                Rate::Optimal { t0 } => {
                    state.eta = 1.0 / (self.params.alpha * (t0 + state.t - 1.0))
                }
                Rate::InverseScaling { power } => {
                    state.eta = self.params.eta0 / state.t.powf(power)
                }
                Rate::Constant | Rate::Adaptive => {}
            }
            objective += self.loss.value(y, score) + self.penalty(&state.w);
            let slope = self.loss.slope(y, score).clamp(-MAX_SLOPE, MAX_SLOPE);
            let update = -state.eta * slope * row_weights[row];
            state.step(
                x,
                update,
                self.params.alpha,
                self.l1_ratio,
                self.params.fit_intercept,
            );
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
            self.params.alpha * ((1.0 - l1) * 0.5 * squares + l1 * sizes)
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
