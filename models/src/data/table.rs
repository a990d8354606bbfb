//! Tables of numbers.

use std::collections::HashMap;

use super::DataError;

/// Rows of features with named columns; a missing value is NaN, infinities do not occur.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    values: Vec<f64>,
}

impl Table {
    /// A table of `values.len() / columns.len()` rows, row after row.
    ///
    /// # Errors
    /// [`DataError::NoColumns`], [`DataError::DuplicateColumn`], [`DataError::Ragged`] if the last row is not full,
    /// [`DataError::Infinite`].
    pub fn new(columns: Vec<String>, values: Vec<f64>) -> Result<Self, DataError> {
        if columns.is_empty() {
            return Err(DataError::NoColumns);
        }
        if let Some(name) = duplicate(&columns) {
            return Err(DataError::DuplicateColumn {
                name: name.to_owned(),
            });
        }
        let width = columns.len();
        if !values.len().is_multiple_of(width) {
            return Err(DataError::Ragged {
                row: values.len() / width + 1,
                line: None,
                found: values.len() % width,
                expected: width,
            });
        }
        if let Some(at) = values.iter().position(|x| x.is_infinite()) {
            return Err(DataError::Infinite {
                row: at / width + 1,
                line: None,
                column: columns[at % width].clone(),
            });
        }
        Ok(Self { columns, values })
    }

    /// A table with the columns `f0`, `f1`, … for rows that come without names.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn from_rows(n_columns: usize, values: Vec<f64>) -> Result<Self, DataError> {
        Self::new((0..n_columns).map(|j| format!("f{j}")).collect(), values)
    }

    /// Names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of columns, at least 1.
    pub fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The rows, in order.
    pub fn rows(&self) -> core::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.columns.len())
    }

    /// Row `index` counted from 0, if there is one.
    pub fn row(&self, index: usize) -> Option<&[f64]> {
        self.rows().nth(index)
    }

    /// The values of one column; empty if there is no such column.
    pub fn column(&self, index: usize) -> impl Iterator<Item = f64> + '_ {
        self.values
            .iter()
            .skip(index)
            .step_by(self.columns.len())
            .copied()
            .take(if index < self.columns.len() {
                usize::MAX
            } else {
                0
            })
    }

    /// The columns that only number the rows, from 0 or 1 up: at least three rows, and no feature of anything.
    pub fn row_numbers(&self) -> impl Iterator<Item = usize> + '_ {
        let counts = |&column: &usize| {
            let first = self.column(column).next();
            let start = first.filter(|x| self.n_rows() > 2 && (*x == 0.0 || *x == 1.0));
            start.is_some_and(|start| {
                let mut values = self.column(column).enumerate();
                values.all(|(row, value)| value == start + row as f64)
            })
        };
        (0..self.n_columns()).filter(counts)
    }

    /// The first `n` rows (all, if there are fewer).
    #[must_use]
    pub fn head(mut self, n: usize) -> Self {
        self.values.truncate(n.saturating_mul(self.columns.len()));
        self
    }

    /// These rows, in this order; those that are not there are left out.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let all: Vec<&[f64]> = self.rows().collect();
        let found = rows.iter().filter_map(|&row| all.get(row));
        Self {
            columns: self.columns.clone(),
            values: found.flat_map(|row| row.iter().copied()).collect(),
        }
    }

    /// The columns a model wants, in the model's order: by name where it knows names (other columns are left out), by
    /// position where it does not.
    ///
    /// # Errors
    /// [`DataError::MissingColumns`] names what is missing and what there is; [`DataError::ColumnCount`] without names.
    pub fn align(
        &self,
        feature_names: Option<&[String]>,
        n_features: usize,
    ) -> Result<Self, DataError> {
        let Some(names) = feature_names else {
            return if self.n_columns() == n_features {
                Ok(self.clone())
            } else {
                Err(DataError::ColumnCount {
                    found: self.n_columns(),
                    expected: n_features,
                })
            };
        };
        if names == self.columns {
            return Ok(self.clone());
        }
        let (indices, missing) = find_columns(&self.columns, names);
        if !missing.is_empty() {
            return Err(DataError::MissingColumns {
                missing,
                present: self.columns.clone(),
            });
        }
        let values = self
            .rows()
            .flat_map(|row| indices.iter().map(|&j| row[j]))
            .collect();
        Self::new(names.to_vec(), values)
    }

    /// Refuses missing values, for everything that has no meaning for them.
    ///
    /// # Errors
    /// [`DataError::Missing`] names the first row (from 1) and column.
    pub fn require_complete(&self) -> Result<(), DataError> {
        match self.values.iter().position(|x| x.is_nan()) {
            None => Ok(()),
            Some(at) => Err(DataError::Missing {
                row: at / self.n_columns() + 1,
                column: self.columns[at % self.n_columns()].clone(),
            }),
        }
    }
}

