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
    // Their sum must not overflow.
    let unit = power_of_two(&weights);
    Ok(weights.iter().map(|weight| weight / unit).collect())
}

/// The power of two at or below the largest magnitude, 1 if that is 0 or not finite: dividing by it is exact, and squares of what
/// it leaves do not overflow, nor do those that matter vanish.
pub(crate) fn power_of_two<'v>(values: impl IntoIterator<Item = &'v f64>) -> f64 {
    let largest = values
        .into_iter()
        .fold(0.0, |most: f64, value| most.max(value.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return 1.0;
    }
    let exponent = largest.max(f64::MIN_POSITIVE).to_bits() & f64::INFINITY.to_bits();
    f64::from_bits(exponent)
}

/// Weighted mean of `values`, one per weight.
pub(super) fn mean(values: impl Iterator<Item = f64>, weights: &[f64]) -> f64 {
    values.zip(weights).map(|(x, w)| x * w).sum::<f64>() / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_two() {
        for (values, unit) in [
            (&[0.0, -3.0, 2.5][..], 2.0),
            (&[1.0], 1.0),
            (&[0.3, -0.1], 0.25),
            (&[f64::MAX], 1023f64.exp2()),
            (&[5e-324, 0.0], f64::MIN_POSITIVE),
            (&[0.0], 1.0),
            (&[], 1.0),
            (&[f64::INFINITY], 1.0),
        ] {
            assert_eq!(power_of_two(values), unit, "{values:?}");
        }
    }
}
