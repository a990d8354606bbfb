//! Reading row by row, or all at once.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::dialect::Decimal;
use super::dialect::Separator;
use super::header::{self, Role};
use super::input::{Input, RowGuard};
use super::place::{Place, number};
use super::records::records;
use super::spec::CsvSpec;
use crate::data::{DataError, DataSet, Table, TargetColumn, Words};

/// One row of a file, reused from row to row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The features in the order of [`CsvReader::columns`]; NaN is missing.
    pub features: Vec<f64>,
    /// The target cells in the order of [`CsvSpec::targets`].
    pub targets: Vec<String>,
    /// The sample weight, 1 without a weight column.
    pub weight: f64,
}

/// Reads a CSV row by row, in the memory of one row.
///
/// The file may be packed by gzip, in UTF-8 or, with a byte-order mark, UTF-16, and end its lines in any way. Cells are
/// separated by what [`CsvSpec::dialect`] says, or by the only one of comma, semicolon, tab and `|` that makes all rows as long
/// as the header.
pub struct CsvReader<'a> {
    reader: csv::Reader<RowGuard<'a>>,
    cells: csv::StringRecord,
    header: Vec<String>,
    /// What each column of the file is.
    roles: Vec<Role>,
    columns: Vec<String>,
    decimal: Decimal,
    words: BTreeMap<String, Words>,
    n_targets: usize,
    row: usize,
    read: Arc<AtomicU64>,
}

impl fmt::Debug for CsvReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvReader")
            .field("header", &self.header)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

impl<'a> CsvReader<'a> {
    /// Reads the header and finds the target and weight columns.
    ///
    /// # Errors
    /// [`DataError`], from an empty file to a target that is not in the header.
    pub fn new(file: impl Read + 'a, spec: &CsvSpec) -> Result<Self, DataError> {
        let row_bytes = spec.limits.row_bytes;
        let input = Input::new(file, row_bytes)?;
        let beginning = input.beginning();
        let separator = match spec.dialect.separator {
            Some(separator) => separator,
            None => beginning.separator()?,
        };
        let header = header(beginning.text, separator, row_bytes)?;
        let roles = header::roles(&header, spec)?;
        let decimal = match spec.dialect.decimal {
            Some(decimal) => decimal,
            None => beginning.decimal(separator, |at| {
                roles.get(at).is_some_and(|role| *role != Role::Ignored)
            })?,
        };
        let columns: Vec<String> = header
            .iter()
            .zip(&roles)
            .filter(|(_, role)| **role == Role::Feature)
            .map(|(name, _)| name.clone())
            .collect();
        if columns.is_empty() {
            return Err(DataError::NoColumns);
        }
        let (text, read) = input.into_text(row_bytes);
        let mut reader = records(text, separator);
        let mut cells = csv::StringRecord::new();
        reader
            .read_record(&mut cells)
            .map_err(|e| read_error(&e, 0, row_bytes))?;
        Ok(Self {
            reader,
            cells,
            header,
            roles,
            columns,
            decimal,
            words: spec.words.clone(),
            n_targets: spec.targets.len(),
            row: 0,
            read,
        })
    }

    /// Names of the feature columns, in the file's order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Bytes of the file read so far.
    pub fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Reads the next row into `record`; false at the end of the file.
    ///
    /// # Errors
    /// [`DataError`] with row, line and column of the first bad cell.
    pub fn read(&mut self, record: &mut Record) -> Result<bool, DataError> {
        if !self.advance()? {
            return Ok(false);
        }
        let line = Some(self.line());
        record.features.clear();
        record.targets.clear();
        record.targets.resize(self.n_targets, String::new());
        record.weight = 1.0;
        for (at, (cell, role)) in self.cells.iter().zip(&self.roles).enumerate() {
            let (cell, decimal) = (cell.trim(), self.decimal);
            let place = Place {
                row: self.row,
                line,
                column: &self.header[at],
            };
            match *role {
                Role::Feature => record.features.push(match self.words.get(place.column) {
                    Some(words) => place.category(cell, words)?,
                    None => place.number(cell, decimal)?,
                }),
                Role::Target(index) => {
                    record.targets[index] = decimal.with_point(cell).into_owned();
                }
                Role::Weight => record.weight = place.weight(cell, decimal)?,
                Role::Ignored => {}
            }
        }
        Ok(true)
    }

