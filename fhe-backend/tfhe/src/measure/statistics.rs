//! Phase errors, summed up and judged.

use std::time::Instant;

use crate::noise::{MixedNoise, tail_log2};

/// What was measured of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Queries that were evaluated.
    pub queries: usize,
    /// Median of what an evaluation took, on one thread.
    pub evaluate_ms: f64,
    /// Phase errors that were looked at.
    pub errors: usize,
    /// log2 of the standard deviation that the plan predicts for the worst codes, as a fraction of the torus.
    pub predicted_std_log2: f64,
    /// log2 of the root of the mean square of all errors.
    pub std_log2: f64,
    /// Its upper bound at 99.9 % confidence.
    pub std_bound_log2: f64,
    /// Its lower bound at 99.9 % confidence.
    pub std_least_log2: f64,
    /// Mean of the errors in predicted standard deviations.
    pub mean: f64,
    /// Standard error of that mean.
    pub mean_error: f64,
    /// Fourth moment over the squared second: 3 for normal errors.
    pub kurtosis: f64,
    /// Largest error in predicted standard deviations.
    pub largest: f64,
    /// log2 of the probability that the plan gives to an error as large, at most.
    pub largest_tail_log2: f64,
    /// Half a step of the outputs in predicted standard deviations.
    pub half_step: f64,
    /// log2 of the failure probability of a query with the measured bound of the standard deviation.
    pub p_fail_log2: f64,
    /// Queries that decrypted to other integers than the clear evaluation's.
    pub mismatches: usize,
}

/// What is wrong with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// A decrypted integer differs from the clear evaluation's.
    Mismatch,
    /// The noise is above the prediction with 99.9 % confidence.
    Variance,
    /// The errors have a mean, with 99.9 % confidence, that is not small against the prediction.
    Mean,
    /// One error is so large that the predicted noise has it with a probability below 2^-30.
    Largest,
}

impl core::fmt::Display for Defect {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Mismatch => "a result differs from the simulation",
            Self::Variance => "the noise exceeds the prediction",
            Self::Mean => "the noise has a mean",
            Self::Largest => "one error is larger than the prediction allows",
        })
    }
}

/// The 99.9 % quantile of the normal distribution, one-sided.
const CONFIDENCE: f64 = 3.09;
/// A mean below this share of the predicted standard deviation moves `p_fail` by less than a bit at 2^-128.
const SMALL_MEAN: f64 = 0.05;

impl Measurement {
    /// What is wrong, if anything: the worst first.
    #[must_use]
    pub fn defect(&self) -> Option<Defect> {
        // Of any of them: the union bound.
        let largest = self.largest_tail_log2 + (self.errors.max(1) as f64).log2();
        if self.mismatches > 0 {
            Some(Defect::Mismatch)
        } else if self.std_least_log2 > self.predicted_std_log2 {
            Some(Defect::Variance)
        } else if self.mean.abs() - 1.07 * CONFIDENCE * self.mean_error > SMALL_MEAN {
            Some(Defect::Mean)
        } else if largest < -30.0 {
            Some(Defect::Largest)
        } else {
            None
        }
    }

    /// Measured over predicted standard deviation.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        (self.std_log2 - self.predicted_std_log2).exp2()
    }
}

/// Sums over the errors of one query.
#[derive(Clone, Copy, Debug, Default)]
struct Query {
    count: f64,
    sum: f64,
    squares: f64,
    fourth: f64,
}

/// What a plan predicts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicted {
    /// The errors that are measured.
    pub(super) noise: MixedNoise,
    /// That is added before results are decoded.
    pub(super) added: f64,
    /// How far errors may go.
    pub(super) half_step: f64,
    /// Integers that a query returns.
    pub(super) outputs: usize,
}

/// Errors, query by query, in predicted standard deviations.
#[derive(Debug)]
pub(super) struct Errors {
    plan: Predicted,
    predicted: f64,
    errors: usize,
    queries: Vec<Query>,
    largest: f64,
    mismatches: usize,
    /// Milliseconds of each evaluation.
    times: Vec<f64>,
}

impl Errors {
    pub(super) fn new(plan: Predicted) -> Self {
        Self {
            plan,
            // What depends on nothing has no noise; errors are integers.
            predicted: plan.noise.variance().max(1.0).sqrt(),
            errors: 0,
            queries: Vec::new(),
            largest: 0.0,
            mismatches: 0,
            times: Vec::new(),
        }
    }

    /// What `evaluate` returns, whose time counts.
    pub(super) fn timed<T>(&mut self, evaluate: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = evaluate();
        self.times.push(start.elapsed().as_secs_f64() * 1e3);
        result
    }

    fn median_ms(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(0.0)
    }

    /// The errors of a query, and whether its integers were right.
    pub(super) fn add(&mut self, errors: impl Iterator<Item = i64>, right: bool) {
        let mut query = Query::default();
        for error in errors {
            let error = error as f64 / self.predicted;
            let square = error * error;
            query.count += 1.0;
            self.errors += 1;
            query.sum += error;
            query.squares += square;
            query.fourth += square * square;
            self.largest = self.largest.max(error.abs());
        }
        self.queries.push(query);
        self.mismatches += usize::from(!right);
    }

