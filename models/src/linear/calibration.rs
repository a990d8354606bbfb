//! What quantization needs to know about a feature: its range, its mean, and whether it moves in steps.

use serde::{Deserialize, Serialize};
use tenebra_quant::{Affine, BitWidth, QuantError, calibrate};

use crate::quantized::{Calibration, QuantizeOptions};

/// Summary of a feature's calibration values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureStats {
    /// Lower end of the range to code.
    pub min: f64,
    /// Upper end of the range to code.
    pub max: f64,
    /// Mean of the values.
    pub mean: f64,
    /// The step of a feature whose values all are `min` plus a whole number of steps, such as counts, flags and
    /// categories, scaled or not.
    #[serde(default)]
    pub step: Option<f64>,
}

/// Fewer rows say nothing about steps.
const MIN_ROWS_FOR_STEP: usize = 16;
/// A value may be this far off its multiple, in steps.
const STEP_TOLERANCE: f64 = 1e-3;

impl FeatureStats {
    /// The summary of `values`.
    ///
    /// # Errors
    /// [`QuantError::NoData`], [`QuantError::NotFinite`], [`QuantError::Percent`].
    pub fn new(values: &[f64], options: &QuantizeOptions) -> Result<Self, QuantError> {
        let (min, max) = match options.calibration {
            Calibration::WithoutOutliers => {
                calibrate::without_outliers(values, &mut values.to_vec())?
            }
            Calibration::MinMax => calibrate::min_max(values.iter().copied())?,
            Calibration::Percentile { percent } => {
                calibrate::percentile(values, percent, &mut values.to_vec())?
            }
            Calibration::LeastSquaredError => {
                calibrate::least_squared_error(values, options.input_bits)?
            }
        };
        let mean = values.iter().map(|x| x.clamp(min, max)).sum::<f64>() / values.len() as f64;
        // That of equal values may be rounded past them.
        let mean = mean.clamp(min, max);
        let step = if options.calibration.takes_all() {
            let inside = values.iter().copied().filter(|x| (min..=max).contains(x));
            step(inside.collect())
        } else {
            None
        };
        Ok(Self {
            min,
            max,
            mean,
            step,
        })
    }

    /// Whether the parts make sense.
    pub(super) fn is_valid(&self) -> bool {
        let finite = [self.min, self.max, self.mean]
            .iter()
            .all(|x| x.is_finite());
        let step = self
            .step
            .is_none_or(|step| step > 0.0 && step <= self.max - self.min);
        finite && self.min <= self.mean && self.mean <= self.max && step
    }

    /// Whether all values are the same.
    pub(super) fn is_constant(&self) -> bool {
        self.min >= self.max
    }

    /// The same constant on the range that another set of values had, the constant included.
    pub(super) fn on_range_of(&self, other: &Self) -> Self {
        let inside = (other.min..=other.max).contains(&self.mean);
        Self {
            min: other.min.min(self.min),
            max: other.max.max(self.max),
            mean: self.mean,
            step: other.step.filter(|_| inside),
        }
    }

    /// The codecs to choose from.
    pub(super) fn codecs(&self, options: &QuantizeOptions) -> Result<Codecs, QuantError> {
        let most = codes(options.input_bits);
        if self.is_constant() {
            return Ok(Codecs::Around(Around {
                value: self.mean,
                most,
            }));
        }
        if let Some(steps) = self
            .step
            .and_then(|step| Steps::new(self, step, most, options.margin))
        {
            return Ok(Codecs::Steps(steps));
        }
        let slack = if options.calibration.takes_all() {
            options.margin * (self.max - self.min)
        } else {
            0.0
        };
        // A feature that is never negative has no use for negative codes.
        let min = if self.min >= 0.0 {
            (self.min - slack).max(0.0)
        } else {
            self.min - slack
        };
        let max = if self.max <= 0.0 {
            (self.max + slack).min(0.0)
        } else {
            self.max + slack
        };
        Affine::asymmetric(min, max, options.input_bits).map(Codecs::Even)
    }
}

fn codes(bits: BitWidth) -> i32 {
    (1 << bits.bits()) - 1
}

/// The step of values that repeat and all lie on a grid.
fn step(mut sorted: Vec<f64>) -> Option<f64> {
    let rows = sorted.len();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    if rows < MIN_ROWS_FOR_STEP || sorted.len() * 2 > rows {
        return None;
    }
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let smallest = sorted
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(f64::INFINITY, f64::min);
    let count = ((last - first) / smallest).round();
    let step = (last - first) / count;
    let on_grid = |x: &f64| {
        let steps = (x - first) / step;
        (steps - steps.round()).abs() <= STEP_TOLERANCE
    };
    (count <= f64::from(u16::MAX) && step > 0.0 && sorted.iter().all(on_grid)).then_some(step)
}

