//! Affine maps between reals and codes.

use num_traits::Float;

use crate::steps::{Codes, Steps, max_steps, real, reported};
use crate::{BitWidth, QuantError, Quantized};

/// The affine map `real = scale * (code - zero_point)` (Jacob et al. 2018, eq. 1).
///
/// - `scale` is in real units per code, at least twice the smallest normal number of `F`.
/// - Codes lie in `[min_code, max_code]`, at most 16 bits wide.
/// - `zero_point` is the code of the real 0. It lies outside the codes when the range does not include 0, as for a
///   temperature of 290 to 310 K; no code may stand for more than 2^30 steps of the scale (2^20 for `f32`).
/// - Rounding is to the nearest code, ties to even numbers of steps, and *exact*: it is the exact quotient of the two
///   floats that is rounded, not the float nearest to it.
/// - A value is clipped iff it lies more than half a step beyond the value of the outermost code, so that
///   `|dequantize(quantize(x)) - x| <= scale / 2` holds iff `x` was not clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        try_from = "AffineParts<F>",
        into = "AffineParts<F>",
        bound(
            serialize = "F: Float + serde::Serialize",
            deserialize = "F: Float + serde::Deserialize<'de>"
        )
    )
)]
pub struct Affine<F> {
    scale: F,
    codes: Codes,
}

impl<F: Float> Affine<F> {
    /// Spreads the codes `0..=2^bits - 1` over `[min, max]`: `scale = (max - min) / (2^bits - 1)` and
    /// `zero_point = round(-min / scale)`.
    ///
    /// Neither `min` nor `max` is clipped. Rounding the zero point moves the range by up to half a step, so that 0 has a
    /// code exactly (if it lies in the range). A constant, `min == max`, gets a code that stands for it exactly.
    ///
    /// # Errors
    /// - [`QuantError::Range`] for ends that are NaN, infinite or out of order,
    /// - [`QuantError::RangeTooWide`] if `max - min` overflows,
    /// - [`QuantError::Scale`] if the range is so narrow that the scale underflows,
    /// - [`QuantError::TooFarFromZero`] if the range is too narrow for its distance from 0.
    pub fn asymmetric(min: F, max: F, bits: BitWidth) -> Result<Self, QuantError> {
        check_range(min, max)?;
        if min == max {
            return Self::constant(min, bits);
        }
        let width = max - min;
        if width.is_infinite() {
            return Err(too_wide(min, max));
        }
        let mut scale = width / real(bits.max_unsigned().into());
        // Rounded down, the scale spans a hair less than [min, max], and an end that lies on a tie would clip.
        // Each of the two roundings above is undone by one step up.
        let mut affine = Self::starting_at(min, scale, bits)?;
        for _ in 0..2 {
            if !affine.quantize(min)?.clipped && !affine.quantize(max)?.clipped {
                break;
            }
            scale = scale + scale * F::epsilon();
            affine = Self::starting_at(min, scale, bits)?;
        }
        Ok(affine)
    }

    /// Spreads the codes `-(2^(bits-1) - 1)..=2^(bits-1) - 1` over `[-max_abs, max_abs]`, with zero point 0:
    /// `scale = max_abs / (2^(bits-1) - 1)`. The map is odd. If `max_abs` is 0 the scale is 1.
    ///
    /// # Errors
    /// - [`QuantError::SymmetricBitWidth`] for one bit,
    /// - [`QuantError::Range`] if `max_abs` is NaN, infinite or negative,
    /// - [`QuantError::Scale`] if the scale underflows.
    pub fn symmetric(max_abs: F, bits: BitWidth) -> Result<Self, QuantError> {
        let max_code = bits.max_symmetric();
        if max_code == 0 {
            return Err(QuantError::SymmetricBitWidth);
        }
        check_range(-max_abs, max_abs)?;
        let scale = if max_abs == F::zero() {
            F::one()
        } else {
            max_abs / real(max_code.into())
        };
        Self::from_parts(scale, 0, -max_code, max_code)
    }

