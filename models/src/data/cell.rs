//! What a cell says: a number, a boolean, a label, or nothing.

use super::dialect::Decimal;
use super::words::Words;
use crate::data::DataError;

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
            known: words.listed(),
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
fn number(cell: &str, decimal: Decimal) -> Option<f64> {
    let value = match decimal {
        Decimal::Point => cell.parse().ok(),
        Decimal::Comma if cell.contains('.') => None,
        Decimal::Comma => cell.replacen(',', ".", 1).parse().ok(),
    };
    value.or_else(|| boolean(cell).map(|value| f64::from(u8::from(value))))
}

/// `True` and `False`, as pandas and R write booleans, in any case.
pub(super) fn boolean(cell: &str) -> Option<bool> {
    let is = |word| cell.eq_ignore_ascii_case(word);
    match (is("true"), is("false")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// `7` and `7.0`, but not `7.5` nor anything beyond 2^53, where doubles skip integers.
pub(super) fn integer(cell: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(value) = cell.parse::<i64>() {
        return Some(value);
    }
    let value = cell.parse::<f64>().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53")]
    let integer = value as i64;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(integer)
}

/// Nothing, whatever the column holds.
pub(super) fn is_blank(cell: &str) -> bool {
    cell.is_empty() || cell.eq_ignore_ascii_case("nan")
}

/// Nothing, where numbers are expected: also what pandas, R and SQL write for it.
pub(super) fn is_missing(cell: &str) -> bool {
    const WORDS: [&str; 8] = ["na", "n/a", "<na>", "#n/a", "#na", "-nan", "null", "none"];
    is_blank(cell) || WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word))
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
    fn words_for_nothing() {
        for cell in ["", "nan", "NaN"] {
            assert!(is_blank(cell) && is_missing(cell), "{cell:?}");
        }
        for cell in ["NA", "n/a", "<NA>", "null", "None"] {
            assert!(!is_blank(cell) && is_missing(cell), "{cell:?}");
        }
        assert!(!is_missing("0") && !is_missing("nothing"));
    }
}
