//! Reading CSV: a header, numbers between separators, an empty cell or `nan` for a missing value.

mod beginning;
mod dialect;
mod header;
mod input;
mod learn;
mod place;
mod reader;
mod records;
mod spec;

pub use dialect::{Decimal, Dialect, Separator, UnknownMark};
pub use learn::read_words;
pub use reader::{CsvReader, Record, read_csv, read_csv_file};
pub use spec::{CsvSpec, Features, Limits};
