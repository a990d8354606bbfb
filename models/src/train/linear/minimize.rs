//! Minimizes penalized smooth losses of linear scores with L-BFGS.
//!
//! `F(W) = sum_i s_i loss_i(x_i W) + 1/2 sum_j penalty_j |W_j|^2`, with sample weights `s` that sum to 1; scikit-learn
//! scales its objectives the same way. L-BFGS ([argmin], Nocedal & Wright 2006, ch. 7) runs in coordinates in which the
//! Hessian at the start is the identity, `W = P V` with `P P^T = H^-1`: features in any units then converge in few
//! steps, and half the squared gradient estimates how far `F` is above its minimum.

use alloc::rc::Rc;
use core::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::quasinewton::LBFGS;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use ndarray::{Array1, Array2, Axis, ShapeBuilder};

use super::factor::cholesky;
use super::row_space::RowSpace;
use super::wolfe::Wolfe;
use crate::data::Table;
use crate::train::TrainError;

/// The loss of one row as a function of its scores.
pub(super) trait RowLoss {
    /// The loss of row `row` at scores `z`; writes its derivatives by `z` to `slope`.
    fn value(&self, row: usize, z: &[f64], slope: &mut [f64]) -> f64;
    /// The second derivative near the start; only the speed depends on it.
    fn curvature(&self, row: usize) -> f64;
}

/// What to do about the intercept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Intercept {
    /// There is none.
    None,
    /// Not penalized.
    Free {
        /// Where to start.
        start: f64,
    },
    /// The weight of a constant feature of this value, penalized like the others (as in liblinear).
    Penalized {
        /// The constant.
        scaling: f64,
    },
}

/// A problem, ready for [`Problem::minimize`].
pub(super) struct Problem<L> {
    /// Features, or coordinates in the space of the rows, with a constant column at the end if there is an intercept.
    x: Array2<f64>,
    space: Rc<RowSpace>,
    /// Sum to 1.
    weights: Array1<f64>,
    loss: L,
    n_outputs: usize,
    penalty: Array1<f64>,
    intercept: Intercept,
}

/// The rows of a table, in the coordinates that problems on them are solved in.
pub(super) struct Rows {
    x: Array2<f64>,
    space: Rc<RowSpace>,
}

impl Rows {
    pub(super) fn of(table: &Table) -> Self {
        let (rows, columns) = (table.n_rows(), table.n_columns());
        let (space, x) = RowSpace::of(rows, columns, table.values().to_vec());
        let space = Rc::new(space);
        Self { x, space }
    }
}

/// Where the minimizer stopped.
#[derive(Clone, Debug)]
pub(super) struct Solution {
    /// Per output, one coefficient per feature.
    pub(super) coef: Vec<Vec<f64>>,
    /// Per output.
    pub(super) intercept: Vec<f64>,
    /// What to tell the user, if the tolerance was not reached.
    pub(super) warning: Option<String>,
}

/// Above this many features the preconditioner is diagonal: a full one costs the cube of it.
const FULL_PRECONDITIONER: usize = 2048;

impl<L: RowLoss> Problem<L> {
    /// `l2` is the penalty in units of the mean loss.
    pub(super) fn new(
        rows: &Rows,
        weights: &[f64],
        loss: L,
        n_outputs: usize,
        l2: f64,
        intercept: Intercept,
    ) -> Self {
        let (mut x, space) = (rows.x.clone(), Rc::clone(&rows.space));
        let mut penalty = Array1::from_elem(x.ncols(), l2);
        let constant = match intercept {
            Intercept::None => None,
            Intercept::Free { .. } => Some((1.0, 0.0)),
            Intercept::Penalized { scaling } => Some((scaling, l2)),
        };
        if let Some((value, its_penalty)) = constant {
            let column = Array1::from_elem(x.nrows(), value);
            x.push_column(column.view())
                .unwrap_or_else(|_| unreachable!("the column has one value per row"));
            penalty
                .append(Axis(0), ndarray::aview1(&[its_penalty]))
                .unwrap_or_else(|_| unreachable!("vectors append"));
        }
        let weights = Array1::from_vec(weights.to_vec());
        let sum = weights.sum();
        Self {
            x,
            space,
            weights: weights / sum,
            loss,
            n_outputs,
            penalty,
            intercept,
        }
    }

