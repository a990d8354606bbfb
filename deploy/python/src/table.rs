//! Rows from Python, predictions to Python.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tenebra_app::rows::{Columns, Rows};
use tenebra_models::Prediction;
use tenebra_models::data::Table;

use crate::error::Failure;

/// Rows of float64, one after the other, in the machine's order of bytes.
#[derive(FromPyObject)]
pub(crate) struct Matrix<'py> {
    data: Bound<'py, PyBytes>,
    n_columns: usize,
    /// Names of the columns, where there are any.
    names: Option<Vec<String>>,
}

impl Matrix<'_> {
    pub(crate) fn is_named(&self) -> bool {
        self.names.is_some()
    }

    /// The table; columns without names are called as `columns` calls them, if they are as many.
    pub(crate) fn table(self, columns: &Columns) -> Result<Table, Failure> {
        if self.n_columns != columns.count && (self.names.is_none() || columns.names.is_none()) {
            let message = format!(
                "the rows have {} columns, and the model takes {}",
                self.n_columns, columns.count
            );
            let hint = "one for each feature, in the order of those that it was fitted on";
            return Err(Failure::input(&message, hint));
        }
        let values = self.data.as_bytes();
        if !values.len().is_multiple_of(size_of::<f64>()) {
            let message = "a table is the bytes of rows of float64";
            return Err(Failure::python(PyValueError::new_err(message)));
        }
        let values = values
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f64::from_ne_bytes(*bytes))
            .collect();
        let own = columns.names.as_ref();
        let own = own.filter(|names| names.len() == self.n_columns).cloned();
        Ok(match self.names.or(own) {
            Some(names) => Table::new(names, values)?,
            None => Table::from_rows(self.n_columns, values)?,
        })
    }

    /// The rows in the order of a model's columns.
    pub(crate) fn rows(self, columns: &Columns) -> Result<Rows, Failure> {
        Ok(Rows::of_table(&self.table(columns)?, columns)?)
    }
}

/// What a model says of rows: bytes of arrays of `n_rows` rows.
#[pyclass(frozen, get_all, module = "tenebra._tenebra")]
pub(crate) struct Predictions {
    /// float64, `n_outputs` a row: before the link.
    scores: Py<PyBytes>,
    /// float64, `n_outputs` a row: behind the link.
    values: Py<PyBytes>,
    /// int64, one a row: index of the class; of classifiers.
    classes: Option<Py<PyBytes>>,
    /// Scores of a row.
    n_outputs: usize,
    /// What was clipped, in words.
    clipped: Option<String>,
}

impl Predictions {
    pub(crate) fn new(py: Python<'_>, of: &[Prediction], clipped: Option<String>) -> Self {
        let reals = |values: fn(&Prediction) -> &[f64]| {
            let bytes = of.iter().flat_map(values).copied();
            let bytes: Vec<u8> = bytes.flat_map(f64::to_ne_bytes).collect();
            PyBytes::new(py, &bytes).unbind()
        };
        let classes: Option<Vec<usize>> = of.iter().map(|row| row.class).collect();
        let classes = classes.map(|classes| {
            let bytes = classes.into_iter().map(|class| class as u64);
            let bytes: Vec<u8> = bytes.flat_map(u64::to_ne_bytes).collect();
            PyBytes::new(py, &bytes).unbind()
        });
        Self {
            scores: reals(|row| &row.scores),
            values: reals(|row| &row.values),
            classes,
            n_outputs: of.first().map_or(0, |row| row.scores.len()),
            clipped,
        }
    }
}
