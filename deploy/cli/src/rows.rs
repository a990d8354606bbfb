//! Rows of a CSV in the columns of a model, and their codes.

use core::ops::Range;
use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use tenebra_client::{ClientError, ClientSpec};
use tenebra_models::data::{CsvReader, CsvSpec, DataSet, Record, Table, TargetColumn};
use tenebra_models::{DataError, Model};

use crate::error::Error;

/// The columns a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Their names, where the model knows them.
    pub names: Option<Vec<String>>,
    /// How many they are.
    pub count: usize,
}

impl Columns {
    /// Those of a float model.
    #[must_use]
    pub fn of_model(model: &Model) -> Self {
        Self {
            names: model.feature_names().map(<[String]>::to_vec),
            count: model.n_features(),
        }
    }

    /// Those of a client spec.
    #[must_use]
    pub fn of_spec(spec: &ClientSpec<'_>) -> Self {
        let names: Vec<String> = spec.column_names().map(str::to_owned).collect();
        Self {
            names: (!names.is_empty()).then_some(names),
            count: spec.columns(),
        }
    }

    /// What the model calls column `index`, or its place, from 1.
    #[must_use]
    pub fn name(&self, index: usize) -> String {
        let name = self.names.as_ref().and_then(|names| names.get(index));
        name.cloned().unwrap_or_else(|| (index + 1).to_string())
    }
}

/// Columns of a file that are not features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// Columns to predict.
    pub targets: Vec<String>,
    /// Column of sample weights.
    pub weight: Option<String>,
}

/// Rows of a file in the order of a model's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The features; a missing value is NaN.
    pub table: Table,
    /// One per name in [`Extra::targets`].
    pub targets: Vec<TargetColumn>,
    /// Sample weights, if a column of weights was named.
    pub weights: Option<Vec<f64>>,
    /// Row of the file that the first one is, from 0.
    pub first: usize,
}

/// Which rows of a file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The first so many, or all if there are fewer.
    First(usize),
    /// Exactly these, counted from 0.
    Range(Range<usize>),
}

impl Selection {
    /// Every row.
    pub const ALL: Self = Self::First(usize::MAX);

    fn bounds(&self) -> (usize, usize) {
        match self {
            Self::First(count) => (0, *count),
            Self::Range(range) => (range.start, range.end),
        }
    }
}

/// Reads rows of a CSV.
///
/// Columns are matched by name where the model knows names, and then other columns may hold anything; by position, without
/// targets and weights, where it does not.
///
/// # Errors
/// [`Error::Io`], or [`Error::InFile`] with [`Error::Data`] or [`Error::RowsMissing`].
pub fn read_rows(
    path: &Path,
    columns: &Columns,
    extra: &Extra,
    selection: &Selection,
) -> Result<Rows, Error> {
    let open = || File::open(path).map_err(|e| Error::io(path, &e));
    let (header, file) = (open()?, open()?);
    read(header, file, columns, extra, selection).map_err(|e| e.in_file(path))
}

/// `header` and `file` are the same file.
fn read(
    header: File,
    file: File,
    columns: &Columns,
    extra: &Extra,
    selection: &Selection,
) -> Result<Rows, Error> {
    let mut spec = CsvSpec {
        targets: extra.targets.clone(),
        weight: extra.weight.clone(),
        ..CsvSpec::default()
    };
    // Before any row is read: a wrong file should not take long to refuse.
    let header = CsvReader::new(header, &spec)?;
    Table::new(header.columns().to_vec(), Vec::new())?
        .align(columns.names.as_deref(), columns.count)?;
    if let Some(names) = &columns.names {
        let known: HashSet<&String> = names.iter().collect();
        let others = header.columns().iter().filter(|name| !known.contains(name));
        spec.targets.extend(others.cloned());
    }
    collect(&mut CsvReader::new(file, &spec)?, columns, extra, selection)
}

fn collect(
    reader: &mut CsvReader<File>,
    columns: &Columns,
    extra: &Extra,
    selection: &Selection,
) -> Result<Rows, Error> {
    let (first, end) = selection.bounds();
    let limit = CsvSpec::default().limits.cells;
    let target = |name: &String| TargetColumn {
        name: name.clone(),
        cells: Vec::new(),
    };
    let mut targets: Vec<TargetColumn> = extra.targets.iter().map(target).collect();
    let mut weights = extra.weight.as_ref().map(|_| Vec::new());
    let mut values = Vec::new();
    let mut record = Record::default();
    let mut row = 0;
    while row < end && reader.read(&mut record)? {
        row += 1;
        if row <= first {
            continue;
        }
        if values.len() + record.features.len() > limit {
            return Err(DataError::TooManyCells { limit, row }.into());
        }
        values.extend_from_slice(&record.features);
        for (target, cell) in targets.iter_mut().zip(&mut record.targets) {
            target.cells.push(core::mem::take(cell));
        }
        if let Some(weights) = &mut weights {
            weights.push(record.weight);
        }
    }
    if matches!(selection, Selection::Range(_)) && row < end {
        return Err(Error::RowsMissing {
            rows: row,
            start: first,
            end,
        });
    }
    if values.is_empty() {
        return Err(DataError::NoRows.into());
    }
    let table = Table::new(reader.columns().to_vec(), values)?;
    Ok(Rows {
        table: table.align(columns.names.as_deref(), columns.count)?,
        targets,
        weights,
        first,
    })
}

impl Rows {
    /// All rows of a data set, in the columns of a model.
    ///
    /// # Errors
    /// [`Error::Data`] if columns are missing.
    pub fn new(data: DataSet, columns: &Columns) -> Result<Self, Error> {
        Ok(Self {
            table: data.table.align(columns.names.as_deref(), columns.count)?,
            targets: data.targets,
            weights: data.weights,
            first: 0,
        })
    }

    /// The codes of every row, one inner `Vec` a row, and how many values were clipped to the calibrated range.
    ///
    /// # Errors
    /// [`DataError::Missing`] or [`Error::Cell`], with row and column.
    pub fn codes(&self, spec: &ClientSpec<'_>) -> Result<(Vec<Vec<i64>>, usize), Error> {
        let mut clipped = 0;
        let mut all = Vec::with_capacity(self.table.n_rows());
        for index in 0..self.table.n_rows() {
            let (codes, outside) = self.codes_of(spec, index)?;
            clipped += outside;
            all.push(codes);
        }
        Ok((all, clipped))
    }

    /// The codes of row `index` of these rows, and how many of its values were clipped.
    ///
    /// # Errors
    /// As [`Rows::codes`]; [`ClientError::Columns`] if there is no such row.
    pub fn codes_of(
        &self,
        spec: &ClientSpec<'_>,
        index: usize,
    ) -> Result<(Vec<i64>, usize), Error> {
        let row = self.table.row(index).unwrap_or_default();
        let mut codes = vec![0; spec.input_count()];
        let clipped = spec
            .quantize(row, &mut codes)
            .map_err(|error| match error {
                ClientError::Value { column, source } => self.bad_cell(index, column - 1, source),
                other => other.into(),
            })?;
        Ok((codes, clipped))
    }

    fn bad_cell(&self, index: usize, column: usize, source: tenebra_quant::QuantError) -> Error {
        let row = self.first + index + 1;
        let name = self.table.columns()[column].clone();
        let value = self.table.row(index).map(|row| row[column]);
        if value.is_some_and(f64::is_nan) {
            return DataError::Missing { row, column: name }.into();
        }
        Error::Cell {
            row,
            column: name,
            source,
        }
    }
}
