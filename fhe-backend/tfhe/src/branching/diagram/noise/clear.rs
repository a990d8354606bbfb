//! The noise of products of encrypted bits with clear polynomials.
//!
//! Their digits are no random numbers: trees with the same step at the same place multiply the same errors by the same digits. What
//! they add up to is bounded as it is, bit by bit, by the triangle inequality.

use alloc::collections::BTreeMap;
use std::collections::HashMap;

use crate::branching::diagram::{Plain, merged};

/// Clear polynomials that bits are multiplied with.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClearProducts {
    /// Each polynomial as how often a value occurs in it.
    polynomials: Vec<Vec<(u64, u32)>>,
    index: HashMap<Vec<(u64, u32)>, usize>,
    /// For each bit and each tree, those of which a path of the tree selects one at most.
    of_bits: BTreeMap<usize, BTreeMap<usize, Vec<usize>>>,
}

impl ClearProducts {
    /// A tree multiplies a bit with this polynomial.
    pub(super) fn add(&mut self, bit: usize, tree: usize, polynomial: usize) {
        let of_tree = self
            .of_bits
            .entry(bit)
            .or_default()
            .entry(tree)
            .or_default();
        if !of_tree.contains(&polynomial) {
            of_tree.push(polynomial);
        }
    }

    /// Bytes of memory of all polynomials, which are kept twice.
    pub(crate) fn bytes(&self) -> usize {
        let values: usize = self.polynomials.iter().map(Vec::len).sum();
        2 * values * size_of::<(u64, u32)>()
    }

    /// A polynomial, to be added.
    pub(super) fn polynomial(&mut self, plain: &Plain) -> usize {
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        for (_, value) in merged(plain.clone()) {
            *counts.entry(value.unsigned_abs()).or_default() += 1;
        }
        let counts: Vec<(u64, u32)> = counts.into_iter().collect();
        let next = self.polynomials.len();
        let index = *self.index.entry(counts.clone()).or_insert(next);
        if index == next {
            self.polynomials.push(counts);
        }
        index
    }

    /// Whether there is a product at all.
    pub(crate) fn is_used(&self) -> bool {
        !self.of_bits.is_empty()
    }

    /// `Σ_bits (Σ_trees ‖digits‖)²`, and the same with the largest coefficient of the digits instead of their norm: what
    /// multiplies the variance of a coefficient of a row, and what the variance of one coefficient has more than others. A value
    /// `v` stands for `v·2^(64−p)`.
    pub(crate) fn energy(&self, base_log: u32, level_count: u32, plaintext_bits: u32) -> [f64; 2] {
        let squares = |value: u64| squared_digits(value, base_log, level_count, plaintext_bits);
        let norms = self.polynomials.iter().map(|counts| {
            let of_values = counts
                .iter()
                .map(|(value, count)| (squares(*value), *count));
            let (sum, largest) = of_values.fold((0.0, 0f64), |(sum, largest), (square, count)| {
                (sum + f64::from(count) * square, largest.max(square))
            });
            [sum.sqrt(), largest.sqrt()]
        });
        let norms: Vec<[f64; 2]> = norms.collect();
        [0, 1].map(|kind| {
            let of_tree = |polynomials: &Vec<usize>| {
                let norms = polynomials.iter().map(|index| norms[*index][kind]);
                norms.fold(0.0, f64::max)
            };
            let of_bits = self.of_bits.values();
            of_bits
                .map(|trees| trees.values().map(of_tree).sum::<f64>().powi(2))
                .sum()
        })
    }
}

/// The sum of the squared digits of `value·2^(64−p)`, where the gadget has `p` bits or more.
fn squared_digits(value: u64, base_log: u32, level_count: u32, plaintext_bits: u32) -> f64 {
    let half = 1i128 << (base_log - 1);
    let below = (base_log * level_count).saturating_sub(plaintext_bits);
    let mut rest = i128::from(value) << below;
    let mut sum = 0.0;
    for _ in 0..level_count {
        // A power of two is the base: no division.
        let low = ((rest + half) & (2 * half - 1)) - half;
        sum += (low as f64).powi(2);
        rest = (rest - low) >> base_log;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_by_hand() {
        // B = 16, p = 6 of 8 bits: 5 stands for 20 = 1·16 + 4, 7 for 28 = 2·16 − 4.
        assert_eq!(squared_digits(5, 4, 2, 6), 17.0);
        assert_eq!(squared_digits(7, 4, 2, 6), 20.0);
        let mut clear = ClearProducts::default();
        assert!(!clear.is_used());
        let one = clear.polynomial(&vec![(0, 5), (3, -5)]);
        let other = clear.polynomial(&vec![(7, 7)]);
        assert_eq!(clear.polynomial(&vec![(9, -7)]), other);
        // A magnitude and a count of either, as polynomials and as what they are found by.
        assert_eq!(clear.bytes(), 2 * 2 * 16);
        clear.add(2, 0, one);
        clear.add(2, 0, other);
        clear.add(2, 1, other);
        clear.add(4, 1, one);
        assert!(clear.is_used());
        // (√34 + √20)² + 34, and (√20 + √20)² + 17.
        let expected = [(34f64.sqrt() + 20f64.sqrt()).powi(2) + 34.0, 97.0];
        for (energy, expected) in clear.energy(4, 2, 6).into_iter().zip(expected) {
            assert!((energy - expected).abs() < 1e-9, "{energy}");
        }
    }
}
