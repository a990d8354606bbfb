//! Clear polynomials up to a shift, a sign and a factor.

use crate::branching::diagram::{Plain, merged};

/// What polynomials `±c·X^s·p` of `Z[X]/(X^N + 1)` have in common, for whole numbers `c`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Canonical(Vec<(usize, i64)>);

/// The common form of `plain` for polynomials of `size` coefficients, and where it lies: its shift in `0..2·size`, that by `size`
/// being a change of sign. `None` if it is zero.
pub(super) fn canonical(plain: &Plain, size: usize) -> Option<(Canonical, usize)> {
    let mut terms = merged(plain.clone());
    terms.retain(|(_, value)| *value != 0);
    let divisor = terms
        .iter()
        .fold(0, |divisor, (_, value)| gcd(divisor, value.unsigned_abs()));
    let divisor = i64::try_from(divisor).ok().filter(|divisor| *divisor > 0)?;
    // Once around, `X^N = −1`: every value again, negated. Each with the way to the next.
    let half = terms.iter().map(|(at, value)| (*at, value / divisor));
    let negated = half.clone().map(|(at, value)| (at + size, -value));
    let around: Vec<(usize, i64)> = half.chain(negated).collect();
    let next = around.iter().skip(1).map(|(at, _)| *at);
    let steps: Vec<(usize, i64)> = around
        .iter()
        .zip(next.chain([around[0].0 + 2 * size]))
        .map(|((at, value), next)| (next - at, *value))
        .collect();
    let start = least_rotation(&steps);
    let kept = steps.iter().cycle().skip(start).take(terms.len());
    Some((Canonical(kept.copied().collect()), around[start].0))
}

/// Where the least of all rotations of a sequence starts.
fn least_rotation<T: Ord>(sequence: &[T]) -> usize {
    let len = sequence.len();
    let at = |start: usize, offset: usize| &sequence[(start + offset) % len];
    let (mut one, mut other, mut equal) = (0, 1, 0);
    while one.max(other) < len && equal < len {
        match at(one, equal).cmp(at(other, equal)) {
            core::cmp::Ordering::Equal => {
                equal += 1;
                continue;
            }
            core::cmp::Ordering::Greater => one += equal + 1,
            core::cmp::Ordering::Less => other += equal + 1,
        }
        if one == other {
            other += 1;
        }
        equal = 0;
    }
    one.min(other)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_signs_and_factors_have_one_form() {
        let size = 16;
        let plain: Plain = vec![(1, 2), (4, -6), (5, 2)];
        let (form, at) = canonical(&plain, size).unwrap();
        for shift in 0..2 * size {
            let moved = plain.iter().map(|(index, value)| {
                let to = (index + shift) % (2 * size);
                if to < size {
                    (to, 3 * value)
                } else {
                    (to - size, -3 * value)
                }
            });
            let (moved, moved_at) = canonical(&moved.collect(), size).unwrap();
            assert_eq!(moved, form, "{shift}");
            assert_eq!((moved_at + 2 * size - at) % (2 * size), shift);
        }
        let other = canonical(&vec![(1, 2), (4, -6), (5, 4)], size).unwrap().0;
        assert_ne!(other, form);
        assert_eq!(canonical(&vec![(3, 5), (3, -5)], size), None);
    }

    #[test]
    fn rotations_by_hand() {
        assert_eq!(least_rotation(&[3, 1, 2, 1, 1]), 3);
        assert_eq!(least_rotation(&[5]), 0);
        assert_eq!(least_rotation(&[2, 2, 2]), 0);
    }
}
