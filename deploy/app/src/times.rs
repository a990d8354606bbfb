//! Wall-clock times of many queries, in little memory.

use serde::Serialize;

/// Wall-clock times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
}

impl Times {
    /// Of unordered milliseconds; zeros if there are none.
    #[must_use]
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (times.first(), times.last()) else {
            return Self::default();
        };
        let middle = times.len() / 2;
        let median = f64::midpoint(times[(times.len() - 1) / 2], times[middle]);
        Self { median, min, max }
    }
}

/// Most times that are kept.
const MOST: usize = 1 << 16;

/// Times as they come. All are kept up to 65,536, then every second, every fourth, and so on, for the median; the shortest and
/// the longest are exact.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    kept: Vec<f64>,
    stride: usize,
    count: usize,
    min: f64,
    max: f64,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            stride: 1,
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Samples {
    pub(crate) fn push(&mut self, time: f64) {
        if self.count.is_multiple_of(self.stride) {
            if self.kept.len() == MOST {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.count.is_multiple_of(self.stride) {
                self.kept.push(time);
            }
        }
        self.count += 1;
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    pub(crate) fn times(&self) -> Times {
        if self.count == 0 {
            return Times::default();
        }
        Times {
            min: self.min,
            max: self.max,
            ..Times::of(self.kept.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        let times = |median, min, max| Times { median, min, max };
        assert_eq!(Times::of(vec![3.0, 1.0, 2.0]), times(2.0, 1.0, 3.0));
        // (2 + 4) / 2 = 3.
        assert_eq!(Times::of(vec![4.0, 1.0, 9.0, 2.0]), times(3.0, 1.0, 9.0));
        assert_eq!(Times::of(vec![]), Times::default());
    }

    #[test]
    fn many_times_keep_their_median_and_their_ends() {
        let mut samples = Samples::default();
        let count = 5 * MOST;
        for at in 0..count {
            samples.push(at as f64);
        }
        assert!(samples.kept.len() <= MOST);
        let times = samples.times();
        assert_eq!((times.min, times.max), (0.0, (count - 1) as f64));
        assert!((times.median / count as f64 - 0.5).abs() < 1e-3);
    }
}
