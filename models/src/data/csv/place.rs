//! Cells of features and weights as numbers.

use super::dialect::Decimal;
use crate::data::cell::{boolean, is_missing, shorten};
use crate::data::{DataError, Words};

/// Where a cell stands, for errors.
pub(super) struct Place<'a> {
    pub(super) row: usize,
    pub(super) line: Option<u64>,
    pub(super) column: &'a str,
}

impl Place<'_> {
    /// A feature: a finite number, `True` or `False` as 1 or 0, NaN for a missing value.
    pub(super) fn number(&self, cell: &str, decimal: Decimal) -> Result<f64, DataError> {
        if is_missing(cell) {
            return Ok(f64::NAN);
        }
        let (row, line, column) = (self.row, self.line, self.column.to_owned());
        match number(cell, decimal) {
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(DataError::Infinite { row, line, column }),
            None => Err(DataError::NotANumber {
                row,
                line,
                column,
                cell: shorten(cell),
            }),
        }
    }

    /// The code of a category.
    pub(super) fn category(&self, cell: &str, words: &Words) -> Result<f64, DataError> {
        words.code(cell).ok_or_else(|| DataError::UnknownCategory {
            row: self.row,
            line: self.line,
            column: self.column.to_owned(),
            cell: shorten(cell),
            known: listed(words),
        })
    }

    /// A sample weight: a finite number of at least 0.
    pub(super) fn weight(&self, cell: &str, decimal: Decimal) -> Result<f64, DataError> {
        let weight = self.number(cell, decimal)?;
        if weight >= 0.0 {
            Ok(weight)
        } else {
            let (row, line, column) = (self.row, self.line, self.column.to_owned());
            Err(DataError::Weight {
                row,
                line,
                column,
                cell: shorten(cell),
            })
        }
    }
}

/// A number or a boolean. With decimal commas, a point is no part of a number: it might separate thousands.
pub(super) fn number(cell: &str, decimal: Decimal) -> Option<f64> {
    let value = match decimal {
        Decimal::Point => cell.parse().ok(),
        Decimal::Comma if cell.contains('.') => None,
        Decimal::Comma => cell.replacen(',', ".", 1).parse().ok(),
    };
    value.or_else(|| boolean(cell).map(|value| f64::from(u8::from(value))))
}

/// The words, or the first of many, for a message.
fn listed(words: &Words) -> String {
    const SHOWN: usize = 10;
    let all = &words.words;
    let shown: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|word| format!("`{word}`"))
        .collect();
    let more = if all.len() > SHOWN { ", …" } else { "" };
    shown.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_either_notation() {
        for (cell, point, comma) in [
            ("1.5", Some(1.5), None),
            ("1,5", None, Some(1.5)),
            ("-1e3", Some(-1000.0), Some(-1000.0)),
            ("1,234,567", None, None),
            ("1.234,5", None, None),
            ("TRUE", Some(1.0), Some(1.0)),
            ("False", Some(0.0), Some(0.0)),
            ("yes", None, None),
        ] {
            assert_eq!(number(cell, Decimal::Point), point, "{cell}");
            assert_eq!(number(cell, Decimal::Comma), comma, "{cell}");
        }
    }

    #[test]
    fn many_words_are_cut_short() {
        let words = |count: usize| Words {
            words: (0..count).map(|word| word.to_string()).collect(),
            others_are_missing: false,
        };
        assert_eq!(listed(&words(2)), "`0`, `1`");
        assert!(listed(&words(10)).ends_with("`9`"));
        assert!(listed(&words(11)).ends_with("`9`, …"));
    }
}
