//! Exact rounding, shared by the float path and the integer path so that they cannot disagree.

use core::cmp::Ordering;

use num_traits::Float;

use crate::{QuantError, Quantized};

/// Where counts of steps saturate: beyond the reach of every quantizer, see [`max_steps`].
pub(crate) const SATURATION: i64 = i32::MAX as i64;

/// The value of a small integer.
pub(crate) fn real<F: Float>(integer: i64) -> F {
    F::from(integer).expect("a float type converts every integer, rounding where it must")
}

/// The value of a real as reported in errors.
pub(crate) fn reported<F: Float>(value: F) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// Bits in the significand of `F`, the hidden one included: 53 for `f64`, 24 for `f32`.
pub(crate) fn precision<F: Float>() -> u32 {
    u64::BITS - F::one().integer_decode().0.leading_zeros()
}

/// How many steps of the scale a code may stand for: 2^30, or less where `F` is too coarse to tell
/// sixteenths of that many steps apart (2^20 for `f32`).
pub(crate) fn max_steps<F: Float>() -> i32 {
    1 << precision::<F>().saturating_sub(4).min(30)
}

/// A real number of steps: its floor, and how its fraction, in `[0, 1]`, compares with one half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) floor: i64,
    pub(crate) fraction_to_half: Ordering,
}

impl Steps {
    /// The exact quotient `value / scale`, for finite `value` and a scale that [`Affine`](crate::Affine) accepts;
    /// saturates beyond [`SATURATION`].
    ///
    /// The float quotient is the exact one rounded, so it can fall on `n + 1/2` when the exact one does not. Then the
    /// remainder `value - (n + 1/2) * scale`, which a fused multiply-add gives without error, says on which side it is.
    pub(crate) fn of_quotient<F: Float>(value: F, scale: F) -> Self {
        let quotient = value / scale;
        let floor = quotient.floor();
        let middle = floor + real::<F>(1) / real(2);
        let (left, right) = if quotient == middle {
            ((-middle).mul_add(scale, value), F::zero())
        } else {
            (quotient, middle)
        };
        let saturated = if quotient < F::zero() {
            -SATURATION
        } else {
            SATURATION
        };
        Self {
            floor: floor
                .to_i64()
                .unwrap_or(saturated)
                .clamp(-SATURATION, SATURATION),
            fraction_to_half: left.partial_cmp(&right).unwrap_or(Ordering::Less),
        }
    }

    /// The negative of this number.
    pub(crate) fn negated(self) -> Self {
        Self {
            floor: -self.floor - 1,
            fraction_to_half: self.fraction_to_half.reverse(),
        }
    }

    /// The nearest integer; of two, the even one.
    pub(crate) fn nearest(self) -> i64 {
        match self.fraction_to_half {
            Ordering::Less => self.floor,
            Ordering::Greater => self.floor + 1,
            Ordering::Equal => self.floor + (self.floor & 1),
        }
    }
}

/// The integers of an affine map: which code stands for 0, and which codes exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codes {
    pub(crate) zero_point: i32,
    pub(crate) min: i32,
    pub(crate) max: i32,
}

impl Codes {
    /// Checks that the codes have at most 16 bits and stand for at most `max_steps` steps.
    pub(crate) fn new(
        zero_point: i32,
        min: i32,
        max: i32,
        max_steps: i32,
    ) -> Result<Self, QuantError> {
        if min < -(1 << 15) || max > u16::MAX.into() || min > max || max - min > u16::MAX.into() {
            return Err(QuantError::CodeRange {
                min_code: min,
                max_code: max,
            });
        }
        let codes = Self {
            zero_point,
            min,
            max,
        };
        let reach = codes.min_steps().abs().max(codes.max_steps().abs());
        if reach > max_steps.into() {
            return Err(QuantError::TooFarFromZero {
                steps: real(reach),
                limit: max_steps,
            });
        }
        Ok(codes)
    }

    /// The steps that the smallest code stands for.
    pub(crate) fn min_steps(self) -> i64 {
        i64::from(self.min) - i64::from(self.zero_point)
    }

    /// The steps that the largest code stands for.
    pub(crate) fn max_steps(self) -> i64 {
        i64::from(self.max) - i64::from(self.zero_point)
    }

    /// The code nearest to `steps`, which was clipped iff it is more than half a step away.
    pub(crate) fn quantize(self, steps: Steps) -> Quantized {
        let (low, high) = (self.min_steps(), self.max_steps());
        let Steps {
            floor,
            fraction_to_half,
        } = steps;
        let above = floor > high || (floor == high && fraction_to_half == Ordering::Greater);
        let below = floor + 1 < low || (floor + 1 == low && fraction_to_half == Ordering::Less);
        let code = steps.nearest().clamp(low, high) + i64::from(self.zero_point);
        Quantized {
            code: i32::try_from(code).expect("a clamped code lies between two codes"),
            clipped: above || below,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn steps(value: f64, scale: f64) -> (i64, Ordering) {
        let steps = Steps::of_quotient(value, scale);
        (steps.floor, steps.fraction_to_half)
    }

    #[test]
    fn the_exact_quotient_is_rounded_not_the_float_quotient() {
        // As doubles, 1.5 / 0.6 is 2.5 but 0.6 is 0.59999999999999997780, so the exact quotient is above 2.5.
        assert_eq!(1.5 / 0.6, 2.5);
        assert_eq!(steps(1.5, 0.6), (2, Ordering::Greater));
        assert_eq!(Steps::of_quotient(1.5, 0.6).nearest(), 3);
        // 2.5 * 1 = 2.5 is a true tie, as is its negative: -3 + 1/2.
        assert_eq!(steps(2.5, 1.0), (2, Ordering::Equal));
        assert_eq!(steps(-2.5, 1.0), (-3, Ordering::Equal));
        assert_eq!(Steps::of_quotient(-2.5, 1.0).nearest(), -2);
    }

    #[test]
    fn negation_keeps_the_nearest() {
        for halves in -9..=9 {
            for nudge in [-0.125, 0.0, 0.125] {
                let value = f64::from(halves) / 2.0 + nudge;
                let (plus, minus) = (
                    Steps::of_quotient(value, 1.0),
                    Steps::of_quotient(-value, 1.0),
                );
                assert_eq!(plus.negated().nearest(), minus.nearest(), "{value}");
                assert_eq!(plus.nearest(), real_nearest(value), "{value}");
            }
        }
    }

    fn real_nearest(value: f64) -> i64 {
        value.round_ties_even().to_string().parse().unwrap()
    }

    #[test]
    fn limits_of_the_float_types() {
        assert_eq!((precision::<f32>(), precision::<f64>()), (24, 53));
        assert_eq!((max_steps::<f32>(), max_steps::<f64>()), (1 << 20, 1 << 30));
    }

    #[test]
    fn overflowing_quotients_saturate() {
        assert_eq!(steps(f64::MAX, 1e-300), (SATURATION, Ordering::Less));
        assert_eq!(steps(f64::MIN, 1e-300).0, -SATURATION);
        assert_eq!(Steps::of_quotient(f32::MAX, 1.0).floor, SATURATION);
    }
}
