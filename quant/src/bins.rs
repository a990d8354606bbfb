//! Bins between cut points.

use heapless::Vec;
use num_traits::Float;

use crate::steps::reported;
use crate::{QuantError, Quantized};

/// The most cut points, so that a code has at most 16 bits.
const MAX_CUTS: usize = u16::MAX as usize;

/// Bins between borrowed cut points: the code of `x` is the number of cut points `c` with `c <= x`.
///
/// So `code < j` iff `x < cuts[j - 1]`, exactly, for every `j` in `1..=cuts.len()`: a tree that splits at its cut points
/// makes the same decisions on codes as on reals. The bins cover the whole real line, so no value is ever clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bins<'a, F> {
    cuts: &'a [F],
}

impl<'a, F: Float> Bins<'a, F> {
    /// Bins between `cuts`, which must be finite and strictly increasing. Without cut points there is one bin, code 0.
    ///
    /// # Errors
    /// - [`QuantError::TooManyCuts`] for more than 65535,
    /// - [`QuantError::CutNotFinite`] and [`QuantError::CutsNotIncreasing`] for the first cut point that is so.
    pub fn new(cuts: &'a [F]) -> Result<Self, QuantError> {
        if cuts.len() > MAX_CUTS {
            return Err(QuantError::TooManyCuts {
                count: cuts.len(),
                limit: MAX_CUTS,
            });
        }
        if let Some(index) = cuts.iter().position(|cut| !cut.is_finite()) {
            return Err(QuantError::CutNotFinite {
                index,
                value: reported(cuts[index]),
            });
        }
        if let Some(index) = cuts.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(QuantError::CutsNotIncreasing { index: index + 1 });
        }
        Ok(Self { cuts })
    }

    /// The number of cut points `c` with `c <= x`; never clipped.
    ///
    /// # Errors
    /// [`QuantError::NotFinite`] if `x` is NaN or infinite.
    pub fn quantize(&self, x: F) -> Result<Quantized, QuantError> {
        if !x.is_finite() {
            return Err(QuantError::NotFinite { value: reported(x) });
        }
        let code = code(self.cuts.partition_point(|&cut| cut <= x));
        Ok(Quantized {
            code,
            clipped: false,
        })
    }

    /// The cut points, strictly increasing.
    #[must_use]
    pub fn cuts(&self) -> &'a [F] {
        self.cuts
    }

    /// The largest code: the number of cut points.
    #[must_use]
    pub fn max_code(&self) -> i32 {
        code(self.cuts.len())
    }
}

fn code(cuts: usize) -> i32 {
    i32::try_from(cuts).expect("there are at most 65535 cut points")
}

/// Bins that own up to `N` cut points, without an allocator; otherwise as [`Bins`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        try_from = "Vec<F, N>",
        into = "Vec<F, N>",
        bound(
            serialize = "F: Float + serde::Serialize",
            deserialize = "F: Float + serde::Deserialize<'de>"
        )
    )
)]
pub struct HeaplessBins<F, const N: usize> {
    cuts: Vec<F, N>,
}

impl<F: Float, const N: usize> HeaplessBins<F, N> {
    /// Bins between a copy of `cuts`.
    ///
    /// # Errors
    /// As [`Bins::new`], and [`QuantError::TooManyCuts`] for more than `N`.
    pub fn new(cuts: &[F]) -> Result<Self, QuantError> {
        Bins::new(cuts)?;
        let cuts = Vec::from_slice(cuts).map_err(|_| QuantError::TooManyCuts {
            count: cuts.len(),
            limit: N,
        })?;
        Ok(Self { cuts })
    }

