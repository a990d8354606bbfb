//! Intervals.

use tenebra_quant::RowStep;

use super::order::{averaged, inverted, percentile};
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::ByName;
use crate::train::Params;

const STEP: &str = "KBinsDiscretizer";

pub(crate) fn fit(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    let mut result = Vec::new();
    for column in columns {
        let cuts = cuts(params, frame, column);
        let count = cuts.len() + 1;
        let from = column.value;
        let bins = RowStep::Bins { from, cuts };
        let number = frame.column(STEP, column.name.clone(), bins)?;
        if params.choice("encode") == Some("ordinal") {
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
fn cuts(params: &Params, frame: &Frame<'_>, column: &Column) -> Vec<f64> {
    let n_bins = params.count("n_bins");
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
    let mut edges: Vec<f64> = match params.choice("strategy") {
        Some("uniform") => return (1..n_bins).map(even).collect(),
        Some("kmeans") => {
            let middle = |at: usize| 0.5 * (even(at) + even(at + 1));
            let mut centers = centers(&pairs, (0..n_bins).map(middle).collect());
            centers.sort_by(f64::total_cmp);
            let between = centers.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
            core::iter::once(min).chain(between).chain([max]).collect()
        }
        _ => {
            let sorted: Vec<f64> = pairs.iter().map(|(x, _)| *x).collect();
            let linear = params.choice("quantile_method") == Some("linear");
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

/// Lloyd's algorithm in one dimension.
fn centers(pairs: &[(f64, f64)], mut centers: Vec<f64>) -> Vec<f64> {
    const ROUNDS: usize = 300;
    for _ in 0..ROUNDS {
        let mut sums = vec![(0.0, 0.0); centers.len()];
        for &(x, weight) in pairs {
            let nearest = (0..centers.len()).min_by(|a, b| {
                let distance = |at: &usize| (x - centers[*at]).abs();
                distance(a).total_cmp(&distance(b))
            });
            if let Some(sum) = nearest.and_then(|at| sums.get_mut(at)) {
                sum.0 += x * weight;
                sum.1 += weight;
            }
        }
        let next = |(center, (sum, weight)): (&f64, (f64, f64))| {
            if weight > 0.0 { sum / weight } else { *center }
        };
        let moved: Vec<f64> = centers.iter().zip(sums).map(next).collect();
        if moved == centers {
            break;
        }
        centers = moved;
    }
    centers
}
