//! Factors of matrices, a block of columns at a time: nearly all of the work is matrix products, which keep to the cache.

use linfa_linalg::cholesky::Cholesky;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, Slice};

/// Columns of a block.
const BLOCK: usize = 32;

/// `A = Q R` with orthonormal columns of `Q` and an upper triangle `R`, by Householder reflections in blocks (Schreiber &
/// Van Loan 1989): those of a block are `I - V T V^T`.
pub(super) struct Qr {
    rows: usize,
    /// First row, `V` from there on, and `T`.
    blocks: Vec<(usize, Array2<f64>, Array2<f64>)>,
    triangle: Array2<f64>,
}

impl Qr {
    /// Factors a matrix of at least as many rows as columns; best with its columns one after the other.
    pub(super) fn new(mut a: Array2<f64>) -> Self {
        let (rows, columns) = a.dim();
        let mut blocks = Vec::new();
        for first in (0..columns).step_by(BLOCK) {
            let last = columns.min(first + BLOCK);
            let mut below = a.slice_axis_mut(Axis(0), Slice::from(first..));
            let (_, right) = below.view_mut().split_at(Axis(1), first);
            let (panel, mut rest) = right.split_at(Axis(1), last - first);
            let (v, t) = reflect(panel);
            // Q^T is the transpose of the product, V T^T V^T.
            let w = t.t().dot(&v.t().dot(&rest));
            general_mat_mul(-1.0, &v, &w, 1.0, &mut rest);
            blocks.push((first, v, t));
        }
        let mut triangle = a.slice_axis(Axis(0), Slice::from(..columns)).to_owned();
        for (row, mut cells) in triangle.rows_mut().into_iter().enumerate() {
            cells.iter_mut().take(row).for_each(|cell| *cell = 0.0);
        }
        Self {
            rows,
            blocks,
            triangle,
        }
    }

    /// `R`
    pub(super) fn into_triangle(self) -> Array2<f64> {
        self.triangle
    }

    /// `Q`, as many columns as the matrix had, and `R`.
    pub(super) fn into_basis_and_triangle(self) -> (Array2<f64>, Array2<f64>) {
        let mut q = Array2::zeros((self.rows, self.triangle.ncols()).f());
        q.diag_mut().fill(1.0);
        for (first, v, t) in self.blocks.iter().rev() {
            let mut below = q.slice_axis_mut(Axis(0), Slice::from(*first..));
            let w = t.dot(&v.t().dot(&below));
            general_mat_mul(-1.0, v, &w, 1.0, &mut below);
        }
        (q, self.triangle)
    }
}

/// Makes a triangle of a few columns; the reflections that did, as `V` and `T`.
fn reflect(mut panel: ArrayViewMut2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let (rows, columns) = panel.dim();
    let mut v = Array2::zeros((rows, columns).f());
    let mut t = Array2::zeros((columns, columns));
    for k in 0..columns {
        let mut axis = Array1::zeros(rows);
        let below = Slice::from(k..);
        axis.slice_axis_mut(Axis(0), below)
            .assign(&panel.column(k).slice_axis(Axis(0), below));
        let norm = axis.dot(&axis).sqrt();
        let reached = if axis[k] > 0.0 { -norm } else { norm };
        axis[k] -= reached;
        let square = axis.dot(&axis);
        let beta = if square > 0.0 { 2.0 / square } else { 0.0 };
        for mut column in panel.columns_mut().into_iter().skip(k) {
            let along = beta * axis.dot(&column);
            column.scaled_add(-along, &axis);
        }
        let (before, _) = v.view().split_at(Axis(1), k);
        let (known, _) = t.view().split_at(Axis(0), k);
        let (known, _) = known.split_at(Axis(1), k);
        let coupled = known.dot(&before.t().dot(&axis)) * -beta;
        for (row, value) in coupled.iter().enumerate() {
            t[(row, k)] = *value;
        }
        t[(k, k)] = beta;
        v.column_mut(k).assign(&axis);
    }
    (v, t)
}

/// The lower triangle `L` of `A = L L^T`; nothing for a matrix that is not positive definite.
pub(super) fn cholesky(a: &ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = a.nrows();
    let mut l = Array2::zeros((n, n));
    let mut rest = a.to_owned();
    for first in (0..n).step_by(BLOCK) {
        let size = BLOCK.min(n - first);
        let (left, right) = rest.view().split_at(Axis(1), size);
        let (corner, below) = left.split_at(Axis(0), size);
        let corner = corner.to_owned().cholesky().ok()?;
        if !corner.diag().iter().all(|d| d.is_finite() && *d > 0.0) {
            return None;
        }
        // L21 L11^T = A21, so L11 L21^T = A21^T.
        let transposed = below.t().to_owned();
        let transposed = corner.solve_triangular(&transposed, UPLO::Lower).ok()?;
        let (_, later) = right.split_at(Axis(0), size);
        let mut later = later.to_owned();
        general_mat_mul(-1.0, &transposed.t(), &transposed, 1.0, &mut later);
        let mut columns = l.slice_axis_mut(Axis(1), Slice::from(first..first + size));
        let mut columns = columns.slice_axis_mut(Axis(0), Slice::from(first..));
        let (mut top, mut bottom) = columns.view_mut().split_at(Axis(0), size);
        top.assign(&corner);
        bottom.assign(&transposed.t());
        rest = later;
    }
    Some(l)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn largest(a: &Array2<f64>) -> f64 {
        a.iter().fold(0.0, |most, x| x.abs().max(most))
    }

    fn matrix(rows: usize, columns: usize, seed: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            let at = (i * columns + j) * 7919;
            seed[at % seed.len()] + (at as f64).sin() * 0.5
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn q_is_orthonormal_and_the_product_is_the_matrix(
            columns in 1_usize..80,
            more in 0_usize..30,
            zero in 0_usize..80,
            seed in proptest::collection::vec(-2.0..2.0_f64, 31),
        ) {
            let mut a = matrix(columns + more, columns, &seed);
            if zero < columns {
                a.column_mut(zero).fill(0.0);
            }
            let (q, r) = Qr::new(a.clone()).into_basis_and_triangle();
            prop_assert!(largest(&(q.dot(&r) - &a)) < 1e-12);
            prop_assert!(largest(&(q.t().dot(&q) - Array2::<f64>::eye(columns))) < 1e-13);
            prop_assert!((0..columns).all(|i| (0..i).all(|j| r[(i, j)] == 0.0)));
        }

        #[test]
        fn triangles_of_positive_matrices(
            n in 1_usize..80,
            seed in proptest::collection::vec(-2.0..2.0_f64, 31),
        ) {
            let b = matrix(n + 5, n, &seed);
            let mut a = b.t().dot(&b);
            a.diag_mut().map_inplace(|d| *d += 1e-3);
            let l = cholesky(&a.view()).unwrap();
            prop_assert!(largest(&(l.dot(&l.t()) - &a)) < 1e-11 * largest(&a));
            a[(n - 1, n - 1)] = -1.0;
            prop_assert!(cholesky(&a.view()).is_none());
        }
    }
}
