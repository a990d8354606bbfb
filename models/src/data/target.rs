//! The column a model learns: class labels or numbers.

use crate::error::DataError;

/// A target as it stands in the file; what it means depends on the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetColumn {
    /// Name of the column.
    pub name: String,
    /// The cells, one per row, without surrounding blanks.
    pub cells: Vec<String>,
}

/// Class labels and, for every row, the index of its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Distinct labels: ascending by value if all are integers, in byte order else.
    pub labels: Vec<String>,
    /// Per row, the index into `labels`.
    pub codes: Vec<usize>,
}

/// More classes than any use; a column of amounts given as a class target is caught by this.
const MAX_CLASSES: usize = 10_000;

impl TargetColumn {
    /// The target of a regression: a finite number in every row.
    ///
    /// # Errors
    /// [`DataError::TargetMissing`] or [`DataError::TargetNotANumber`], with the first such row.
    pub fn to_numbers(&self) -> Result<Vec<f64>, DataError> {
        self.cells
            .iter()
            .enumerate()
            .map(|(at, cell)| match cell.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value),
                _ if is_missing(cell) => Err(DataError::TargetMissing {
                    row: at + 1,
                    column: self.name.clone(),
                }),
                _ => Err(DataError::TargetNotANumber {
                    row: at + 1,
                    column: self.name.clone(),
                    cell: shorten(cell),
                }),
            })
            .collect()
    }

    /// The target of a classification: integers (`1` and `1.0` are the same label) or strings.
    ///
    /// # Errors
    /// [`DataError::TargetMissing`]; [`DataError::ContinuousClasses`] if all cells are numbers and one is not an
    /// integer; [`DataError::TooManyClasses`].
    pub fn to_classes(&self) -> Result<Classes, DataError> {
        if let Some(at) = self.cells.iter().position(|cell| is_missing(cell)) {
            return Err(DataError::TargetMissing {
                row: at + 1,
                column: self.name.clone(),
            });
        }
        let labels = self.labels()?;
        let integers = labels.iter().all(|label| parse_integer(label).is_some());
        let order = |a: &str, b: &str| {
            if integers {
                parse_integer(a).cmp(&parse_integer(b))
            } else {
                a.cmp(b)
            }
        };
        let mut distinct: Vec<&String> = labels.iter().collect();
        distinct.sort_unstable_by(|a, b| order(a, b));
        distinct.dedup();
        if distinct.len() > MAX_CLASSES {
            return Err(DataError::TooManyClasses {
                column: self.name.clone(),
                found: distinct.len(),
                limit: MAX_CLASSES,
            });
        }
        let codes = labels
            .iter()
            .filter_map(|l| distinct.binary_search_by(|d| order(d, l)).ok())
            .collect();
        let distinct = distinct.into_iter().cloned().collect();
        Ok(Classes {
            labels: distinct,
            codes,
        })
    }

    /// Per row, the index of its label in a model's `classes`; `None` for a label that the model does not know.
    pub fn codes_in(&self, classes: &[String]) -> Vec<Option<usize>> {
        let integers = classes.iter().all(|c| parse_integer(c).is_some());
        self.cells
            .iter()
            .map(|cell| match parse_integer(cell).filter(|_| integers) {
                Some(value) => classes.iter().position(|c| parse_integer(c) == Some(value)),
                None => classes.iter().position(|c| c == cell),
            })
            .collect()
    }

    /// Labels as the model keeps them: `1.0` becomes `1` if all cells are integers.
    fn labels(&self) -> Result<Vec<String>, DataError> {
        let integers: Option<Vec<i64>> =
            self.cells.iter().map(|cell| parse_integer(cell)).collect();
        if let Some(integers) = integers {
            return Ok(integers.iter().map(i64::to_string).collect());
        }
        if self.cells.iter().all(|cell| cell.parse::<f64>().is_ok()) {
            let cell = self.cells.iter().find(|cell| parse_integer(cell).is_none());
            return Err(DataError::ContinuousClasses {
                column: self.name.clone(),
                cell: shorten(cell.map_or("", String::as_str)),
            });
        }
        Ok(self.cells.clone())
    }
}

/// `7` and `7.0`, but not `7.5` nor anything beyond 2^53, where doubles skip integers.
fn parse_integer(cell: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(value) = cell.parse::<i64>() {
        return Some(value);
    }
    let value = cell.parse::<f64>().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53")]
    let integer = value as i64;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(integer)
}

pub(super) fn is_missing(cell: &str) -> bool {
    cell.is_empty() || cell.eq_ignore_ascii_case("nan")
}

/// Enough of a cell to recognise it in an error.
pub(super) fn shorten(cell: &str) -> String {
    const SHOWN: usize = 40;
    if cell.chars().count() <= SHOWN {
        return cell.to_owned();
    }
    cell.chars()
        .take(SHOWN)
        .chain(core::iter::once('…'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: &[&str]) -> TargetColumn {
        TargetColumn {
            name: "y".to_owned(),
            cells: cells.iter().map(|&c| c.to_owned()).collect(),
        }
    }

    #[test]
    fn integer_labels_sort_by_value() {
        let classes = column(&["10", "9", "10.0", "-1"]).to_classes().unwrap();
        assert_eq!(classes.labels, ["-1", "9", "10"]);
        assert_eq!(classes.codes, [2, 1, 2, 0]);
    }

    #[test]
    fn string_labels_sort_by_bytes() {
        let classes = column(&["yes", "no", "10", "9"]).to_classes().unwrap();
        // One word makes them all words: "10" comes before "9".
        assert_eq!(classes.labels, ["10", "9", "no", "yes"]);
        assert_eq!(classes.codes, [3, 2, 0, 1]);
    }

    #[test]
    fn amounts_are_not_classes() {
        let error = column(&["1", "2.5"]).to_classes().unwrap_err();
        assert_eq!(
            error,
            DataError::ContinuousClasses {
                column: "y".to_owned(),
                cell: "2.5".to_owned()
            }
        );
    }

    #[test]
    fn labels_of_other_files_are_found_in_a_model() {
        let classes = ["0".to_owned(), "1".to_owned()];
        assert_eq!(
            column(&["1.0", "0", "2"]).codes_in(&classes),
            [Some(1), Some(0), None]
        );
        let classes = ["no".to_owned(), "yes".to_owned()];
        assert_eq!(
            column(&["yes", "maybe"]).codes_in(&classes),
            [Some(1), None]
        );
    }

    #[test]
    fn numbers_must_be_there_and_finite() {
        assert_eq!(
            column(&["1e3", "-0.5"]).to_numbers().unwrap(),
            [1000.0, -0.5]
        );
        assert_eq!(
            column(&["1", ""]).to_numbers(),
            Err(DataError::TargetMissing {
                row: 2,
                column: "y".to_owned()
            })
        );
        assert!(matches!(
            column(&["inf"]).to_numbers(),
            Err(DataError::TargetNotANumber { row: 1, .. })
        ));
    }
}
