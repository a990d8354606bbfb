//! Fewer rows than features: the same problem in the space that the rows span.
//!
//! Whoever minimizes a loss of scores `X w` and a penalty on `|w|`, or the norm itself, needs weights in the span of the rows
//! only (the representer theorem, Schölkopf et al. 2001). With `X^T = Q R` and orthonormal `Q`, `w = Q v` has the scores `R^T v`
//! and the norm of `v`: a problem of at most as many features as rows, whose matrices are no larger than the table.

use ndarray::{Array2, Axis, ShapeBuilder};

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
        let coordinates = triangle.reversed_axes();
        // What rounding left of rows that depend on the others, as they all do once they are centred, is no direction.
        let size = |column: ndarray::ArrayView1<'_, f64>| column.dot(&column).sqrt();
        let sizes: Vec<f64> = coordinates.columns().into_iter().map(size).collect();
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        let negligible = f64::EPSILON * columns as f64 * largest;
        let kept: Vec<usize> = (0..rows).filter(|&at| sizes[at] >= negligible).collect();
        let space = Self {
            basis: Some(basis.select(Axis(1), &kept)),
        };
        let coordinates = coordinates.select(Axis(1), &kept);
        (space, coordinates.as_standard_layout().into_owned())
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

    #[test]
    fn centred_rows_span_one_direction_less() {
        // Three rows that sum to 0, up to rounding.
        let rows = [[-1.0, 1.0, 0.0, 0.1, 0.3], [0.0, -1.0, 1.0, 0.2, -0.1]];
        let last: Vec<f64> = (0..5).map(|j| -(rows[0][j] + rows[1][j])).collect();
        let values = [rows[0].to_vec(), rows[1].to_vec(), last].concat();
        assert_eq!(RowSpace::of(3, 5, values).1.ncols(), 2);
        assert_eq!(RowSpace::of(2, 3, vec![0.0; 6]).1.ncols(), 2);
    }

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
            prop_assert!(n <= rows.min(columns));
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
