//! Noise of rotations that are read as they are: neurons.

use std::collections::HashMap;

use super::{DiagramNoise, NoiseBook, NoiseId, NoiseUnits};
use crate::branching::diagram::{Plain, Rotation, Sign, Turn};

/// The noise of a coefficient of the sum of these rotations: of each group's, which are added up before the turns that they share.
pub(crate) fn of_rotations<'a>(
    groups: impl Iterator<Item = (&'a [Rotation], &'a [Turn])>,
    size: usize,
) -> DiagramNoise {
    let mut book = NoiseBook::new(size);
    // Every rotation, and what follows in its group, counts as a tree: all of them are evaluated.
    let (mut tree, mut rotation) = (0, 0);
    let results = groups.map(|(rotations, shared)| {
        let parts = rotations.iter().map(|of| {
            book.start_tree(tree);
            book.rotation(of);
            (tree, rotation) = (tree + 1, rotation + 1);
            book.slot(rotation - 1, 0)
        });
        let parts: Vec<NoiseId> = parts.collect();
        book.start_tree(tree);
        tree += 1;
        let terms: Vec<(Sign, NoiseId)> = parts.iter().map(|id| (Sign::Plus, *id)).collect();
        let sum = match parts.as_slice() {
            [alone] => *alone,
            _ => book.sum(&terms, parts),
        };
        shared.iter().fold(sum, |value, Turn { bit, shift }| {
            let turned = book.shifted(value, *shift);
            book.selection(*bit, value, turned, &Plain::new())
        })
    });
    let results: Vec<NoiseId> = results.collect();
    book.finish(&results)
}

/// How many times its own noise one of these rotations has in common with all of them, itself included, at most: by twins of the same
/// shift, of any, or of any bit, whichever are more. Those of one rotation alone have 1.
pub(crate) fn alike<'a>(rotations: impl Iterator<Item = &'a Rotation>, size: usize) -> f64 {
    let mut book = NoiseBook::new(size);
    // By the only bit of those that multiply clear tables alone.
    let mut of_bits: HashMap<usize, usize> = HashMap::new();
    let mut slots: Vec<(NoiseId, usize)> = Vec::new();
    for (index, rotation) in rotations.enumerate() {
        book.start_tree(index);
        book.rotation(rotation);
        slots.push((book.slot(index, 0), rotation.turns.len() - 1));
        if let [only] = rotation.turns.as_slice() {
            *of_bits.entry(only.bit).or_default() += 1;
        }
    }
    let units = book.units(&book.classes.twins(size));
    let of_products = slots.iter().filter(|(_, products)| *products > 0);
    let of_products = of_products.map(|(id, products)| {
        let NoiseUnits {
            alike,
            smooth,
            rounding,
            ..
        } = units[id.0];
        alike.max(smooth).max(rounding) as f64 / *products as f64
    });
    let of_clear = of_bits.values().map(|count| *count as f64);
    of_products.chain(of_clear).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64;

    fn rotation(turns: &[(usize, usize)]) -> Rotation {
        Rotation {
            table: vec![(0, 1), (1, 3)],
            turns: turns
                .iter()
                .map(|(bit, shift)| Turn {
                    bit: *bit,
                    shift: *shift,
                })
                .collect(),
        }
    }

    #[test]
    fn rotations_that_begin_alike_share_noise() {
        let of = |rotations: &[&[(usize, usize)]]| {
            let rotations: Vec<Rotation> = rotations.iter().map(|r| rotation(r)).collect();
            alike(rotations.iter(), SIZE)
        };
        // Nothing in common: other first bits.
        assert_eq!(of(&[&[(0, 1), (2, 3)], &[(1, 1), (2, 3)]]), 1.0);
        // Three that are equal but for the last of three turns: two products each, of which the first is that of all, the last its own.
        let near: [&[(usize, usize)]; 3] = [
            &[(0, 1), (1, 3), (2, 1)],
            &[(0, 1), (1, 3), (2, 2)],
            &[(0, 1), (1, 3), (2, 5)],
        ];
        assert_eq!(of(&near), (3.0 + 1.0) / 2.0);
        // Clear products alone, of one bit.
        assert_eq!(of(&[&[(0, 1)], &[(0, 2)], &[(1, 1)]]), 2.0);
    }

    /// A pair is two rotations, a sum, and selections: as many units as products, and none shared.
    #[test]
    fn a_pair_has_the_products_of_its_turns() {
        let pair = [
            rotation(&[(0, 1), (2, 3), (4, 5)]),
            rotation(&[(1, 1), (3, 3)]),
        ];
        let shared = [(5, 7), (6, 2)].map(|(bit, shift)| Turn { bit, shift });
        let noise = of_rotations([(pair.as_slice(), shared.as_slice())].into_iter(), SIZE);
        // All but the first of either, which multiplies a clear table.
        assert_eq!(noise.units.alike, 2 + 1 + 2);
        assert_eq!(noise.busiest.alike, 1);
        assert!(noise.clear.is_used());
        // Twice the same pair adds up in amplitude.
        let twice = [(pair.as_slice(), shared.as_slice()); 2];
        let noise = of_rotations(twice.into_iter(), SIZE);
        assert_eq!(noise.units.alike, 4 * 5);
        assert_eq!(noise.busiest.alike, 4);
    }

    /// All rotations are evaluated, so those of one group are twins of each other, and what follows in a group is one of what other
    /// groups do before they are added up.
    #[test]
    fn groups_and_their_parts_are_trees_of_their_own() {
        let long = rotation(&[(0, 1), (1, 3), (2, 5)]);
        let of = |groups: &[(&[Rotation], &[Turn])]| {
            of_rotations(groups.iter().copied(), SIZE).units.alike
        };
        let twice = [rotation(&[(0, 1), (1, 3), (2, 5)]), long];
        // Two products, twice in amplitude.
        assert_eq!(of(&[(&twice, &[])]), 4 * 2);
        let short = [rotation(&[(0, 1), (1, 3)])];
        let shared = [Turn { bit: 2, shift: 5 }];
        assert_eq!(of(&[(&short, &shared), (&twice[..1], &[])]), 4 * 2);
        assert_eq!(of(&[(&twice[..1], &[]), (&short, &shared)]), 4 * 2);
    }
}
