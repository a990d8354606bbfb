//! Random orders of rows.

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// A uniformly random order (Fisher and Yates).
pub(super) fn shuffle(order: &mut [usize], rng: &mut ChaCha8Rng) {
    for last in (1..order.len()).rev() {
        // The bias of the remainder is below 2^-32 for any table that fits the memory.
        let other = rng.next_u64() % (last as u64 + 1);
        order.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
