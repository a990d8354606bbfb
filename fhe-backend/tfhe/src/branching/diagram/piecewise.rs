//! Piecewise constant functions of one code: what a subtree that reads a single input computes.

use alloc::collections::{BTreeMap, VecDeque};

use super::merged;
use crate::branching::digits::{DigitTable, Digits};

/// The value of each code: piece `i` holds from its start to the start of the next. The first starts at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piecewise {
    pub(super) pieces: VecDeque<(i64, Digits)>,
}

impl Piecewise {
    pub(super) fn constant(value: Digits) -> Self {
        Self {
            pieces: VecDeque::from([(0, value)]),
        }
    }

    pub(super) fn of_table(table: &DigitTable) -> Self {
        Self::merged((0..).zip(table.rows.iter().cloned()).collect())
    }

    /// `left` below `threshold`, `right` from it on. Takes as long as the shorter of them: trees may be chains.
    pub(super) fn split(threshold: i64, left: Self, right: Self) -> Self {
        let (mut low, mut high) = (left.pieces, right.pieces);
        while low.back().is_some_and(|(start, _)| *start >= threshold) {
            low.pop_back();
        }
        while high.get(1).is_some_and(|(start, _)| *start <= threshold) {
            high.pop_front();
        }
        if let Some((start, value)) = high.front_mut() {
            *start = threshold;
            if low.back().is_some_and(|(_, before)| before == value) {
                high.pop_front();
            }
        }
        if low.len() < high.len() {
            while let Some(piece) = low.pop_back() {
                high.push_front(piece);
            }
            return Self { pieces: high };
        }
        low.append(&mut high);
        Self { pieces: low }
    }

    /// The sum of functions.
    pub(super) fn sum<'a>(functions: impl Iterator<Item = &'a Self>) -> Self {
        let mut changes: Vec<(i64, usize, i64)> = Vec::new();
        for function in functions {
            let mut change = |start: i64, digits: &Digits, sign: i64| {
                let digits = digits.iter();
                changes.extend(digits.map(|(at, digit)| (start, *at, sign * i64::from(*digit))));
            };
            let mut before: Option<&Digits> = None;
            for (start, digits) in &function.pieces {
                change(*start, digits, 1);
                if let Some(before) = before {
                    change(*start, before, -1);
                }
                before = Some(digits);
            }
        }
        changes.sort_unstable();
        let mut value: BTreeMap<usize, i64> = BTreeMap::new();
        let mut pieces = vec![(0, Digits::new())];
        for change in changes.chunk_by(|one, next| one.0 == next.0) {
            for (_, coefficient, by) in change {
                *value.entry(*coefficient).or_default() += by;
            }
            let digits = value.iter().filter_map(|(at, sum)| {
                let digit = u32::try_from(*sum).ok().filter(|digit| *digit != 0);
                digit.map(|digit| (*at, digit))
            });
            pieces.push((change[0].0, digits.collect()));
        }
        // What starts at 0 takes the place of nothing.
        if pieces.get(1).is_some_and(|(start, _)| *start == 0) {
            pieces.remove(0);
        }
        Self::merged(pieces)
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
        Self {
            pieces: pieces.into(),
        }
    }
}

/// The sum of two sparse vectors.
pub(super) fn add_digits(left: &Digits, right: &Digits) -> Digits {
    merged(left.iter().chain(right).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_sums_by_hand() {
        let constant = |value| Piecewise::constant(vec![(0, value)]);
        // 1 below 3, 2 from 3 on; and 5 below 3, 7 from 5 on, 2 between.
        let low = Piecewise::split(3, constant(1), constant(2));
        let high = Piecewise::split(
            5,
            Piecewise::split(3, constant(5), constant(2)),
            constant(7),
        );
        let sum = Piecewise::sum([&low, &high].into_iter());
        let values: Vec<u32> = (0..7).map(|code| sum.value(code)[0].1).collect();
        assert_eq!(values, [6, 6, 6, 4, 4, 9, 9]);
        assert_eq!(sum.boundaries().collect::<Vec<_>>(), [3, 5]);
        // Pieces that the threshold cuts off disappear: high below 4, low from there on.
        let cut = Piecewise::split(4, high, low);
        let values: Vec<u32> = (0..7).map(|code| cut.value(code)[0].1).collect();
        assert_eq!(values, [5, 5, 5, 2, 2, 2, 2]);
        assert_eq!(cut.boundaries().collect::<Vec<_>>(), [3]);
        // Equal values on both sides leave no boundary.
        assert_eq!(
            Piecewise::split(4, constant(1), constant(1)).pieces.len(),
            1
        );
    }
}
