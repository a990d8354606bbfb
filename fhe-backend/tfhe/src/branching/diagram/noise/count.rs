//! Counting twins, and units by bit.

use std::collections::HashMap;

use super::{NoiseUnits, Operand};

/// How many trees have a product with the masks of a class.
#[derive(Debug, Default)]
pub(super) struct Twins {
    size: usize,
    /// By shift.
    trees: HashMap<usize, usize>,
    /// With shifts of the sign that more have.
    of_one_sign: usize,
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
        let mut trees = HashMap::new();
        for (_, shift) in members {
            *trees.entry(shift).or_default() += 1;
        }
        Self {
            size,
            trees,
            of_one_sign: count(0).max(count(1)),
        }
    }

    /// Those that add up with a product with `operand`: of its shift, and of any shift. Signs that differ cancel.
    pub(super) fn units(&self, operand: Operand) -> NoiseUnits {
        let trees = |shift: usize| self.trees.get(&(shift % (2 * self.size))).copied();
        let (same, opposite) = (trees(operand.shift), trees(operand.shift + self.size));
        NoiseUnits {
            alike: same.max(opposite).unwrap_or(1),
            smooth: self.of_one_sign.max(1),
        }
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
        let alike = |shift: usize| twins.units(Operand { class: 0, shift }).alike;
        assert_eq!([3, 19, 35, 51].map(alike), [2; 4]);
        assert_eq!([0, 16, 32].map(alike), [3; 3]);
        assert_eq!(alike(5), 1);
        // Trees 0, 3, 4 and 5 have one sign, 1 and 2 the other.
        assert_eq!(twins.units(Operand { class: 0, shift: 5 }).smooth, 4);
    }

    #[test]
    fn units_are_merged_in_the_order_of_their_bits() {
        let units = |alike| NoiseUnits { alike, smooth: 1 };
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
