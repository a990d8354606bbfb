//! Intervals.

use tenebra_quant::RowStep;

use super::k_means::centers;
use super::order::{averaged, inverted, percentile};
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::{BinsAs, BinsBy, KBinsDiscretizer, QuantileMethod};
use crate::train::Params;

const STEP: &str = "KBinsDiscretizer";

pub(crate) fn fit(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    let params = KBinsDiscretizer::read(params);
    let mut result = Vec::new();
    for column in columns {
        let cuts = cuts(&params, frame, column);
        let count = cuts.len() + 1;
        let from = column.value;
        let bins = RowStep::Bins { from, cuts };
        let number = frame.column(STEP, column.name.clone(), bins)?;
        if params.encode == BinsAs::Ordinal {
            result.push(number);
            continue;
        }
        for bin in 0..count {
            let name = format!("{}_{bin}", column.name);
            let (from, value) = (number.value, bin as f64);
            result.push(frame.column(STEP, name, RowStep::Equals { from, value })?);
        }
    }
    Ok(result)
}

/// The inner edges of the intervals.
fn cuts(params: &KBinsDiscretizer, frame: &Frame<'_>, column: &Column) -> Vec<f64> {
    let n_bins = params.n_bins;
    let weight = |row: usize| frame.weights.map_or(1.0, |weights| weights[row]);
    let values = frame.values(column).enumerate();
    let mut pairs: Vec<(f64, f64)> = values.map(|(row, x)| (x, weight(row))).collect();
    pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    pairs.retain(|(_, weight)| *weight > 0.0);
    let (Some(&(min, _)), Some(&(max, _))) = (pairs.first(), pairs.last()) else {
        return Vec::new();
    };
    if min == max {
        return Vec::new();
    }
    let even = |at: usize| min + (max - min) / n_bins as f64 * at as f64;
    let mut edges: Vec<f64> = match params.strategy {
        BinsBy::Uniform => return (1..n_bins).map(even).collect(),
        BinsBy::KMeans => {
            // The last edge is the greatest value, whatever rounding says.
            let edge = |at: usize| if at == n_bins { max } else { even(at) };
            let middle = |at: usize| 0.5 * (edge(at + 1) + edge(at));
            let values: Vec<f64> = frame.values(column).collect();
            let weights: Vec<f64> = (0..values.len()).map(weight).collect();
            let mut centers = centers(&values, &weights, (0..n_bins).map(middle).collect());
            centers.sort_by(f64::total_cmp);
            let between = centers.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
            core::iter::once(min).chain(between).chain([max]).collect()
        }
        BinsBy::Quantile => {
            let sorted: Vec<f64> = pairs.iter().map(|(x, _)| *x).collect();
            let linear = params.quantile_method == QuantileMethod::Linear;
            let percent = |at: usize| 100.0 / n_bins as f64 * at as f64;
            let edge = |at: usize| match (frame.weights, linear) {
                (Some(_), _) => inverted(&pairs, percent(at)),
                (None, true) => percentile(&sorted, percent(at)),
                (None, false) => averaged(&sorted, percent(at)),
            };
            (0..=n_bins).map(edge).collect()
        }
    };
    // Intervals that scikit-learn finds too narrow are joined to the one before.
    let mut before = f64::NEG_INFINITY;
    edges.retain(|edge| {
        let wide = edge - before > 1e-8;
        before = *edge;
        wide
    });
    let inner = edges.len().saturating_sub(1);
    edges.truncate(inner);
    edges.drain(..1.min(inner));
    edges
}
