//! The integer-only path from a sensor's integers to codes.

use core::cmp::Ordering;

use num_traits::Float;

use crate::steps::{Codes, SATURATION, Steps, precision, real, reported};
use crate::{Affine, QuantError, Quantized};

/// Maps a sensor's integer to the code of an [`Affine`] map with integers only: subtract, multiply, shift, round, clamp.
///
/// A sensor that reports `x` has measured `lsb * (x - offset)` real units. Its code is
/// `zero_point + round(multiplier * (x - offset) / 2^shift)`, clamped to the codes.
///
/// # Same codes as the float path
/// [`quantize(x)`](Self::quantize) equals `affine.quantize(lsb * F::from(x - offset))`, code and `clipped`, for *every*
/// `i32` sensor value, ties included. The reason:
/// - The multiplier has 64 bits, rounded down, so that `multiplier * |x - offset|`, at most 96 bits, is below the exact product by
///   less than `|x - offset|`. The float product is within `2 * 2^-p` of it (relative, for a significand
///   of `p` bits, one rounding for `x - offset` and one for the product).
/// - Where the shifted product is farther than both together from a half, it rounds as the float product does.
/// - Nearer than that, which is rare, the float product is formed in integers, rounded to its `p` bits, and compared
///   with the middle between the two codes: integer products, no division, no error. [`Affine::quantize`] rounds
///   exactly, so this is its comparison too.
///
/// The constructor needs a few float comparisons and one integer division; `quantize` needs no float at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    /// `|lsb| / scale * 2^shift`, rounded down; in `[2^63, 2^64)`.
    multiplier: u64,
    /// 31 to 96.
    shift: u32,
    negative_lsb: bool,
    offset: i32,
    codes: Codes,
    /// Significands of `|lsb|` and `scale`, their top bits at `precision - 1`.
    lsb: u64,
    scale: u64,
    /// Exponent of `lsb` less that of `scale / 2`: -32 to 34.
    exponent: i32,
    /// Bits of a significand of the float type.
    precision: u32,
}

impl FixedPoint {
    /// The codes of `affine` for a sensor that measures `lsb * (x - offset)` real units when it reports `x`.
    ///
    /// `lsb` may be negative, for a sensor whose reading falls as the quantity rises.
    ///
    /// # Errors
    /// - [`QuantError::SensorStep`] if `lsb` is NaN, infinite, 0 or subnormal, or `2^32 * lsb` overflows,
    /// - [`QuantError::SensorRatio`] if `|lsb| / scale` is outside `[2^-33, 2^33)`, where the code would not depend on `x`
    ///   or every `x` but `offset` would clip.
    pub fn from_affine<F: Float>(
        affine: &Affine<F>,
        lsb: F,
        offset: i32,
    ) -> Result<Self, QuantError> {
        if !lsb.is_normal() || !(lsb * real(1 << 32)).is_finite() {
            return Err(QuantError::SensorStep { lsb: reported(lsb) });
        }
        let (lsb_significand, lsb_exponent, sign) = lsb.integer_decode();
        let (scale_significand, scale_exponent, _) = affine.scale().integer_decode();
        let difference = i32::from(lsb_exponent) - i32::from(scale_exponent);
        // The ratio of the significands lies in (1/2, 2); normalize it to 64 bits.
        let bits = if lsb_significand >= scale_significand {
            63
        } else {
            64
        };
        let multiplier = (u128::from(lsb_significand) << bits) / u128::from(scale_significand);
        let ratio = || QuantError::SensorRatio {
            ratio: reported(lsb.abs()) / reported(affine.scale()),
        };
        let shift = u32::try_from(bits - difference).map_err(|_| ratio())?;
        if !(31..=96).contains(&shift) {
            return Err(ratio());
        }
        Ok(Self {
            multiplier: u64::try_from(multiplier).map_err(|_| ratio())?,
            shift,
            negative_lsb: sign < 0,
            offset,
            codes: affine.codes(),
            lsb: lsb_significand,
            scale: scale_significand,
            exponent: difference + 1,
            precision: precision::<F>(),
        })
    }

    /// The code of the sensor value `sensor`, with integer arithmetic only.
    #[must_use]
    pub fn quantize(&self, sensor: i32) -> Quantized {
        let distance = i64::from(sensor) - i64::from(self.offset);
        let steps = self.steps(distance.unsigned_abs());
        let negative = (distance < 0) != self.negative_lsb;
        self.codes
            .quantize(if negative { steps.negated() } else { steps })
    }

    /// The multiplier, in `[2^63, 2^64)`.
    #[must_use]
    pub fn multiplier(&self) -> u64 {
        self.multiplier
    }

    /// The shift, 31 to 96.
    #[must_use]
    pub fn shift(&self) -> u32 {
        self.shift
    }

