//! Shares of the training values.

use tenebra_quant::RowStep;

use super::order::percentile;
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::{Distribution, QuantileTransformer};
use crate::train::Params;

pub(crate) fn fit(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "QuantileTransformer";
    let params = QuantileTransformer::read(params);
    let count = params.n_quantiles.min(frame.n_rows());
    let normal = params.output_distribution == Distribution::Normal;
    let mut result = Vec::new();
    for column in columns {
        let sorted = frame.sorted(column);
        if sorted.is_empty() {
            return Err(PipelineError::Parameter {
                step: STEP,
                message: format!("column `{}` has no values", column.name),
            });
        }
        let percent = |index: usize| index as f64 / count.saturating_sub(1).max(1) as f64 * 100.0;
        let mut quantiles: Vec<f64> = (0..count)
            .map(|i| percentile(&sorted, percent(i)))
            .collect();
        // Interpolation may be a rounding below the quantile before it.
        for at in 1..quantiles.len() {
            quantiles[at] = quantiles[at].max(quantiles[at - 1]);
        }
        let step = RowStep::Quantiles {
            from: column.value,
            quantiles,
            normal,
        };
        result.push(frame.column(STEP, column.name.clone(), step)?);
    }
    Ok(result)
}
