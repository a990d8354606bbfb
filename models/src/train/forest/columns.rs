//! Training data by columns, sorted once.

use crate::data::DataError;
use crate::data::Table;
use crate::train::TrainError;

/// The features of the training rows.
pub(super) struct Columns {
    pub(super) n_rows: usize,
    /// Per feature, the value of each row; NaN where it is missing.
    pub(super) values: Vec<Vec<f32>>,
    /// Per feature, the rows by ascending value, those without a value at the end.
    pub(super) sorted: Vec<Vec<u32>>,
    /// Per feature, whether some row has no value.
    pub(super) has_missing: Vec<bool>,
}

impl Columns {
    /// # Errors
    /// [`TrainError::Magnitude`] for values beyond single precision.
    pub(super) fn new(table: &Table) -> Result<Self, TrainError> {
        let n_rows = table.n_rows();
        if u32::try_from(n_rows).is_err() {
            let limit = u32::MAX as usize;
            return Err(DataError::TooManyCells { row: n_rows, limit }.into());
        }
        let mut columns = Vec::with_capacity(table.n_columns());
        for (feature, name) in table.columns().iter().enumerate() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "features are compared in single precision, as the model's splits say"
            )]
            let values: Vec<f32> = table.column(feature).map(|x| x as f32).collect();
            if let Some(row) = values.iter().position(|x| x.is_infinite()) {
                return Err(TrainError::Magnitude {
                    row: row + 1,
                    column: name.clone(),
                    value: table.column(feature).nth(row).unwrap_or(f64::INFINITY),
                });
            }
            columns.push(values);
        }
        Ok(Self::from_values(columns))
    }

    /// Columns of the same length, below 2^32.
    pub(super) fn from_values(values: Vec<Vec<f32>>) -> Self {
        let sort = |values: &Vec<f32>| {
            let mut sorted: Vec<u32> = (0..).zip(values).map(|(row, _)| row).collect();
            // Stable, so that ties keep the order of the rows; NaN sorts last whatever its sign.
            sorted.sort_by(|a, b| {
                let (a, b) = (values[*a as usize], values[*b as usize]);
                a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(&b))
            });
            sorted
        };
        Self {
            n_rows: values.first().map_or(0, Vec::len),
            sorted: values.iter().map(sort).collect(),
            has_missing: values
                .iter()
                .map(|values| values.iter().any(|x| x.is_nan()))
                .collect(),
            values,
        }
    }

    pub(super) fn n_features(&self) -> usize {
        self.values.len()
    }
}
