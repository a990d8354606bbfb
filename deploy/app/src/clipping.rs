//! Values outside of the range that a model was calibrated for, and where they stand.

use serde::Serialize;

/// Cells that are kept; the others are counted.
const KEPT: usize = 20;

/// Values that were clipped, so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clipping {
    /// How many.
    pub count: usize,
    /// The first twenty.
    pub first: Vec<ClippedCell>,
}

/// A value that was clipped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClippedCell {
    /// Data row, from 1.
    pub row: usize,
    /// Name of the column.
    pub column: String,
    /// The value.
    pub value: f64,
    /// The range it was clipped to.
    pub range: [f64; 2],
}

impl Clipping {
    /// One more value was clipped; `cell` says which, if that is kept.
    pub(crate) fn push(&mut self, cell: impl FnOnce() -> Option<ClippedCell>) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.extend(cell());
        }
    }

    /// Adds those of later rows.
    pub fn extend(&mut self, later: &Self) {
        self.count += later.count;
        let room = KEPT - self.first.len();
        self.first.extend(later.first.iter().take(room).cloned());
    }

    /// In words, or nothing if there is nothing to say.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        /// Cells that are named.
        const SHOWN: usize = 5;
        if self.count == 0 {
            return None;
        }
        let cell = |cell: &ClippedCell| {
            let [min, max] = cell.range;
            let (row, column, value) = (cell.row, &cell.column, cell.value);
            format!("row {row}, column `{column}`: {value} outside {min:.6}..{max:.6}")
        };
        let mut cells: Vec<String> = self.first.iter().take(SHOWN).map(cell).collect();
        let more = self.count - cells.len();
        if more > 0 {
            cells.push(format!("and {more} more"));
        }
        let (count, lie, were) = match self.count {
            1 => ("1 value".to_owned(), "lies", "was"),
            count => (format!("{count} values"), "lie", "were"),
        };
        let what = format!(
            "{count} {lie} outside the range the model was calibrated for and {were} clipped"
        );
        Some(format!("{what} ({})", cells.join("; ")))
    }
}
