//! Words of polynomials, one after the other, compiled for the registers that the machine has: named types, for closures would be
//! compiled once, for any machine.

use pulp::{Arch, NullaryFnOnce};

/// `target[i] = join(target[i], source[i])`.
pub(crate) fn update(target: &mut [u64], source: &[u64], join: impl Fn(u64, u64) -> u64) {
    Arch::new().dispatch(Update {
        target,
        source,
        join,
    });
}

/// `target[i] = join(one[i], other[i])`.
pub(crate) fn combine(
    target: &mut [u64],
    one: &[u64],
    other: &[u64],
    join: impl Fn(u64, u64) -> u64,
) {
    Arch::new().dispatch(Combine {
        target,
        one,
        other,
        join,
    });
}

/// `target[i] = join(target[i], start + Σ_{j ≤ i} source[j])`.
pub(crate) fn update_by_sums(
    target: &mut [u64],
    start: u64,
    source: &[u64],
    join: impl Fn(u64, u64) -> u64,
) {
    Arch::new().dispatch(UpdateBySums {
        target,
        start,
        source,
        join,
    });
}

/// `target[i] = 2^32·high[i]`.
pub(crate) fn widen(target: &mut [u64], high: &[u32]) {
    Arch::new().dispatch(Widen { target, high });
}

struct Widen<'a> {
    target: &'a mut [u64],
    high: &'a [u32],
}

impl NullaryFnOnce for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (target, high) in self.target.iter_mut().zip(self.high) {
            *target = u64::from(*high) << 32;
        }
    }
}

struct Update<'a, F> {
    target: &'a mut [u64],
    source: &'a [u64],
    join: F,
}

impl<F: Fn(u64, u64) -> u64> NullaryFnOnce for Update<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (target, source) in self.target.iter_mut().zip(self.source) {
            *target = (self.join)(*target, *source);
        }
    }
}

struct Combine<'a, F> {
    target: &'a mut [u64],
    one: &'a [u64],
    other: &'a [u64],
    join: F,
}

impl<F: Fn(u64, u64) -> u64> NullaryFnOnce for Combine<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let sources = self.one.iter().zip(self.other);
        for (target, (one, other)) in self.target.iter_mut().zip(sources) {
            *target = (self.join)(*one, *other);
        }
    }
}

struct UpdateBySums<'a, F> {
    target: &'a mut [u64],
    start: u64,
    source: &'a [u64],
    join: F,
}

/// Words whose sums are found side by side.
const BLOCK: usize = 8;

impl<F: Fn(u64, u64) -> u64> NullaryFnOnce for UpdateBySums<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut before = self.start;
        let (targets, last) = self.target.as_chunks_mut::<BLOCK>();
        let (sources, last_sources) = self.source.as_chunks::<BLOCK>();
        for (target, source) in targets.iter_mut().zip(sources) {
            let sums = sums(source);
            for (target, sum) in target.iter_mut().zip(sums) {
                *target = (self.join)(*target, before.wrapping_add(sum));
            }
            before = before.wrapping_add(sums[BLOCK - 1]);
        }
        for (target, source) in last.iter_mut().zip(last_sources) {
            before = before.wrapping_add(*source);
            *target = (self.join)(*target, before);
        }
    }
}

/// Of the first one, two, three … words (Hillis and Steele, <https://doi.org/10.1145/7902.7903>).
#[inline(always)]
fn sums(words: &[u64; BLOCK]) -> [u64; BLOCK] {
    let mut sums = *words;
    for distance in [1, 2, 4] {
        let before = sums;
        for index in distance..BLOCK {
            sums[index] = sums[index].wrapping_add(before[index - distance]);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_by_hand() {
        let source: Vec<u64> = (1..=19).collect();
        let mut target = vec![100; 19];
        update_by_sums(&mut target, 1000, &source, u64::wrapping_add);
        let expected = (1..=19u64).map(|n| 1100 + n * (n + 1) / 2);
        assert_eq!(target, expected.collect::<Vec<u64>>());
    }
}
