//! Fewer rows than features: the same problem in the space that the rows span.
//!
//! Whoever minimizes a loss of scores `X w` and a penalty on `|w|`, or the norm itself, needs weights in the span of the rows
//! only (the representer theorem, Schölkopf et al. 2001). With `X^T = Q R` and orthonormal `Q`, `w = Q v` has the scores `R^T v`
//! and the norm of `v`: a problem of as many features as rows, whose matrices are no larger than the table.

use ndarray::{Array2, ShapeBuilder};

use super::factor::Qr;

/// An orthonormal basis of the rows' span, or of all features where the rows are more.
pub(super) struct RowSpace {
    /// Features by rows; none where the features stay as they are.
    basis: Option<Array2<f64>>,
}

impl RowSpace {
    /// The space of `rows` rows of `columns` values, one row after the other, and the rows in its coordinates.
    pub(super) fn of(rows: usize, columns: usize, values: Vec<f64>) -> (Self, Array2<f64>) {
        if rows >= columns {
            let rows = Array2::from_shape_vec((rows, columns), values);
            let rows = rows.unwrap_or_else(|_| unreachable!("a table is rows times columns"));
            return (Self { basis: None }, rows);
        }
        // Rows one after the other are columns of the transpose one after the other.
        let transposed = Array2::from_shape_vec((columns, rows).f(), values);
        let transposed =
            transposed.unwrap_or_else(|_| unreachable!("a table is rows times columns"));
        let (basis, triangle) = Qr::new(transposed).into_basis_and_triangle();
        let space = Self { basis: Some(basis) };
        (
            space,
            triangle.reversed_axes().as_standard_layout().into_owned(),
        )
    }

    /// Weights of features from weights of coordinates, a column an output.
    pub(super) fn to_features(&self, weights: Array2<f64>) -> Array2<f64> {
        match &self.basis {
            Some(basis) => basis.dot(&weights),
            None => weights,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scores and norms are the same in either coordinates, and every row can be reached.
        #[test]
        fn coordinates_keep_scores_and_norms(
            rows in 1_usize..5,
            more in 0_usize..5,
            values in proptest::collection::vec(prop_oneof![2 => -3.0..3.0_f64, 1 => Just(0.0)], 45),
            v in proptest::collection::vec(-2.0..2.0_f64, 9),
        ) {
            let columns = rows + more;
            let values = values[..rows * columns].to_vec();
            let x = Array2::from_shape_vec((rows, columns), values.clone()).unwrap();
            let (space, coordinates) = RowSpace::of(rows, columns, values);
            let n = coordinates.ncols();
            prop_assert_eq!(n, rows.min(columns));
            let v = Array2::from_shape_vec((n, 1), v[..n].to_vec()).unwrap();
            let w = space.to_features(v.clone());
            for (a, b) in x.dot(&w).iter().zip(&coordinates.dot(&v)) {
                prop_assert!((a - b).abs() < 1e-12, "{} {}", a, b);
            }
            let square = |w: &Array2<f64>| w.iter().map(|w| w * w).sum::<f64>();
            prop_assert!((square(&w) - square(&v)).abs() < 1e-12);
        }
    }
}
