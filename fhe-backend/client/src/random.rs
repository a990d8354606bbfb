//! Where randomness goes: public masks, secret keys and noise come from separate ChaCha20 streams.

use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, Rng, SeedableRng};
use zeroize::Zeroize;

use crate::keystream::Keystream;

/// Bytes of a mask seed.
pub const MASK_SEED_LEN: usize = 32;

/// Public seed of the masks of one query. It must be fresh for every query: two messages under one seed and key reveal
/// their difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskSeed(pub [u8; MASK_SEED_LEN]);

/// Expands a [`MaskSeed`]: the keystream of ChaCha20 (Bernstein 2008; 64-bit counter and nonce, both zero) under the seed
/// as key, as consecutive little-endian 64-bit words.
#[derive(Debug)]
pub struct MaskStream(Keystream);

impl MaskStream {
    /// At the first word.
    #[must_use]
    pub fn new(seed: MaskSeed) -> Self {
        Self(Keystream::new(seed.0))
    }

    /// At word `index`, a multiple of 8: a place that several threads can start from.
    #[must_use]
    pub fn at_word(seed: MaskSeed, index: u64) -> Self {
        let mut stream = Self::new(seed);
        stream.0.seek(index);
        stream
    }

    /// The next `out.len()` words: the coefficients of the next mask polynomial.
    pub fn fill(&mut self, out: &mut [u64]) {
        self.0.fill(out);
    }
}

/// Noise of fresh ciphertexts, from a seed that never leaves the client.
pub(crate) struct NoiseStream {
    rng: ChaCha20Rng,
    bound_log2: u32,
}

impl NoiseStream {
    /// Draws its seed from `rng`.
    pub(crate) fn new(bound_log2: u32, rng: &mut impl CryptoRng) -> Self {
        let mut seed = [0u8; 32];
        rng.fill_bytes(&mut seed);
        let stream = Self {
            rng: ChaCha20Rng::from_seed(seed),
            bound_log2,
        };
        seed.zeroize();
        stream
    }

    /// One value of TUniform(b): uniform on `[-2^b, 2^b]` but for half the weight at the ends, from `b + 2` random bits
    /// `x` as `(x >> 1) + (x & 1) − 2^b`; as a torus element (wrapping).
    pub(crate) fn sample(&mut self) -> u64 {
        let x = self.rng.next_u64() >> (62 - self.bound_log2);
        ((x >> 1) + (x & 1)).wrapping_sub(1 << self.bound_log2)
    }
}

/// A fresh mask seed.
pub(crate) fn fresh_mask_seed(rng: &mut impl CryptoRng) -> MaskSeed {
    let mut seed = [0u8; MASK_SEED_LEN];
    rng.fill_bytes(&mut seed);
    MaskSeed(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_stream_is_the_chacha20_keystream() {
        // ChaCha20, key 0, nonce 0, counter 0 (RFC 7539 appendix A.1, test vector 1): 76 b8 e0 ad a0 f1 3d 90 ...
        let mut words = [0u64; 8];
        MaskStream::new(MaskSeed([0; 32])).fill(&mut words);
        assert_eq!(
            words[0].to_le_bytes(),
            [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]
        );
        assert_eq!(
            words[7].to_le_bytes(),
            [0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86]
        );
    }

    #[test]
    fn noise_is_tuniform() {
        // b = 3: variance (2^7 + 1) / 6 = 21.5, ends at half weight. Mean of 2^18 samples has standard error
        // sqrt(21.5 / 2^18) = 0.009; the sample variance one of about 0.05. Six standard errors: fails once in 10^9.
        let mut noise = NoiseStream::new(3, &mut ChaCha20Rng::seed_from_u64(1));
        let count = 1 << 18;
        let (mut sum, mut squares, mut ends) = (0i64, 0i64, 0u32);
        for _ in 0..count {
            let value = noise.sample().cast_signed();
            assert!((-8..=8).contains(&value));
            sum += value;
            squares += value * value;
            ends += u32::from(value.abs() == 8);
        }
        let mean = sum as f64 / f64::from(count);
        assert!(mean.abs() < 6.0 * 0.009, "mean {mean}");
        let variance = squares as f64 / f64::from(count);
        assert!((variance - 21.5).abs() < 0.3, "variance {variance}");
        // Each end has weight 1/32: 2^18 / 16 = 16,384 expected, standard deviation 124.
        assert!(ends.abs_diff(16_384) < 744, "ends {ends}");
    }
}