    /// The map with these parts, for instance from a file.
    ///
    /// # Errors
    /// - [`QuantError::Scale`] if the scale is NaN, infinite, or less than twice the smallest normal number,
    /// - [`QuantError::CodeRange`] unless `-32768 <= min_code <= max_code <= 65535` and `max_code - min_code <= 65535`,
    /// - [`QuantError::TooFarFromZero`] if a code stands for more than 2^30 steps (2^20 for `f32`),
    /// - [`QuantError::RangeTooWide`] if the real value of a code overflows.
    pub fn from_parts(
        scale: F,
        zero_point: i32,
        min_code: i32,
        max_code: i32,
    ) -> Result<Self, QuantError> {
        let smallest = F::min_positive_value() + F::min_positive_value();
        if !(scale >= smallest && scale.is_finite()) {
            return Err(QuantError::Scale {
                scale: reported(scale),
                smallest: reported(smallest),
            });
        }
        let codes = Codes::new(zero_point, min_code, max_code, max_steps::<F>())?;
        let affine = Self { scale, codes };
        let (min, max) = affine.range();
        if min.is_infinite() || max.is_infinite() {
            return Err(too_wide(min, max));
        }
        Ok(affine)
    }

    /// The code nearest to `x`; ties go to the even number of steps, `code - zero_point`.
    ///
    /// # Errors
    /// [`QuantError::NotFinite`] if `x` is NaN or infinite.
    pub fn quantize(&self, x: F) -> Result<Quantized, QuantError> {
        if !x.is_finite() {
            return Err(QuantError::NotFinite { value: reported(x) });
        }
        Ok(self.codes.quantize(Steps::of_quotient(x, self.scale)))
    }

    /// `scale * (code - zero_point)`, rounded once. Codes outside the code range extrapolate.
    #[must_use]
    pub fn dequantize(&self, code: i32) -> F {
        self.scale * real(i64::from(code) - i64::from(self.codes.zero_point))
    }

    /// Real units per code.
    #[must_use]
    pub fn scale(&self) -> F {
        self.scale
    }

    /// The code of the real 0; may lie outside the code range.
    #[must_use]
    pub fn zero_point(&self) -> i32 {
        self.codes.zero_point
    }

    /// The smallest code.
    #[must_use]
    pub fn min_code(&self) -> i32 {
        self.codes.min
    }

    /// The largest code.
    #[must_use]
    pub fn max_code(&self) -> i32 {
        self.codes.max
    }

    /// The real values of the smallest and the largest code.
    #[must_use]
    pub fn range(&self) -> (F, F) {
        (
            self.dequantize(self.codes.min),
            self.dequantize(self.codes.max),
        )
    }

    pub(crate) fn codes(&self) -> Codes {
        self.codes
    }

    /// The map whose code 0 stands for `min`, rounded to a whole number of steps.
    fn starting_at(min: F, scale: F, bits: BitWidth) -> Result<Self, QuantError> {
        let limit = max_steps::<F>();
        let too_far = QuantError::TooFarFromZero {
            steps: reported((min / scale).abs()),
            limit,
        };
        let steps = Steps::of_quotient(min, scale).nearest();
        if steps.abs() > limit.into() {
            return Err(too_far);
        }
        let zero_point = i32::try_from(-steps).map_err(|_| too_far)?;
        Self::from_parts(scale, zero_point, 0, bits.max_unsigned())
    }

    /// A map with a code for exactly `value`: one step of size `|value|` up or down from 0. A value too small to be a
    /// scale rounds to 0 with scale 1.
    fn constant(value: F, bits: BitWidth) -> Result<Self, QuantError> {
        let smallest = F::min_positive_value() + F::min_positive_value();
        let scale = if value.abs() < smallest {
            F::one()
        } else {
            value.abs()
        };
        let zero_point = i32::from(value < F::zero());
        // One bit is all a constant needs where more codes would overflow.
        Self::from_parts(scale, zero_point, 0, bits.max_unsigned())
            .or_else(|_| Self::from_parts(scale, zero_point, 0, BitWidth::MIN.max_unsigned()))
    }
}

fn check_range<F: Float>(min: F, max: F) -> Result<(), QuantError> {
    if min.is_finite() && max.is_finite() && min <= max {
        Ok(())
    } else {
        Err(QuantError::Range {
            min: reported(min),
            max: reported(max),
        })
    }
}

fn too_wide<F: Float>(min: F, max: F) -> QuantError {
    QuantError::RangeTooWide {
        min: reported(min),
        max: reported(max),
    }
}

/// What a file holds of an [`Affine`].
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Affine", deny_unknown_fields)]
struct AffineParts<F> {
    scale: F,
    zero_point: i32,
    min_code: i32,
    max_code: i32,
}

#[cfg(feature = "serde")]
impl<F: Float> TryFrom<AffineParts<F>> for Affine<F> {
    type Error = QuantError;

