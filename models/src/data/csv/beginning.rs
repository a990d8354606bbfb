//! How a file separates cells and writes decimals, found out from its beginning.

use super::dialect::{Decimal, Separator};
use super::records::records;
use crate::data::DataError;
use crate::data::cell::shorten;

/// The beginning of a file.
pub(super) struct Beginning<'a> {
    /// As far as it was read.
    pub(super) text: &'a [u8],
    /// Whether that is all of it.
    pub(super) whole: bool,
}

/// Rows of a beginning that are looked at.
const ROWS: usize = 50;

impl Beginning<'_> {
    /// The first rows, header included, without one that may be cut off.
    fn rows(&self, separator: Separator) -> Vec<csv::ByteRecord> {
        let mut rows: Vec<_> = records(self.text, separator)
            .into_byte_records()
            .map_while(Result::ok)
            .take(ROWS)
            .collect();
        if !self.whole && rows.len() < ROWS && rows.len() > 1 {
            rows.pop();
        }
        rows
    }

    /// The separator with which every row has as many cells as the header, and more than one.
    ///
    /// A file of one column fits none; a comma is as good as any then.
    pub(super) fn separator(&self) -> Result<Separator, DataError> {
        let (mut fitting, mut splitting) = (Vec::new(), Vec::new());
        for separator in Separator::USUAL {
            let rows = self.rows(separator);
            let mut lengths = rows.iter().map(csv::ByteRecord::len);
            let header = lengths.next().unwrap_or(0);
            if header > 1 && lengths.all(|length| length == header) {
                fitting.push(separator);
            } else if header > 1 && rows.iter().skip(1).any(|row| row.len() > 1) {
                splitting.push(separator);
            }
        }
        match (fitting.as_slice(), splitting.as_slice()) {
            ([only], _) => Ok(*only),
            ([], []) => Ok(Separator::COMMA),
            // No row below the header fits: what is wrong with the rows is said when they are read.
            ([], [only]) => Ok(*only),
            ([], several) | (several, _) => Err(DataError::Separators {
                fitting: several.iter().map(Separator::to_string).collect(),
            }),
        }
    }

    /// The decimal mark of the columns that `matters` picks.
    pub(super) fn decimal(
        &self,
        separator: Separator,
        matters: impl Fn(usize) -> bool,
    ) -> Result<Decimal, DataError> {
        let (mut points, mut commas, mut doubtful) = (false, false, None);
        for row in self.rows(separator).iter().skip(1) {
            let cells = row.iter().enumerate().filter(|(at, _)| matters(*at));
            for cell in cells.filter_map(|(_, cell)| core::str::from_utf8(cell).ok()) {
                match Mark::of(cell.trim()) {
                    Some(Mark::Point) => points = true,
                    Some(Mark::Comma) => commas = true,
                    Some(Mark::Doubtful) => {
                        doubtful.get_or_insert_with(|| shorten(cell.trim()));
                    }
                    None => {}
                }
            }
        }
        match (points, commas, doubtful) {
            (false, true, _) => Ok(Decimal::Comma),
            (false, false, Some(cell)) => Err(DataError::DecimalOrThousands { cell }),
            _ => Ok(Decimal::Point),
        }
    }
}

/// What a cell tells about the decimal mark.
enum Mark {
    Point,
    Comma,
    /// `1,234` is either 1.234 or a thousand and more.
    Doubtful,
}

impl Mark {
    fn of(cell: &str) -> Option<Self> {
        if cell.contains('.') {
            return cell.parse::<f64>().is_ok().then_some(Self::Point);
        }
        let (whole, decimals) = cell.split_once(',')?;
        cell.replacen(',', ".", 1).parse::<f64>().ok()?;
        let digits = whole.trim_start_matches(['+', '-']);
        let thousands =
            decimals.len() == 3 && (1..=3).contains(&digits.len()) && !digits.starts_with('0');
        Some(if thousands {
            Self::Doubtful
        } else {
            Self::Comma
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn separator(text: &str) -> Result<String, DataError> {
        let text = text.as_bytes();
        let found = Beginning { text, whole: true }.separator();
        found.map(|separator| separator.to_string())
    }

    #[test]
    fn separators_are_found_where_one_fits() {
        for (text, found) in [
            ("a,b\n1,2\n", ","),
            ("a;b\n1,5;2,5\n", ";"),
            ("a\tb\n1\t2\n", "tab"),
            ("a|b|y\n1|2|no\n", "|"),
            ("\"a;b\";c\n1;2\n", ";"),
            // One column, whatever its name.
            ("a\n1\n2\n", ","),
            ("a|b\n1\n2\n", ","),
            // The header says it, and the rows are wrong.
            ("a;b\n1;2;3\n", ";"),
            ("a,b\n1,2,3\n", ","),
            ("", ","),
        ] {
            assert_eq!(separator(text).as_deref(), Ok(found), "{text:?}");
        }
    }

    #[test]
    fn separators_that_both_fit_are_an_error() {
        let fitting = vec![",".to_owned(), ";".to_owned()];
        assert_eq!(
            separator("age, years;weight, kg\n1,5;2,5\n"),
            Err(DataError::Separators { fitting })
        );
    }

    #[test]
    fn a_row_that_is_cut_off_does_not_count() {
        let text = b"a;b;c\n1;2;3\n1;2".as_slice();
        let separator = Beginning { text, whole: false }.separator().unwrap();
        assert_eq!(separator.byte(), b';');
    }

    #[test]
    fn decimal_marks() {
        let semicolon = Separator::SEMICOLON;
        let decimal = |rows: &str| {
            let text = format!("a;b\n{rows}");
            let text = text.as_bytes();
            Beginning { text, whole: true }.decimal(semicolon, |column| column == 0)
        };
        assert_eq!(decimal("1,5;2\n"), Ok(Decimal::Comma));
        assert_eq!(decimal("0,125;2\n"), Ok(Decimal::Comma));
        assert_eq!(decimal("1,234;x\n12,5;x\n"), Ok(Decimal::Comma));
        assert_eq!(decimal("1;2\n"), Ok(Decimal::Point));
        assert_eq!(decimal("1.5;2,5\n"), Ok(Decimal::Point));
        let cell = "1,234".to_owned();
        assert_eq!(
            decimal("1;2\n1,234;2\n"),
            Err(DataError::DecimalOrThousands { cell })
        );
    }
}
