//! Rows of a CSV in the columns of a model, and their codes.

use alloc::collections::BTreeMap;
use core::ops::Range;
use std::path::PathBuf;

use tenebra_client::ClientSpec;
use tenebra_client::ColumnWords;
use tenebra_models::data::{
    CsvReader, CsvSpec, DataSet, Dialect, Features, Record, Table, TargetColumn, Words,
};
use tenebra_models::{DataError, Model};

use crate::error::Error;
use crate::files::TableFile;

/// The columns a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Their names, where the model knows them.
    pub names: Option<Vec<String>>,
    /// How many they are.
    pub count: usize,
    /// Those whose cells are words for categories, by name.
    pub words: BTreeMap<String, Words>,
}

impl Columns {
    /// Those of a float model.
    #[must_use]
    pub fn of_model(model: &Model) -> Self {
        let names = model.feature_names();
        let word =
            |(feature, words): (usize, &Words)| Some((names?.get(feature)?.clone(), words.clone()));
        Self {
            names: names.map(<[String]>::to_vec),
            count: model.n_features(),
            words: model.words().filter_map(word).collect(),
        }
    }

    /// Those of a client spec.
    #[must_use]
    pub fn of_spec(spec: &ClientSpec<'_>) -> Self {
        let names: Vec<String> = spec.column_names().map(str::to_owned).collect();
        let word = |column: ColumnWords<'_>| {
            let words = Words {
                words: column.words().map(str::to_owned).collect(),
                others_are_missing: column.others_are_missing,
            };
            Some((names.get(column.column)?.clone(), words))
        };
        Self {
            words: spec.words().filter_map(word).collect(),
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

/// Columns of a file that are not features, and how it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// Columns to predict.
    pub targets: Vec<String>,
    /// Column of sample weights.
    pub weight: Option<String>,
    /// Columns to leave out.
    pub drop: Vec<String>,
    /// Which of the others are features, where the model does not know names.
    pub features: Features,
    /// Separator and decimal mark.
    pub dialect: Dialect,
}

impl Extra {
    /// As the reader of tables is told, for a model of `columns`.
    fn spec(&self, columns: &Columns) -> CsvSpec {
        let features = match (&self.features, &columns.names) {
            (Features::Rest, Some(names)) => Features::OfModel(names.clone()),
            (chosen, _) => chosen.clone(),
        };
        CsvSpec {
            targets: self.targets.clone(),
            weight: self.weight.clone(),
            drop: self.drop.clone(),
            features,
            dialect: self.dialect,
            words: columns.words.clone(),
            ..CsvSpec::default()
        }
    }
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
    /// This one, counted from 0, and all after it.
    From(usize),
}

impl Selection {
    /// Every row.
    pub const ALL: Self = Self::First(usize::MAX);

    fn bounds(&self) -> (usize, usize) {
        match self {
            Self::First(count) => (0, *count),
            Self::Range(range) => (range.start, range.end),
            Self::From(first) => (*first, usize::MAX),
        }
    }

    /// Where a file of `rows` rows must not end yet.
    fn missing(&self, rows: usize) -> Option<usize> {
        let end = match self {
            Self::First(_) => return None,
            Self::Range(range) => range.end,
            Self::From(0) => return None,
            Self::From(first) => first.saturating_add(1),
        };
        (rows < end).then_some(end)
    }
}

/// Reads rows of a CSV, all at once.
///
/// # Errors
/// As [`RowReader::new`] and [`RowReader::next`]; [`Error::InFile`] with [`DataError::TooManyCells`] for more than the
/// memory should hold.
pub fn read_rows(
    file: TableFile,
    columns: &Columns,
    extra: &Extra,
    selection: &Selection,
) -> Result<Rows, Error> {
    let path = file.path().to_owned();
    let mut reader = RowReader::new(file, columns, extra, selection)?;
    let no_rows = || Error::from(DataError::NoRows).in_file(&path);
    reader.next(usize::MAX)?.ok_or_else(no_rows)
}

/// Reads rows of a CSV piece by piece.
///
/// Columns are matched by name where the model knows names, and then other columns may hold anything; by position, without
/// targets and weights, where it does not.
#[derive(Debug)]
pub struct RowReader {
    path: PathBuf,
    reader: CsvReader<'static>,
    columns: Columns,
    extra: Extra,
    selection: Selection,
    record: Record,
    /// Rows read.
    row: usize,
    /// Bytes of the file.
    length: u64,
}

impl RowReader {
    /// Checks the header.
    ///
    /// # Errors
    /// [`Error::InFile`] with [`Error::Data`].
    pub fn new(
        file: TableFile,
        columns: &Columns,
        extra: &Extra,
        selection: &Selection,
    ) -> Result<Self, Error> {
        let (path, length) = (file.path().to_owned(), file.length());
        let reader = start(file, columns, extra).map_err(|e| e.in_file(&path))?;
        Ok(Self {
            path,
            reader,
            columns: columns.clone(),
            extra: extra.clone(),
            selection: selection.clone(),
            record: Record::default(),
            row: 0,
            length,
        })
    }

