//! ONNX graphs of any operators on few bits: evaluated at every point of a grid over the features, and taken as the table of what
//! they give there.
//!
//! `f̂(x) = f(level(x))`, where `level` rounds every feature to one of its `2^bits` levels at most. Kernel machines, nearest
//! neighbours, Gaussian processes and small networks become step functions: one tree whose leaves are the cells of the grid, which the
//! planner looks up as one table. Nothing is lost where a feature has no more values than levels.

mod compared;
mod error;
mod grid;
mod outputs;
mod run;

pub use compared::Moved;
pub use error::{MAX_BITS, TabulateError};

use alloc::collections::BTreeMap;

use crate::data::Table;
use crate::forest::{ForestModel, ForestParts};
use crate::import::onnx::dense::Program;
use error::MAX_VALUES_LOG;
use grid::Grid;
use outputs::Scores;

/// A graph on a grid.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tabulated {
    /// One tree, whose leaves are the cells of the grid.
    pub model: ForestModel,
    /// What of the graph is left out: a sentence each, without a full stop.
    pub notes: Vec<String>,
    /// What the grid changes.
    pub moved: Moved,
}

/// A graph to tabulate.
#[derive(Debug)]
pub struct Graph(Program);

impl Graph {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`TabulateError::Graph`]: not ONNX, or inputs that are not numbers of the shape `[rows, columns]`. Never panics.
    pub fn read(bytes: &[u8]) -> Result<Self, TabulateError> {
        Ok(Self(Program::read(bytes)?))
    }

    /// Numbers of a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.0.columns()
    }

    /// The model that the graph is on the grid of `rows`; `progress` is told how many points are evaluated, and of how many.
    ///
    /// `rows` are like those that will be scored, with the columns of the graph in their order. Features with at most `2^bits` values
    /// have these as levels; others have levels near their values, with the least squared distance.
    ///
    /// # Errors
    /// [`TabulateError`]: an operator that is not evaluated, which is named; codes of too many bits together; a graph that takes too
    /// long; outputs that are no scores and labels of a row.
    pub fn tabulate(
        &self,
        rows: &Table,
        bits: u8,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Tabulated, TabulateError> {
        let program = &self.0;
        if program.columns() != rows.n_columns() {
            return Err(TabulateError::Columns {
                graph: program.columns(),
                rows: rows.n_columns(),
            });
        }
        let grid = Grid::new(rows, bits)?;
        let joint = grid.bits();
        if joint > MAX_BITS {
            return Err(too_many(&grid, rows.columns(), joint));
        }
        let values = run::evaluate(program, &grid, progress)?;
        let scores = Scores::new(values, &program.labels())?;
        let width = scores.width.next_power_of_two().ilog2();
        if joint + width > MAX_VALUES_LOG {
            let scores = scores.width;
            return Err(TabulateError::TooManyScores { joint, scores });
        }
        let estimator = program.operator().unwrap_or("graph");
        let parts = ForestParts {
            estimator: format!("tabulated {estimator}"),
            feature_names: Some(rows.columns().to_vec()),
            n_features: rows.n_columns(),
            round_to_f32: false,
            trees: vec![grid.tree(&scores)],
            bias: vec![0.0; scores.width],
            inverse_link: tenebra_quant::InverseLink::Identity,
            decision: scores.decision,
            classes: scores.classes,
            categories: BTreeMap::new(),
            params: BTreeMap::from([("tabulated_bits".to_owned(), bits.to_string())]),
        };
        let model = ForestModel::new(parts)?;
        Ok(Tabulated {
            moved: compared::moved(program, rows, &model)?,
            model,
            notes: scores.notes,
        })
    }
}

fn too_many(grid: &Grid, names: &[String], joint: u32) -> TabulateError {
    let entries = f64::from(joint).exp2();
    TabulateError::TooManyBits {
        features: grid.features(names),
        joint,
        // Sums of 8 bytes while the table is made, and once more as polynomials.
        megabytes: 16e-6 * entries,
        // 2^11 entries are some products, which take 10 to 20 µs each.
        milliseconds: 2e-5 * entries,
    }
}
