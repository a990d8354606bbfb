//! Tables of numbers, and how they are read from CSV.
//!
//! A [`Table`] holds features only; the target and the sample weights stand beside it in a [`DataSet`].

mod cell;
#[cfg(feature = "csv")]
mod csv;
mod error;
mod table;
mod target;
mod words;

#[cfg(feature = "csv")]
pub use self::csv::{
    CsvReader, CsvSpec, Decimal, Dialect, Features, Limits, Record, Separator, UnknownMark,
    read_csv, read_csv_file, read_words,
};
pub use self::error::DataError;
pub use self::table::Table;
pub use self::target::{Classes, DataSet, TargetColumn};
pub use self::words::Words;
