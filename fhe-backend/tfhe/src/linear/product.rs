//! Products of masks with the weights of a group, in `Z_{2^64}[X]/(X^N + 1)`, exact: by number-theoretic transforms, or
//! coefficient by coefficient where the weights are few.

use pulp::{Arch, Simd, WithSimd};
use tenebra_client::linear::ValidLinear;
use tenebra_client::multiply::{ExactMultiplier, Weights};
use tenebra_client::random::MaskStream;

use crate::error::PlanError;

/// The non-zero coefficients of a weight polynomial: exponent, and weight modulo `2^64`.
pub(super) type Terms = Vec<(usize, u64)>;

/// The way that is quicker for a layout.
#[derive(Debug)]
pub(super) enum MaskProduct {
    /// Wrapping products in vectors: arithmetic modulo `2^64` is what the machine does.
    Direct(Arch),
    /// By [`ExactMultiplier`].
    Transformed {
        multiplier: Box<ExactMultiplier>,
        /// By group and block; `None` where all weights are zero.
        weights: Vec<Vec<Option<Weights>>>,
    },
}

/// Microseconds that `terms` products of a mask polynomial with one weight take (0.06 ns a coefficient with AVX-512, 0.15 with
/// AVX2, measured).
pub(super) fn direct_us(size: usize, terms: usize) -> f64 {
    (size * terms) as f64 * 0.1e-3
}

/// Microseconds that the transforms of a mask polynomial's two limbs take, there or back.
pub(super) fn transform_us(size: usize) -> f64 {
    let size = size as f64;
    2.0 * size * size.log2() * 0.25e-3
}

impl MaskProduct {
    /// For the terms of each group and block.
    pub(super) fn new(layout: &ValidLinear, terms: &[Vec<Terms>]) -> Result<Self, PlanError> {
        let size = layout.glwe().polynomial_size();
        let count = terms.iter().flatten().map(Vec::len).sum();
        let blocks = layout.layout().blocks as usize;
        let transforms = transform_us(size) * (blocks + layout.groups()) as f64;
        if direct_us(size, count) <= transforms {
            Ok(Self::Direct(Arch::new()))
        } else {
            Self::transformed(size, terms)
        }
    }

    fn transformed(size: usize, terms: &[Vec<Terms>]) -> Result<Self, PlanError> {
        let norms = terms.iter().map(|blocks| {
            let magnitudes = blocks
                .iter()
                .flatten()
                .map(|(_, weight)| weight.cast_signed().unsigned_abs());
            magnitudes.fold(0, u64::saturating_add)
        });
        let norm = norms.max().unwrap_or(0);
        let multiplier =
            ExactMultiplier::new(size, norm).ok_or(PlanError::WeightsTooLarge { norm })?;
        let transform = |terms: &Terms| {
            let mut polynomial = vec![0i64; size];
            for (exponent, weight) in terms {
                polynomial[*exponent] = weight.cast_signed();
            }
            (!terms.is_empty()).then(|| multiplier.weights(&polynomial))
        };
        let weights = terms
            .iter()
            .map(|blocks| blocks.iter().map(transform).collect())
            .collect();
        Ok(Self::Transformed {
            multiplier: Box::new(multiplier),
            weights,
        })
    }

    /// `Σ_blocks mask·weights` by group: the `k` polynomials of each, one after the other.
    pub(super) fn of(
        &self,
        layout: &ValidLinear,
        terms: &[Vec<Terms>],
        masks: &mut MaskStream,
    ) -> Vec<Vec<u64>> {
        match self {
            Self::Direct(arch) => direct(*arch, layout, terms, masks),
            Self::Transformed {
                multiplier,
                weights,
            } => transformed(multiplier, layout, weights, masks),
        }
    }
}

fn direct(
    arch: Arch,
    layout: &ValidLinear,
    terms: &[Vec<Terms>],
    masks: &mut MaskStream,
) -> Vec<Vec<u64>> {
    let (glwe, size) = (layout.glwe(), layout.glwe().polynomial_size());
    let mut products = vec![vec![0; glwe.dimension()]; terms.len()];
    let mut twice = vec![0; 2 * size];
    for block in 0..layout.layout().blocks as usize {
        for polynomial in 0..glwe.glwe_dimension() {
            let (negated, mask) = twice.split_at_mut(size);
            masks.fill(mask);
            for (negated, value) in negated.iter_mut().zip(&*mask) {
                *negated = value.wrapping_neg();
            }
            for (product, terms) in products.iter_mut().zip(terms) {
                arch.dispatch(AddProduct {
                    product: &mut product[polynomial * size..][..size],
                    twice: &twice,
                    terms: &terms[block],
                });
            }
        }
    }
    products
}