    /// The sensor value of the real 0.
    #[must_use]
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// How many steps `distance` sensor counts are.
    fn steps(&self, distance: u64) -> Steps {
        let product = u128::from(self.multiplier) * u128::from(distance);
        let floor = i64::try_from(product >> self.shift).unwrap_or(SATURATION);
        if floor >= SATURATION {
            return Steps {
                floor: SATURATION,
                fraction_to_half: Ordering::Less,
            };
        }
        let half = 1_u128 << (self.shift - 1);
        let fraction = product & (2 * half - 1);
        // Twice the float product's error bound, which leaves ample room for the multiplier's: `distance`, at most
        // `product >> 63`. It is about a quarter of a step at most where codes are, by the choice of `max_steps`.
        let uncertain = product >> (self.precision - 2);
        let fraction_to_half = if fraction.abs_diff(half) > uncertain {
            fraction.cmp(&half)
        } else {
            self.float_product_to_middle(distance, floor.unsigned_abs())
        };
        Steps {
            floor,
            fraction_to_half,
        }
    }

    /// Compares the float product `|lsb| * distance` with `(floor + 1/2) * scale`, exactly. Both sides stay below 2^120.
    fn float_product_to_middle(&self, distance: u64, floor: u64) -> Ordering {
        let distance = round_to_bits(distance.into(), self.precision);
        let product = round_to_bits(u128::from(self.lsb) * distance, self.precision);
        let middle = u128::from(self.scale) * u128::from(2 * floor + 1);
        if self.exponent >= 0 {
            (product << self.exponent).cmp(&middle)
        } else {
            product.cmp(&(middle << -self.exponent))
        }
    }
}

/// Rounds to `bits` significant bits, ties to even, as a float operation does.
fn round_to_bits(n: u128, bits: u32) -> u128 {
    let excess = (u128::BITS - n.leading_zeros()).saturating_sub(bits);
    if excess == 0 {
        return n;
    }
    let (kept, dropped) = (n >> excess, n & ((1 << excess) - 1));
    let up = match dropped.cmp(&(1 << (excess - 1))) {
        Ordering::Less => 0,
        Ordering::Equal => kept & 1,
        Ordering::Greater => 1,
    };
    (kept + up) << excess
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BitWidth;

    #[test]
    fn by_hand() {
        // 10 mK per count from 0 degrees at 1000; scale 40 / 255 degrees, zero point 0; the ratio is 0.06375.
        let affine = Affine::asymmetric(0.0, 40.0, BitWidth::new(8).unwrap()).unwrap();
        let fixed = FixedPoint::from_affine(&affine, 0.01, 1000).unwrap();
        for (sensor, code, clipped) in [
            (1000, 0, false),
            (3004, 128, false), // 127.755
            (5000, 255, false),
            (5007, 255, false), // 255.45
            (5008, 255, true),  // 255.51
            (993, 0, false),    // -0.45
            (992, 0, true),     // -0.51
            (i32::MAX, 255, true),
            (i32::MIN, 0, true),
        ] {
            assert_eq!(
                fixed.quantize(sensor),
                Quantized { code, clipped },
                "{sensor}"
            );
        }
        // 0.06375 * 2^67 = 9.407839e18 lies in [2^63, 2^64) = [9.22e18, 18.4e18).
        assert_eq!(fixed.shift(), 67);
        assert_eq!(fixed.multiplier() / 1_000_000_000_000, 9_407_839);
    }

    #[test]
    fn ties_round_to_even_when_no_multiplier_is_exact() {
        // 3 (2k + 1) counts are k + 1/2 steps of 6, though 1/6 has no finite binary expansion.
        let fixed =
            FixedPoint::from_affine(&Affine::from_parts(6.0, 0, 0, 255).unwrap(), 1.0, 0).unwrap();
        for (sensor, code) in [(3, 0), (9, 2), (15, 2), (21, 4), (27, 4)] {
            assert_eq!(fixed.quantize(sensor).code, code, "{sensor}");
        }
    }

    #[test]
    fn hostile_steps_are_errors() {
        use QuantError::{SensorRatio, SensorStep};
        let affine = Affine::from_parts(1.0, 0, 0, 255).unwrap();
        let from_lsb = |lsb| FixedPoint::from_affine(&affine, lsb, 0);
        for lsb in [
            f64::NAN,
            f64::INFINITY,
            0.0,
            -0.0,
            5e-324,
            f64::MAX,
            f64::MIN,
        ] {
            assert!(matches!(from_lsb(lsb), Err(SensorStep { .. })), "{lsb}");
        }
        let power = |exponent| 2_f64.powi(exponent);
        for lsb in [
            1e-300,
            1e290,
            power(33),
            power(-33) * (1.0 - f64::EPSILON),
            -power(33),
        ] {
            assert!(matches!(from_lsb(lsb), Err(SensorRatio { .. })), "{lsb}");
        }
        for lsb in [power(33) * (1.0 - f64::EPSILON), power(-33), -power(-33)] {
            let fixed = from_lsb(lsb).unwrap();
            for sensor in [i32::MIN, -1, 0, 1, i32::MAX] {
                assert_eq!(
                    Ok(fixed.quantize(sensor)),
                    affine.quantize(lsb * f64::from(sensor))
                );
            }
        }
    }

    #[test]
    fn rounding_to_bits() {
        for (n, rounded) in [
            (0, 0),
            (7, 7),
            (9, 8),
            (11, 12),
            (13, 12),
            (15, 16),
            (0b1_0110, 0b1_1000),
            (0b1_0101, 0b1_0100),
        ] {
            assert_eq!(round_to_bits(n, 3), rounded, "{n}");
        }
    }
}
