//! Switching the modulus of responses.

/// `round(value·2^width / 2^64)` modulo `2^width`.
pub(crate) fn switch_modulus(value: u64, width: u32) -> u64 {
    let dropped = 64 - width;
    if dropped == 0 {
        return value;
    }
    value.wrapping_add(1 << (dropped - 1)) >> dropped
}
