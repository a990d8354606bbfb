//! Scores of numbers.

use super::weights::{checked_weights, mean, power_of_two};
use crate::scores::MetricError;

/// Coefficient of determination, `1 - sum (y - p)^2 / sum (y - mean)^2`.
///
/// A constant target scores 1 if predicted exactly, else 0. The unit of the numbers does not matter.
///
/// # Errors
/// [`MetricError`]: no rows, lengths that differ, useless weights.
pub fn r2(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64, MetricError> {
    let unit = power_of_two(truth.iter().chain(predicted));
    let of_unit = |values: &[f64]| -> Vec<f64> { values.iter().map(|y| y / unit).collect() };
    let (truth, predicted) = (of_unit(truth), of_unit(predicted));
    let error = mean_squared_error(&truth, &predicted, weights)?;
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    let centre = mean(truth.iter().copied(), &weights);
    let variance = mean(truth.iter().map(|y| (y - centre).powi(2)), &weights);
    Ok(explained(error, variance))
}

/// `1 - part / whole`, and 1 or 0 where there is nothing to explain.
fn explained(part: f64, whole: f64) -> f64 {
    if whole != 0.0 {
        1.0 - part / whole
    } else if part == 0.0 {
        1.0
    } else {
        0.0
    }
}

/// Mean of `(y - p)^2`.
///
/// # Errors
/// As [`r2`].
pub fn mean_squared_error(
    truth: &[f64],
    predicted: &[f64],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    Ok(mean(
        truth.iter().zip(predicted).map(|(y, p)| (y - p).powi(2)),
        &weights,
    ))
}

/// Mean of `|y - p|`.
///
/// # Errors
/// As [`r2`].
pub fn mean_absolute_error(
    truth: &[f64],
    predicted: &[f64],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    Ok(mean(
        truth.iter().zip(predicted).map(|(y, p)| (y - p).abs()),
        &weights,
    ))
}

/// Mean Tweedie deviance of any `power` outside (0, 1): 0 is the squared error, 1 Poisson, 2 Gamma, 3 inverse Gaussian
/// (Jørgensen 1997; scikit-learn's `mean_tweedie_deviance`).
///
/// # Errors
/// [`MetricError::Range`] for a power in (0, 1), and for truths or predictions that its distribution cannot give;
/// otherwise as [`r2`].
pub fn mean_tweedie_deviance(
    truth: &[f64],
    predicted: &[f64],
    power: f64,
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    check_tweedie(truth, predicted, power)?;
    Ok(mean(
        truth
            .iter()
            .zip(predicted)
            .map(|(&y, &p)| deviance(y, p, power)),
        &weights,
    ))
}

/// `1 - deviance / deviance of the weighted mean`.
///
/// # Errors
/// As [`mean_tweedie_deviance`].
pub fn d2_tweedie(
    truth: &[f64],
    predicted: &[f64],
    power: f64,
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let part = mean_tweedie_deviance(truth, predicted, power, weights)?;
    let checked = checked_weights(truth.len(), predicted.len(), weights)?;
    let centre = mean(truth.iter().copied(), &checked);
    let whole = mean_tweedie_deviance(truth, &vec![centre; truth.len()], power, weights)?;
    Ok(explained(part, whole))
}

fn check_tweedie(truth: &[f64], predicted: &[f64], power: f64) -> Result<(), MetricError> {
    let score = "the Tweedie deviance";
    if !power.is_finite() || (power > 0.0 && power < 1.0) {
        let range = "there is no such distribution; choose a power of at most 0 or at least 1";
        return Err(MetricError::Range {
            score,
            row: 0,
            what: "the power",
            value: power,
            range,
        });
    }
    let refuse = |values: &[f64], what, bad: &dyn Fn(f64) -> bool, range| match values
        .iter()
        .position(|&x| bad(x))
    {
        Some(at) => Err(MetricError::Range {
            score,
            row: at + 1,
            what,
            value: values[at],
            range,
        }),
        None => Ok(()),
    };
    if power >= 2.0 {
        refuse(
            truth,
            "the true value",
            &|y| y.is_nan() || y <= 0.0,
            "it must be positive at powers from 2 on",
        )?;
    } else if power >= 1.0 {
        refuse(
            truth,
            "the true value",
            &|y| y.is_nan() || y < 0.0,
            "it must not be negative at powers from 1 on",
        )?;
    }
    if power == 0.0 {
        return Ok(());
    }
    refuse(
        predicted,
        "the prediction",
        &|p| p.is_nan() || p <= 0.0,
        "it must be positive",
    )
}

/// Unit deviance of a checked pair.
fn deviance(y: f64, p: f64, power: f64) -> f64 {
    if power == 0.0 {
        (y - p).powi(2)
    } else if power == 1.0 {
        let log = if y == 0.0 { 0.0 } else { y * (y / p).ln() };
        2.0 * (log - y + p)
    } else if power == 2.0 {
        2.0 * ((p / y).ln() + y / p - 1.0)
    } else {
        let (one, two) = (1.0 - power, 2.0 - power);
        2.0 * (y.max(0.0).powf(two) / (one * two) - y * p.powf(one) / one + p.powf(two) / two)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }

    #[test]
    fn r2_by_hand() {
        // Mean 2, squared deviations 1 + 0 + 1; squared errors 0 + 0 + 1.
        near(r2(&[1.0, 2.0, 3.0], &[1.0, 2.0, 2.0], None).unwrap(), 0.5);
        // Weighted mean 2.5, deviations 2.25 + 0.25 + 2 * 0.25 = 3; errors 2 * 1.
        near(
            r2(&[1.0, 2.0, 3.0], &[1.0, 2.0, 2.0], Some(&[1.0, 1.0, 2.0])).unwrap(),
            1.0 - 2.0 / 2.75,
        );
        near(r2(&[4.0, 4.0], &[4.0, 4.0], None).unwrap(), 1.0);
        near(r2(&[4.0, 4.0], &[4.0, 5.0], None).unwrap(), 0.0);
    }

    /// Squares of 1e200 overflow, those of 1e-200 vanish.
    #[test]
    fn r2_has_no_unit() {
        let (truth, predicted) = ([1.0, -2.0, 3.5], [1.5, -2.0, 3.0]);
        let weights = [1.0, 3.0, 0.5];
        let wanted = r2(&truth, &predicted, Some(&weights)).unwrap();
        assert!((0.9..0.99).contains(&wanted), "{wanted}");
        for unit in [1e-300, 1e-200, 1e-3, 1e200, 1e307] {
            let of_unit = |values: [f64; 3]| values.map(|y| y * unit);
            let (truth, predicted) = (of_unit(truth), of_unit(predicted));
            near(r2(&truth, &predicted, Some(&weights)).unwrap(), wanted);
            let weights = of_unit(weights);
            near(r2(&truth, &predicted, Some(&weights)).unwrap(), wanted);
        }
    }

    #[test]
    fn absolute_and_squared_errors_by_hand() {
        near(
            mean_absolute_error(&[1.0, 5.0], &[2.0, 2.0], None).unwrap(),
            2.0,
        );
        near(
            mean_squared_error(&[1.0, 5.0], &[2.0, 2.0], Some(&[3.0, 1.0])).unwrap(),
            3.0,
        );
    }

    #[test]
    fn deviances_by_hand() {
        let (y, p) = ([2.0], [1.0]);
        let ln2 = 2_f64.ln();
        near(mean_tweedie_deviance(&y, &p, 0.0, None).unwrap(), 1.0);
        near(
            mean_tweedie_deviance(&y, &p, 1.0, None).unwrap(),
            2.0 * (2.0 * ln2 - 1.0),
        );
        near(
            mean_tweedie_deviance(&y, &p, 2.0, None).unwrap(),
            2.0 * (1.0 - ln2),
        );
        // 2 * (1/(2 * (-2) * (-1)) - 2 * 1/(-2) + 1/(-1)) = 2 * (1/4 + 1 - 1)
        near(mean_tweedie_deviance(&y, &p, 3.0, None).unwrap(), 0.5);
        near(
            mean_tweedie_deviance(&[0.0], &[1.5], 1.0, None).unwrap(),
            3.0,
        );
    }

    #[test]
    fn deviances_refuse_what_their_distribution_cannot_give() {
        let message = |y: f64, p: f64, power| {
            mean_tweedie_deviance(&[y], &[p], power, None)
                .unwrap_err()
                .to_string()
        };
        assert!(message(0.0, 1.0, 2.0).contains("the true value 0 is out of range"));
        assert!(message(1.0, -1.0, 1.0).contains("the prediction -1 is out of range"));
        assert!(message(1.0, 1.0, 0.5).contains("no such distribution"));
    }

    #[test]
    fn lengths_and_weights_are_checked() {
        assert_eq!(r2(&[], &[], None), Err(MetricError::Empty));
        assert_eq!(
            r2(&[1.0], &[], None),
            Err(MetricError::Length {
                found: 0,
                expected: 1
            })
        );
        assert_eq!(r2(&[1.0], &[1.0], Some(&[0.0])), Err(MetricError::Weights));
    }
}