    /// Reads the cells of the next row; false at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool, DataError> {
        let limit = self.reader.get_ref().limit;
        self.reader.get_mut().since_row = 0;
        if !self
            .reader
            .read_record(&mut self.cells)
            .map_err(|e| read_error(&e, self.row + 1, limit))?
        {
            return Ok(false);
        }
        self.row += 1;
        let line = Some(self.line());
        if self.cells.len() != self.roles.len() {
            let (found, expected) = (self.cells.len(), self.roles.len());
            return Err(DataError::Ragged {
                row: self.row,
                line,
                found,
                expected,
            });
        }
        Ok(true)
    }

    /// The cells of the row that was just read, without surrounding blanks.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&str, Role)> {
        let cells = self.cells.iter().map(str::trim);
        cells.zip(self.roles.iter().copied())
    }

    /// Name of a column of the file.
    pub(super) fn name(&self, at: usize) -> &str {
        &self.header[at]
    }

    /// Whether a cell is a number in the file's notation.
    pub(super) fn is_number(&self, cell: &str) -> bool {
        number(cell, self.decimal).is_some()
    }

    /// The line on which the row that was just read begins: behind it are its own line ends and the one that closed it. Blank
    /// lines before it do not count; where a quote was left open, nothing closed it.
    fn line(&self) -> u64 {
        let inside = self
            .cells
            .as_slice()
            .bytes()
            .filter(|b| *b == b'\n')
            .count() as u64;
        let line = self.reader.position().line();
        let earliest = self.cells.position().map_or(1, csv::Position::line);
        line.saturating_sub(inside + 1).max(earliest)
    }
}

/// The names in the first row.
fn header(text: &[u8], separator: Separator, row_bytes: usize) -> Result<Vec<String>, DataError> {
    let mut cells = csv::StringRecord::new();
    let there = records(text, separator).read_record(&mut cells);
    if !there.map_err(|e| read_error(&e, 0, row_bytes))? {
        return Err(DataError::EmptyFile);
    }
    if cells.as_slice().len() > row_bytes {
        let limit = row_bytes;
        return Err(DataError::RowTooLong { row: 0, limit });
    }
    if cells.as_slice().contains('\0') {
        let line = None;
        return Err(DataError::NotUtf8 { row: 0, line });
    }
    Ok(header::names(&cells, text, separator))
}

/// Reads a whole CSV.
///
/// # Errors
/// [`DataError`]; a file without rows is [`DataError::NoRows`].
pub fn read_csv<R: Read>(reader: R, spec: &CsvSpec) -> Result<DataSet, DataError> {
    let mut reader = CsvReader::new(reader, spec)?;
    let mut record = Record::default();
    let mut values = Vec::new();
    let mut weights = spec.weight.as_ref().map(|_| Vec::new());
    let mut targets: Vec<TargetColumn> = spec
        .targets
        .iter()
        .map(|name| TargetColumn {
            name: name.clone(),
            cells: Vec::new(),
        })
        .collect();
    while reader.read(&mut record)? {
        if values.len() + record.features.len() > spec.limits.cells {
            return Err(DataError::TooManyCells {
                limit: spec.limits.cells,
                row: reader.row,
            });
        }
        values.extend_from_slice(&record.features);
        for (target, cell) in targets.iter_mut().zip(&mut record.targets) {
            target.cells.push(core::mem::take(cell));
        }
        if let Some(weights) = &mut weights {
            weights.push(record.weight);
        }
    }
    if values.is_empty() {
        return Err(DataError::NoRows);
    }
    Ok(DataSet {
        table: Table::new(reader.columns, values)?,
        targets,
        weights,
    })
}

/// [`read_csv`] from a file.
///
/// # Errors
/// [`DataError::Open`] if the file cannot be opened, else as [`read_csv`].
pub fn read_csv_file(path: &Path, spec: &CsvSpec) -> Result<DataSet, DataError> {
    let file = File::open(path).map_err(|e| DataError::Open {
        path: path.to_owned(),
        message: e.to_string(),
    })?;
    read_csv(file, spec)
}

