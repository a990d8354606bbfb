//! GLWE arithmetic of the client: `b = Σ_c A_c·S_c + m + e` in `Z_q[X]/(X^N + 1)`, `q = 2^64` (Brakerski, Gentry,
//! Vaikuntanathan 2012; Chillotti et al. 2020, §3), only for the coefficients that are needed.
//!
//! The key is used in constant time: every key bit costs the same loads and adds, masked.

use crate::key::SecretKey;
#[cfg(feature = "ntt")]
use crate::multiply::{ExactMultiplier, Weights};
use crate::random::MaskStream;

/// Multiplies masks by the key: coefficient by coefficient for a short window of the product or where there is no
/// allocator, by transforms otherwise.
pub(crate) struct KeyProduct<'a> {
    key: &'a SecretKey,
    /// By `2s − u` instead, `u = Σ X^i`: −1 and 1 for the key's bits 0 and 1.
    signs: bool,
    #[cfg(feature = "ntt")]
    transformed: Option<(ExactMultiplier, alloc::vec::Vec<Weights>)>,
}

impl<'a> KeyProduct<'a> {
    /// For `window` coefficients of each product.
    #[cfg_attr(
        not(feature = "ntt"),
        expect(unused_variables, reason = "the window decides whether to transform")
    )]
    pub(crate) fn new(key: &'a SecretKey, window: usize) -> Self {
        Self {
            key,
            signs: false,
            #[cfg(feature = "ntt")]
            transformed: (window >= TRANSFORM_FROM)
                .then(|| transform_key(key))
                .flatten(),
        }
    }

    /// By the key of signs.
    pub(crate) fn by_signs(key: &'a SecretKey, window: usize) -> Self {
        Self {
            signs: true,
            ..Self::new(key, window)
        }
    }

    /// `A·t = 2A·s − u·A`: subtracts the last, and doubles the part of the mask.
    fn turn_to_signs(&self, part: &mut [u64], first: usize, body: &mut [u64], stride: usize) {
        if self.signs {
            subtract_ramp(body, stride, (part, first));
            part.iter_mut().for_each(|word| *word <<= 1);
        }
    }

    /// Draws the `k` mask polynomials of a GLWE and adds coefficients `0, stride, 2·stride, …` of `Σ_c A_c·S_c` to
    /// `body`; `mask` is scratch of `N` words, or of [`mask_words`].
    pub(crate) fn add(
        &self,
        masks: &mut MaskStream,
        mask: &mut [u64],
        body: &mut [u64],
        stride: usize,
    ) {
        #[cfg(feature = "ntt")]
        if let Some((multiplier, polynomials)) = &self.transformed {
            let mut sum = multiplier.zero();
            for polynomial in polynomials {
                masks.fill(mask);
                self.turn_to_signs(mask, 0, body, stride);
                multiplier.add_product(&mut sum, &multiplier.limbs(mask), polynomial);
            }
            let sum = multiplier.finish_secret(sum);
            for (b, product) in body.iter_mut().zip(sum.iter().step_by(stride)) {
                *b = b.wrapping_add(*product);
            }
            return;
        }
        let size = self.key.glwe().polynomial_size();
        for polynomial in 0..self.key.glwe().glwe_dimension() {
            if mask.len() == size {
                masks.fill(mask);
                self.turn_to_signs(mask, 0, body, stride);
                add_mask_times_key(body, stride, mask, self.key, polynomial);
                continue;
            }
            for first in (0..size).step_by(mask.len()) {
                masks.fill(mask);
                self.turn_to_signs(mask, first, body, stride);
                add_part_times_key(body, stride, (mask, first), self.key, polynomial);
            }
        }
    }
}

/// Words of mask that a short window of the product needs in memory at once: a part of the polynomial on a device, all of
/// it where it may be transformed.
pub(crate) fn mask_words(polynomial_size: usize) -> usize {
    if cfg!(feature = "ntt") {
        polynomial_size
    } else {
        MASK_PART
    }
}

/// Divides every polynomial size.
const MASK_PART: usize = 16;

/// From this many coefficients on, transforms are quicker than masked adds (bench `encrypt`).
#[cfg(feature = "ntt")]
const TRANSFORM_FROM: usize = 64;