/// Where `wanted` stand in `present`, and those that are not there. Blanks around a name count only where there are two names
/// that differ in nothing else.
pub(super) fn find_columns(present: &[String], wanted: &[String]) -> (Vec<usize>, Vec<String>) {
    let mut exact = HashMap::new();
    let mut trimmed: HashMap<&str, Option<usize>> = HashMap::new();
    for (place, name) in present.iter().enumerate() {
        exact.insert(name.as_str(), place);
        let known = trimmed.entry(name.trim());
        known.and_modify(|at| *at = None).or_insert(Some(place));
    }
    let (mut places, mut missing) = (Vec::new(), Vec::new());
    for name in wanted {
        let place = exact.get(name.as_str()).copied();
        match place.or_else(|| trimmed.get(name.trim()).copied().flatten()) {
            Some(place) => places.push(place),
            None => missing.push(name.clone()),
        }
    }
    (places, missing)
}

fn duplicate(names: &[String]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    names
        .iter()
        .map(String::as_str)
        .find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn aligns_by_name_in_the_models_order() {
        let table =
            Table::new(names(&["a", "b", "c"]), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let aligned = table.align(Some(&names(&["c", "a"])), 2).unwrap();
        assert_eq!(aligned.values(), [3.0, 1.0, 6.0, 4.0]);
        let error = table.align(Some(&names(&["c", "d"])), 2).unwrap_err();
        assert_eq!(
            error,
            DataError::MissingColumns {
                missing: names(&["d"]),
                present: names(&["a", "b", "c"])
            }
        );
    }

    #[test]
    fn blanks_around_names_do_not_matter_where_they_distinguish_nothing() {
        let table = Table::new(names(&[" a", "b", "b "]), vec![1.0, 2.0, 3.0]).unwrap();
        for (wanted, value) in [("a", 1.0), (" a ", 1.0), ("b", 2.0), ("b ", 3.0)] {
            let aligned = table.align(Some(&names(&[wanted])), 1).unwrap();
            assert_eq!(aligned.values(), [value], "{wanted:?}");
        }
        assert!(table.align(Some(&names(&[" b"])), 1).is_err());
    }

    #[test]
    fn row_numbers_are_recognised() {
        let rows = [[0.0, 1.0, 0.0], [1.0, 2.0, 1.0], [2.0, 3.0, 1.0]].concat();
        let table = Table::from_rows(3, rows).unwrap();
        assert_eq!(table.row_numbers().collect::<Vec<_>>(), [0, 1]);
        let short = Table::from_rows(1, vec![0.0, 1.0]).unwrap();
        assert_eq!(short.row_numbers().count(), 0);
    }

    #[test]
    fn aligns_by_position_without_names() {
        let table = Table::from_rows(2, vec![1.0, 2.0]).unwrap();
        assert_eq!(table.align(None, 2).unwrap(), table);
        assert_eq!(
            table.align(None, 3).unwrap_err(),
            DataError::ColumnCount {
                found: 2,
                expected: 3
            }
        );
    }

    #[test]
    fn columns_are_read_down() {
        let table = Table::from_rows(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(table.column(1).collect::<Vec<_>>(), [2.0, 4.0]);
        assert_eq!(table.column(2).count(), 0);
        assert_eq!(table.row(1), Some(&[3.0, 4.0][..]));
        assert_eq!(table.head(1).n_rows(), 1);
    }

    #[test]
    fn missing_values_are_named() {
        let table = Table::from_rows(2, vec![1.0, 2.0, f64::NAN, 4.0]).unwrap();
        assert_eq!(
            table.require_complete(),
            Err(DataError::Missing {
                row: 2,
                column: "f0".to_owned()
            })
        );
    }

    #[test]
    fn the_door_refuses() {
        assert_eq!(Table::new(vec![], vec![]), Err(DataError::NoColumns));
        assert_eq!(
            Table::new(names(&["a", "a"]), vec![]),
            Err(DataError::DuplicateColumn {
                name: "a".to_owned()
            })
        );
        assert!(matches!(
            Table::from_rows(2, vec![1.0; 3]),
            Err(DataError::Ragged {
                row: 2,
                found: 1,
                ..
            })
        ));
        assert!(matches!(
            Table::from_rows(1, vec![f64::INFINITY]),
            Err(DataError::Infinite { row: 1, .. })
        ));
    }
}