    /// The same bins, borrowed.
    #[must_use]
    pub fn as_bins(&self) -> Bins<'_, F> {
        Bins { cuts: &self.cuts }
    }

    /// As [`Bins::quantize`].
    ///
    /// # Errors
    /// [`QuantError::NotFinite`] if `x` is NaN or infinite.
    pub fn quantize(&self, x: F) -> Result<Quantized, QuantError> {
        self.as_bins().quantize(x)
    }

    /// The cut points, strictly increasing.
    #[must_use]
    pub fn cuts(&self) -> &[F] {
        &self.cuts
    }

    /// The largest code: the number of cut points.
    #[must_use]
    pub fn max_code(&self) -> i32 {
        self.as_bins().max_code()
    }
}

#[cfg(feature = "serde")]
impl<F: Float, const N: usize> TryFrom<Vec<F, N>> for HeaplessBins<F, N> {
    type Error = QuantError;

    fn try_from(cuts: Vec<F, N>) -> Result<Self, QuantError> {
        Bins::new(&cuts)?;
        Ok(Self { cuts })
    }
}

#[cfg(feature = "serde")]
impl<F, const N: usize> From<HeaplessBins<F, N>> for Vec<F, N> {
    fn from(bins: HeaplessBins<F, N>) -> Self {
        bins.cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_by_hand() {
        let cuts = [-1.0, 0.0, 2.5];
        let owned = HeaplessBins::<f64, 3>::new(&cuts).unwrap();
        assert_eq!((owned.max_code(), owned.cuts()), (3, &cuts[..]));
        for (x, code) in [
            (f64::MIN, 0),
            (-1.1, 0),
            (-1.0, 1),
            (-0.5, 1),
            (-0.0, 2),
            (0.0, 2),
            (2.4, 2),
            (2.5, 3),
            (f64::MAX, 3),
        ] {
            let want = Ok(Quantized {
                code,
                clipped: false,
            });
            let bins = Bins::new(&cuts).unwrap();
            assert_eq!((bins.quantize(x), bins.cuts()), (want, &cuts[..]), "{x}");
            assert_eq!(owned.quantize(x), want, "{x}");
        }
        assert_eq!(
            Bins::<f32>::new(&[]).unwrap().quantize(1.0).unwrap().code,
            0
        );
    }

    #[test]
    fn hostile_cuts_are_errors() {
        use QuantError::{CutNotFinite, CutsNotIncreasing, TooManyCuts};
        let increasing = |index| Err(CutsNotIncreasing { index });
        assert_eq!(Bins::new(&[0.0, 1.0, 1.0]), increasing(2));
        assert_eq!(Bins::new(&[1.0, 0.0]), increasing(1));
        assert_eq!(Bins::new(&[-0.0, 0.0]), increasing(1));
        assert!(matches!(
            Bins::new(&[0.0, f64::NAN]),
            Err(CutNotFinite { index: 1, .. })
        ));
        assert!(matches!(
            Bins::new(&[f32::NEG_INFINITY]),
            Err(CutNotFinite { index: 0, .. })
        ));
        assert_eq!(
            Bins::new(&[0.0; 65_536]),
            Err(TooManyCuts {
                count: 65_536,
                limit: 65_535
            })
        );
        assert_eq!(
            HeaplessBins::<f64, 1>::new(&[0.0, 1.0]),
            Err(TooManyCuts { count: 2, limit: 1 })
        );
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(
                Bins::new(&[0.0]).unwrap().quantize(x),
                Err(QuantError::NotFinite { .. })
            ));
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_goes_through_the_door() {
        let bins = HeaplessBins::<f64, 4>::new(&[0.0, 1.5]).unwrap();
        let text = serde_json::to_string(&bins).unwrap();
        assert_eq!(text, "[0.0,1.5]");
        assert_eq!(
            serde_json::from_str::<HeaplessBins<f64, 4>>(&text).unwrap(),
            bins
        );
        assert!(serde_json::from_str::<HeaplessBins<f64, 4>>("[1.5,0.0]").is_err());
        assert!(serde_json::from_str::<HeaplessBins<f64, 1>>(&text).is_err());
    }
}
