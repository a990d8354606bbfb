//! Seeded choices.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A generator whose seed determines every choice.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The generator of the same seed on stream `index`, which has nothing to do with the others.
    #[cfg(feature = "train")]
    pub(crate) fn branch(mut self, index: u64) -> Self {
        self.0.set_stream(index);
        self
    }

    /// Uniform in `0..n`, to 2^-64; `n` must not be 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let scaled = (u128::from(self.0.next_u64()) * n as u128) >> 64;
        usize::try_from(scaled).expect("less than n")
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 2.0_f64.powi(32)
    }

    /// Moves a uniform choice of `count` items to the front, in random order.
    pub(crate) fn choose<T>(&mut self, items: &mut [T], count: usize) {
        for place in 0..count.min(items.len()) {
            let other = place + self.below(items.len() - place);
            items.swap(place, other);
        }
    }
}
