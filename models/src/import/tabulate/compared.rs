//! What the grid changes: the graph at rows beside the model at the same rows.

use super::error::TabulateError;
use super::run::{Points, evaluate};
use crate::data::Table;
use crate::forest::ForestModel;
use crate::import::onnx::dense::Program;

/// Rows that are compared at most.
const MOST: usize = 2000;

/// What rounding features to their levels changes in the rows of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Rows that were compared.
    pub rows: usize,
    /// Of them, those with another class; none for regressions.
    pub classes: Option<usize>,
    /// Of a regression, the standard deviation of the difference over that of the prediction.
    pub scores: Option<f64>,
}

/// Evenly spread rows.
struct Rows<'a> {
    table: &'a Table,
    count: usize,
}

impl Points for Rows<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn point(&self, at: usize) -> Vec<f64> {
        let row = self.table.row(at * self.table.n_rows() / self.count);
        row.map(<[f64]>::to_vec).unwrap_or_default()
    }
}

pub(super) fn moved(
    program: &Program,
    table: &Table,
    model: &ForestModel,
) -> Result<Moved, TabulateError> {
    let rows = Rows {
        table,
        count: table.n_rows().min(MOST),
    };
    let values = evaluate(program, &rows, &mut |_, _| {})?;
    let mut moved = Moved {
        rows: rows.count,
        classes: None,
        scores: None,
    };
    let found = (0..rows.count).map(|at| model.predict(&rows.point(at)));
    let found: Vec<_> = found.collect::<Result<_, _>>()?;
    if let Some((_, labels)) = values.labels {
        let classes = found
            .iter()
            .map(|found| found.class.and_then(|class| model.classes.get(class)));
        let others = classes
            .zip(&labels)
            .filter(|(class, label)| *class != Some(label));
        moved.classes = Some(others.count());
    } else if let Some((_, width, numbers)) = values.numbers.first() {
        let first: Vec<f64> = numbers.iter().copied().step_by(*width).collect();
        let differences = found
            .iter()
            .zip(&first)
            .map(|(found, x)| found.scores[0] - x);
        let spread = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|x| (x - mean) * (x - mean));
            squares.sum::<f64>().sqrt()
        };
        let whole = spread(&first);
        moved.scores = (whole > 0.0).then(|| spread(&differences.collect::<Vec<f64>>()) / whole);
    }
    Ok(moved)
}
