//! Why a table was refused.

use std::path::PathBuf;

use thiserror::Error;

use crate::listing::list;

/// Why a table was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file cannot be opened.
    #[error("{}: {message}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
    /// Reading failed part-way.
    #[error("{}: {message}", at_row(*row))]
    Read {
        /// Data row, from 1; 0 is the header.
        row: usize,
        /// What the system or the CSV reader says.
        message: String,
    },
    /// A cell is not text.
    #[error("{}{}: not UTF-8 text; save the file as UTF-8", at_row(*row), at_line(*line))]
    NotUtf8 {
        /// Data row, from 1; 0 is the header.
        row: usize,
        /// Line of the file, from 1.
        line: Option<u64>,
    },
    /// No header.
    #[error("the file is empty; a header line with the column names comes first")]
    EmptyFile,
    /// A header only.
    #[error("no rows below the header")]
    NoRows,
    /// Nothing to predict from.
    #[error("no feature columns")]
    NoColumns,
    /// Not a text at all.
    #[error("this is {what}, not CSV; export it as CSV, or unpack it first")]
    NotCsv {
        /// What it is.
        what: &'static str,
    },
    /// Every row has as many cells as the header with several separators.
    #[error(
        "cells may be separated by {}: the rows do not tell; name the separator",
        list(fitting)
    )]
    Separators {
        /// They.
        fitting: Vec<String>,
    },
    /// A comma that may be a decimal mark.
    #[error(
        "`{cell}` may be a number with decimals or a thousand and more, and no other number tells; name the decimal mark"
    )]
    DecimalOrThousands {
        /// The first such cell.
        cell: String,
    },
    /// No names in the first row.
    #[error(
        "the first row holds numbers, not names of columns: {}; put a line of names above it",
        list(cells)
    )]
    HeaderOfNumbers {
        /// They.
        cells: Vec<String>,
    },
    /// Two columns have one name.
    #[error("column `{name}` occurs twice")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// A column has two uses.
    #[error("column `{name}` is {first} and {second}; a column has one use")]
    TwoUses {
        /// The name.
        name: String,
        /// One use, with the option that says so.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Too wide.
    #[error("{found} columns, at most {limit} are accepted")]
    TooManyColumns {
        /// Columns of the header.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A column of words that can be no category.
    #[error(
        "column `{column}` holds words, more than {limit} different ones; drop it, or group its words"
    )]
    TooManyWords {
        /// The column.
        column: String,
        /// The limit.
        limit: usize,
    },
    /// Too large to hold.
    #[error("row {row}: the table exceeds {limit} cells; split the file")]
    TooManyCells {
        /// The row that exceeds the limit, from 1.
        row: usize,
        /// The limit.
        limit: usize,
    },
    /// A row without end.
    #[error("row {row} is longer than {limit} bytes; is a quote left open?")]
    RowTooLong {
        /// Data row, from 1; 0 is the header.
        row: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A row has more or fewer cells than the header.
    #[error("row {row}{} has {found} cells, the header {expected}", at_line(*line))]
    Ragged {
        /// Data row, from 1.
        row: usize,
        /// Line of the file, from 1.
        line: Option<u64>,
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// A cell of a column of categories is none that the model knows.
    #[error(
        "row {row}{}, column `{column}`: `{cell}` is no category that the model knows; known: {known}",
        at_line(*line)
    )]
    UnknownCategory {
        /// Data row, from 1.
        row: usize,
        /// Line of the file, from 1.
        line: Option<u64>,
        /// Name of the column.
        column: String,
        /// The cell.
        cell: String,
        /// The categories, or the first of many.
        known: String,
    },
    /// A feature cell is not a number.
    #[error("row {row}{}, column `{column}`: `{cell}` is not a number", at_line(*line))]
    NotANumber {
        /// Data row, from 1.
        row: usize,
        /// Line of the file, from 1.
        line: Option<u64>,
        /// Name of the column.
        column: String,
        /// The cell.
        cell: String,
    },
    /// A feature cell is infinite or beyond a double.
    #[error("row {row}{}, column `{column}` is infinite; only finite numbers are accepted", at_line(*line))]
    Infinite {
        /// Data row, from 1.
        row: usize,
        /// Line of the file, from 1.
        line: Option<u64>,
        /// Name of the column.
        column: String,
    },
    /// A sample weight is missing or negative.
    #[error("row {row}{}, column `{column}`: a sample weight is a number of at least 0, found `{cell}`", at_line(*line))]
    Weight {
        /// Data row, from 1.
        row: usize,
        /// Line of the file, from 1.
        line: Option<u64>,
        /// Name of the column.
        column: String,
        /// The cell.
        cell: String,
    },
    /// A missing value where the model has no use for one.
    #[error(
        "row {row}, column `{column}` is missing, and this model has no rule for missing values; fill it or drop the row"
    )]
    Missing {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
    },
    /// A column named by the caller is not there.
    #[error("no column {}; the columns are {}", list(missing), list(present))]
    TargetNotInHeader {
        /// Names that were asked for.
        missing: Vec<String>,
        /// Names of the header.
        present: Vec<String>,
    },
    /// Columns the model needs are not there.
    #[error(
        "the model needs the columns {}; the table has {}",
        list(missing),
        list(present)
    )]
    MissingColumns {
        /// Names that the model knows and the table lacks.
        missing: Vec<String>,
        /// Names of the table.
        present: Vec<String>,
    },
    /// The model goes by position and the count differs.
    #[error(
        "{found} feature columns, the model takes {expected}; name the target column if it is one of them"
    )]
    ColumnCount {
        /// Columns of the table.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A target cell is missing.
    #[error("row {row}, column `{column}`: the target is missing")]
    TargetMissing {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
    },
    /// The target of a regression is not a number.
    #[error(
        "row {row}, column `{column}`: `{cell}` is not a finite number; a regression needs numbers"
    )]
    TargetNotANumber {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
        /// The cell.
        cell: String,
    },
    /// Labels that a model does not know.
    #[error(
        "column `{column}`: {rows} rows have labels that the model does not know: {}; its classes are {}",
        list(labels),
        list(classes)
    )]
    UnknownLabels {
        /// Name of the column.
        column: String,
        /// How many rows.
        rows: usize,
        /// The distinct labels.
        labels: Vec<String>,
        /// Those of the model.
        classes: Vec<String>,
    },
    /// The target of a classification is a fraction.
    #[error(
        "column `{column}` holds `{cell}`: class labels are integers or words; train a regression for amounts"
    )]
    ContinuousClasses {
        /// Name of the column.
        column: String,
        /// The first such cell.
        cell: String,
    },
    /// The target of a classification has too many labels.
    #[error(
        "column `{column}` has {found} distinct labels, at most {limit} are accepted; train a regression for amounts"
    )]
    TooManyClasses {
        /// Name of the column.
        column: String,
        /// Distinct labels.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// A data row, from 1; 0 is the header.
fn at_row(row: usize) -> String {
    match row {
        0 => "the header".to_owned(),
        row => format!("row {row}"),
    }
}

fn at_line(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}