    fn try_from(parts: AffineParts<F>) -> Result<Self, QuantError> {
        Self::from_parts(
            parts.scale,
            parts.zero_point,
            parts.min_code,
            parts.max_code,
        )
    }
}

#[cfg(feature = "serde")]
impl<F: Float> From<Affine<F>> for AffineParts<F> {
    fn from(affine: Affine<F>) -> Self {
        Self {
            scale: affine.scale,
            zero_point: affine.codes.zero_point,
            min_code: affine.codes.min,
            max_code: affine.codes.max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bits: u8) -> BitWidth {
        BitWidth::new(bits).unwrap()
    }

    fn quantized(code: i32, clipped: bool) -> Quantized {
        Quantized { code, clipped }
    }

    #[test]
    fn asymmetric_by_hand() {
        // scale = (5 - -1) / 3 = 2, zero_point = round(0.5) = 0 (tie to even): codes 0..=3 stand for 0, 2, 4, 6.
        let affine = Affine::asymmetric(-1.0, 5.0, bits(2)).unwrap();
        assert_eq!((affine.scale(), affine.zero_point()), (2.0, 0));
        for (x, want) in [
            (-1.0, quantized(0, false)), // -0.5 steps: exactly half a step beyond code 0
            (-1.001, quantized(0, true)),
            (0.999, quantized(0, false)),
            (1.0, quantized(0, false)), // 0.5 steps, tie to 0
            (3.0, quantized(2, false)), // 1.5 steps, tie to 2
            (5.0, quantized(2, false)), // 2.5 steps, tie to 2
            (7.0, quantized(3, false)), // 3.5 steps: exactly half a step beyond code 3
            (7.001, quantized(3, true)),
            (f64::MAX, quantized(3, true)),
            (f64::MIN, quantized(0, true)),
        ] {
            assert_eq!(affine.quantize(x), Ok(want), "{x}");
        }
        assert_eq!(affine.range(), (0.0, 6.0));
    }

    #[test]
    fn limits_are_reached() {
        let far = 2f64.powi(30);
        assert!(Affine::asymmetric(-far, 255.0 - far, bits(8)).is_ok());
        assert!(Affine::asymmetric(-far - 1.0, 254.0 - far, bits(8)).is_err());
        // The smallest scale stands for itself.
        let smallest = 2.0 * f64::MIN_POSITIVE;
        let constant = Affine::asymmetric(smallest, smallest, bits(8)).unwrap();
        assert_eq!(
            constant.dequantize(constant.quantize(smallest).unwrap().code),
            smallest
        );
    }

    #[test]
    fn a_range_away_from_zero_has_its_zero_point_outside_the_codes() {
        // scale = 31.875 / 255 = 1/8: 290 is 2320 steps, 300 is 2400, and 321.875 is 2575.
        let affine = Affine::asymmetric(290.0, 321.875, bits(8)).unwrap();
        assert_eq!((affine.scale(), affine.zero_point()), (0.125, -2320));
        assert_eq!(affine.quantize(290.0), Ok(quantized(0, false)));
        assert_eq!(affine.quantize(300.0), Ok(quantized(80, false)));
        assert_eq!(affine.quantize(321.875), Ok(quantized(255, false)));
    }

    #[test]
    fn symmetric_by_hand() {
        // scale = 7 / 7 = 1.
        let affine = Affine::symmetric(7.0_f32, bits(4)).unwrap();
        assert_eq!(
            (affine.min_code(), affine.max_code(), affine.scale()),
            (-7, 7, 1.0)
        );
        assert_eq!(affine.quantize(-2.5), Ok(quantized(-2, false)));
        assert_eq!(affine.quantize(-7.5), Ok(quantized(-7, false)));
        assert_eq!(affine.quantize(-7.6), Ok(quantized(-7, true)));
        assert_eq!(
            Affine::symmetric(0.0, bits(2)).unwrap().quantize(0.0),
            Ok(quantized(0, false))
        );
        assert_eq!(
            Affine::symmetric(1.0, bits(1)),
            Err(QuantError::SymmetricBitWidth)
        );
    }

    #[test]
    fn a_constant_has_an_exact_code() {
        for width in 1..=16 {
            for value in [
                0.0,
                0.1,
                -0.1,
                1e300,
                f64::MAX,
                f64::MIN,
                1e-300,
                f64::MIN_POSITIVE * 2.0,
            ] {
                let affine = Affine::asymmetric(value, value, bits(width)).unwrap();
                let code = affine.quantize(value).unwrap();
                assert!(!code.clipped);
                assert_eq!(affine.dequantize(code.code), value);
            }
            assert!(Affine::asymmetric(5e-324, 5e-324, bits(width)).is_ok());
        }
    }

    #[test]
    fn hostile_ends_are_errors() {
        use QuantError::{Range, RangeTooWide, Scale, TooFarFromZero};
        let asymmetric = |min, max| Affine::<f64>::asymmetric(min, max, bits(8)).unwrap_err();
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (min, max) in [
            (nan, 1.0),
            (0.0, nan),
            (-inf, 0.0),
            (0.0, inf),
            (inf, inf),
            (nan, nan),
            (1.0, 0.0),
        ] {
            assert!(matches!(asymmetric(min, max), Range { .. }), "{min} {max}");
        }
        assert!(matches!(
            asymmetric(f64::MIN, f64::MAX),
            RangeTooWide { .. }
        ));
        assert!(matches!(asymmetric(0.0, 1e-310), Scale { .. }));
        // 1 / (1e-9 / 255) = 2.55e11 steps, more than 2^30.
        assert!(
            matches!(asymmetric(1.0, 1.0 + 1e-9), TooFarFromZero { steps, limit: 1_073_741_824 } if steps > 2.5e11)
        );
        assert!(matches!(
            asymmetric(-1e308, -1e308 * (1.0 - 1e-14)),
            TooFarFromZero { .. }
        ));
        // 1000 / (0.1 / 255) = 2.55e6 steps, more than 2^20, though within 2^30.
        assert!(matches!(
            Affine::asymmetric(1000_f32, 1000.1, bits(8)),
            Err(TooFarFromZero { .. })
        ));
        assert!(Affine::asymmetric(1000_f64, 1000.1, bits(8)).is_ok());
        for max_abs in [nan, inf, -1.0] {
            assert!(matches!(
                Affine::symmetric(max_abs, bits(8)),
                Err(Range { .. })
            ));
        }
        assert!(matches!(
            Affine::symmetric(1e-310, bits(8)),
            Err(Scale { .. })
        ));
    }

    #[test]
    fn hostile_parts_are_errors() {
        use QuantError::{CodeRange, RangeTooWide, Scale, TooFarFromZero};
        let nan_or_small = [
            f64::NAN,
            f64::INFINITY,
            0.0,
            -0.0,
            -1.0,
            5e-324,
            f64::MIN_POSITIVE,
        ];
        for scale in nan_or_small {
            assert!(
                matches!(Affine::from_parts(scale, 0, 0, 255), Err(Scale { .. })),
                "{scale}"
            );
        }
        for (min, max) in [
            (1, 0),
            (-32_769, 0),
            (0, 65_536),
            (-1, 65_535),
            (i32::MIN, i32::MAX),
            (i32::MAX, i32::MIN),
        ] {
            assert!(
                matches!(Affine::from_parts(1.0, 0, min, max), Err(CodeRange { .. })),
                "{min} {max}"
            );
        }
        for zero_point in [i32::MIN, i32::MAX, -(1 << 30), (1 << 30) + 1] {
            assert!(matches!(
                Affine::from_parts(1.0, zero_point, 0, 255),
                Err(TooFarFromZero { .. })
            ));
        }
        assert!(Affine::from_parts(1.0, -(1 << 30) + 255, 0, 255).is_ok());
        assert!(Affine::from_parts(1.0, 1 << 30, 0, 255).is_ok());
        assert!(matches!(
            Affine::from_parts(1e308, 0, 0, 255),
            Err(RangeTooWide { .. })
        ));
    }

    #[test]
    fn values_that_are_not_finite_are_errors() {
        let affine = Affine::symmetric(1.0, bits(8)).unwrap();
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(
                affine.quantize(x),
                Err(QuantError::NotFinite { .. })
            ));
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_goes_through_the_door() {
        let affine = Affine::asymmetric(-1.0, 5.0, bits(2)).unwrap();
        let text = serde_json::to_string(&affine).unwrap();
        assert_eq!(
            text,
            r#"{"scale":2.0,"zero_point":0,"min_code":0,"max_code":3}"#
        );
        assert_eq!(serde_json::from_str::<Affine<f64>>(&text).unwrap(), affine);
        let hostile = text.replace("2.0", "-2.0");
        let error = serde_json::from_str::<Affine<f64>>(&hostile).unwrap_err();
        assert!(
            alloc::string::ToString::to_string(&error).starts_with("the scale -2 must be finite"),
            "{error}"
        );
    }
}
