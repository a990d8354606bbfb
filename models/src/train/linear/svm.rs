//! Linear support vector machines, as liblinear defines them: the intercept is the weight of a constant feature and
//! penalized like the others.
//!
//! `1/2 |w|^2 + C sum_i s_i loss(x_i w)`. The squared losses are smooth and go to L-BFGS; hinge and epsilon-insensitive loss
//! are not and go to dual coordinate descent (Hsieh et al. 2008, Ho & Lin 2012).

use super::classes::OneVsRest;
use super::dual::Dual;
use super::head::Head;
use super::minimize::{Intercept, Problem, RowLoss, Rows, Solution};
use super::params::{LinearSvc, LinearSvr, SvcLoss, SvrLoss};
use crate::train::{TrainError, TrainingData};

/// `max(0, 1 - y z)^2` with `y` in {-1, 1}.
struct SquaredHinge<'a> {
    signs: &'a [f64],
}

impl RowLoss for SquaredHinge<'_> {
    fn value(&self, row: usize, z: &[f64], slope: &mut [f64]) -> f64 {
        let y = self.signs[row];
        let short = (1.0 - y * z[0]).max(0.0);
        slope[0] = -2.0 * y * short;
        short * short
    }

    fn curvature(&self, _: usize) -> f64 {
        2.0
    }
}

/// `max(0, |y - z| - epsilon)^2`.
struct SquaredEpsilonInsensitive<'a> {
    target: &'a [f64],
    epsilon: f64,
}

impl RowLoss for SquaredEpsilonInsensitive<'_> {
    fn value(&self, row: usize, z: &[f64], slope: &mut [f64]) -> f64 {
        let error = z[0] - self.target[row];
        let beyond = (error.abs() - self.epsilon).max(0.0);
        slope[0] = 2.0 * beyond * error.signum();
        beyond * beyond
    }

    fn curvature(&self, _: usize) -> f64 {
        2.0
    }
}

/// What the two estimators have in common.
struct Machine<'a> {
    name: &'static str,
    c: f64,
    /// Value of the constant feature, if there is one.
    constant: Option<f64>,
    max_iter: usize,
    tol: f64,
    random_state: u64,
    data: &'a TrainingData<'a>,
    /// Sample weights times class weights.
    weights: Vec<f64>,
}

impl Machine<'_> {
    fn smooth(&self, rows: &Rows, loss: impl RowLoss) -> Result<Solution, TrainError> {
        let l2 = 1.0 / (self.c * self.weights.iter().sum::<f64>());
        let intercept = self
            .constant
            .map_or(Intercept::None, |scaling| Intercept::Penalized { scaling });
        let problem = Problem::new(rows, &self.weights, loss, 1, l2, intercept);
        problem.minimize(self.tol, self.max_iter, self.name)
    }

    /// `centre` and `bounds` of each row's dual variable; see [`Dual`].
    fn dual(
        &self,
        centre: &[f64],
        epsilon: f64,
        bounds: impl Fn(usize, f64) -> (f64, f64),
    ) -> Solution {
        let weights = self.weights.iter().enumerate();
        let bounds: Vec<(f64, f64)> = weights.map(|(row, w)| bounds(row, self.c * w)).collect();
        let dual = Dual {
            table: self.data.table,
            constant: self.constant,
            centre,
            epsilon,
            bounds: &bounds,
        };
        dual.solve(self.tol, self.max_iter, self.random_state, self.name)
    }
}

pub(super) fn classifier(
    name: &'static str,
    params: &LinearSvc,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let classes = data.classes()?;
    let mut found = Solution {
        coef: Vec::new(),
        intercept: Vec::new(),
        warning: None,
    };
    let rows = (params.loss != SvcLoss::Hinge).then(|| Rows::of(data.table));
    for problem in OneVsRest::problems(params.class_weight, classes, &data.weights) {
        let signs = &problem.signs;
        let machine = Machine {
            name,
            c: params.c,
            constant: params.fit_intercept.then_some(params.intercept_scaling),
            max_iter: params.max_iter,
            tol: params.tol,
            random_state: params.random_state,
            data,
            weights: problem.row_weights(data),
        };
        let solution = match &rows {
            Some(rows) => machine.smooth(rows, SquaredHinge { signs })?,
            None => machine.dual(signs, 0.0, |row, most| {
                if signs[row] > 0.0 {
                    (0.0, most)
                } else {
                    (-most, 0.0)
                }
            }),
        };
        found.coef.extend(solution.coef);
        found.intercept.extend(solution.intercept);
        found.warning = found.warning.or(solution.warning);
    }
    Ok(Head::classifier(found, classes))
}

pub(super) fn regressor(
    name: &'static str,
    params: &LinearSvr,
    data: &TrainingData<'_>,
) -> Result<Head, TrainError> {
    let target = data.one_target(name)?;
    let epsilon = params.epsilon;
    let machine = Machine {
        name,
        c: params.c,
        constant: params.fit_intercept.then_some(params.intercept_scaling),
        max_iter: params.max_iter,
        tol: params.tol,
        random_state: params.random_state,
        data,
        weights: data.weights.clone(),
    };
    let solution = match params.loss {
        SvrLoss::SquaredEpsilonInsensitive => {
            let rows = Rows::of(data.table);
            machine.smooth(&rows, SquaredEpsilonInsensitive { target, epsilon })?
        }
        SvrLoss::EpsilonInsensitive => machine.dual(target, epsilon, |_, most| (-most, most)),
    };
    Ok(Head::regression(solution))
}