    /// Bytes of the file, and bytes read so far.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.length, self.reader.position())
    }

    /// The next rows, `most` or fewer; `None` at the end.
    ///
    /// # Errors
    /// [`Error::InFile`] with [`Error::Data`], or [`Error::RowsMissing`] at the end of a file that is shorter than the
    /// selection; a file without rows is [`DataError::NoRows`].
    pub fn next(&mut self, most: usize) -> Result<Option<Rows>, Error> {
        self.piece(most).map_err(|e| e.in_file(&self.path))
    }

    fn piece(&mut self, most: usize) -> Result<Option<Rows>, Error> {
        let (first, end) = self.selection.bounds();
        let limit = CsvSpec::default().limits.cells;
        let target = |name: &String| TargetColumn {
            name: name.clone(),
            cells: Vec::new(),
        };
        let mut targets: Vec<TargetColumn> = self.extra.targets.iter().map(target).collect();
        let mut weights = self.extra.weight.as_ref().map(|_| Vec::new());
        let mut values = Vec::new();
        let mut ended = false;
        while !ended && self.row < first {
            ended = !self.read()?;
        }
        let start = self.row;
        while !ended && self.row < end && self.row - start < most {
            ended = !self.read()?;
            if ended {
                break;
            }
            let record = &mut self.record;
            if values.len() + record.features.len() > limit {
                let row = self.row;
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
        if let Some(end) = self.selection.missing(self.row).filter(|_| ended) {
            let (rows, start) = (self.row, first);
            return Err(Error::RowsMissing { rows, start, end });
        }
        if values.is_empty() {
            return if self.row == 0 {
                Err(DataError::NoRows.into())
            } else {
                Ok(None)
            };
        }
        let table = Table::new(self.reader.columns().to_vec(), values)?;
        Ok(Some(Rows {
            table: table.align(self.columns.names.as_deref(), self.columns.count)?,
            targets,
            weights,
            first: start,
        }))
    }
}

impl RowReader {
    /// Reads one row into the record; false at the end of the file.
    fn read(&mut self) -> Result<bool, DataError> {
        let there = self.reader.read(&mut self.record)?;
        self.row += usize::from(there);
        Ok(there)
    }
}

/// Checks the header, before any row is read: a wrong file should not take long to refuse.
fn start(file: TableFile, columns: &Columns, extra: &Extra) -> Result<CsvReader<'static>, Error> {
    let reader = file.reader(&extra.spec(columns))?;
    Table::new(reader.columns().to_vec(), Vec::new())?
        .align(columns.names.as_deref(), columns.count)?;
    Ok(reader)
}

impl Rows {
    /// A table in the columns of a model.
    ///
    /// # Errors
    /// [`Error::Data`] if columns are missing.
    pub fn of_table(table: &Table, columns: &Columns) -> Result<Self, Error> {
        Ok(Self {
            table: table.align(columns.names.as_deref(), columns.count)?,
            targets: Vec::new(),
            weights: None,
            first: 0,
        })
    }

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
}