#[cfg(feature = "ntt")]
fn transform_key(key: &SecretKey) -> Option<(ExactMultiplier, alloc::vec::Vec<Weights>)> {
    use zeroize::Zeroizing;

    let glwe = key.glwe();
    let multiplier = ExactMultiplier::new(glwe.polynomial_size(), glwe.dimension() as u64)?;
    let polynomials = (0..glwe.glwe_dimension()).map(|polynomial| {
        let bits =
            (0..glwe.polynomial_size()).map(|i| (key.bit_mask(polynomial, i) & 1).cast_signed());
        multiplier.weights(&Zeroizing::new(bits.collect::<alloc::vec::Vec<_>>()))
    });
    let polynomials = polynomials.collect();
    Some((multiplier, polynomials))
}

/// Adds coefficients `0, stride, 2·stride, …` of `A·S_c` to the elements of `body`, for the mask polynomial `mask = A` and
/// polynomial `c` of the key. `(body.len() − 1)·stride < N`.
pub(crate) fn add_mask_times_key(
    body: &mut [u64],
    stride: usize,
    mask: &[u64],
    key: &SecretKey,
    polynomial: usize,
) {
    let size = mask.len();
    for shift in 0..size {
        let bit = key.bit_mask(polynomial, shift);
        // X^shift moves A[i − shift] to coefficient i, and A[N + i − shift] negated below `shift`.
        let wrapped = shift.div_ceil(stride).min(body.len());
        let (below, above) = body.split_at_mut(wrapped);
        for (b, a) in below
            .iter_mut()
            .zip(mask[(size - shift) % size..].iter().step_by(stride))
        {
            *b = b.wrapping_sub(a & bit);
        }
        if !above.is_empty() {
            for (b, a) in above
                .iter_mut()
                .zip(mask[wrapped * stride - shift..].iter().step_by(stride))
            {
                *b = b.wrapping_add(a & bit);
            }
        }
    }
}

/// Subtracts coefficients `0, stride, 2·stride, …` of `u·A` from the elements of `body`, for the mask coefficients from `first` on: the sum of
/// those up to the coefficient, less that of all others.
fn subtract_ramp(body: &mut [u64], stride: usize, (part, first): (&[u64], usize)) {
    let all = part
        .iter()
        .fold(0, |sum: u64, word| sum.wrapping_add(*word));
    let mut rest = part.iter();
    let mut up_to = 0u64;
    for (slot, b) in body.iter_mut().enumerate() {
        let count = (slot * stride + 1).saturating_sub(first).min(part.len());
        let taken = part.len() - rest.len();
        up_to = rest
            .by_ref()
            .take(count - taken)
            .fold(up_to, |sum, word| sum.wrapping_add(*word));
        *b = b.wrapping_add(all).wrapping_sub(up_to << 1);
    }
}

/// As [`add_mask_times_key`], for the mask coefficients from `first` on.
fn add_part_times_key(
    body: &mut [u64],
    stride: usize,
    (part, first): (&[u64], usize),
    key: &SecretKey,
    polynomial: usize,
) {
    for (slot, b) in body.iter_mut().enumerate() {
        for (index, value) in (first..).zip(part) {
            *b = b.wrapping_add(mask_term(key, polynomial, index, *value, slot * stride));
        }
    }
}

/// The contribution of mask coefficient `value` at index `index` of polynomial `c` to coefficient `output` of `A·S_c`.
pub(crate) fn mask_term(
    key: &SecretKey,
    polynomial: usize,
    index: usize,
    value: u64,
    output: usize,
) -> u64 {
    if output >= index {
        value & key.bit_mask(polynomial, output - index)
    } else {
        let size = key.glwe().polynomial_size();
        0u64.wrapping_sub(value & key.bit_mask(polynomial, size + output - index))
    }
}

/// A polynomial of the key as words that are all zeros or all ones, in reverse: products with it are sums over slices.
#[cfg(feature = "alloc")]
pub(crate) struct KeyMasks(zeroize::Zeroizing<alloc::vec::Vec<u64>>);

#[cfg(feature = "alloc")]
impl KeyMasks {
    pub(crate) fn new(key: &SecretKey, polynomial: usize) -> Self {
        let coefficients = (0..key.glwe().polynomial_size()).rev();
        let masks = coefficients.map(|index| key.bit_mask(polynomial, index));
        Self(zeroize::Zeroizing::new(masks.collect()))
    }

    /// Coefficient `position` of its product with `values`, as long as it.
    pub(crate) fn product_at(&self, values: &[u64], position: usize) -> u64 {
        let (low, high) = values.split_at(position + 1);
        let (of_high, of_low) = self.0.split_at(high.len());
        masked_sum(low, of_low).wrapping_sub(masked_sum(high, of_high))
    }
}

