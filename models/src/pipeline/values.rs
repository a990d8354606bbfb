//! The values of a row, its columns and those of the steps.

use tenebra_quant::{QuantError, RowStep, run_steps};

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
