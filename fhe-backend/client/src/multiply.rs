//! Exact products in `Z_{2^64}[X]/(X^N + 1)` of a 64-bit polynomial with small signed weights.
//!
//! The 64-bit operand is cut into limbs of `b` bits; each limb's product with the weights is an integer polynomial whose
//! coefficients are at most `2^b·‖w‖₁ < P/2` in absolute value, so computing it modulo the prime
//! `P = 2^64 − 2^32 + 1` by a number-theoretic transform and taking the centred representative is exact, and so is
//! `Σ limb_i·2^(b·i)` modulo `2^64`. No rounding error has to be bounded.

use alloc::vec;
use alloc::vec::Vec;

use tfhe_ntt::prime64::Plan;
use zeroize::{Zeroize, Zeroizing};

/// `2^64 − 2^32 + 1`.
const PRIME: u64 = 0xffff_ffff_0000_0001;

/// Transforms of one polynomial size, with the limb width that a bound on the weights allows.
#[derive(Debug)]
pub struct ExactMultiplier {
    plan: Plan,
    limb_bits: u32,
}

/// A weight polynomial, transformed once.
#[derive(Clone)]
pub struct Weights(Vec<u64>);

/// Weights may be a secret key.
impl Drop for Weights {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for Weights {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Weights({} coefficients)", self.0.len())
    }
}

/// A 64-bit polynomial cut into limbs and transformed, or a sum of products of such.
#[derive(Clone, Debug)]
pub struct Limbs(Vec<Vec<u64>>);

impl ExactMultiplier {
    /// For polynomials of `size` coefficients and sums of products whose weights have absolute values that add up to at
    /// most `weights_norm`; `None` if the size has no transform or the weights leave no bit for a limb.
    #[must_use]
    pub fn new(size: usize, weights_norm: u64) -> Option<Self> {
        let plan = Plan::try_new(size, PRIME)?;
        // 2^limb · norm < 2^63 - 2^31 < P/2 holds when limb + bits(norm) <= 62.
        let norm_bits = u64::BITS - weights_norm.leading_zeros();
        let limb_bits = 62u32.checked_sub(norm_bits)?.min(32);
        (limb_bits > 0).then_some(Self { plan, limb_bits })
    }

    /// Positions of the limbs' lowest bits.
    fn shifts(&self) -> impl Iterator<Item = u32> + use<> {
        (0..64).step_by(self.limb_bits as usize)
    }

    /// Transforms weights.
    #[must_use]
    pub fn weights(&self, coefficients: &[i64]) -> Weights {
        let mut residues: Vec<u64> = coefficients.iter().map(|w| residue(*w)).collect();
        self.plan.fwd(&mut residues);
        // The factor 1/N of the inverse transform is paid once, here.
        self.plan.normalize(&mut residues);
        Weights(residues)
    }

    /// Cuts and transforms a 64-bit polynomial.
    #[must_use]
    pub fn limbs(&self, coefficients: &[u64]) -> Limbs {
        let mask = (1u64 << self.limb_bits) - 1;
        let cut = |shift| {
            let mut residues: Vec<u64> = coefficients.iter().map(|c| c >> shift & mask).collect();
            self.plan.fwd(&mut residues);
            residues
        };
        Limbs(self.shifts().map(cut).collect())
    }

    /// The empty sum.
    #[must_use]
    pub fn zero(&self) -> Limbs {
        Limbs(
            self.shifts()
                .map(|_| vec![0; self.plan.ntt_size()])
                .collect(),
        )
    }

    /// `sum += polynomial·weights`.
    pub fn add_product(&self, sum: &mut Limbs, polynomial: &Limbs, weights: &Weights) {
        for (sum, limb) in sum.0.iter_mut().zip(&polynomial.0) {
            self.plan.mul_accumulate(sum, limb, &weights.0);
        }
    }

    /// Transforms a sum back: `Σ polynomial·weights` modulo `2^64`.
    #[must_use]
    pub fn finish(&self, mut sum: Limbs) -> Vec<u64> {
        self.transform_back(&mut sum)
    }

    /// As [`finish`](Self::finish), for secret weights: nothing of the sum stays in memory.
    pub(crate) fn finish_secret(&self, mut sum: Limbs) -> Zeroizing<Vec<u64>> {
        let product = Zeroizing::new(self.transform_back(&mut sum));
        sum.0.zeroize();
        product
    }

    fn transform_back(&self, sum: &mut Limbs) -> Vec<u64> {
        let mut product = vec![0u64; self.plan.ntt_size()];
        for (limb, shift) in sum.0.iter_mut().zip(self.shifts()) {
            self.plan.inv(limb);
            for (total, value) in product.iter_mut().zip(limb) {
                *total = total.wrapping_add(centred(*value) << shift);
            }
        }
        product
    }
}

/// The residue modulo `P` of a weight.
fn residue(weight: i64) -> u64 {
    if weight < 0 {
        PRIME - weight.unsigned_abs()
    } else {
        weight.unsigned_abs()
    }
}

/// The representative in `(−P/2, P/2]`, modulo `2^64`.
fn centred(value: u64) -> u64 {
    if value > PRIME / 2 {
        value.wrapping_sub(PRIME)
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn schoolbook(a: &[u64], w: &[i64]) -> Vec<u64> {
        let size = a.len();
        let mut out = vec![0u64; size];
        for (i, a) in a.iter().enumerate() {
            for (j, w) in w.iter().enumerate() {
                let term = a.wrapping_mul(w.cast_unsigned());
                let slot = &mut out[(i + j) % size];
                *slot = if i + j < size {
                    slot.wrapping_add(term)
                } else {
                    slot.wrapping_sub(term)
                };
            }
        }
        out
    }

    proptest! {
        #[test]
        fn equals_the_schoolbook_product(
            a in prop::collection::vec(prop_oneof![any::<u64>(), Just(u64::MAX), Just(0)], 64),
            w in prop::collection::vec(-(1i64 << 30)..=1 << 30, 64),
            shrink in 0u32..30,
        ) {
            let w: Vec<i64> = w.into_iter().map(|w| w >> shrink).collect();
            let norm = w.iter().map(|w| w.unsigned_abs()).sum();
            let multiplier = ExactMultiplier::new(64, norm).unwrap();
            let mut sum = multiplier.zero();
            multiplier.add_product(&mut sum, &multiplier.limbs(&a), &multiplier.weights(&w));
            prop_assert_eq!(multiplier.finish(sum), schoolbook(&a, &w));
        }
    }

    #[test]
    fn the_worst_sum_within_the_bound_is_exact() {
        // All coefficients 2^64 - 1, all weights of one sign, their norm the largest that still allows 32-bit limbs.
        for sign in [1, -1] {
            let w = vec![sign * ((1i64 << 30) - 1) / 64; 64];
            let norm = w.iter().map(|w| w.unsigned_abs()).sum();
            let multiplier = ExactMultiplier::new(64, norm).unwrap();
            assert_eq!(multiplier.shifts().count(), 2);
            let a = vec![u64::MAX; 64];
            let mut sum = multiplier.zero();
            multiplier.add_product(&mut sum, &multiplier.limbs(&a), &multiplier.weights(&w));
            assert_eq!(multiplier.finish(sum), schoolbook(&a, &w));
        }
    }

    #[test]
    fn weights_without_room_for_a_limb_are_refused() {
        assert!(ExactMultiplier::new(64, 1 << 61).is_none());
        assert!(ExactMultiplier::new(64, 1 << 60).is_some());
    }
}
