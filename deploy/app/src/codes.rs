//! Rows as a circuit takes them.

use core::ops::Range;
use std::time::Instant;

use rand_core::CryptoRng;
use tenebra_client::{ClientError, ClientKey, ClientSpec};
use tenebra_models::DataError;
use tenebra_quant::{Codec, QuantError};

use crate::clipping::{ClippedCell, Clipping};
use crate::error::Error;
use crate::rows::Rows;

/// The codes of rows, made once for all that is done with them.
#[derive(Debug)]
pub struct Codes<'a> {
    spec: &'a ClientSpec<'a>,
    /// Row-major.
    codes: Vec<i64>,
    n_rows: usize,
    clipping: Clipping,
    ms_per_row: f64,
}

impl<'a> Codes<'a> {
    /// Quantizes rows that are in the columns of `spec`.
    ///
    /// # Errors
    /// [`DataError::Missing`] or [`Error::Cell`], with row and column, of what is made of several columns the first; [`ClientError::Columns`] for rows of another model.
    pub fn of(spec: &'a ClientSpec<'a>, rows: &Rows) -> Result<Self, Error> {
        let start = Instant::now();
        let (given, wanted) = (rows.table.n_columns(), spec.columns());
        if given != wanted {
            return Err(ClientError::Columns { given, wanted }.into());
        }
        let n_rows = rows.table.n_rows();
        let mut codes = Vec::with_capacity(n_rows * spec.input_count());
        let mut clipping = Clipping::default();
        let mut values = vec![0.0; spec.values_len()];
        for (index, row) in rows.table.rows().enumerate() {
            let run = spec.run_steps(row, &mut values);
            run.map_err(|(column, e)| bad_cell(rows, index, column, e))?;
            for input in spec.inputs() {
                let value = values[input.column];
                let column = || spec.column_of(input.column);
                let quantized = input.quantize(value);
                let quantized = quantized.map_err(|e| bad_cell(rows, index, column(), e))?;
                codes.push(i64::from(quantized.code));
                if quantized.clipped {
                    clipping.push(|| {
                        // Codes between cut points are clipped by none.
                        let Codec::Affine(affine) = &input.codec else {
                            return None;
                        };
                        Some(ClippedCell {
                            row: rows.first + index + 1,
                            column: clipped_name(rows, spec, input.column),
                            value,
                            range: affine.range().into(),
                        })
                    });
                }
            }
        }
        Ok(Self {
            spec,
            codes,
            n_rows,
            clipping,
            ms_per_row: start.elapsed().as_secs_f64() * 1e3 / n_rows.max(1) as f64,
        })
    }

    /// The spec that they were made by.
    #[must_use]
    pub fn spec(&self) -> &'a ClientSpec<'a> {
        self.spec
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Codes of each row, in the order of the circuit's inputs.
    pub fn rows(&self) -> impl Iterator<Item = &[i64]> {
        (0..self.n_rows).map(|row| self.range(row..row + 1))
    }

    /// Values that lay outside of the range that the model was calibrated for, and got the code of its end.
    #[must_use]
    pub fn clipping(&self) -> &Clipping {
        &self.clipping
    }

    /// Time that making them took, milliseconds per row.
    #[must_use]
    pub fn ms_per_row(&self) -> f64 {
        self.ms_per_row
    }

    /// Encrypts some of the rows into one framed query.
    ///
    /// # Errors
    /// [`Error::Client`] for more rows than a query holds, and for a key of another model.
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn encrypt(
        &self,
        key: &ClientKey,
        which: Range<usize>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, Error> {
        Ok(self.spec.encrypt_codes(key, self.range(which), rng)?)
    }

    fn range(&self, rows: Range<usize>) -> &[i64] {
        let inputs = self.spec.input_count();
        &self.codes[rows.start * inputs..rows.end * inputs]
    }
}

/// The column of a value, or the column that it was first made of.
fn clipped_name(rows: &Rows, spec: &ClientSpec<'_>, value: usize) -> String {
    let name = &rows.table.columns()[spec.column_of(value)];
    if value < spec.columns() {
        name.clone()
    } else {
        format!("{name}, preprocessed")
    }
}

fn bad_cell(rows: &Rows, index: usize, column: usize, source: QuantError) -> Error {
    let row = rows.first + index + 1;
    let name = rows.table.columns()[column].clone();
    let value = rows.table.row(index).map(|row| row[column]);
    if value.is_some_and(f64::is_nan) {
        return DataError::Missing { row, column: name }.into();
    }
    Error::Cell {
        row,
        column: name,
        source,
    }
}
