//! The door for lattice parameters: what is not at least 128 bits secure does not get in.

use thiserror::Error;

use crate::cursor::Cursor;

/// Largest dimension `k·N` of a secret key that this crate handles; bounds the memory of a device.
pub const MAX_DIMENSION: usize = 4096;

/// Smallest dimension that the security bound covers (below it the estimator's fit does not hold).
pub const MIN_DIMENSION: usize = 450;

/// Smallest and largest polynomial size.
pub const POLYNOMIAL_SIZES: core::ops::RangeInclusive<usize> = 64..=4096;

/// Parameters of GLWE encryption over `Z_q[X]/(X^N + 1)` with `q = 2^64` and binary keys, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlweParams {
    /// Number `k` of mask polynomials.
    pub glwe_dimension: u8,
    /// Coefficients `N` of a polynomial, a power of two.
    pub polynomial_size: u16,
    /// Noise is TUniform in `[-2^b, 2^b]`, in units of `1/q`; this is `b`.
    pub noise_bound_log2: u8,
}

/// [`GlweParams`] that passed the door: well formed and at least 128 bits secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidGlwe(GlweParams);

/// Why [`GlweParams::validate`] refused parameters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParamError {
    /// The polynomial size is not a supported power of two.
    #[error("polynomial size {0} is not a power of two in 64..=4096")]
    PolynomialSize(u16),
    /// The dimension lies outside what the security bound and this crate cover.
    #[error("dimension k·N = {dimension} lies outside {MIN_DIMENSION}..={MAX_DIMENSION}")]
    Dimension {
        /// `k·N` as given.
        dimension: usize,
    },
    /// The noise is too small for 128 bits of security at this dimension.
    #[error(
        "noise bound 2^{noise_bound_log2} at dimension {dimension} is under 128-bit security, which asks for 2^{required}; do not use this spec"
    )]
    Insecure {
        /// `k·N`.
        dimension: usize,
        /// The bound as given, log2 in units of `1/q`.
        noise_bound_log2: u8,
        /// The least secure bound at this dimension.
        required: u8,
    },
    /// The noise leaves no room for a message.
    #[error("noise bound 2^{0} leaves no room for a message in 64 bits; the limit is 2^60")]
    NoiseTooLarge(u8),
}

/// Least TUniform bound (log2, `q = 2^64`) with 132 bits of security at dimension `n`:
/// `max(3, ⌈−0.025167785·n + 68.100671⌉)`, the fit to the lattice estimator that tfhe-rs 1.8.2 uses
/// (`noise_formulas::secure_noise`). Integer arithmetic in units of 1e-9.
#[must_use]
pub fn secure_noise_bound_log2(dimension: usize) -> u8 {
    let nano = 68_100_671_000i64 - 25_167_785 * dimension.min(MAX_DIMENSION) as i64;
    let ceiling = nano.div_euclid(1_000_000_000) + i64::from(nano.rem_euclid(1_000_000_000) != 0);
    u8::try_from(ceiling.max(3)).unwrap_or(u8::MAX)
}

impl GlweParams {
    /// Reads what [`write`](Self::write) wrote, unchecked.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            glwe_dimension: cursor.u8()?,
            polynomial_size: cursor.u16()?,
            noise_bound_log2: cursor.u8()?,
        })
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn write(self, out: &mut alloc::vec::Vec<u8>) {
        out.push(self.glwe_dimension);
        out.extend(self.polynomial_size.to_le_bytes());
        out.push(self.noise_bound_log2);
    }

    /// Checks form and security.
    ///
    /// # Errors
    ///
    /// [`ParamError`] names the first parameter that is out of range or insecure.
    pub fn validate(self) -> Result<ValidGlwe, ParamError> {
        let size = usize::from(self.polynomial_size);
        if !size.is_power_of_two() || !POLYNOMIAL_SIZES.contains(&size) {
            return Err(ParamError::PolynomialSize(self.polynomial_size));
        }
        let dimension = usize::from(self.glwe_dimension) * size;
        if !(MIN_DIMENSION..=MAX_DIMENSION).contains(&dimension) {
            return Err(ParamError::Dimension { dimension });
        }
        let required = secure_noise_bound_log2(dimension);
        if self.noise_bound_log2 < required {
            return Err(ParamError::Insecure {
                dimension,
                noise_bound_log2: self.noise_bound_log2,
                required,
            });
        }
        if self.noise_bound_log2 > 60 {
            return Err(ParamError::NoiseTooLarge(self.noise_bound_log2));
        }
        Ok(ValidGlwe(self))
    }
}

impl ValidGlwe {
    /// The parameters with the least noise that is secure for `k` polynomials of size `N`.
    ///
    /// # Errors
    ///
    /// As [`GlweParams::validate`].
    pub fn secure(glwe_dimension: u8, polynomial_size: u16) -> Result<Self, ParamError> {
        let dimension = usize::from(glwe_dimension) * usize::from(polynomial_size);
        GlweParams {
            glwe_dimension,
            polynomial_size,
            noise_bound_log2: secure_noise_bound_log2(dimension),
        }
        .validate()
    }

    /// The parameters as plain numbers.
    #[must_use]
    pub fn params(&self) -> GlweParams {
        self.0
    }

    /// `k`.
    #[must_use]
    pub fn glwe_dimension(&self) -> usize {
        usize::from(self.0.glwe_dimension)
    }

    /// `N`.
    #[must_use]
    pub fn polynomial_size(&self) -> usize {
        usize::from(self.0.polynomial_size)
    }

    /// `k·N`, the dimension that security counts and the bits of a secret key.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.glwe_dimension() * self.polynomial_size()
    }

    /// `b` of the TUniform noise in `[-2^b, 2^b]`.
    #[must_use]
    pub fn noise_bound_log2(&self) -> u32 {
        u32::from(self.0.noise_bound_log2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_matches_the_published_figures() {
        // design/scheme.md §0: 30 at n = 1536, 17 at n = 2048; tfhe-rs: 46 at n = 879 (its 1_1 TUniform set).
        for (dimension, bound) in [(879, 46), (1536, 30), (2048, 17), (4096, 3)] {
            assert_eq!(
                secure_noise_bound_log2(dimension),
                bound,
                "dimension {dimension}"
            );
        }
    }

    #[test]
    fn refuses_insecure_and_malformed_parameters() {
        struct Case(u8, u16, u8, Option<ParamError>);
        let cases = [
            Case(3, 512, 30, None),
            Case(3, 512, 31, None),
            Case(1, 2048, 17, None),
            Case(
                3,
                512,
                29,
                Some(ParamError::Insecure {
                    dimension: 1536,
                    noise_bound_log2: 29,
                    required: 30,
                }),
            ),
            Case(3, 500, 30, Some(ParamError::PolynomialSize(500))),
            Case(0, 512, 30, Some(ParamError::Dimension { dimension: 0 })),
            Case(1, 256, 63, Some(ParamError::Dimension { dimension: 256 })),
            Case(3, 512, 61, Some(ParamError::NoiseTooLarge(61))),
            Case(
                255,
                4096,
                30,
                Some(ParamError::Dimension {
                    dimension: 1_044_480,
                }),
            ),
        ];
        for Case(glwe_dimension, polynomial_size, noise_bound_log2, expected) in cases {
            let got = GlweParams {
                glwe_dimension,
                polynomial_size,
                noise_bound_log2,
            }
            .validate();
            assert_eq!(
                got.err(),
                expected,
                "{glwe_dimension} {polynomial_size} {noise_bound_log2}"
            );
        }
    }
}
