//! Masks as values: elements of a field in which `X` stands for a root of unity.
//!
//! Masks are sums of pseudo-random polynomials times known ones. With `X → r`, `r^N = −1`, and a random number for each
//! pseudo-random polynomial, equal masks have equal numbers, and others do with a probability of about 2^-64, or 2^-52 up to
//! shift and sign. So sums, differences, shifts and signs are told apart by what they are, not by how they were computed. (In this
//! field 8 is a root of unity of order 64, so that eight times a mask looks like a shift of it. What is put into one class without
//! being alike makes counts larger, never smaller.)

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::branching::diagram::{Plain, merged};

/// `2^64 − 2^32 + 1`, whose multiplicative group has a subgroup of every order up to `2^32`.
const P: u64 = 0xffff_ffff_0000_0001;
/// Quotients, and their inverses, at which operands are multiples of each other. (8 is a root of unity, see above.)
const RATIOS: [(u64, u64); 5] = [(1, 2), (1, 3), (2, 3), (1, 4), (3, 4)];
/// Generates the whole group.
const GENERATOR: u64 = 7;

/// The field, and the powers of `r` for polynomials of one size.
#[derive(Debug)]
pub(super) struct Ring {
    size: usize,
    powers: Vec<u64>,
    logarithms: HashMap<u64, usize>,
    ratios: Vec<Ratio>,
}

/// A quotient of two small integers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) inverse: u64,
    /// Of what is so many times as large, over that of what it is of.
    pub(super) norm: u64,
}

impl Ring {
    /// For polynomials of `size` coefficients, a power of two of up to 2^16; made once, for opening a model builds several diagrams.
    pub(super) fn of(size: usize) -> &'static Self {
        static RINGS: [OnceLock<Ring>; 17] = [const { OnceLock::new() }; 17];
        RINGS[size.ilog2() as usize].get_or_init(|| Self::new(size))
    }

    fn new(size: usize) -> Self {
        let order = 2 * size as u64;
        let root = power(GENERATOR, (P - 1) / order);
        let powers: Vec<u64> = core::iter::successors(Some(1), |last| Some(times(*last, root)))
            .take(2 * size)
            .collect();
        let logarithms = powers.iter().copied().zip(0..).collect();
        let ratios = RATIOS.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]);
        let ratios = ratios.map(|(a, b)| Ratio {
            inverse: times(b, power(a, P - 2)),
            norm: power(times(a, power(b, P - 2)), order),
        });
        Self {
            size,
            ratios: ratios.collect(),
            powers,
            logarithms,
        }
    }

    /// A clear polynomial.
    pub(super) fn value(&self, plain: &Plain) -> u64 {
        plain.iter().fold(0, |sum, (at, value)| {
            let term = times(value.unsigned_abs() % P, self.powers[at % (2 * self.size)]);
            if *value < 0 {
                minus(sum, term)
            } else {
                plus(sum, term)
            }
        })
    }

    /// `value`, `shift` coefficients further down.
    pub(super) fn shifted(&self, value: u64, shift: usize) -> u64 {
        let order = 2 * self.size;
        times(value, self.powers[(order - shift % order) % order])
    }

    /// What values that differ by a shift and a sign have in common.
    pub(super) fn norm(&self, value: u64) -> u64 {
        power(value, 2 * self.size as u64)
    }

    /// Of operands whose digits are correlated, by 1/2 to 1/12.
    pub(super) fn ratios(&self) -> &[Ratio] {
        &self.ratios
    }

    /// `1/value`; of 0, 0.
    pub(super) fn inverse(&self, value: u64) -> u64 {
        power(value, P - 2)
    }

    /// How far a value is down from one of the same norm that is `ratio` times as large.
    pub(super) fn logarithm(&self, ratio: u64) -> usize {
        self.logarithms.get(&ratio).copied().unwrap_or(0)
    }
}

/// Of two below `P`, or one that is `P`.
pub(super) fn plus(a: u64, b: u64) -> u64 {
    let (sum, wrapped) = a.overflowing_add(b);
    if wrapped || sum >= P {
        sum.wrapping_sub(P)
    } else {
        sum
    }
}

pub(super) fn minus(a: u64, b: u64) -> u64 {
    plus(a, P - b)
}

#[expect(clippy::cast_possible_truncation, reason = "halves of a product")]
pub(super) fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let [low, high] = [product, product >> 64].map(|half| half as u64);
    // 2^64 = 2^32 − 1 and 2^96 = −1.
    let (middle, top) = (high & 0xffff_ffff, high >> 32);
    plus(minus(low % P, top), middle * 0xffff_ffff)
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    result
}

/// A number that stands for the `index`-th pseudo-random polynomial of a kind.
pub(super) fn random(kind: u64, index: usize) -> u64 {
    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014), twice.
    let mix = |mut z: u64| {
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    mix(mix(index as u64 ^ kind << 56).wrapping_add(0x9e37_79b9_7f4a_7c15)) % P
}

/// A polynomial without its common factor; `None` if it is zero.
pub(super) fn primitive(plain: &Plain) -> Option<Plain> {
    let mut terms = merged(plain.clone());
    terms.retain(|(_, value)| *value != 0);
    let divisor = terms
        .iter()
        .fold(0, |divisor, (_, value)| gcd(divisor, value.unsigned_abs()));
    let divisor = i64::try_from(divisor).ok().filter(|divisor| *divisor > 0)?;
    terms.iter_mut().for_each(|(_, value)| *value /= divisor);
    Some(terms)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_by_hand() {
        assert_eq!(times(1 << 32, 1 << 32), (1 << 32) - 1);
        assert_eq!(times(1 << 48, 1 << 48), P - 1);
        assert_eq!(times(P - 1, P - 1), 1);
        assert_eq!(plus(P - 1, 5), 4);
        assert_eq!(minus(3, 5), P - 2);
        assert_eq!(minus(3, 0), 3);
        // Halves and what they stand for at their greatest: (2^32 − 1)^2·(2^32 − 1) and 2^32·(P − 1) = −2^32.
        assert_eq!(times(1 << 32, P - 1), P - (1 << 32));
        for (a, b) in [
            (P - 1, P - 2),
            (P - (1 << 31), (1 << 33) + 1),
            (u64::MAX >> 1, P - 7),
        ] {
            let product = u128::from(a) * u128::from(b) % u128::from(P);
            assert_eq!(u128::from(times(a, b)), product, "{a} {b}");
        }
    }

    #[test]
    fn shifts_and_signs_have_one_norm() {
        let ring = Ring::of(16);
        assert_eq!(ring.value(&vec![(0, 5)]), 5);
        assert_eq!(ring.value(&vec![(0, -5)]), P - 5);
        let value = ring.value(&vec![(1, 2), (4, -6), (5, 3)]);
        // Five further down, what falls below 0 comes back negated at the top.
        let down = ring.value(&vec![(12, -2), (15, 6), (0, 3)]);
        assert_eq!(ring.shifted(value, 5), down);
        assert_eq!(ring.shifted(value, 16), minus(0, value));
        for shift in 0..32 {
            let moved = ring.shifted(value, shift);
            assert_eq!(ring.norm(moved), ring.norm(value));
            let ratio = times(value, ring.inverse(moved));
            assert_eq!(ring.logarithm(ratio), shift);
        }
        assert_ne!(ring.norm(value), ring.norm(plus(value, 1)));
        assert_eq!(
            primitive(&vec![(1, 4), (3, -6), (1, 2)]),
            Some(vec![(1, 1), (3, -1)])
        );
        assert_eq!(primitive(&vec![(3, 5), (3, -5)]), None);
    }
}
