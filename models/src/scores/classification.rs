//! Scores of classes.

use super::weights::{checked_weights, mean};
use crate::scores::MetricError;

/// How scores of single classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The score of this class alone (scikit-learn's `binary` is class 1).
    Class(usize),
    /// The mean over the classes that occur.
    Macro,
    /// The mean weighted by how often each class is true.
    Weighted,
}

/// Share of rows with `truth == predicted`.
///
/// # Errors
/// [`MetricError`]: no rows, lengths that differ, useless weights.
pub fn accuracy(
    truth: &[usize],
    predicted: &[usize],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    Ok(mean(
        truth
            .iter()
            .zip(predicted)
            .map(|(y, p)| f64::from(u8::from(y == p))),
        &weights,
    ))
}

/// Weights of right, predicted and true rows of one class.
#[derive(Clone, Copy, Default)]
struct Counts {
    right: f64,
    predicted: f64,
    truth: f64,
}

/// The share of rows predicted to be of a class that are; 0 for a class never predicted.
///
/// # Errors
/// As [`accuracy`].
pub fn precision(
    truth: &[usize],
    predicted: &[usize],
    average: Average,
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    per_class(truth, predicted, average, weights, |c| {
        ratio(c.right, c.predicted)
    })
}

/// The share of rows of a class that are predicted so; 0 for a class that does not occur.
///
/// # Errors
/// As [`accuracy`].
pub fn recall(
    truth: &[usize],
    predicted: &[usize],
    average: Average,
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    per_class(truth, predicted, average, weights, |c| {
        ratio(c.right, c.truth)
    })
}

/// Harmonic mean of precision and recall, `2 right / (predicted + true)`; 0 where there is neither.
///
/// # Errors
/// As [`accuracy`].
pub fn f1(
    truth: &[usize],
    predicted: &[usize],
    average: Average,
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    per_class(truth, predicted, average, weights, |c| {
        ratio(2.0 * c.right, c.predicted + c.truth)
    })
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn per_class(
    truth: &[usize],
    predicted: &[usize],
    average: Average,
    weights: Option<&[f64]>,
    score: impl Fn(Counts) -> f64,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    let mut counts = alloc::collections::BTreeMap::<usize, Counts>::new();
    for ((&y, &p), w) in truth.iter().zip(predicted).zip(&weights) {
        counts.entry(y).or_default().truth += w;
        counts.entry(p).or_default().predicted += w;
        if y == p {
            counts.entry(y).or_default().right += w;
        }
    }
    let scores: Vec<f64> = counts.values().map(|&c| score(c)).collect();
    Ok(match average {
        Average::Class(class) => score(counts.get(&class).copied().unwrap_or_default()),
        Average::Macro => mean(scores.iter().copied(), &vec![1.0; scores.len()]),
        Average::Weighted => mean(
            scores.iter().copied(),
            &counts.values().map(|c| c.truth).collect::<Vec<_>>(),
        ),
    })
}

/// Matthews correlation coefficient of any number of classes (Gorodkin 2004); 0 where it is not defined.
///
/// # Errors
/// As [`accuracy`].
pub fn matthews_corrcoef(
    truth: &[usize],
    predicted: &[usize],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), predicted.len(), weights)?;
    let mut counts = alloc::collections::BTreeMap::<usize, Counts>::new();
    let (mut right, mut total) = (0.0, 0.0);
    for ((&y, &p), w) in truth.iter().zip(predicted).zip(&weights) {
        counts.entry(y).or_default().truth += w;
        counts.entry(p).or_default().predicted += w;
        right += if y == p { *w } else { 0.0 };
        total += w;
    }
    let sum = |f: &dyn Fn(&Counts) -> f64| counts.values().map(f).sum::<f64>();
    let covariance = right * total - sum(&|c| c.truth * c.predicted);
    let spread = |of: f64| total * total - of;
    let product = spread(sum(&|c| c.predicted * c.predicted)) * spread(sum(&|c| c.truth * c.truth));
    Ok(if product > 0.0 {
        covariance / product.sqrt()
    } else {
        0.0
    })
}

/// Mean of `-ln p` of the true class; `probabilities` holds a row per sample and is clipped to `[eps, 1 - eps]`.
///
/// # Errors
/// [`MetricError::Length`] if a row has no probability of its true class, otherwise as [`accuracy`].
pub fn log_loss(
    truth: &[usize],
    probabilities: &[Vec<f64>],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), probabilities.len(), weights)?;
    let mut losses = Vec::with_capacity(truth.len());
    for (&y, row) in truth.iter().zip(probabilities) {
        let p = row.get(y).ok_or(MetricError::Length {
            found: row.len(),
            expected: y.saturating_add(1),
        })?;
        losses.push(-p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln());
    }
    Ok(mean(losses.into_iter(), &weights))
}

/// Mean hinge loss: `max(0, 1 - margin)` with margin `±score` for one score per row, and the score of the true class
/// minus the largest other for several (Crammer & Singer 2001).
///
/// # Errors
/// [`MetricError::Length`] if a row has no score of its true class, otherwise as [`accuracy`].
pub fn hinge_loss(
    truth: &[usize],
    scores: &[Vec<f64>],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), scores.len(), weights)?;
    let mut losses = Vec::with_capacity(truth.len());
    for (&y, row) in truth.iter().zip(scores) {
        let margin = match *row.as_slice() {
            [score] => {
                if y == 1 {
                    score
                } else {
                    -score
                }
            }
            _ => {
                let own = row.get(y).ok_or(MetricError::Length {
                    found: row.len(),
                    expected: y.saturating_add(1),
                })?;
                let others = row
                    .iter()
                    .enumerate()
                    .filter(|(k, _)| *k != y)
                    .map(|(_, s)| *s);
                own - others.fold(f64::NEG_INFINITY, f64::max)
            }
        };
        losses.push((1.0 - margin).max(0.0));
    }
    Ok(mean(losses.into_iter(), &weights))
}

