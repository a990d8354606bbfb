//! Values outside of the range that a model was calibrated for, and where they stand.

use serde::Serialize;
use tenebra_client::ClientSpec;
use tenebra_quant::Codec;

use crate::error::Error;
use crate::rows::Rows;

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
    /// Codes of all rows are looked at.
    ///
    /// # Errors
    /// As [`Rows::codes`].
    pub fn add_all(&mut self, spec: &ClientSpec<'_>, rows: &Rows) -> Result<(), Error> {
        for index in 0..rows.table.n_rows() {
            let (_, clipped) = rows.codes_of(spec, index)?;
            self.add(spec, rows, index, clipped);
        }
        Ok(())
    }

    /// `clipped` values of row `index` of `rows` were clipped.
    pub fn add(&mut self, spec: &ClientSpec<'_>, rows: &Rows, index: usize, clipped: usize) {
        self.count += clipped;
        if clipped == 0 || self.first.len() == KEPT {
            return;
        }
        let row = rows.table.row(index).unwrap_or_default();
        let cells = spec.inputs().filter_map(|input| {
            let value = *row.get(input.column)?;
            let Codec::Affine(affine) = &input.codec else {
                return None;
            };
            let (min, max) = affine.range();
            input.quantize(value).ok().filter(|code| code.clipped)?;
            Some(ClippedCell {
                row: rows.first + index + 1,
                column: rows.table.columns().get(input.column)?.clone(),
                value,
                range: [min, max],
            })
        });
        let room = KEPT - self.first.len();
        self.first.extend(cells.take(room));
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