#[cfg(feature = "alloc")]
fn masked_sum(values: &[u64], masks: &[u64]) -> u64 {
    let terms = values.iter().zip(masks);
    terms.fold(0, |sum, (value, mask)| sum.wrapping_add(value & mask))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::ValidGlwe;
    use crate::random::{MaskSeed, MaskStream};
    use alloc::{vec, vec::Vec};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    /// The product by its definition, for comparison.
    fn schoolbook(mask: &[u64], key: &SecretKey, polynomial: usize) -> Vec<u64> {
        let size = mask.len();
        let mut product = vec![0u64; size];
        for (i, a) in mask.iter().enumerate() {
            for j in 0..size {
                let term = a & key.bit_mask(polynomial, j);
                if i + j < size {
                    product[i + j] = product[i + j].wrapping_add(term);
                } else {
                    product[i + j - size] = product[i + j - size].wrapping_sub(term);
                }
            }
        }
        product
    }

    #[test]
    fn both_ways_to_multiply_agree() {
        let glwe = ValidGlwe::secure(3, 512).unwrap();
        let key = SecretKey::generate(glwe, &mut ChaCha20Rng::seed_from_u64(4));
        let mut mask = [0u64; 512];
        let products = [0, 512].map(|window| {
            let mut body = vec![1u64; 512];
            let product = KeyProduct::new(&key, window);
            product.add(
                &mut MaskStream::new(MaskSeed([6; 32])),
                &mut mask,
                &mut body,
                1,
            );
            body
        });
        assert_eq!(products[0], products[1]);
    }

    /// `A·(2s − u)`, whichever way it is found: transformed, whole and in parts.
    #[test]
    fn products_with_signs_by_definition() {
        let glwe = ValidGlwe::secure(1, 2048).unwrap();
        let key = SecretKey::generate(glwe, &mut ChaCha20Rng::seed_from_u64(8));
        let mut mask = [0u64; 2048];
        MaskStream::new(MaskSeed([9; 32])).fill(&mut mask);
        let product = schoolbook(&mask, &key, 0);
        for stride in [1usize, 4, 64] {
            let wanted = (0..2048 / stride).map(|slot| {
                let at = slot * stride;
                let ramp = mask.iter().enumerate().fold(0u64, |sum, (index, word)| {
                    if index <= at {
                        sum.wrapping_add(*word)
                    } else {
                        sum.wrapping_sub(*word)
                    }
                });
                (product[at] << 1).wrapping_sub(ramp).wrapping_add(3)
            });
            let wanted: Vec<u64> = wanted.collect();
            for (words, window) in [(MASK_PART, 0), (2048, 0), (2048, 2048)] {
                let mut body = vec![3u64; wanted.len()];
                KeyProduct::by_signs(&key, window).add(
                    &mut MaskStream::new(MaskSeed([9; 32])),
                    &mut vec![0; words],
                    &mut body,
                    stride,
                );
                assert_eq!(body, wanted, "{words} words, stride {stride}");
            }
        }
    }

    #[test]
    fn masks_in_parts_give_what_whole_ones_give() {
        let glwe = ValidGlwe::secure(4, 256).unwrap();
        let key = SecretKey::generate(glwe, &mut ChaCha20Rng::seed_from_u64(8));
        for stride in [1, 4] {
            let bodies = [MASK_PART, 256].map(|words| {
                let mut body = vec![3u64; 50];
                KeyProduct::new(&key, body.len()).add(
                    &mut MaskStream::new(MaskSeed([9; 32])),
                    &mut vec![0; words],
                    &mut body,
                    stride,
                );
                body
            });
            assert_eq!(bodies[0], bodies[1], "stride {stride}");
        }
    }

    #[test]
    fn windows_of_the_product_equal_the_schoolbook_product() {
        let glwe = ValidGlwe::secure(8, 64).unwrap();
        let key = SecretKey::generate(glwe, &mut ChaCha20Rng::seed_from_u64(3));
        let mut mask = [0u64; 64];
        MaskStream::new(MaskSeed([5; 32])).fill(&mut mask);
        let want = schoolbook(&mask, &key, 6);
        for stride in 1..=8 {
            for len in 0..=64 / stride {
                let mut body = vec![7u64; len];
                add_mask_times_key(&mut body, stride, &mask, &key, 6);
                let want = want.iter().step_by(stride).map(|w| w.wrapping_add(7));
                assert_eq!(
                    body,
                    want.take(len).collect::<Vec<_>>(),
                    "{len} coefficients, stride {stride}"
                );
            }
        }
        for (output, want) in want.iter().enumerate() {
            let sum = (0..64).fold(0u64, |s, i| {
                s.wrapping_add(mask_term(&key, 6, i, mask[i], output))
            });
            assert_eq!(sum, *want);
        }
    }
}
