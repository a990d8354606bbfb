//! The values of a row, its columns and those of the steps.

use tenebra_quant::{QuantError, RowStep, run_steps};

use super::model::Step;

/// All values of a row, its columns first.
pub(crate) fn run(
    steps: &[RowStep<Vec<f64>>],
    row: &[f64],
) -> Result<Vec<f64>, (usize, QuantError)> {
    let mut values = row.to_vec();
    values.resize(row.len() + steps.len(), 0.0);
    run_steps(steps.iter(), row.len(), &mut values)?;
    Ok(values)
}

/// Which values of a row some of them depend on, themselves included.
pub(crate) fn needed(
    steps: &[Step],
    columns: usize,
    used: impl IntoIterator<Item = usize>,
) -> Vec<bool> {
    let mut needed = vec![false; columns + steps.len()];
    for value in used {
        needed[value] = true;
    }
    for (index, step) in steps.iter().enumerate().rev() {
        if needed[columns + index] {
            for (first, count) in step.reads() {
                needed[first..first + count].fill(true);
            }
        }
    }
    needed
}
