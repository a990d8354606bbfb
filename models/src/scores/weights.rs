//! Sample weights.

use super::MetricError;

/// The weights of `rows` rows, checked.
pub(super) fn checked_weights(
    rows: usize,
    other: usize,
    weights: Option<&[f64]>,
) -> Result<Vec<f64>, MetricError> {
    if rows == 0 {
        return Err(MetricError::Empty);
    }
    let lengths = [other, weights.map_or(rows, <[f64]>::len)];
    if let Some(&found) = lengths.iter().find(|&&length| length != rows) {
        return Err(MetricError::Length {
            found,
            expected: rows,
        });
    }
    let weights = weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
        return Err(MetricError::Weights);
    }
    Ok(weights)
}

/// Weighted mean of `values`, one per weight.
pub(super) fn mean(values: impl Iterator<Item = f64>, weights: &[f64]) -> f64 {
    values.zip(weights).map(|(x, w)| x * w).sum::<f64>() / weights.iter().sum::<f64>()
}
