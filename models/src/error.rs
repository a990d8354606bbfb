//! What can go wrong, one enum per concern.

use std::path::PathBuf;

use tenebra_quant::QuantError;
use thiserror::Error;

use crate::additive::AdditiveError;
use crate::forest::ForestError;

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
    /// Two columns have one name, or one column two uses.
    #[error("column `{name}` occurs twice")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// Too wide.
    #[error("{found} columns, at most {limit} are accepted")]
    TooManyColumns {
        /// Columns of the header.
        found: usize,
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

/// Why a model was refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not the JSON of a model.
    #[error("not the JSON form of a model: {message}")]
    Json {
        /// What the parser says, with line and column.
        message: String,
    },
    /// JSON of something else.
    #[error(
        "the format is `{found}`, not `{expected}`; models of other programs come in through `import`"
    )]
    Format {
        /// The `format` field.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A version from another time.
    #[error(
        "version {found} of the model format; this program reads version {expected}: train or import the model again"
    )]
    Version {
        /// The `version` field.
        found: u32,
        /// What it should be.
        expected: u32,
    },
    /// An unknown kind of model.
    #[error("models of kind `{found}` are unknown; known: {known}")]
    Kind {
        /// The `kind` field.
        found: String,
        /// The kinds there are.
        known: &'static str,
    },
    /// Parts whose sizes or uses contradict each other.
    #[error("the parts of the model do not fit together: {message}")]
    Shape {
        /// Which, and the numbers.
        message: String,
    },
    /// A NaN or infinite weight.
    #[error(
        "{place} is {value}; a model needs finite numbers: train it again, or scale its features first"
    )]
    NotFinite {
        /// Which number.
        place: String,
        /// The number.
        value: f64,
    },
    /// A row with too few or too many features.
    #[error("a row of {found} features, the model takes {expected}")]
    RowLength {
        /// Features of the row.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A missing or infinite feature.
    #[error("feature {} is missing or infinite, and this model has no rule for that", feature + 1)]
    MissingValue {
        /// Which, from 0; the message counts from 1.
        feature: usize,
    },
    /// Trees that do not make a forest, or a row that one cannot score.
    #[error(transparent)]
    Forest(#[from] ForestError),
    /// Terms that do not make an additive model.
    #[error(transparent)]
    Additive(#[from] AdditiveError),
}

/// Why training was refused or failed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The result was refused, for instance because the weights diverged.
    #[error("training gave no usable model: {0}")]
    Model(#[from] ModelError),
    /// No such estimator.
    #[error("no estimator `{name}`; known: {}", list(known))]
    UnknownEstimator {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No such hyper-parameter.
    #[error("{estimator} has no parameter `{name}`; known: {}", list(known))]
    UnknownParameter {
        /// The estimator.
        estimator: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A hyper-parameter out of its range.
    #[error("`{name}` = `{value}`: expected {expected}")]
    ParameterValue {
        /// The parameter.
        name: &'static str,
        /// The value asked for.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// Two hyper-parameters that do not go together.
    #[error("{estimator}: {message}")]
    Combination {
        /// The estimator.
        estimator: &'static str,
        /// Which, and what to choose.
        message: String,
    },
    /// No target column.
    #[error("name the column to predict")]
    NoTarget,
    /// Several targets for an estimator of one.
    #[error("{estimator} predicts one target column, {found} were named")]
    OneTarget {
        /// The estimator.
        estimator: &'static str,
        /// Target columns.
        found: usize,
    },
    /// Nothing to tell apart.
    #[error("all rows are of class `{label}`; a classifier needs at least two")]
    OneClass {
        /// The only label.
        label: String,
    },
    /// Targets or weights of another length than the table.
    #[error("{found} targets or weights for {expected} rows")]
    Rows {
        /// Targets or weights.
        found: usize,
        /// Rows of the table.
        expected: usize,
    },
    /// Useless weights.
    #[error("sample weights must be finite, not negative and not all zero")]
    Weights,
    /// A feature or target whose square would overflow.
    #[error(
        "row {row}, column `{column}`: {value:e} is too large to train on; divide the column by a constant"
    )]
    Magnitude {
        /// Data row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
        /// The number.
        value: f64,
    },
    /// A target the loss is not defined for.
    #[error("row {row}: the target {value} is out of range; {estimator} needs {range}")]
    TargetRange {
        /// The estimator, with the parameter that matters.
        estimator: String,
        /// Data row, from 1.
        row: usize,
        /// The target.
        value: f64,
        /// What it takes.
        range: &'static str,
    },
    /// The linear algebra or the optimizer failed.
    #[error("{estimator}: {message}; scale the features or regularize more")]
    Solver {
        /// The estimator.
        estimator: &'static str,
        /// What the solver says.
        message: String,
    },
}

/// Why a score cannot be computed.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Nothing to average.
    #[error("no rows to score")]
    Empty,
    /// Lists of different lengths.
    #[error("{found} values where the other list has {expected}")]
    Length {
        /// Length of the one.
        found: usize,
        /// Length of the other.
        expected: usize,
    },
    /// Weights that cannot average.
    #[error("sample weights must be finite, not negative and not all zero")]
    Weights,
    /// A value for which the score is not defined.
    #[error("row {row}: {what} {value} is out of range for {score}; {range}")]
    Range {
        /// The score.
        score: &'static str,
        /// Row, from 1.
        row: usize,
        /// The true or the predicted value.
        what: &'static str,
        /// The value.
        value: f64,
        /// What is accepted.
        range: &'static str,
    },
    /// Not enough classes in the data.
    #[error("{score} needs rows of at least two classes")]
    OneClass {
        /// The score.
        score: &'static str,
    },
}

/// Why a model could not be quantized, or a row not be coded.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The calibration data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// No ranges to quantize on.
    #[error(
        "the model does not know the range of its features; give calibration data, rows like those to be scored"
    )]
    CalibrationNeeded,
    /// A range, width or value that has no codes.
    #[error(transparent)]
    Quant(QuantError),
    /// The same, for a feature.
    #[error("feature {}: {source}", feature + 1)]
    Feature {
        /// Which, from 0; the message counts from 1.
        feature: usize,
        /// What is wrong with it.
        source: QuantError,
    },
    /// The weights of an output have no codes.
    #[error("the weights cannot be quantized: {source}")]
    Weights {
        /// What is wrong with them.
        source: QuantError,
    },
    /// A row with too few or too many features.
    #[error("a row of {found} features, the model takes {expected}")]
    RowLength {
        /// Features of the row.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A result with too few or too many outputs.
    #[error("{found} outputs, the model has {expected}")]
    Outputs {
        /// Integers given.
        found: usize,
        /// Outputs of the model.
        expected: usize,
    },
    /// Leaves with more or fewer bits than can be.
    #[error("leaf bits must be 1 to {}, not {found}", crate::forest::MAX_LEAF_BITS)]
    LeafBits {
        /// What was asked for.
        found: u8,
    },
    /// Trees that share nodes become too large when each gets its own.
    #[error(
        "the trees have more than {limit} nodes and values of leaves once those that sets of categories share are copied; train with smaller sets (XGBoost's and LightGBM's `max_cat_threshold`), or fewer or smaller trees"
    )]
    ForestSize {
        /// The limit.
        limit: usize,
    },
    /// Leaves whose sums double precision does not hold.
    #[error("the leaves of the trees add up to more than a double-precision number holds")]
    ScoresOverflow,
    /// The circuit was refused.
    #[error("the circuit of the model was refused: {message}")]
    Circuit {
        /// Every reason.
        message: String,
    },
}

impl QuantizeError {
    /// Says which feature a bare quantization error belongs to.
    pub(crate) fn of_feature(self, feature: usize) -> Self {
        match self {
            Self::Quant(source) => Self::Feature { feature, source },
            other => other,
        }
    }
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

/// Names in backticks, the first twenty.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 20;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|n| format!("`{}`", n.as_ref()))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
