//! What a table is read for.

use alloc::collections::BTreeMap;

use super::dialect::Dialect;
use crate::data::Words;

/// What the columns are, how the file is written, and how much to accept.
#[derive(Clone, Debug, Default)]
pub struct CsvSpec {
    /// Columns to predict, split off as they stand.
    pub targets: Vec<String>,
    /// Column of sample weights (finite, not negative).
    pub weight: Option<String>,
    /// Columns to leave out, whatever they hold.
    pub drop: Vec<String>,
    /// Which of the others are features.
    pub features: Features,
    /// Separator and decimal mark.
    pub dialect: Dialect,
    /// The columns of categories whose cells are words, by name.
    pub words: BTreeMap<String, Words>,
    /// Limits that keep a hostile file from taking the memory.
    pub limits: Limits,
}

/// Which columns are features. Columns that are not may hold anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Features {
    /// All that are nothing else.
    #[default]
    Rest,
    /// These, by name.
    Only(Vec<String>),
    /// Those that a model needs.
    OfModel(Vec<String>),
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
    /// Most cells of a table held in memory ([`read_csv`](super::read_csv); [`CsvReader`](super::CsvReader) holds one row).
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
