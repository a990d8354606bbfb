//! Counting twins, and units by bit.

use std::collections::HashMap;

use super::NoiseUnits;
use super::classes::{AllTwins, Operand};

/// How many trees have a product with the masks of a class.
#[derive(Debug, Default)]
pub(super) struct Twins {
    size: usize,
    /// By shift.
    trees: HashMap<usize, usize>,
    /// With shifts of the sign that more have.
    of_one_sign: usize,
    /// With any shift, if there are two that are no change of sign.
    apart: Option<usize>,
}

impl Twins {
    /// Of these trees and shifts.
    pub(super) fn of(members: &[(usize, usize)], size: usize) -> Self {
        let count = |sign: usize| {
            let of_sign = members.iter().filter(|(_, shift)| shift / size == sign);
            let mut trees: Vec<usize> = of_sign.map(|(tree, _)| *tree).collect();
            trees.sort_unstable();
            trees.dedup();
            trees.len()
        };
        let mut members = members.to_vec();
        members.sort_unstable();
        members.dedup();
        let of_one_sign = count(0).max(count(1));
        let mut all: Vec<usize> = members.iter().map(|(tree, _)| *tree).collect();
        all.dedup();
        let mut places = members.iter().map(|(_, shift)| shift % size);
        let first = places.next();
        let apart = places
            .any(|place| Some(place) != first)
            .then_some(all.len());
        let mut trees = HashMap::new();
        for (_, shift) in members {
            *trees.entry(shift).or_default() += 1;
        }
        Self {
            size,
            trees,
            of_one_sign,
            apart,
        }
    }

    /// Those that add up with a product whose operand is so far down. Signs that differ cancel.
    fn alike(&self, shift: usize) -> usize {
        let trees = |shift: usize| self.trees.get(&(shift % (2 * self.size))).copied();
        trees(shift).max(trees(shift + self.size)).unwrap_or(1)
    }
}

impl AllTwins {
    /// What adds up with a product with `operand`.
    pub(super) fn units(&self, operand: Operand) -> NoiseUnits {
        let of_bit = &self.of_bits[operand.of_bit.class];
        let alike = of_bit.alike(operand.of_bit.shift);
        NoiseUnits {
            alike,
            smooth: of_bit.of_one_sign.max(1),
            rounding: self.of_any[operand.of_any.class].alike(operand.of_any.shift),
            apart: of_bit.apart.map_or(0, |_| alike),
            directions: of_bit.apart.map_or(alike, |all| all.max(alike)),
        }
    }

    /// Trees that have products with one bit and operands that are the same but for shifts, at most.
    pub(super) fn most_apart(&self) -> usize {
        let apart = self.of_bits.iter().filter_map(|twins| twins.apart);
        apart.max().unwrap_or(0)
    }
}

/// Units by the bit that is multiplied, bits increasing.
#[derive(Clone, Debug, Default)]
pub(super) struct BitUnits(pub(super) Vec<(usize, NoiseUnits)>);

impl BitUnits {
    /// Of bits that both have, what `join` makes of the two.
    pub(super) fn merge(
        &self,
        other: &Self,
        join: impl Fn(NoiseUnits, NoiseUnits) -> NoiseUnits,
    ) -> Self {
        let mut merged: Vec<(usize, NoiseUnits)> = Vec::with_capacity(self.0.len());
        let (mut one, mut two) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let Some(next) = match (one.peek(), two.peek()) {
            (Some(a), Some(b)) if a.0 == b.0 => {
                let joined = (a.0, join(a.1, b.1));
                one.next();
                two.next();
                Some(joined)
            }
            (Some(a), Some(b)) if a.0 > b.0 => two.next().copied(),
            (Some(_), _) => one.next().copied(),
            (None, _) => two.next().copied(),
        } {
            merged.push(next);
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of shift 3, one tree, and two of the other sign; of shift 0, three.
    #[test]
    fn twins_of_both_signs_are_found_from_each() {
        let members = [
            (0, 3),
            (1, 3 + 16),
            (2, 3 + 16),
            (2, 3 + 16),
            (3, 0),
            (4, 0),
            (5, 0),
        ];
        let twins = Twins::of(&members, 16);
        let alike = |shift: usize| twins.alike(shift);
        assert_eq!([3, 19, 35, 51].map(alike), [2; 4]);
        assert_eq!([0, 16, 32].map(alike), [3; 3]);
        assert_eq!(alike(5), 1);
        // Trees 0, 3, 4 and 5 have one sign, 1 and 2 the other.
        assert_eq!(twins.of_one_sign, 4);
        // All six are apart, for there are two places; those of one place are not.
        assert_eq!(twins.apart, Some(6));
        assert_eq!(Twins::of(&members[..4], 16).apart, None);
        assert_eq!(Twins::of(&[], 16).apart, None);
    }

    #[test]
    fn units_are_merged_in_the_order_of_their_bits() {
        let units = |alike| NoiseUnits {
            alike,
            smooth: 1,
            rounding: 1,
            apart: 0,
            directions: 1,
        };
        let of = |pairs: &[(usize, usize)]| {
            BitUnits(
                pairs
                    .iter()
                    .map(|(bit, alike)| (*bit, units(*alike)))
                    .collect(),
            )
        };
        let one = of(&[(1, 5), (3, 2), (7, 1)]);
        let other = of(&[(0, 4), (3, 6), (5, 9)]);
        let wanted = of(&[(0, 4), (1, 5), (3, 8), (5, 9), (7, 1)]);
        let sum = |a: NoiseUnits, b: NoiseUnits| units(a.alike + b.alike);
        assert_eq!(one.merge(&other, sum).0, wanted.0);
        assert_eq!(other.merge(&one, sum).0, wanted.0);
    }
}