/// Ways to code a feature.
pub(super) enum Codecs {
    /// Evenly over the range.
    Even(Affine<f64>),
    /// A whole number of codes per step.
    Steps(Steps),
    /// To both sides of the only value that is known.
    Around(Around),
}

impl Codecs {
    /// The least real value per code that is of use; `None` where the other features decide.
    pub(super) fn finest_scale(&self) -> Option<f64> {
        match self {
            Self::Even(affine) => Some(affine.scale()),
            Self::Steps(steps) => Some(steps.finest_scale()),
            Self::Around(_) => None,
        }
    }

    /// The codec whose scale is at most `scale`, if that can be, and how far the values lie above what the codes stand for.
    pub(super) fn codec(&self, scale: f64) -> Result<(Affine<f64>, f64), QuantError> {
        match self {
            Self::Even(affine) => Ok((*affine, 0.0)),
            Self::Steps(steps) => steps.codec(scale),
            Self::Around(around) => around.codec(scale),
        }
    }
}

/// A feature that had one value only. Where it will move is a guess: between 0 and twice the value or 8 to either side,
/// whichever is wider, but no wider than leaves the weights of the features that varied their codes.
pub(super) struct Around {
    value: f64,
    /// The largest code.
    most: i32,
}

impl Around {
    fn codec(&self, room: f64) -> Result<(Affine<f64>, f64), QuantError> {
        const REACH: f64 = 8.0;
        /// Codes stand for at most 2^30 steps.
        const NEAREST: f64 = 536_870_912.0;
        let value = self.value;
        let widest = value.abs().max(REACH) / f64::from(self.most) * 2.0;
        let mut scale = if room > 0.0 { widest.min(room) } else { widest };
        if value.fract() == 0.0 {
            // The others will be integers as well.
            scale = if scale > 1.0 {
                scale.floor()
            } else {
                1.0 / (1.0 / scale).ceil()
            };
        }
        let scale = scale
            .max(value.abs() / NEAREST)
            .max(f64::MIN_POSITIVE * 4.0);
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^29 steps")]
        let steps = (value / scale).round() as i32;
        let middle = self.most / 2;
        let affine = Affine::from_parts(scale, middle - steps, 0, self.most)?;
        Ok((affine, value - affine.dequantize(middle)))
    }
}

/// A feature on a grid: any number of codes per step represents it exactly, so the number is free to choose.
pub(super) struct Steps {
    /// Lowest grid point to code.
    first: f64,
    step: f64,
    /// Number of steps to code.
    count: i32,
    /// Most codes per step.
    finest: i32,
}