    /// Runs until the gradient (in the coordinates above) is at most `tol^2`, at most `max_iter` steps.
    pub(super) fn minimize(
        self,
        tol: f64,
        max_iter: usize,
        name: &'static str,
    ) -> Result<Solution, TrainError> {
        let (p, k, intercept, n) = (
            self.x.ncols(),
            self.n_outputs,
            self.intercept,
            self.penalty.len(),
        );
        let preconditioner = Preconditioner::new(&self);
        let mut start = Array2::zeros((p, k));
        if let Intercept::Free { start: value } = intercept {
            start.row_mut(n - 1).fill(value);
        }
        let start = preconditioner.to_inner(&start);
        let failed = |e: Error| TrainError::Solver {
            estimator: name,
            message: e.to_string(),
        };
        let solver = LBFGS::new(Wolfe::default(), 10)
            .with_tolerance_grad(tol * tol)
            .and_then(|solver| solver.with_tolerance_cost(0.0))
            .map_err(failed)?;
        let inner = Inner {
            problem: self,
            preconditioner,
            last: RefCell::new(None),
        };
        let result = Executor::new(Shared(&inner), solver)
            .configure(|state| state.param(flat(&start)).max_iters(max_iter as u64))
            .run()
            .map_err(failed)?;
        let best = result
            .state
            .get_best_param()
            .ok_or_else(|| TrainError::Solver {
                estimator: name,
                message: "the loss is not finite anywhere near the start".to_owned(),
            })?;
        let gap = norm(&inner.at(best).1);
        let iterations = result.state.get_iter();
        let w = inner.preconditioner.to_outer(&matrix(best, k));
        let (coef, intercept) = split(w, intercept, &inner.problem.space);
        // Rounding alone leaves gradients of this size, and a loss within 1e-12 of its minimum: not the user's to mend.
        let rounding = 1e-6;
        let warning = (gap > (tol * tol).max(rounding)).then(|| {
            let mend = if iterations < max_iter as u64 {
                "the loss no longer falls: scale the features"
            } else {
                "raise max_iter or scale the features"
            };
            format!("{name} stopped after {iterations} steps at gradient {gap:.1e}, above tol^2 = {:.1e}: {mend}", tol * tol)
        });
        Ok(Solution {
            coef,
            intercept,
            warning,
        })
    }

    /// The objective and its gradient at `w`.
    fn at(&self, w: &Array2<f64>) -> (f64, Array2<f64>) {
        let mut scores = self.x.dot(w);
        let mut slope = vec![0.0; self.n_outputs];
        let mut value = 0.0;
        for (row, (mut z, weight)) in scores.rows_mut().into_iter().zip(&self.weights).enumerate() {
            let z = z
                .as_slice_mut()
                .unwrap_or_else(|| unreachable!("a product is in row order"));
            value += weight * self.loss.value(row, z, &mut slope);
            for (z, slope) in z.iter_mut().zip(&slope) {
                *z = weight * slope;
            }
        }
        let mut gradient = self.x.t().dot(&scores);
        for ((mut gradient, w), penalty) in gradient
            .rows_mut()
            .into_iter()
            .zip(w.rows())
            .zip(&self.penalty)
        {
            value += 0.5 * penalty * w.dot(&w);
            gradient.scaled_add(*penalty, &w);
        }
        (value, gradient)
    }

    /// The Hessian of one output near the start.
    fn hessian(&self) -> Array2<f64> {
        let mut scaled = self.x.clone();
        for (row, (mut x, weight)) in scaled.rows_mut().into_iter().zip(&self.weights).enumerate() {
            x *= weight * self.loss.curvature(row);
        }
        let mut hessian = self.x.t().dot(&scaled);
        hessian.diag_mut().scaled_add(1.0, &self.penalty);
        hessian
    }

    fn hessian_diagonal(&self) -> Array1<f64> {
        let mut diagonal = self.penalty.clone();
        for (row, (x, weight)) in self.x.rows().into_iter().zip(&self.weights).enumerate() {
            let curvature = weight * self.loss.curvature(row);
            diagonal.zip_mut_with(&x, |d, x| *d += curvature * x * x);
        }
        diagonal
    }
}

/// `P` with `P P^T = H^-1`.
enum Preconditioner {
    /// `L` of `H = L L^T`; `P = L^-T`. Systems are solved down the columns, so it is there row after row for its transpose, and
    /// column after column.
    Full {
        rows: Array2<f64>,
        columns: Array2<f64>,
    },
    /// The square roots of the diagonal of `H`.
    Diagonal(Array1<f64>),
}