/// `product += mask·Σ weight·X^exponent`.
pub(crate) struct AddProduct<'a> {
    pub(crate) product: &'a mut [u64],
    /// `−mask`, then `mask`: coefficient `i` of `mask·X^e` is element `N + i − e`.
    pub(crate) twice: &'a [u64],
    pub(crate) terms: &'a [(usize, u64)],
}

/// Coefficients that are summed up at once, in eight registers of AVX-512.
pub(crate) const LANES: usize = 64;

impl WithSimd for AddProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let size = self.product.len();
        let mut pieces = self.product.chunks_exact_mut(LANES);
        let mut start = size;
        for piece in &mut pieces {
            let mut sums = [0u64; LANES];
            for (exponent, weight) in self.terms {
                let Some(values) = self.twice[start - exponent..].first_chunk::<LANES>() else {
                    continue;
                };
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = sum.wrapping_add(value.wrapping_mul(*weight));
                }
            }
            for (total, sum) in piece.iter_mut().zip(sums) {
                *total = total.wrapping_add(sum);
            }
            start += LANES;
        }
        for (index, total) in (start..).zip(pieces.into_remainder()) {
            for (exponent, weight) in self.terms {
                *total = total.wrapping_add(self.twice[index - exponent].wrapping_mul(*weight));
            }
        }
    }
}

fn transformed(
    multiplier: &ExactMultiplier,
    layout: &ValidLinear,
    weights: &[Vec<Option<Weights>>],
    masks: &mut MaskStream,
) -> Vec<Vec<u64>> {
    let glwe = layout.glwe();
    let zero = vec![multiplier.zero(); glwe.glwe_dimension()];
    let mut sums = vec![zero; weights.len()];
    let mut mask = vec![0u64; glwe.polynomial_size()];
    for block in 0..layout.layout().blocks as usize {
        for polynomial in 0..glwe.glwe_dimension() {
            masks.fill(&mut mask);
            let limbs = multiplier.limbs(&mask);
            for (sums, weights) in sums.iter_mut().zip(weights) {
                if let Some(weights) = &weights[block] {
                    multiplier.add_product(&mut sums[polynomial], &limbs, weights);
                }
            }
        }
    }
    let finish = |polynomials: Vec<_>| {
        let products = polynomials.into_iter().map(|sum| multiplier.finish(sum));
        products.flatten().collect()
    };
    sums.into_iter().map(finish).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenebra_client::ValidGlwe;
    use tenebra_client::linear::LinearLayout;
    use tenebra_client::random::MaskSeed;

    use super::*;

    fn layout(features: u32, outputs: u32, group: u32, blocks: u32) -> ValidLinear {
        let layout = LinearLayout {
            glwe: ValidGlwe::secure(2, 1024).unwrap().params(),
            plaintext_bits: 20,
            body_bits: 50,
            response_bits: 30,
            features,
            outputs,
            group,
            blocks,
            max_rows: 1,
        };
        layout.validate().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Wrapping arithmetic modulo 2^64 and transforms modulo a prime give the same.
        #[test]
        fn both_ways_agree(
            (features, outputs, group, blocks) in (1u32..90, 1u32..5, 1u32..3, 1u32..3)
                .prop_map(|(f, o, g, b)| (f, o, g.min(o), b.min(f))),
            weights in prop::collection::vec((0usize..1024, -(1i64 << 36)..1 << 36), 0..60),
            seed in any::<[u8; 32]>(),
        ) {
            let layout = layout(features, outputs, group, blocks);
            let mut terms = vec![vec![Terms::new(); blocks as usize]; layout.groups()];
            for (at, (exponent, weight)) in weights.into_iter().enumerate() {
                let place = &mut terms[at % layout.groups()][at % blocks as usize];
                if place.iter().all(|(other, _)| *other != exponent) {
                    place.push((exponent, weight.cast_unsigned()));
                }
            }
            let stream = || MaskStream::new(MaskSeed(seed));
            let direct = MaskProduct::Direct(Arch::new()).of(&layout, &terms, &mut stream());
            let transformed = MaskProduct::transformed(1024, &terms).unwrap();
            prop_assert_eq!(direct, transformed.of(&layout, &terms, &mut stream()));
        }
    }

    #[test]
    fn few_weights_are_multiplied_directly() {
        let layout = layout(30, 1, 1, 1);
        let terms = |count| vec![vec![(0..count).map(|at| (at, 1)).collect::<Terms>()]];
        let product = |count| MaskProduct::new(&layout, &terms(count)).unwrap();
        assert!(matches!(product(30), MaskProduct::Direct(_)));
        assert!(matches!(product(900), MaskProduct::Transformed { .. }));
    }
}
