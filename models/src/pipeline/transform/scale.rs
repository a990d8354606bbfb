//! Scalers: `(x - center) / scale`.

use tenebra_quant::RowStep;

use super::order::percentile;
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::{MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler};
use crate::train::Params;

type Columns = Result<Vec<Column>, PipelineError>;

/// A constant column is not divided.
fn usable(scale: f64) -> f64 {
    if scale.is_finite() && scale >= 10.0 * f64::EPSILON * f64::MIN_POSITIVE && scale.is_normal() {
        scale
    } else {
        1.0
    }
}

/// As scikit-learn does for ranges: nothing that is rounding is divided by.
fn not_tiny(scale: f64) -> f64 {
    if scale < 10.0 * f64::EPSILON {
        1.0
    } else {
        scale
    }
}

/// Weighted mean and population variance of the values that are there.
pub(super) fn moments(values: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64, f64) {
    let there = values.filter(|(x, _)| !x.is_nan());
    let total: f64 = there.clone().map(|(_, w)| w).sum();
    let mean = there.clone().map(|(x, w)| x * w).sum::<f64>() / total;
    let correction: f64 = there.clone().map(|(x, w)| w * (x - mean)).sum();
    let squares: f64 = there.map(|(x, w)| w * (x - mean) * (x - mean)).sum();
    let variance = (squares - correction * correction / total) / total;
    (mean, variance.max(0.0), total)
}

/// Mean and scale of a column, as `StandardScaler` has them.
pub(super) fn standard_of(values: &[(f64, f64)]) -> (f64, f64) {
    let (mean, variance, total) = moments(values.iter().copied());
    if !mean.is_finite() {
        return (0.0, 1.0);
    }
    // What rounding alone may leave of a constant's variance.
    let rounding = total * f64::EPSILON * variance + (total * mean * f64::EPSILON).powi(2);
    if variance <= rounding {
        return (mean, 1.0);
    }
    (mean, usable(variance.sqrt()))
}

pub(crate) fn standard(params: &Params, frame: &mut Frame<'_>, columns: &[Column]) -> Columns {
    let params = StandardScaler::read(params);
    let mut result = Vec::new();
    for column in columns {
        let weight = |row: usize| frame.weights.map_or(1.0, |weights| weights[row]);
        let values = frame.values(column).enumerate();
        let values: Vec<(f64, f64)> = values.map(|(row, x)| (x, weight(row))).collect();
        let (mean, scale) = standard_of(&values);
        let center = if params.with_mean { mean } else { 0.0 };
        let scale = if params.with_std { scale } else { 1.0 };
        result.push(frame.affine("StandardScaler", column, (center, scale))?);
    }
    Ok(result)
}

pub(crate) fn min_max(params: &Params, frame: &mut Frame<'_>, columns: &[Column]) -> Columns {
    const STEP: &str = "MinMaxScaler";
    let params = MinMaxScaler::read(params);
    let (low, high) = (params.feature_range_min, params.feature_range_max);
    if low >= high {
        return Err(PipelineError::Parameter {
            step: STEP,
            message: format!("`feature_range` is ({low}, {high}); its ends must ascend"),
        });
    }
    let mut result = Vec::new();
    for column in columns {
        let (min, max) = ends(frame, column);
        let scale = not_tiny(max - min) / (high - low);
        let scaled = frame.affine(STEP, column, (min - low * scale, scale))?;
        result.push(clipped(params.clip, frame, STEP, scaled, (low, high))?);
    }
    Ok(result)
}

pub(crate) fn max_abs(params: &Params, frame: &mut Frame<'_>, columns: &[Column]) -> Columns {
    const STEP: &str = "MaxAbsScaler";
    let params = MaxAbsScaler::read(params);
    let mut result = Vec::new();
    for column in columns {
        let (min, max) = ends(frame, column);
        let scaled = frame.affine(STEP, column, (0.0, not_tiny(min.abs().max(max.abs()))))?;
        result.push(clipped(params.clip, frame, STEP, scaled, (-1.0, 1.0))?);
    }
    Ok(result)
}

pub(crate) fn robust(params: &Params, frame: &mut Frame<'_>, columns: &[Column]) -> Columns {
    const STEP: &str = "RobustScaler";
    let params = RobustScaler::read(params);
    let (low, high) = (params.quantile_range_min, params.quantile_range_max);
    if low > high {
        return Err(PipelineError::Parameter {
            step: STEP,
            message: format!("`quantile_range` is ({low}, {high}); its ends must ascend"),
        });
    }
    // The distance of these quantiles in the standard normal distribution.
    let normal = if params.unit_variance {
        let quantile = |percent: f64| {
            let step = RowStep::Quantiles {
                from: 0,
                quantiles: vec![0.0, 1.0],
                normal: true,
            };
            step.evaluate(&[percent / 100.0]).unwrap_or(f64::NAN)
        };
        quantile(high) - quantile(low)
    } else {
        1.0
    };
    let mut result = Vec::new();
    for column in columns {
        let sorted = frame.sorted(column);
        let (center, scale) = if sorted.is_empty() {
            (0.0, 1.0)
        } else {
            let range = percentile(&sorted, high) - percentile(&sorted, low);
            (percentile(&sorted, 50.0), not_tiny(range) / normal)
        };
        let center = if params.with_centering { center } else { 0.0 };
        let scale = if params.with_scaling { scale } else { 1.0 };
        result.push(frame.affine(STEP, column, (center, scale))?);
    }
    Ok(result)
}

/// Least and greatest value; 0 without values.
fn ends(frame: &Frame<'_>, column: &Column) -> (f64, f64) {
    let values = frame.present(column);
    let Some(first) = values.first() else {
        return (0.0, 0.0);
    };
    let fold = |(min, max): (f64, f64), x: &f64| (min.min(*x), max.max(*x));
    values.iter().fold((*first, *first), fold)
}

fn clipped(
    clip: bool,
    frame: &mut Frame<'_>,
    step: &'static str,
    column: Column,
    (min, max): (f64, f64),
) -> Result<Column, PipelineError> {
    if !clip {
        return Ok(column);
    }
    let from = column.value;
    frame.column(step, column.name, RowStep::Clip { from, min, max })
}
