//! Quantiles as NumPy finds them.

/// The percentile of ascending values, linear between two of them; `numpy.percentile` rounds the same way.
pub(super) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = percent / 100.0 * (sorted.len() - 1) as f64;
    let low = place.floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the length"
    )]
    let at = (low as usize).min(sorted.len() - 1);
    let (a, b) = (sorted[at], sorted[(at + 1).min(sorted.len() - 1)]);
    let part = place - low;
    if part >= 0.5 {
        b - (b - a) * (1.0 - part)
    } else {
        a + (b - a) * part
    }
}

/// `numpy.percentile` by `averaged_inverted_cdf`: the first value at which the distribution function reaches the share, or the middle
/// of two where it does so exactly, in floating point.
pub(super) fn averaged(sorted: &[f64], percent: f64) -> f64 {
    let place = sorted.len() as f64 * (percent / 100.0) - 1.0;
    let low = place.floor();
    let last = sorted.len() - 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the length, and not negative"
    )]
    let at = |index: f64| sorted[(index.max(0.0) as usize).min(last)];
    if place == low {
        0.5 * (at(low) + at(low + 1.0))
    } else {
        at(low + 1.0)
    }
}

/// The percentile of a weighted distribution function: the first value at which it reaches the share, or, where it equals the share over an
/// interval, the middle of that. `pairs` are values, ascending, and weights.
pub(super) fn inverted(pairs: &[(f64, f64)], percent: f64) -> f64 {
    let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
    let wanted = percent / 100.0 * total;
    // Sums of weights that should be equal differ in rounding.
    let near = |sum: f64| (sum - wanted).abs() <= 1e-10 * total;
    let weighty: Vec<&(f64, f64)> = pairs.iter().filter(|(_, weight)| *weight > 0.0).collect();
    let mut sum = 0.0;
    for (at, (value, weight)) in weighty.iter().enumerate() {
        sum += weight;
        if near(sum) {
            let next = weighty.get(at + 1).map_or(*value, |(next, _)| *next);
            return 0.5 * (value + next);
        }
        if sum > wanted {
            return *value;
        }
    }
    weighty.last().map_or(f64::NAN, |(value, _)| *value)
}
