//! Encoders of categories: numbers, or the codes of words, which are in the words' order.

use tenebra_quant::{Other, RowStep};

use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::{Drop, OneHotEncoder, OneHotUnknown, OrdinalEncoder, OrdinalUnknown};
use crate::train::Params;

/// Most categories of a column.
const MAX_CATEGORIES: usize = 10_000;

/// The categories of a column, ascending, and whether a missing value is one more, behind them.
fn categories(
    step: &'static str,
    frame: &Frame<'_>,
    column: &Column,
) -> Result<(Vec<f64>, bool), PipelineError> {
    let mut sorted = frame.sorted(column);
    let missing = sorted.len() < frame.n_rows();
    sorted.dedup();
    if sorted.len() > MAX_CATEGORIES {
        return Err(PipelineError::Parameter {
            step,
            message: format!(
                "column `{}` has {} categories, the limit is {MAX_CATEGORIES}; is it a number?",
                column.name,
                sorted.len()
            ),
        });
    }
    // Two zeros are one category, whatever their signs.
    sorted
        .iter_mut()
        .filter(|x| **x == 0.0)
        .for_each(|x| *x = 0.0);
    Ok((sorted, missing))
}

fn number(count: usize) -> f64 {
    count as f64
}

pub(crate) fn one_hot(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "OneHotEncoder";
    let params = OneHotEncoder::read(params);
    let ignore = params.handle_unknown == OneHotUnknown::Ignore;
    let mut result = Vec::new();
    for column in columns {
        let (list, missing) = categories(STEP, frame, column)?;
        let count = list.len() + usize::from(missing);
        let dropped = match params.drop {
            Some(Drop::First) => 1,
            Some(Drop::IfBinary) if count == 2 => 1,
            _ => 0,
        };
        if column.words.is_some() && ignore && missing {
            return Err(PipelineError::Parameter {
                step: STEP,
                message: format!(
                    "column `{}` has missing cells, which `handle_unknown=ignore` could not tell from other words; put `simple-imputer(strategy=most_frequent)` before it, or drop `handle_unknown`",
                    column.name
                ),
            });
        }
        let other = if ignore {
            Other::Value(-1.0)
        } else {
            Other::Refuse
        };
        let step = RowStep::Code {
            from: column.value,
            categories: list.clone(),
            unknown: other,
            missing: if missing {
                Other::Value(number(list.len()))
            } else {
                other
            },
        };
        let from = frame.push(STEP, step)?;
        for code in dropped..count {
            let category = list.get(code).map_or("nan".to_owned(), f64::to_string);
            let name = format!("{}_{category}", column.name);
            let value = number(code);
            result.push(frame.column(STEP, name, RowStep::Equals { from, value })?);
        }
    }
    if result.is_empty() {
        return Err(PipelineError::NothingLeft {
            step: STEP,
            message: "every column has one category; leave `drop` out".into(),
        });
    }
    Ok(result)
}

pub(crate) fn ordinal(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "OrdinalEncoder";
    let refuse = |message: String| {
        Err(PipelineError::Parameter {
            step: STEP,
            message,
        })
    };
    let params = OrdinalEncoder::read(params);
    let unknown = match (params.handle_unknown, params.unknown_value) {
        (OrdinalUnknown::UseEncodedValue, Some(value)) => Other::Value(value),
        (OrdinalUnknown::UseEncodedValue, None) => {
            return refuse("`handle_unknown=use_encoded_value` needs `unknown_value`".into());
        }
        (OrdinalUnknown::Error, Some(_)) => {
            return refuse("`unknown_value` needs `handle_unknown=use_encoded_value`".into());
        }
        (OrdinalUnknown::Error, None) => Other::Refuse,
    };
    let mut result = Vec::new();
    for column in columns {
        let (list, missing) = categories(STEP, frame, column)?;
        if let Other::Value(value) = unknown
            && (0..list.len()).any(|code| number(code) == value)
        {
            return refuse(format!(
                "`unknown_value` = {value} is the code of a category of column `{}`; choose another, such as -1",
                column.name
            ));
        }
        let missing = match (missing, params.encoded_missing_value) {
            (true, Some(value)) => Other::Value(value),
            (true, None) => Other::Missing,
            (false, _) => unknown,
        };
        let step = RowStep::Code {
            from: column.value,
            categories: list,
            unknown,
            missing,
        };
        result.push(frame.column(STEP, column.name.clone(), step)?);
    }
    Ok(result)
}