impl Steps {
    fn new(stats: &FeatureStats, step: f64, most: i32, margin: f64) -> Option<Self> {
        let count = ((stats.max - stats.min) / step).round();
        if count < 1.0 || count > f64::from(most) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "integral and at most 2^16")]
        let count = count as i32;
        // Flags have no values beyond their two.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded by the codes on the next line"
        )]
        let slack = if count == 1 {
            0
        } else {
            (margin * f64::from(count)).ceil() as i32
        };
        let slack = slack.clamp(0, (most - count) / 2);
        let below = if stats.min >= 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and the slack")]
            let steps = (stats.min / step + STEP_TOLERANCE)
                .floor()
                .min(f64::from(slack)) as i32;
            steps
        } else {
            slack
        };
        let count = count + below + slack;
        Some(Self {
            first: (-f64::from(below)).mul_add(step, stats.min),
            step,
            count,
            finest: most / count,
        })
    }

    /// The least real value per code that the width allows.
    fn finest_scale(&self) -> f64 {
        self.step / f64::from(self.finest)
    }

    /// The codec with the largest scale of at most `scale`, and how far the grid lies above what the codes stand for.
    ///
    /// A code stands for a multiple of the scale, so a grid that does not go through 0 is off by a constant. No grid
    /// point may be near the middle between two multiples, where rounding would split the grid.
    fn codec(&self, scale: f64) -> Result<(Affine<f64>, f64), QuantError> {
        let safe = |per_step: &i32| {
            let multiples = self.first / self.step * f64::from(*per_step);
            (multiples - multiples.floor() - 0.5).abs() > 0.05
        };
        let coarsest = (1..=self.finest)
            .find(|&k| self.step / f64::from(k) <= scale)
            .unwrap_or(self.finest);
        let per_step = (coarsest..=self.finest)
            .find(safe)
            .or_else(|| (1..coarsest).rev().find(safe))
            .unwrap_or(coarsest);
        let scale = self.step / f64::from(per_step);
        let first = (self.first / scale).round();
        if first.abs() > f64::from(1 << 30) {
            return Err(QuantError::TooFarFromZero {
                steps: first.abs(),
                limit: 1 << 30,
            });
        }
        #[expect(clippy::cast_possible_truncation, reason = "integral and at most 2^30")]
        let affine = Affine::from_parts(scale, -(first as i32), 0, self.count * per_step)?;
        Ok((affine, self.first - affine.dequantize(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> QuantizeOptions {
        QuantizeOptions::with_bits(8).unwrap()
    }

    fn repeated(values: &[f64]) -> Vec<f64> {
        values
            .iter()
            .copied()
            .cycle()
            .take(values.len() * 10)
            .collect()
    }

    /// The sum of equal values is rounded, and so is their mean: 1.1 thirteen times is 1.0999999999999999.
    #[test]
    fn means_of_constants_are_within_their_range() {
        for constant in [1.1, -1.1, 0.1, 7.0, 1e300, 1e-300] {
            for count in 1..200 {
                let stats = FeatureStats::new(&vec![constant; count], &options()).unwrap();
                assert!(stats.is_valid(), "{count} times {constant}: {stats:?}");
            }
        }
    }

    #[test]
    fn steps_are_found_in_scaled_integers_only() {
        // Integers -2, -1, 3 shifted by 0.3 and halved.
        let stats = FeatureStats::new(&repeated(&[-0.85, -0.35, 1.65]), &options()).unwrap();
        assert!((stats.step.unwrap() - 0.5).abs() < 1e-12);
        // 0, 1 and 2.5: the smallest difference 1 does not divide 2.5.
        assert_eq!(
            FeatureStats::new(&repeated(&[0.0, 1.0, 2.5]), &options())
                .unwrap()
                .step,
            None
        );
        // Values that do not repeat may be anything.
        let distinct: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(FeatureStats::new(&distinct, &options()).unwrap().step, None);
    }

    #[test]
    fn a_grid_off_zero_is_coded_exactly_up_to_a_constant() {
        for (low, high) in [(-0.5, 0.5), (-0.3, 0.7), (100.25, 101.25), (0.0, 1.0)] {
            let stats = FeatureStats::new(&repeated(&[low, high]), &options()).unwrap();
            let Codecs::Steps(steps) = stats.codecs(&options()).unwrap() else {
                panic!("a flag moves in steps")
            };
            for scale in [1.0, 0.3, 0.01] {
                let (affine, offset) = steps.codec(scale).unwrap();
                for x in [low, high] {
                    let quantized = affine.quantize(x).unwrap();
                    assert!(!quantized.clipped);
                    assert!(
                        (affine.dequantize(quantized.code) + offset - x).abs() < 1e-12,
                        "{x} at {scale}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_constant_is_coded_exactly_and_can_move() {
        for (value, room, moved) in [
            (0.0, f64::INFINITY, 1.0),
            (1.0, 0.01, 0.0),
            (300.0, f64::INFINITY, 290.0),
            (0.37, 0.001, 0.4),
            (1e12, f64::INFINITY, 5e11),
            (-2.5, 0.0, 4.0),
        ] {
            let stats = FeatureStats::new(&[value], &options()).unwrap();
            let codecs = stats.codecs(&options()).unwrap();
            let (affine, offset) = codecs.codec(room).unwrap();
            let decoded = |x: f64| {
                let quantized = affine.quantize(x).unwrap();
                assert!(!quantized.clipped, "{x} of {value}");
                affine.dequantize(quantized.code) + offset
            };
            assert_eq!(decoded(value), value);
            assert!((decoded(moved) - moved).abs() <= affine.scale(), "{moved}");
            assert!(room == 0.0 || affine.scale() <= room);
        }
    }

    #[test]
    fn an_outlier_does_not_hide_steps() {
        let mut values = repeated(&[0.0, 1.0]);
        values[3] = 99_999.0;
        let stats = FeatureStats::new(&values, &options()).unwrap();
        assert_eq!((stats.min, stats.max, stats.step), (0.0, 1.0, Some(1.0)));
        let options = QuantizeOptions {
            calibration: Calibration::MinMax,
            ..options()
        };
        assert_eq!(FeatureStats::new(&values, &options).unwrap().max, 99_999.0);
    }

    #[test]
    fn ranges_get_a_margin_but_not_across_zero() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i) * 0.01).collect();
        let stats = FeatureStats::new(&values, &options()).unwrap();
        let Codecs::Even(affine) = stats.codecs(&options()).unwrap() else {
            panic!("100 distinct values")
        };
        let (min, max) = affine.range();
        // 0 to 0.99, a tenth of it above: 1.089.
        assert!(
            min.abs() < 1e-12 && (max - 1.089).abs() < 0.005,
            "{min} {max}"
        );
    }
}
