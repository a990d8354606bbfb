//! The rows of the training data, and what the steps so far made of them.

use tenebra_quant::RowStep;

use super::error::PipelineError;
use super::model::{MAX_VALUES, Step};
use crate::data::{Classes, Table};

/// A column as a step sees it.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Which value of a row it is: a column of the table, or behind them a step.
    pub(super) value: usize,
    pub(super) name: String,
    /// Whether its numbers stand for words: so many.
    pub(super) words: Option<usize>,
}

/// What a selection by scores is made for.
#[derive(Debug)]
pub(super) enum Target {
    Classes(Classes),
    Numbers(Vec<f64>),
    /// There are several targets.
    Several,
}

pub(super) struct Frame<'a> {
    /// Columns of the table.
    pub(super) width: usize,
    pub(super) steps: Vec<Step>,
    /// What messages call the columns of the table and the values of the steps: by a column that they are made of.
    names: Vec<String>,
    /// Columns of the table and values of the steps, of each row.
    rows: Vec<Vec<f64>>,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) target: Target,
}

impl<'a> Frame<'a> {
    pub(super) fn new(table: &Table, weights: Option<&'a [f64]>, target: Target) -> Self {
        Self {
            width: table.n_columns(),
            steps: Vec::new(),
            names: table.columns().to_vec(),
            rows: table.rows().map(<[f64]>::to_vec).collect(),
            weights,
            target,
        }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// All values of a column.
    pub(super) fn values(&self, column: &Column) -> impl Iterator<Item = f64> + '_ {
        let value = column.value;
        self.rows.iter().map(move |row| row[value])
    }

    /// The values of a column that are there.
    pub(super) fn present(&self, column: &Column) -> Vec<f64> {
        self.values(column).filter(|x| !x.is_nan()).collect()
    }

    /// The same, ascending.
    pub(super) fn sorted(&self, column: &Column) -> Vec<f64> {
        let mut values = self.present(column);
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    pub(super) fn require_complete(
        &self,
        step: &'static str,
        columns: &[Column],
    ) -> Result<(), PipelineError> {
        for column in columns {
            if let Some(row) = self.values(column).position(f64::is_nan) {
                let column = column.name.clone();
                let row = row + 1;
                return Err(PipelineError::Missing { step, row, column });
            }
        }
        Ok(())
    }

    /// Adds a step of the transformer `by`; returns the value that it is.
    pub(super) fn push(&mut self, by: &'static str, step: Step) -> Result<usize, PipelineError> {
        let known = self.width + self.steps.len();
        if known >= MAX_VALUES {
            return Err(PipelineError::TooManyValues { limit: MAX_VALUES });
        }
        let name = self.names.get(step.reads()[0].0);
        let name = name.cloned().unwrap_or_default();
        let value = |row: usize, message: String| PipelineError::Value {
            step: by,
            row: row + 1,
            column: name.clone(),
            message,
        };
        step.check(known).map_err(|e| PipelineError::Parameter {
            step: by,
            message: e.to_string(),
        })?;
        for (index, row) in self.rows.iter_mut().enumerate() {
            let result = step
                .evaluate(row)
                .map_err(|e| value(index, e.to_string()))?;
            if result.is_infinite() {
                return Err(value(
                    index,
                    "the result is infinite; scale the columns first".into(),
                ));
            }
            row.push(result);
        }
        self.steps.push(step);
        self.names.push(name);
        Ok(known)
    }

    /// Adds a step whose result is a column of numbers.
    pub(super) fn column(
        &mut self,
        by: &'static str,
        name: String,
        step: Step,
    ) -> Result<Column, PipelineError> {
        let value = self.push(by, step)?;
        if let Some(last) = self.names.last_mut() {
            last.clone_from(&name);
        }
        Ok(Column {
            value,
            name,
            words: None,
        })
    }

    /// `(x - center) / scale` of a column, which keeps its name.
    pub(super) fn affine(
        &mut self,
        by: &'static str,
        column: &Column,
        (center, scale): (f64, f64),
    ) -> Result<Column, PipelineError> {
        if center == 0.0 && scale == 1.0 {
            return Ok(column.clone());
        }
        let from = column.value;
        let step = RowStep::Affine {
            from,
            center,
            scale,
        };
        self.column(by, column.name.clone(), step)
    }
}