    /// What they amount to. Errors of one query may depend on each other, queries do not: bounds are from their spread, and never
    /// closer than that of independent errors.
    pub(super) fn measurement(&self) -> Measurement {
        let total = |of: fn(&Query) -> f64| self.queries.iter().map(of).sum::<f64>();
        let count = total(|query| query.count).max(1.0);
        let square = total(|query| query.squares) / count;
        let mean = total(|query| query.sum) / count;
        let kurtosis =
            total(|query| query.fourth) / count / (square * square).max(f64::MIN_POSITIVE);
        let spread = |of: fn(&Query) -> f64, center: f64, least: f64| {
            let queries = self.queries.len() as f64;
            let deviation = |query: &Query| (of(query) - center * query.count).powi(2);
            let sum: f64 = self.queries.iter().map(deviation).sum();
            let between = (sum / (queries - 1.0).max(1.0) * queries).sqrt() / count;
            between.max(least)
        };
        let square_error = spread(|query| query.squares, square, square * (2.0 / count).sqrt());
        let bound = square + CONFIDENCE * square_error;
        let variance = self.predicted * self.predicted;
        let Predicted {
            noise,
            added,
            half_step,
            outputs,
        } = self.plan;
        let std_log2 =
            |variance: f64| variance.max(1e-30).log2() / 2.0 + self.predicted.log2() - 64.0;
        Measurement {
            queries: self.queries.len(),
            evaluate_ms: self.median_ms(),
            errors: self.errors,
            predicted_std_log2: std_log2(1.0),
            std_log2: std_log2(square),
            std_bound_log2: std_log2(bound),
            std_least_log2: std_log2(square - CONFIDENCE * square_error),
            mean,
            mean_error: spread(|query| query.sum, mean, (square / count).sqrt()),
            kurtosis,
            largest: self.largest,
            largest_tail_log2: noise.tail_log2(self.largest * self.predicted).max(-1e9),
            half_step: half_step / self.predicted,
            p_fail_log2: tail_log2(bound * variance + added, half_step, outputs),
            mismatches: self.mismatches,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a step of 128.
    fn errors(predicted: f64) -> Errors {
        Errors::new(Predicted {
            noise: MixedNoise::from(predicted * predicted),
            added: 0.0,
            half_step: 128.0,
            outputs: 1,
        })
    }

    /// Errors of ±1 and ±3 in turn: mean 0, mean square 5, fourth moment 41.
    fn measured(predicted: f64, offset: i64) -> Measurement {
        let mut errors = errors(predicted);
        for _ in 0..10 {
            let of_query = [1i64, -1, 3, -3].into_iter().cycle().take(1000);
            errors.add(of_query.map(|error| error + offset), true);
        }
        errors.measurement()
    }

    #[test]
    fn moments_by_hand() {
        let of = measured(2.0, 0);
        assert_eq!((of.queries, of.errors), (10, 10_000));
        assert!((of.std_log2 - (5f64.log2() / 2.0 - 64.0)).abs() < 1e-9);
        assert!(of.mean.abs() < 1e-9);
        assert!((of.kurtosis - 41.0 / 25.0).abs() < 1e-9);
        assert!((of.largest - 1.5).abs() < 1e-9);
        assert!((of.half_step - 64.0).abs() < 1e-9);
        // 1 − (128/σ)²/(2·ln 2) with σ² = 5·(1 + 3.09·√(2/10000)).
        assert!((of.p_fail_log2 + 2263.0).abs() < 1.0, "{}", of.p_fail_log2);
        assert!((of.ratio() - 5f64.sqrt() / 2.0).abs() < 1e-9);
    }

    #[test]
    fn times_are_medians() {
        let mut errors = errors(2.0);
        assert_eq!(errors.measurement().evaluate_ms, 0.0);
        errors.times = vec![5.0, 1.0, 4.0];
        assert_eq!(errors.timed(|| 7), 7);
        assert_eq!(errors.times.len(), 4);
        errors.times[3] = 9.0;
        assert_eq!(errors.measurement().evaluate_ms, 5.0);
    }

    #[test]
    fn defects_are_named() {
        assert_eq!(measured(2.5, 0).defect(), None);
        assert_eq!(measured(2.0, 0).defect(), Some(Defect::Variance));
        assert_eq!(measured(4.0, 1).defect(), Some(Defect::Mean));
        let mut errors = errors(1.2);
        let one_in_many = |sign: i64| {
            (0..100_000).map(move |index| sign * if index == 7 { 13 } else { 1 - index % 2 * 2 })
        };
        errors.add(one_in_many(1), true);
        errors.add(one_in_many(-1), true);
        assert_eq!(errors.measurement().defect(), Some(Defect::Largest));
        errors.add([0].into_iter(), false);
        assert_eq!(errors.measurement().defect(), Some(Defect::Mismatch));
    }
}