fn read_error(error: &csv::Error, row: usize, row_bytes: usize) -> DataError {
    let line = error.position().map(csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => DataError::NotUtf8 { row, line },
        csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => DataError::RowTooLong {
            row,
            limit: row_bytes,
        },
        _ => DataError::Read {
            row,
            message: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Limits;
    use proptest::prelude::*;

    fn read(text: &str, spec: &CsvSpec) -> Result<DataSet, DataError> {
        read_csv(text.as_bytes(), spec)
    }

    #[test]
    fn splits_features_target_and_weight() {
        let spec = CsvSpec {
            weight: Some("w".to_owned()),
            ..CsvSpec::with_target("y")
        };
        let data = read("\u{feff}a,y,b,w\n1,no,2.5,0.5\n-3, yes ,,2\n", &spec).unwrap();
        assert_eq!(data.table.columns(), ["a", "b"]);
        assert_eq!(data.table.row(0), Some(&[1.0, 2.5][..]));
        assert!(data.table.row(1).unwrap()[1].is_nan());
        assert_eq!(data.targets[0].cells, ["no", "yes"]);
        assert_eq!(data.weights, Some(vec![0.5, 2.0]));
    }

    #[test]
    fn bad_files_are_named() {
        let y = CsvSpec::with_target("y");
        let none = CsvSpec::default();
        struct Case<'a>(&'a str, &'a CsvSpec, &'a str);
        let cases = [
            Case(
                "",
                &none,
                "the file is empty; a header line with the column names comes first",
            ),
            Case("a,b\n", &none, "no rows below the header"),
            Case(
                "a,b\n1,x\n",
                &none,
                "row 1 (line 2), column `b`: `x` is not a number",
            ),
            Case(
                "a,b\n1,2\n1,2,3\n",
                &none,
                "row 2 (line 3) has 3 cells, the header 2",
            ),
            Case("a,a\n1,2\n", &none, "column `a` occurs twice"),
            Case("a,b\n1,2\n", &y, "no column `y`; the columns are `a`, `b`"),
            Case(
                "a,b\n1,1e999\n",
                &none,
                "row 1 (line 2), column `b` is infinite; only finite numbers are accepted",
            ),
            Case("y\n1\n", &y, "no feature columns"),
            Case(
                "a,b\r\n1,2\r\n\r\n1,x\r\n",
                &none,
                "row 2 (line 4), column `b`: `x` is not a number",
            ),
            Case(
                "a,y\n1,\"two\nlines\"\n,\nx,2",
                &y,
                "row 3 (line 5), column `a`: `x` is not a number",
            ),
            Case(
                "1,0\n0,1\n",
                &none,
                "the first row holds numbers, not names of columns: `1`, `0`; put a line of names above it",
            ),
            Case(
                "a,b;c\n1,2;3\n",
                &none,
                "cells may be separated by `,`, `;`: the rows do not tell; name the separator",
            ),
            Case(
                "a;b\n1;1,234\n",
                &none,
                "`1,234` may be a number with decimals or a thousand and more, and no other number tells; name the decimal mark",
            ),
        ];
        for Case(text, spec, message) in cases {
            assert_eq!(
                read(text, spec).unwrap_err().to_string(),
                message,
                "{text:?}"
            );
        }
    }

    #[test]
    fn notation_is_found_out() {
        let want = read("a,b,y\n1.5,NA,0.5\n-2,1,3\n", &CsvSpec::with_target("y")).unwrap();
        for text in [
            "a;b;y\n1,5;;0,5\n-2;TRUE;3\n",
            "a\tb\ty\r\n1,5\tnull\t0,5\r\n-2\ttrue\t3",
            "a|b|y\n1.5|nan|0.5\n-2|True|3\n",
            "\"a\",\"b\",\"y\"\n\"1,5\",\"\",\"0,5\"\n\"-2\",\"1\",\"3\"\n",
        ] {
            let found = read(text, &CsvSpec::with_target("y")).unwrap();
            assert_eq!(found.table.columns(), want.table.columns(), "{text:?}");
            assert_eq!(found.targets, want.targets, "{text:?}");
            let bits = |data: &DataSet| {
                data.table
                    .values()
                    .iter()
                    .map(|x| x.to_bits())
                    .collect::<Vec<_>>()
            };
            assert_eq!(bits(&found), bits(&want), "{text:?}");
        }
    }

    #[test]
    fn blanks_in_quoted_names_stay() {
        let columns = |text: &str| {
            read(text, &CsvSpec::default())
                .unwrap()
                .table
                .columns()
                .to_vec()
        };
        assert_eq!(columns("a, b\n1,2\n"), ["a", "b"]);
        assert_eq!(columns("\"a\",\" b\"\n1,2\n"), ["a", " b"]);
    }

    #[test]
    fn an_unclosed_quote_does_not_take_the_memory() {
        let limits = Limits {
            row_bytes: 10_000,
            ..Limits::default()
        };
        let spec = CsvSpec {
            limits,
            ..CsvSpec::default()
        };
        let text = format!("a\n1\n\"{}", "x".repeat(100_000));
        assert_eq!(
            read(&text, &spec),
            Err(DataError::RowTooLong {
                row: 2,
                limit: 10_000
            })
        );
    }

    #[test]
    fn cells_are_limited() {
        let limits = Limits {
            cells: 3,
            ..Limits::default()
        };
        let spec = CsvSpec {
            limits,
            ..CsvSpec::default()
        };
        assert!(read("a,b\n1,2\n", &spec).is_ok());
        assert_eq!(
            read("a,b\n1,2\n3,4\n", &spec),
            Err(DataError::TooManyCells { limit: 3, row: 2 })
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_csv(bytes.as_slice(), &CsvSpec::with_target("y"));
        }

        #[test]
        fn numbers_read_back_exactly(values in proptest::collection::vec(proptest::num::f64::NORMAL, 1..20)) {
            let text = values.iter().fold("x\n".to_owned(), |text, x| format!("{text}{x}\n"));
            let table = read(&text, &CsvSpec::default()).unwrap().table;
            prop_assert_eq!(table.values(), &values[..]);
        }
    }
}
