//! Products with the ramp `u = Σ X^i` in `Z[X]/(X^N + 1)`: coefficient `n` of `u·p` is the sum of those of `p` up to `n`, less the
//! sum of all others. A key of bits is `½·u` and what has no mean, a key of signs `2·bits − u`.

use super::words::update_by_sums;

/// `target += u·polynomial`.
pub(crate) fn add_ramp(target: &mut [u64], polynomial: &[u64]) {
    with_ramp(target, polynomial, u64::wrapping_add);
}

/// `target −= u·polynomial`.
pub(crate) fn subtract_ramp(target: &mut [u64], polynomial: &[u64]) {
    with_ramp(target, polynomial, u64::wrapping_sub);
}

fn with_ramp(target: &mut [u64], polynomial: &[u64], join: impl Fn(u64, u64) -> u64) {
    // Twice the sums, which begin with less than all of them by once.
    let start = sum(polynomial).wrapping_neg();
    update_by_sums(target, 0, polynomial, |word, sum| {
        join(word, start.wrapping_add(sum << 1))
    });
}

/// `target −= ½·u·polynomial` for signed numbers whose sum is below `2^63`, less a half at most.
pub(crate) fn subtract_half_ramp(target: &mut [u64], polynomial: &[u64]) {
    let half = sum(polynomial).cast_signed() >> 1;
    let start = half.wrapping_neg().cast_unsigned();
    update_by_sums(target, start, polynomial, u64::wrapping_sub);
}

fn sum(polynomial: &[u64]) -> u64 {
    polynomial
        .iter()
        .fold(0, |sum: u64, word| sum.wrapping_add(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_by_hand() {
        // u·(3 + 5X) in Z[X]/(X^2 + 1) = 3 − 5 + (3 + 5)X.
        let mut target = [10, 20];
        add_ramp(&mut target, &[3, 5]);
        assert_eq!(target, [8, 28]);
        subtract_half_ramp(&mut target, &[3, 5]);
        assert_eq!(target, [9, 24]);
        subtract_ramp(&mut target, &[3, 5]);
        assert_eq!(target, [11, 16]);
    }
}
