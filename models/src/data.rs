//! Tables of numbers, and how they are read from CSV.
//!
//! A [`Table`] holds features only; the target and the sample weights are split off while reading ([`read_csv`]).

mod csv;
mod target;
mod words;

pub use self::csv::{CsvReader, CsvSpec, DataSet, Limits, Record, read_csv, read_csv_file};
pub use self::target::{Classes, TargetColumn};
pub use self::words::Words;

use crate::error::DataError;

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

    /// The first `n` rows (all, if there are fewer).
    #[must_use]
    pub fn head(mut self, n: usize) -> Self {
        self.values.truncate(n.saturating_mul(self.columns.len()));
        self
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

/// Where `wanted` stand in `present`, and those that are not there.
fn find_columns(present: &[String], wanted: &[String]) -> (Vec<usize>, Vec<String>) {
    let places: std::collections::HashMap<&str, usize> = present
        .iter()
        .enumerate()
        .map(|(place, name)| (name.as_str(), place))
        .collect();
    let missing = wanted
        .iter()
        .filter(|name| !places.contains_key(name.as_str()))
        .cloned()
        .collect();
    (
        wanted
            .iter()
            .filter_map(|name| places.get(name.as_str()).copied())
            .collect(),
        missing,
    )
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
