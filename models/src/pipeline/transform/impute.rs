//! Numbers for missing values.

use tenebra_quant::RowStep;

use super::order::percentile;
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::{FillWith, SimpleImputer};
use crate::train::Params;

const STEP: &str = "SimpleImputer";

pub(crate) fn fit(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    let params = SimpleImputer::read(params);
    let (mut filled, mut indicators) = (Vec::new(), Vec::new());
    for column in columns {
        if column.words.is_some() && params.strategy != FillWith::MostFrequent {
            return Err(PipelineError::Words {
                step: "simple-imputer without `strategy=most_frequent`".into(),
                column: column.name.clone(),
            });
        }
        let sorted = frame.sorted(column);
        let from = column.value;
        if params.add_indicator && sorted.len() < frame.n_rows() {
            indicators.push((from, format!("missingindicator_{}", column.name)));
        }
        let value = match (params.strategy, sorted.as_slice()) {
            (FillWith::Constant, _) => params.fill_value,
            // scikit-learn drops a column without values.
            (_, []) => continue,
            (FillWith::Mean, _) => {
                let present = frame.present(column);
                present.iter().sum::<f64>() / present.len() as f64
            }
            (FillWith::Median, _) => percentile(&sorted, 50.0),
            (FillWith::MostFrequent, _) => most_frequent(&sorted),
        };
        filled.push(Column {
            value: frame.push(STEP, RowStep::Fill { from, value })?,
            name: column.name.clone(),
            words: column.words,
        });
    }
    for (from, name) in indicators {
        filled.push(frame.column(STEP, name, RowStep::IsMissing { from })?);
    }
    if filled.is_empty() {
        return Err(PipelineError::NothingLeft {
            step: STEP,
            message: "no column has a value; choose `strategy=constant`".into(),
        });
    }
    Ok(filled)
}

/// The least of the values that occur most often.
fn most_frequent(sorted: &[f64]) -> f64 {
    let mut best = (0, f64::NAN);
    for same in sorted.chunk_by(|a, b| a == b) {
        if same.len() > best.0 {
            best = (same.len(), same[0]);
        }
    }
    best.1
}