/// Area under the ROC curve of class 1 against class 0: the chance that a random row of class 1 scores above one of
/// class 0, ties counting half.
///
/// # Errors
/// [`MetricError::OneClass`] unless both classes have weight; [`MetricError::Range`] for a score that is NaN; otherwise as
/// [`accuracy`].
pub fn roc_auc(
    truth: &[usize],
    scores: &[f64],
    weights: Option<&[f64]>,
) -> Result<f64, MetricError> {
    let weights = checked_weights(truth.len(), scores.len(), weights)?;
    if let Some(at) = scores.iter().position(|s| s.is_nan()) {
        let (score, range) = ("the ROC AUC", "scores must be numbers");
        return Err(MetricError::Range {
            score,
            row: at + 1,
            what: "the score",
            value: scores[at],
            range,
        });
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut area, mut positives) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let weight = |class: bool| {
            tied.iter()
                .filter(|&&i| (truth[i] == 1) == class)
                .map(|&i| weights[i])
                .sum::<f64>()
        };
        let (negative, positive) = (weight(false), weight(true));
        area += positive * (below + 0.5 * negative);
        below += negative;
        positives += positive;
    }
    if positives > 0.0 && below > 0.0 {
        Ok(area / (positives * below))
    } else {
        Err(MetricError::OneClass {
            score: "the ROC AUC",
        })
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

    const TRUTH: [usize; 6] = [0, 0, 1, 1, 1, 2];
    const FOUND: [usize; 6] = [0, 1, 1, 1, 0, 2];

    #[test]
    fn accuracy_by_hand() {
        near(accuracy(&TRUTH, &FOUND, None).unwrap(), 4.0 / 6.0);
        near(accuracy(&[0, 1], &[0, 0], Some(&[3.0, 1.0])).unwrap(), 0.75);
    }

    #[test]
    fn precision_recall_and_f1_by_hand() {
        // Class 0: 1 right of 2 predicted, 2 true. Class 1: 2 of 3, 3. Class 2: 1 of 1, 1.
        near(
            precision(&TRUTH, &FOUND, Average::Class(1), None).unwrap(),
            2.0 / 3.0,
        );
        near(
            recall(&TRUTH, &FOUND, Average::Class(0), None).unwrap(),
            0.5,
        );
        near(
            f1(&TRUTH, &FOUND, Average::Macro, None).unwrap(),
            (0.5 + 2.0 / 3.0 + 1.0) / 3.0,
        );
        near(
            f1(&TRUTH, &FOUND, Average::Weighted, None).unwrap(),
            (2.0 * 0.5 + 3.0 * 2.0 / 3.0 + 1.0) / 6.0,
        );
        near(
            precision(&TRUTH, &FOUND, Average::Class(9), None).unwrap(),
            0.0,
        );
    }

    #[test]
    fn mcc_by_hand() {
        // tp 2, tn 1, fp 1, fn 1: (2 * 1 - 1 * 1) / sqrt(3 * 3 * 2 * 2) = 1/6
        near(
            matthews_corrcoef(&[1, 1, 1, 0, 0], &[1, 1, 0, 1, 0], None).unwrap(),
            1.0 / 6.0,
        );
        // right 4, total 6, sum t*p = 2*2 + 3*3 + 1 = 14, sums of squares 14 and 14: (24 - 14) / (36 - 14)
        near(
            matthews_corrcoef(&TRUTH, &FOUND, None).unwrap(),
            10.0 / 22.0,
        );
        near(matthews_corrcoef(&[1, 1], &[1, 0], None).unwrap(), 0.0);
    }

    #[test]
    fn losses_by_hand() {
        let probabilities = [vec![0.5, 0.5], vec![0.75, 0.25]];
        near(
            log_loss(&[0, 1], &probabilities, None).unwrap(),
            (2_f64.ln() + 4_f64.ln()) / 2.0,
        );
        // Margins 0.5 and 2: losses 0.5 and 0.
        near(
            hinge_loss(&[0, 1], &[vec![-0.5], vec![2.0]], None).unwrap(),
            0.25,
        );
        // Margins 1 - 3 = -2 and 2 - 0: losses 3 and 0.
        near(
            hinge_loss(&[0, 2], &[vec![1.0, 3.0, 0.0], vec![0.0, 0.0, 2.0]], None).unwrap(),
            1.5,
        );
        assert!(log_loss(&[2], &probabilities[..1], None).is_err());
    }

    #[test]
    fn auc_by_hand() {
        // Pairs (1 over 0): 0.4 > 0.1, 0.4 = 0.4 (half), 0.8 > both: 3.5 of 4.
        near(
            roc_auc(&[0, 0, 1, 1], &[0.1, 0.4, 0.4, 0.8], None).unwrap(),
            3.5 / 4.0,
        );
        // The tied pair weighs 2 * 1 of (2 + 1) * 2.
        near(
            roc_auc(
                &[0, 0, 1, 1],
                &[0.1, 0.4, 0.4, 0.8],
                Some(&[1.0, 1.0, 2.0, 1.0]),
            )
            .unwrap(),
            5.0 / 6.0,
        );
        assert_eq!(
            roc_auc(&[1, 1], &[0.0, 1.0], None),
            Err(MetricError::OneClass {
                score: "the ROC AUC"
            })
        );
    }
}
