//! Products of columns.

use tenebra_quant::RowStep;

use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::PolynomialFeatures;
use crate::train::Params;

pub(crate) fn polynomial(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "PolynomialFeatures";
    let params = PolynomialFeatures::read(params);
    let mut result = Vec::new();
    if params.include_bias {
        result.push(frame.column(STEP, "1".into(), RowStep::Constant { value: 1.0 })?);
    }
    result.extend_from_slice(columns);
    if params.degree < 2 {
        return Ok(result);
    }
    for (at, left) in columns.iter().enumerate() {
        let first = at + usize::from(params.interaction_only);
        for right in columns.get(first..).unwrap_or_default() {
            let name = if left.value == right.value {
                format!("{}^2", left.name)
            } else {
                format!("{} {}", left.name, right.name)
            };
            let (left, right) = (left.value, right.value);
            result.push(frame.column(STEP, name, RowStep::Product { left, right })?);
        }
    }
    Ok(result)
}