impl Preconditioner {
    fn new<L: RowLoss>(problem: &Problem<L>) -> Self {
        let diagonal =
            |d: Array1<f64>| Self::Diagonal(d.mapv(|h| if h > 0.0 { h.sqrt() } else { 1.0 }));
        if problem.x.ncols() > FULL_PRECONDITIONER {
            return diagonal(problem.hessian_diagonal());
        }
        let mut hessian = problem.hessian();
        let largest = hessian.diag().iter().copied().fold(0.0, f64::max);
        // Collinear features make it singular; a little on the diagonal mends that and moves no minimum.
        for jitter in [0.0, 1e-12, 1e-10, 1e-8] {
            hessian.diag_mut().map_inplace(|h| *h += jitter * largest);
            if let Some(l) = cholesky(&hessian.view()) {
                let mut columns = Array2::zeros(l.dim().f());
                columns.assign(&l);
                return Self::Full { rows: l, columns };
            }
        }
        diagonal(hessian.diag().to_owned())
    }

    /// `P v`
    fn to_outer(&self, v: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Full { rows, .. } => solve(&rows.t(), v, UPLO::Upper),
            Self::Diagonal(d) => v / &d.view().insert_axis(Axis(1)),
        }
    }

    /// `P^-1 w`
    fn to_inner(&self, w: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Full { rows, .. } => rows.t().dot(w),
            Self::Diagonal(d) => w * &d.view().insert_axis(Axis(1)),
        }
    }

    /// `P^T g`: a gradient by `w` as one by `v`.
    fn gradient(&self, g: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Full { columns, .. } => solve(columns, g, UPLO::Lower),
            Self::Diagonal(d) => g / &d.view().insert_axis(Axis(1)),
        }
    }
}

fn solve<S: ndarray::Data<Elem = f64>>(
    l: &ndarray::ArrayBase<S, ndarray::Ix2>,
    b: &Array2<f64>,
    uplo: UPLO,
) -> Array2<f64> {
    l.solve_triangular(b, uplo)
        .unwrap_or_else(|_| unreachable!("the triangle is square, of full rank and as high as `b`"))
}

/// A point, its value and its gradient.
type Evaluation = (Vec<f64>, f64, Vec<f64>);

/// The problem in the coordinates of the preconditioner, as argmin sees it.
struct Inner<L> {
    problem: Problem<L>,
    preconditioner: Preconditioner,
    /// argmin asks for value and gradient one after the other, at the same point.
    last: RefCell<Option<Evaluation>>,
}

impl<L: RowLoss> Inner<L> {
    fn at(&self, param: &[f64]) -> (f64, Vec<f64>) {
        if let Some((point, value, gradient)) = self.last.borrow().as_ref()
            && point == param
        {
            return (*value, gradient.clone());
        }
        let w = self
            .preconditioner
            .to_outer(&matrix(param, self.problem.n_outputs));
        let (value, gradient) = self.problem.at(&w);
        let gradient = flat(&self.preconditioner.gradient(&gradient));
        *self.last.borrow_mut() = Some((param.to_vec(), value, gradient.clone()));
        (value, gradient)
    }
}

/// The solver keeps a reference only: it loses its problem when a line search fails.
struct Shared<'a, L>(&'a Inner<L>);

impl<L: RowLoss> CostFunction for Shared<'_, L> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, param: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.0.at(param).0)
    }
}

impl<L: RowLoss> Gradient for Shared<'_, L> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, param: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.0.at(param).1)
    }
}

fn flat(matrix: &Array2<f64>) -> Vec<f64> {
    matrix.iter().copied().collect()
}

fn matrix(values: &[f64], columns: usize) -> Array2<f64> {
    Array2::from_shape_vec((values.len() / columns, columns), values.to_vec())
        .unwrap_or_else(|_| unreachable!("a parameter vector has one value per feature and output"))
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Coefficients and intercepts of the outputs.
fn split(mut w: Array2<f64>, intercept: Intercept, space: &RowSpace) -> (Vec<Vec<f64>>, Vec<f64>) {
    let constant = match intercept {
        Intercept::None => None,
        Intercept::Free { .. } => Some(1.0),
        Intercept::Penalized { scaling } => Some(scaling),
    };
    let mut intercepts = vec![0.0; w.ncols()];
    if let Some(value) = constant {
        let last = w.nrows() - 1;
        intercepts = w.row(last).iter().map(|w| w * value).collect();
        w.remove_index(Axis(0), last);
    }
    let w = space.to_features(w);
    let coef = w.columns().into_iter().map(|w| w.to_vec()).collect();
    (coef, intercepts)
}
