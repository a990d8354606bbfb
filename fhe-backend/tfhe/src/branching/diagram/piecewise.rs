//! Piecewise constant functions of one code: what a subtree that reads a single input computes.

use crate::branching::digits::{DigitTable, Digits};

/// The value of each code: piece `i` holds from its start to the start of the next. The first starts at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piecewise {
    pub(super) pieces: Vec<(i64, Digits)>,
}

impl Piecewise {
    pub(super) fn constant(value: Digits) -> Self {
        Self {
            pieces: vec![(0, value)],
        }
    }

    pub(super) fn of_table(table: &DigitTable) -> Self {
        let rows = (0..).zip(table.rows.iter().cloned()).collect();
        Self::merged(rows)
    }

    /// `left` below `threshold`, `right` from it on.
    pub(super) fn split(threshold: i64, left: &Self, right: &Self) -> Self {
        let below = left
            .pieces
            .iter()
            .filter(|(start, _)| *start < threshold)
            .cloned();
        let first = right.value(threshold).clone();
        let above = right
            .pieces
            .iter()
            .filter(|(start, _)| *start > threshold)
            .cloned();
        Self::merged(below.chain([(threshold, first)]).chain(above).collect())
    }

    /// The sum of two functions.
    pub(super) fn sum(&self, other: &Self) -> Self {
        let mut starts: Vec<i64> = self
            .pieces
            .iter()
            .chain(&other.pieces)
            .map(|(start, _)| *start)
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let pieces = starts
            .into_iter()
            .map(|start| (start, add_digits(self.value(start), other.value(start))));
        Self::merged(pieces.collect())
    }

    /// The value at `code`.
    pub(super) fn value(&self, code: i64) -> &Digits {
        let index = self.pieces.partition_point(|(start, _)| *start <= code);
        // The first piece starts at 0 and codes are not negative.
        &self.pieces[index.max(1) - 1].1
    }

    /// Where the value changes.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = i64> + '_ {
        self.pieces.iter().skip(1).map(|(start, _)| *start)
    }

    fn merged(mut pieces: Vec<(i64, Digits)>) -> Self {
        pieces.dedup_by(|later, earlier| later.1 == earlier.1);
        Self { pieces }
    }
}

/// The sum of two sparse vectors.
pub(super) fn add_digits(left: &Digits, right: &Digits) -> Digits {
    let mut sum: Digits = left.iter().chain(right).copied().collect();
    sum.sort_unstable_by_key(|(coefficient, _)| *coefficient);
    sum.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_sums_by_hand() {
        let constant = |value| Piecewise::constant(vec![(0, value)]);
        // 1 below 3, 2 from 3 on; and 5 below 3, 7 from 5 on, 2 between.
        let low = Piecewise::split(3, &constant(1), &constant(2));
        let high = Piecewise::split(
            5,
            &Piecewise::split(3, &constant(5), &constant(2)),
            &constant(7),
        );
        let sum = low.sum(&high);
        let values: Vec<u32> = (0..7).map(|code| sum.value(code)[0].1).collect();
        assert_eq!(values, [6, 6, 6, 4, 4, 9, 9]);
        assert_eq!(sum.boundaries().collect::<Vec<_>>(), [3, 5]);
        // Equal values on both sides leave no boundary.
        assert_eq!(
            Piecewise::split(4, &constant(1), &constant(1)).pieces.len(),
            1
        );
    }
}
