//! Reading CSV: a header, comma-separated numbers, an empty cell or `nan` for a missing value.

use alloc::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::target::{TargetColumn, is_missing, shorten};
use super::words::Words;
use super::{Table, duplicate, find_columns};
use crate::error::DataError;

/// Which columns are not features, and how much to accept.
#[derive(Clone, Debug, Default)]
pub struct CsvSpec {
    /// Columns to predict, split off as they stand.
    pub targets: Vec<String>,
    /// Column of sample weights (finite, not negative).
    pub weight: Option<String>,
    /// The columns of categories whose cells are words, by name.
    pub words: BTreeMap<String, Words>,
    /// Limits that keep a hostile file from taking the memory.
    pub limits: Limits,
}

impl CsvSpec {
    /// Everything is a feature but `target`.
    pub fn with_target(target: &str) -> Self {
        Self {
            targets: vec![target.to_owned()],
            ..Self::default()
        }
    }
}

/// Bounds on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most columns of a header.
    pub columns: usize,
    /// Most cells of a table held in memory ([`read_csv`]; [`CsvReader`] holds one row).
    pub cells: usize,
    /// Most bytes of one row, or of the header.
    pub row_bytes: usize,
}

impl Default for Limits {
    /// 65,536 columns, 2^27 cells (1 GiB), 16 MiB a row.
    fn default() -> Self {
        Self {
            columns: 1 << 16,
            cells: 1 << 27,
            row_bytes: 1 << 24,
        }
    }
}

/// A file's features, targets and weights, with as many rows each.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// The features.
    pub table: Table,
    /// One per name in [`CsvSpec::targets`].
    pub targets: Vec<TargetColumn>,
    /// Sample weights, if a column of weights was named.
    pub weights: Option<Vec<f64>>,
}

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
#[derive(Debug)]
pub struct CsvReader<R: Read> {
    reader: csv::Reader<RowGuard<R>>,
    cells: csv::StringRecord,
    header: Vec<String>,
    /// What each column of the file is.
    roles: Vec<Role>,
    columns: Vec<String>,
    words: BTreeMap<String, Words>,
    n_targets: usize,
    row: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Feature,
    Target(usize),
    Weight,
}

impl<R: Read> CsvReader<R> {
    /// Reads the header and finds the target and weight columns.
    ///
    /// # Errors
    /// [`DataError`], from an empty file to a target that is not in the header.
    pub fn new(reader: R, spec: &CsvSpec) -> Result<Self, DataError> {
        let guard = RowGuard {
            inner: reader,
            since_row: 0,
            limit: spec.limits.row_bytes,
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(guard);
        let mut cells = csv::StringRecord::new();
        if !reader
            .read_record(&mut cells)
            .map_err(|e| read_error(&e, 0, spec.limits.row_bytes))?
        {
            return Err(DataError::EmptyFile);
        }
        let header: Vec<String> = cells.iter().map(str::to_owned).collect();
        check_header(&header, &spec.limits)?;
        let roles = roles(&header, spec)?;
        let columns: Vec<String> = header
            .iter()
            .zip(&roles)
            .filter(|(_, role)| **role == Role::Feature)
            .map(|(name, _)| name.clone())
            .collect();
        if columns.is_empty() {
            return Err(DataError::NoColumns);
        }
        Ok(Self {
            reader,
            cells,
            header,
            roles,
            columns,
            words: spec.words.clone(),
            n_targets: spec.targets.len(),
            row: 0,
        })
    }

    /// Names of the feature columns, in the file's order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.reader.position().byte()
    }

    /// Reads the next row into `record`; false at the end of the file.
    ///
    /// # Errors
    /// [`DataError`] with row, line and column of the first bad cell.
    pub fn read(&mut self, record: &mut Record) -> Result<bool, DataError> {
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
        let line = self.cells.position().map(csv::Position::line);
        if self.cells.len() != self.roles.len() {
            let (found, expected) = (self.cells.len(), self.roles.len());
            return Err(DataError::Ragged {
                row: self.row,
                line,
                found,
                expected,
            });
        }
        record.features.clear();
        record.targets.clear();
        record.targets.resize(self.n_targets, String::new());
        record.weight = 1.0;
        for (at, (cell, role)) in self.cells.iter().zip(&self.roles).enumerate() {
            let place = Place {
                row: self.row,
                line,
                column: &self.header[at],
            };
            match *role {
                Role::Feature => record.features.push(match self.words.get(place.column) {
                    Some(words) => place.category(cell, words)?,
                    None => place.number(cell)?,
                }),
                Role::Target(index) => cell.clone_into(&mut record.targets[index]),
                Role::Weight => record.weight = place.weight(cell)?,
            }
        }
        Ok(true)
    }
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

fn check_header(header: &[String], limits: &Limits) -> Result<(), DataError> {
    if header.len() > limits.columns {
        return Err(DataError::TooManyColumns {
            found: header.len(),
            limit: limits.columns,
        });
    }
    if let [only] = header
        && only.contains(';')
    {
        return Err(DataError::Semicolons);
    }
    match duplicate(header) {
        Some(name) => Err(DataError::DuplicateColumn {
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

fn roles(header: &[String], spec: &CsvSpec) -> Result<Vec<Role>, DataError> {
    let mut roles = vec![Role::Feature; header.len()];
    let (targets, missing) = find_columns(header, &spec.targets);
    if !missing.is_empty() {
        return Err(DataError::TargetNotInHeader {
            missing,
            present: header.to_vec(),
        });
    }
    for (index, &place) in targets.iter().enumerate() {
        if roles[place] != Role::Feature {
            return Err(DataError::DuplicateColumn {
                name: header[place].clone(),
            });
        }
        roles[place] = Role::Target(index);
    }
    if let Some(weight) = &spec.weight {
        match header.iter().position(|name| name == weight) {
            Some(place) if roles[place] == Role::Feature => roles[place] = Role::Weight,
            Some(_) => {
                return Err(DataError::DuplicateColumn {
                    name: weight.clone(),
                });
            }
            None => {
                return Err(DataError::TargetNotInHeader {
                    missing: vec![weight.clone()],
                    present: header.to_vec(),
                });
            }
        }
    }
    Ok(roles)
}

/// Where a cell stands, for errors.
struct Place<'a> {
    row: usize,
    line: Option<u64>,
    column: &'a str,
}

impl Place<'_> {
    fn number(&self, cell: &str) -> Result<f64, DataError> {
        if is_missing(cell) {
            return Ok(f64::NAN);
        }
        let (row, line, column) = (self.row, self.line, self.column.to_owned());
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(DataError::Infinite { row, line, column }),
            Err(_) => Err(DataError::NotANumber {
                row,
                line,
                column,
                cell: shorten(cell),
            }),
        }
    }

    fn category(&self, cell: &str, words: &Words) -> Result<f64, DataError> {
        words.code(cell).ok_or_else(|| DataError::UnknownCategory {
            row: self.row,
            line: self.line,
            column: self.column.to_owned(),
            cell: shorten(cell),
            known: words.listed(),
        })
    }

    fn weight(&self, cell: &str) -> Result<f64, DataError> {
        let weight = self.number(cell)?;
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

/// Fails once a row took more than `limit` bytes: an unclosed quote would otherwise read the file into one cell.
#[derive(Debug)]
struct RowGuard<R> {
    inner: R,
    since_row: usize,
    limit: usize,
}

impl<R: Read> Read for RowGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.read(buffer)?;
        self.since_row += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                "a;b\n1;2\n",
                &none,
                "the header is separated by semicolons; separate cells by commas",
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
