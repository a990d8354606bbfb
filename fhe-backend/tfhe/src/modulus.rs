//! Switching the modulus of responses.

use tenebra_client::bits::round_high;

/// What [`round_high`] rounds away, as a signed number.
pub(crate) fn switched_rest(value: u64, width: u32) -> u64 {
    if width >= 64 {
        return 0;
    }
    value.wrapping_sub(round_high(value, width) << (64 - width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_odd() {
        for value in [0u64, 1, 7, 8, 9, 24, 1 << 40, (1 << 63) - 8, (1 << 63) - 1] {
            let (switched, rest) = (round_high(value, 60), switched_rest(value, 60));
            assert_eq!((switched << 4).wrapping_add(rest), value);
            assert!(rest.cast_signed().unsigned_abs() <= 8);
            let negated = value.wrapping_neg();
            assert_eq!(switched_rest(negated, 60), rest.wrapping_neg(), "{value}");
        }
        assert_eq!(round_high(24, 60), 2);
        assert_eq!(round_high(24u64.wrapping_neg(), 60), (1 << 60) - 2);
    }
}
