//! Clear integer weights.

use alloc::vec::Vec;

/// A `rows` x `cols` matrix of clear integers, dense or sparse.
///
/// The constructors check nothing: a matrix whose data do not fit its shape is reported by the verifier, with
/// everything else that is wrong. Reading such a matrix does not panic; entries out of place read as zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Matrix {
    rows: usize,
    cols: usize,
    weights: Weights,
}

/// How the weights are stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub(crate) enum Weights {
    /// Row by row, `rows * cols` of them.
    Dense(Vec<i64>),
    /// `(row, col, weight)`, strictly increasing in `(row, col)`.
    Sparse(Vec<(u32, u32, i64)>),
}

impl Matrix {
    /// A dense matrix from its weights, row by row.
    #[must_use]
    pub const fn dense(rows: usize, cols: usize, weights: Vec<i64>) -> Self {
        Self {
            rows,
            cols,
            weights: Weights::Dense(weights),
        }
    }

    /// A sparse matrix from its `(row, col, weight)` entries, in any order; what is not named is zero. Zero weights
    /// are dropped.
    #[must_use]
    pub fn sparse(rows: usize, cols: usize, mut entries: Vec<(u32, u32, i64)>) -> Self {
        entries.retain(|&(_, _, weight)| weight != 0);
        entries.sort_unstable();
        Self {
            rows,
            cols,
            weights: Weights::Sparse(entries),
        }
    }

    /// Number of rows: the length of `W·x`.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns: the length of `x`.
    #[must_use]
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// Whether the weights are stored sparsely; it changes the text form, not the meaning.
    #[must_use]
    pub const fn is_sparse(&self) -> bool {
        matches!(self.weights, Weights::Sparse(_))
    }

    /// The non-zero weights of row `row` as `(column, weight)`, columns increasing.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, i64)> + '_ {
        let (dense, sparse): (&[i64], &[(u32, u32, i64)]) = match &self.weights {
            Weights::Dense(weights) => (self.dense_row(weights, row), &[]),
            Weights::Sparse(entries) => {
                let start = entries.partition_point(|entry| (entry.0 as usize) < row);
                let len = entries[start..].partition_point(|entry| entry.0 as usize == row);
                (&[], &entries[start..start + len])
            }
        };
        dense
            .iter()
            .enumerate()
            .map(|(col, &weight)| (col, weight))
            .chain(
                sparse
                    .iter()
                    .map(|&(_, col, weight)| (col as usize, weight)),
            )
            .filter(|&(_, weight)| weight != 0)
    }

    /// How many weights are not zero.
    #[must_use]
    pub fn non_zeros(&self) -> usize {
        match &self.weights {
            Weights::Dense(weights) => weights.iter().filter(|&&weight| weight != 0).count(),
            Weights::Sparse(entries) => entries.len(),
        }
    }

    pub(crate) const fn weights(&self) -> &Weights {
        &self.weights
    }

    fn dense_row<'a>(&self, weights: &'a [i64], row: usize) -> &'a [i64] {
        row.checked_mul(self.cols)
            .and_then(|start| weights.get(start..start.checked_add(self.cols)?))
            .unwrap_or(&[])
    }

    /// A matrix of a verified circuit from its non-zero entries: dense where that is the smaller form.
    pub(crate) fn from_entries(
        rows: usize,
        cols: usize,
        entries: Vec<(usize, usize, i64)>,
    ) -> Self {
        // An entry takes 16 bytes, a dense weight 8.
        match rows.checked_mul(cols) {
            Some(area) if entries.len() >= area.div_ceil(2) => {
                let mut weights = alloc::vec![0; area];
                for (row, col, weight) in entries {
                    weights[row * cols + col] = weight;
                }
                Self::dense(rows, cols, weights)
            }
            _ => {
                let narrow = |(row, col, weight)| (small_index(row), small_index(col), weight);
                Self::sparse(rows, cols, entries.into_iter().map(narrow).collect())
            }
        }
    }
}

/// An index into a verified value.
pub(crate) fn small_index(index: usize) -> u32 {
    u32::try_from(index).expect("a verified value has at most 2^20 elements")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn dense_and_sparse_read_alike() {
        // [ 0 -2 ]
        // [ 3  0 ]
        // [ 0  0 ]
        let dense = Matrix::dense(3, 2, vec![0, -2, 3, 0, 0, 0]);
        let sparse = Matrix::sparse(3, 2, vec![(1, 0, 3), (2, 1, 0), (0, 1, -2)]);
        for matrix in [&dense, &sparse] {
            assert_eq!(matrix.row(0).collect::<Vec<_>>(), [(1, -2)]);
            assert_eq!(matrix.row(1).collect::<Vec<_>>(), [(0, 3)]);
            assert_eq!(matrix.row(2).count(), 0);
            assert_eq!(matrix.row(3).count(), 0);
            assert_eq!(matrix.non_zeros(), 2);
        }
    }

    #[test]
    fn a_matrix_of_the_wrong_shape_reads_without_panic() {
        assert_eq!(
            Matrix::dense(usize::MAX, usize::MAX, vec![1])
                .row(usize::MAX)
                .count(),
            0
        );
        assert_eq!(Matrix::dense(2, 2, vec![1, 2, 3]).row(1).count(), 0);
    }

    #[test]
    fn the_smaller_storage_is_chosen() {
        assert!(Matrix::from_entries(2, 2, vec![(0, 0, 1)]).is_sparse());
        let dense = Matrix::from_entries(2, 2, vec![(0, 0, 1), (1, 1, 2)]);
        assert!(!dense.is_sparse());
        assert_eq!(dense, Matrix::dense(2, 2, vec![1, 0, 0, 2]));
    }
}
