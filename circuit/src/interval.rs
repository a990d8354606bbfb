//! Inclusive integer ranges.

use core::fmt;

/// The integers from `min` to `max`, both included. Empty when `min > max`, which the verifier refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Interval {
    /// Smallest value.
    pub min: i64,
    /// Largest value.
    pub max: i64,
}

impl Interval {
    /// The interval `[min, max]`.
    #[must_use]
    pub const fn new(min: i64, max: i64) -> Self {
        Self { min, max }
    }

    /// The interval that holds `value` alone.
    #[must_use]
    pub const fn constant(value: i64) -> Self {
        Self::new(value, value)
    }

    /// Whether the interval holds exactly one integer.
    #[must_use]
    pub const fn is_constant(self) -> bool {
        self.min == self.max
    }

    /// Whether `value` lies in the interval.
    #[must_use]
    pub const fn contains(self, value: i64) -> bool {
        self.min <= value && value <= self.max
    }

    /// The largest absolute value of an element.
    #[must_use]
    pub const fn magnitude(self) -> u64 {
        let (a, b) = (self.min.unsigned_abs(), self.max.unsigned_abs());
        if a > b { a } else { b }
    }

    /// The bits that tell the elements apart: the least `b` with `max - min < 2^b`; 0 for a constant.
    #[must_use]
    pub const fn bits(self) -> u32 {
        u64::BITS
            - self
                .max
                .wrapping_sub(self.min)
                .cast_unsigned()
                .leading_zeros()
    }

    /// The part of `self` below `threshold`, where a tree's node goes left; `None` if there is none.
    pub(crate) fn below(self, threshold: i64) -> Option<Self> {
        // `threshold > min` keeps `threshold - 1` from underflowing.
        (threshold > self.min).then(|| Self::new(self.min, self.max.min(threshold - 1)))
    }

    /// The part of `self` from `threshold` on, where a tree's node goes right; `None` if there is none.
    pub(crate) fn from(self, threshold: i64) -> Option<Self> {
        (threshold <= self.max).then(|| Self::new(self.min.max(threshold), self.max))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_tell_the_elements_apart() {
        assert_eq!(Interval::constant(7).bits(), 0);
        assert_eq!(Interval::new(0, 1).bits(), 1);
        assert_eq!(Interval::new(0, 255).bits(), 8);
        assert_eq!(Interval::new(-128, 128).bits(), 9); // 257 elements
        assert_eq!(Interval::new(i64::MIN, i64::MAX).bits(), 64);
    }

    #[test]
    fn a_threshold_splits_without_overlap() {
        let range = Interval::new(-2, 3);
        assert_eq!(range.below(0), Some(Interval::new(-2, -1)));
        assert_eq!(range.from(0), Some(Interval::new(0, 3)));
        assert_eq!(range.below(-2), None);
        assert_eq!(range.from(4), None);
        assert_eq!(range.below(i64::MIN), None);
        assert_eq!(range.below(i64::MAX), Some(range));
    }
}
