//! Switching the modulus of responses.

/// `round(value·2^width / 2^64)` modulo `2^width`. Halves are rounded away from the zero of signed numbers: what is rounded away
/// is an odd function of `value`, so that it has no mean, even of values that are multiples of a half step.
pub(crate) fn switch_modulus(value: u64, width: u32) -> u64 {
    let dropped = 64 - width;
    if dropped == 0 {
        return value;
    }
    rounded(value, dropped) >> dropped
}

/// What [`switch_modulus`] rounds away, as a signed number.
pub(crate) fn switched_rest(value: u64, width: u32) -> u64 {
    let dropped = 64 - width;
    if dropped == 0 {
        return 0;
    }
    value.wrapping_sub(rounded(value, dropped) >> dropped << dropped)
}

fn rounded(value: u64, dropped: u32) -> u64 {
    let half = (1u64 << (dropped - 1)) - (value >> 63);
    value.wrapping_add(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_odd() {
        for value in [0u64, 1, 7, 8, 9, 24, 1 << 40, (1 << 63) - 8, (1 << 63) - 1] {
            let (switched, rest) = (switch_modulus(value, 60), switched_rest(value, 60));
            assert_eq!((switched << 4).wrapping_add(rest), value);
            assert!(rest.cast_signed().unsigned_abs() <= 8);
            let negated = value.wrapping_neg();
            assert_eq!(switched_rest(negated, 60), rest.wrapping_neg(), "{value}");
        }
        assert_eq!(switch_modulus(24, 60), 2);
        assert_eq!(switch_modulus(24u64.wrapping_neg(), 60), (1 << 60) - 2);
    }
}
