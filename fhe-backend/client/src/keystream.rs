//! The keystream of ChaCha20 as 64-bit words: many blocks at a time where there is memory, little code where there is not.
//! Its state is wiped on drop, here rather than by `chacha20`'s feature, which would change `cipher` for `tfhe` as well.

#[cfg(not(feature = "alloc"))]
pub(crate) use small::Keystream;
#[cfg(feature = "alloc")]
pub(crate) use wide::Keystream;

#[cfg(feature = "alloc")]
mod wide {
    use chacha20::ChaCha20Legacy;
    use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
    use zeroize::optimization_barrier;

    #[derive(Debug)]
    pub(crate) struct Keystream(ChaCha20Legacy);

    impl Keystream {
        pub(crate) fn new(key: [u8; 32]) -> Self {
            Self(ChaCha20Legacy::new(&key.into(), &[0; 8].into()))
        }

        pub(crate) fn seek(&mut self, word: u64) {
            self.0.seek(8 * u128::from(word));
        }

        pub(crate) fn fill(&mut self, out: &mut [u64]) {
            out.fill(0);
            self.0.apply_keystream(bytemuck::cast_slice_mut(out));
            // Nothing to do where words are little-endian.
            out.iter_mut().for_each(|word| *word = u64::from_le(*word));
        }
    }

    impl Drop for Keystream {
        fn drop(&mut self) {
            self.0 = ChaCha20Legacy::new(&[0; 32].into(), &[0; 8].into());
            optimization_barrier(&self.0);
        }
    }
}

/// On the generator that devices have anyway: the cipher would be 3 kB of a device's flash.
#[cfg(any(test, not(feature = "alloc")))]
mod small {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;
    use zeroize::{Zeroize, optimization_barrier};

    use crate::random::draw;

    #[derive(Debug)]
    pub(crate) struct Keystream(ChaCha20Rng);

    impl Keystream {
        pub(crate) fn new(key: [u8; 32]) -> Self {
            Self(ChaCha20Rng::from_seed(key))
        }

        pub(crate) fn seek(&mut self, word: u64) {
            // The generator counts 32-bit words.
            self.0.set_word_pos(2 * u128::from(word));
        }

        pub(crate) fn fill(&mut self, out: &mut [u64]) {
            let mut bytes = [0; 64];
            for words in out.chunks_mut(bytes.len() / 8) {
                let bytes = &mut bytes[..words.len() * 8];
                draw(&mut self.0, bytes);
                for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
            }
            bytes.zeroize();
        }
    }

    impl Drop for Keystream {
        fn drop(&mut self) {
            self.0 = ChaCha20Rng::from_seed([0; 32]);
            optimization_barrier(&self.0);
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::{small, wide};

    #[test]
    fn both_give_the_same_words_from_anywhere() {
        for (start, lens) in [
            (0, [1, 600]),
            (8, [64, 3]),
            (512, [7, 512]),
            (1 << 36, [8, 40]),
        ] {
            let mut few = small::Keystream::new([5; 32]);
            let mut many = wide::Keystream::new([5; 32]);
            few.seek(start);
            many.seek(start);
            for len in lens {
                let (mut one, mut other) = ([1; 600], [2; 600]);
                few.fill(&mut one[..len]);
                many.fill(&mut other[..len]);
                assert_eq!(one[..len], other[..len], "{len} words from {start}");
            }
        }
    }
}
