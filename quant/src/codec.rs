//! How a feature becomes the code of an input.

use crate::{Affine, QuantError, Quantized};

/// Finite, strictly increasing cut points, wherever they are: in memory, or in the bytes of a file.
pub trait CutPoints {
    /// How many there are, at most 65535.
    fn count(&self) -> usize;

    /// Cut point `index`, which is below [`count`](Self::count).
    fn cut(&self, index: usize) -> f64;
}

impl CutPoints for &[f64] {
    fn count(&self) -> usize {
        self.len()
    }

    fn cut(&self, index: usize) -> f64 {
        self[index]
    }
}

#[cfg(feature = "alloc")]
impl CutPoints for alloc::vec::Vec<f64> {
    fn count(&self) -> usize {
        self.len()
    }

    fn cut(&self, index: usize) -> f64 {
        self[index]
    }
}

/// From real to code.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Codec<C> {
    /// Evenly spaced codes.
    Affine(Affine<f64>),
    /// The number of cut points that are at most the value.
    Bins {
        /// Finite and strictly increasing.
        cuts: C,
        /// Whether the value is rounded to single precision first, as the model's library does.
        round_to_f32: bool,
    },
}

impl<C: CutPoints> Codec<C> {
    /// The code of a value.
    ///
    /// # Errors
    /// [`QuantError::NotFinite`] for NaN and infinities.
    pub fn quantize(&self, value: f64) -> Result<Quantized, QuantError> {
        match self {
            Self::Affine(affine) => affine.quantize(value),
            Self::Bins { cuts, round_to_f32 } => {
                if !value.is_finite() {
                    return Err(QuantError::NotFinite { value });
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "rounding to single precision is what is asked for"
                )]
                let value = if *round_to_f32 {
                    f64::from(value as f32)
                } else {
                    value
                };
                Ok(Quantized {
                    code: count_at_most(cuts, value),
                    clipped: false,
                })
            }
        }
    }

    /// Least and greatest code.
    #[must_use]
    pub fn code_range(&self) -> (i64, i64) {
        match self {
            Self::Affine(affine) => (affine.min_code().into(), affine.max_code().into()),
            Self::Bins { cuts, .. } => (0, i64::try_from(cuts.count()).unwrap_or(i64::MAX)),
        }
    }
}

/// The number of cut points that are at most `x`.
fn count_at_most(cuts: &impl CutPoints, x: f64) -> i32 {
    let (mut low, mut high) = (0, cuts.count());
    while low < high {
        let middle = low + (high - low) / 2;
        if cuts.cut(middle) <= x {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    i32::try_from(low).unwrap_or(i32::MAX)
}

/// An input of the circuit: which column it is, and how its cells become codes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Input<C> {
    /// Column of the feature matrix, from 0.
    pub column: usize,
    /// From real to code.
    pub codec: Codec<C>,
    /// The code of a missing value (NaN), for models that learned what to do with one; it may lie one beyond the codec's.
    #[cfg_attr(feature = "serde", serde(default))]
    pub missing: Option<i32>,
}

impl<C: CutPoints> Input<C> {
    /// The code of a value or, for NaN, of a missing one.
    ///
    /// # Errors
    /// [`QuantError::NotFinite`] for infinities, and for NaN where there is no code for a missing value.
    pub fn quantize(&self, value: f64) -> Result<Quantized, QuantError> {
        match self.missing {
            Some(code) if value.is_nan() => Ok(Quantized {
                code,
                clipped: false,
            }),
            _ => self.codec.quantize(value),
        }
    }

    /// Least and greatest code, that of a missing value included.
    #[must_use]
    pub fn code_range(&self) -> (i64, i64) {
        let (min, max) = self.codec.code_range();
        let missing = self.missing.map_or(min, i64::from);
        (min.min(missing), max.max(missing))
    }

    /// Bits of the code, counted from the least.
    #[must_use]
    pub fn bits(&self) -> u32 {
        let (min, max) = self.code_range();
        u64::BITS - max.abs_diff(min).leading_zeros()
    }
}

/// An output of the circuit: how its integer becomes a score, `scale·integer + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Output {
    /// Smallest integer it takes.
    pub min: i64,
    /// Largest integer it takes.
    pub max: i64,
    /// Score per unit.
    pub scale: f64,
    /// Score of the integer 0.
    pub offset: f64,
}

impl Output {
    /// The score of an integer.
    #[must_use]
    pub fn score(&self, integer: i64) -> f64 {
        self.scale * integer as f64 + self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bins;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bins_are_those_of_slices(
            cuts in proptest::collection::btree_set(-1000_i32..1000, 0..40),
            x in -1100.0..1100.0_f64,
        ) {
            let cuts: alloc::vec::Vec<f64> = cuts.into_iter().map(|cut| f64::from(cut) / 8.0).collect();
            let codec = Codec::Bins { cuts: cuts.as_slice(), round_to_f32: false };
            let bins = Bins::new(&cuts).expect("they are increasing");
            let owned = Codec::Bins { cuts: cuts.clone(), round_to_f32: false };
            for x in [x / 8.0, (x / 8.0).round(), x.round() / 8.0] {
                prop_assert_eq!(codec.quantize(x), bins.quantize(x));
                prop_assert_eq!(owned.quantize(x), bins.quantize(x));
            }
            prop_assert_eq!(codec.code_range(), (0, i64::from(bins.max_code())));
        }
    }

    #[test]
    fn missing_values_widen_the_range_and_infinities_are_refused() {
        let input = |missing| Input {
            column: 3,
            codec: Codec::Bins {
                cuts: [0.5, 1.5].as_slice(),
                round_to_f32: false,
            },
            missing,
        };
        assert_eq!(input(None).code_range(), (0, 2));
        assert_eq!(input(Some(3)).code_range(), (0, 3));
        assert_eq!((input(None).bits(), input(Some(4)).bits()), (2, 3));
        assert_eq!(input(Some(3)).quantize(f64::NAN).map(|q| q.code), Ok(3));
        assert!(input(None).quantize(f64::NAN).is_err());
        assert!(input(Some(3)).quantize(f64::INFINITY).is_err());
    }

    #[test]
    fn single_precision_is_rounded_to_first() {
        let cut = [0.1];
        let code = |round_to_f32| {
            let cuts = cut.as_slice();
            let codec = Codec::Bins { cuts, round_to_f32 };
            codec.quantize(0.099_999_999_9).map(|q| q.code)
        };
        assert_eq!((code(false), code(true)), (Ok(0), Ok(1)));
    }
}
