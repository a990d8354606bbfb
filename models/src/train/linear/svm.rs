//! Linear support vector machines, as liblinear defines them: the intercept is the weight of a constant feature and
//! penalized like the others.
//!
//! `1/2 |w|^2 + C sum_i s_i loss(x_i w)`. The squared losses are smooth and go to L-BFGS; hinge and epsilon-insensitive loss
//! are not and go to dual coordinate descent (Hsieh et al. 2008, Ho & Lin 2012).

use super::classes::{OneVsRest, empty_classifier};
use super::describe::trained;
use super::dual::Dual;
use super::minimize::{Intercept, Problem, RowLoss, Rows, Solution};
use crate::linear::{LinearModel, LinearParts};
use crate::train::TrainError;
use crate::train::{Params, Trained, TrainingData};

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
    params: &'a Params,
    data: &'a TrainingData<'a>,
    /// Sample weights times class weights.
    weights: Vec<f64>,
}

impl Machine<'_> {
    fn smooth(&self, rows: &Rows, loss: impl RowLoss) -> Result<Solution, TrainError> {
        let l2 = 1.0 / (self.params.float("C") * self.weights.iter().sum::<f64>());
        let intercept = self
            .constant()
            .map_or(Intercept::None, |scaling| Intercept::Penalized { scaling });
        let problem = Problem::new(rows, &self.weights, loss, 1, l2, intercept);
        problem.minimize(
            self.params.float("tol"),
            self.params.count("max_iter"),
            self.name,
        )
    }

    /// `centre` and `bounds` of each row's dual variable; see [`Dual`].
    fn dual(
        &self,
        centre: &[f64],
        epsilon: f64,
        bounds: impl Fn(usize, f64) -> (f64, f64),
    ) -> Solution {
        let c = self.params.float("C");
        let bounds: Vec<(f64, f64)> = self
            .weights
            .iter()
            .enumerate()
            .map(|(row, w)| bounds(row, c * w))
            .collect();
        let dual = Dual {
            table: self.data.table,
            constant: self.constant(),
            centre,
            epsilon,
            bounds: &bounds,
        };
        dual.solve(
            self.params.float("tol"),
            self.params.count("max_iter"),
            self.params.count("random_state"),
            self.name,
        )
    }

    fn constant(&self) -> Option<f64> {
        self.params
            .flag("fit_intercept")
            .then(|| self.params.float("intercept_scaling"))
    }
}

pub(super) fn fit_classifier(
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    const NAME: &str = "LinearSVC";
    let classes = data.classes()?;
    let mut parts = empty_classifier(NAME, classes);
    let mut warning = None;
    let hinge = params.choice("loss") == Some("hinge");
    let rows = (!hinge).then(|| Rows::of(data.table));
    for problem in OneVsRest::problems(params, classes, &data.weights) {
        let signs = &problem.signs;
        let machine = Machine {
            name: NAME,
            params,
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
        parts.coef.extend(solution.coef);
        parts.intercept.extend(solution.intercept);
        warning = warning.or(solution.warning);
    }
    Ok(trained(
        LinearModel::new(data.describe(params, parts))?,
        warning,
    ))
}

pub(super) fn fit_regressor(
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    const NAME: &str = "LinearSVR";
    let target = data.one_target(NAME)?;
    let epsilon = params.float("epsilon");
    let machine = Machine {
        name: NAME,
        params,
        data,
        weights: data.weights.clone(),
    };
    let solution = if params.choice("loss") == Some("squared_epsilon_insensitive") {
        let rows = Rows::of(data.table);
        machine.smooth(&rows, SquaredEpsilonInsensitive { target, epsilon })?
    } else {
        machine.dual(target, epsilon, |_, most| (-most, most))
    };
    let parts = LinearParts {
        coef: solution.coef,
        intercept: solution.intercept,
        ..LinearParts::regression(NAME)
    };
    Ok(trained(
        LinearModel::new(data.describe(params, parts))?,
        solution.warning,
    ))
}
