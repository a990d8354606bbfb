//! A line search for the weak Wolfe conditions by bracketing (Lewis & Overton 2013, algorithm 2.6).
//!
//! It ends after a fixed number of steps whatever the loss does, infinities and NaN included; argmin's own line searches
//! need not. Close to the minimum, where differences of the loss are rounding, the approximate condition of Hager & Zhang
//! (2005, eq. 4.1) takes over.

use argmin::core::{
    CostFunction, Error, Gradient, IterState, KV, LineSearch, Problem, Solver, State,
    TerminationReason,
};

/// The search; one per direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Wolfe {
    direction: Vec<f64>,
}

/// Sufficient decrease, in parts of what the slope at the start promises.
const DECREASE: f64 = 1e-4;
/// How much of the slope may be left.
const CURVATURE: f64 = 0.9;
/// Relative rounding error of a sum of losses.
const ROUNDING: f64 = 1e-12;
/// Bisections and doublings together.
const MAX_STEPS: usize = 60;

type SearchState = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

impl LineSearch<Vec<f64>, f64> for Wolfe {
    fn search_direction(&mut self, direction: Vec<f64>) {
        self.direction = direction;
    }

    fn initial_step_length(&mut self, _: f64) -> Result<(), Error> {
        Ok(())
    }
}

impl<O> Solver<O, SearchState> for Wolfe
where
    O: CostFunction<Param = Vec<f64>, Output = f64>
        + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    fn name(&self) -> &str {
        "weak Wolfe line search"
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        mut state: SearchState,
    ) -> Result<(SearchState, Option<KV>), Error> {
        let start = state
            .take_param()
            .ok_or_else(|| Error::msg("no point to start from"))?;
        let gradient = state
            .take_gradient()
            .ok_or_else(|| Error::msg("no gradient to start from"))?;
        let (value, slope) = (state.get_cost(), dot(&gradient, &self.direction));
        if slope.is_nan() || slope >= 0.0 {
            return Err(Error::msg("the direction does not descend"));
        }
        let (mut low, mut high, mut step) = (0.0, f64::INFINITY, 1.0);
        for _ in 0..MAX_STEPS {
            let point: Vec<f64> = start
                .iter()
                .zip(&self.direction)
                .map(|(x, d)| x + step * d)
                .collect();
            let reached = problem.cost(&point)?;
            let gradient = problem.gradient(&point)?;
            let left = dot(&gradient, &self.direction);
            let decreased = reached <= value + DECREASE * step * slope
                || (reached <= value + ROUNDING * value.abs()
                    && left <= (2.0 * DECREASE - 1.0) * slope);
            if !(decreased && left.is_finite()) {
                high = step;
            } else if left < CURVATURE * slope {
                low = step;
            } else {
                let state = state.param(point).cost(reached).gradient(gradient);
                return Ok((
                    state.terminate_with(TerminationReason::SolverConverged),
                    None,
                ));
            }
            step = if high.is_finite() {
                0.5 * (low + high)
            } else {
                2.0 * step
            };
        }
        Err(Error::msg("no step decreases the loss"))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
