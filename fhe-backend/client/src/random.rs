//! Where randomness goes. The caller's generator gives 32 bytes a call, which are never used as they come: together with a
//! label, the key and all that is encrypted they are hashed into the seeds of separate ChaCha20 streams for public masks,
//! noise and secrets.
//!
//! So a generator that repeats itself costs no more than it must, as with the nonces of RFC 8937 and of Ed25519 (RFC 8032,
//! §5.1.6): the same state at two places gives unrelated streams, and the same state for the same key and codes gives the
//! same query, which says that the codes are equal and nothing else. A key is no better than the bytes that it was made of.
//!
//! ```text
//! root = SHA-256(label | 32 bytes of the generator | parameters | key | codes)
//! seed = SHA-256(stream | index | root)
//! ```
//! Everything has a fixed length or one that stands before it, so that no two inputs are the same bytes; seeds are hashes
//! of the root, so that a public one cannot be extended into another.

use rand_core::{CryptoRng, Rng};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, optimization_barrier};

use crate::frame::KeyTag;
use crate::key::SecretKey;
use crate::keystream::Keystream;
use crate::params::ValidGlwe;

/// Bytes of a mask seed.
pub const MASK_SEED_LEN: usize = 32;

/// Public seed of masks. No two messages may have the same under one key: they would reveal their difference.
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

/// Collects everything that the streams of one call depend on.
pub(crate) struct Transcript(Sha256);

impl Transcript {
    /// Starts with a label: what follows is all that the streams depend on.
    pub(crate) fn of(label: &'static str) -> Self {
        let mut transcript = Self(Sha256::new());
        transcript.number(label.len() as u64);
        absorb(&mut transcript.0, label.as_bytes());
        transcript
    }

    /// Starts with a label and 32 bytes of the caller's generator.
    pub(crate) fn new(label: &'static str, rng: &mut impl CryptoRng) -> Self {
        let mut transcript = Self::of(label);
        let mut entropy = [0u8; 32];
        draw(rng, &mut entropy);
        absorb(&mut transcript.0, &entropy);
        entropy.zeroize();
        transcript
    }

    #[inline(never)]
    pub(crate) fn number(&mut self, value: u64) {
        absorb(&mut self.0, &value.to_le_bytes());
    }

    pub(crate) fn glwe(&mut self, glwe: ValidGlwe) {
        self.number(glwe.glwe_dimension() as u64);
        self.number(glwe.polynomial_size() as u64);
        self.number(glwe.noise_bound_log2().into());
    }

    /// The key and its parameters.
    pub(crate) fn key(&mut self, key: &SecretKey) {
        self.glwe(key.glwe());
        key.words().iter().for_each(|word| self.number(*word));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.append(bytes);
    }

    /// Bytes whose number is known by what stands before them.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        absorb(&mut self.0, bytes);
    }

    pub(crate) fn root(mut self) -> Root {
        Root(finish(&mut self.0))
    }
}

/// The hash saw the key.
impl Drop for Transcript {
    fn drop(&mut self) {
        self.0 = Sha256::new();
        optimization_barrier(&self.0);
    }
}

/// What is hashed next. Not inlined, as is [`finish`]: the code is large, and called in many places.
#[inline(never)]
pub(crate) fn absorb(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(bytes);
}

/// The hash of what was absorbed.
#[inline(never)]
pub(crate) fn finish(hash: &mut Sha256) -> [u8; 32] {
    hash.finalize_reset().into()
}

/// Random bytes. Devices have one generator: its code stands in their flash once.
#[inline(never)]
pub(crate) fn draw(rng: &mut impl Rng, out: &mut [u8]) {
    rng.fill_bytes(out);
}

/// What a stream is for.
#[derive(Clone, Copy)]
enum Stream {
    Masks = 1,
    Noise = 2,
    Key = 3,
    Tag = 4,
}

/// Where the seeds of the streams of one call come from.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Root([u8; 32]);

impl Root {
    #[inline(never)]
    fn seed(&self, stream: Stream, index: u8) -> [u8; 32] {
        let mut hash = Sha256::new();
        absorb(&mut hash, &[stream as u8, index]);
        absorb(&mut hash, &self.0);
        let seed = finish(&mut hash);
        hash = Sha256::new();
        optimization_barrier(&hash);
        seed
    }

    #[inline(never)]
    fn keystream(&self, stream: Stream, index: u8) -> Keystream {
        let mut seed = self.seed(stream, index);
        let stream = Keystream::new(seed);
        seed.zeroize();
        stream
    }

    /// The public seed of the masks.
    pub(crate) fn mask_seed(&self) -> MaskSeed {
        MaskSeed(self.seed(Stream::Masks, 0))
    }

    pub(crate) fn noise(&self, bound_log2: u32) -> NoiseStream {
        NoiseStream {
            words: self.keystream(Stream::Noise, 0),
            bound_log2,
        }
    }

    /// The bits of the secret key of plan `plan`.
    pub(crate) fn key_words(&self, plan: u8) -> Keystream {
        self.keystream(Stream::Key, plan)
    }

    pub(crate) fn key_tag(&self) -> KeyTag {
        let mut tag = KeyTag::NONE;
        tag.0.copy_from_slice(&self.seed(Stream::Tag, 0)[..8]);
        tag
    }
}

/// Noise of fresh ciphertexts, from a seed that never leaves the client.
pub(crate) struct NoiseStream {
    words: Keystream,
    bound_log2: u32,
}

impl NoiseStream {
    /// The next `out.len()` values of TUniform(b), as torus elements.
    pub(crate) fn fill(&mut self, out: &mut [u64]) {
        self.words.fill(out);
        for word in out {
            *word = tuniform(*word, self.bound_log2);
        }
    }
}

/// TUniform(b), `b <= 60`: uniform on `[-2^b, 2^b]` but for half the weight at the ends, from the high `b + 2` bits `x` of a
/// random word as `(x >> 1) + (x & 1) − 2^b`; as a torus element (wrapping).
#[must_use]
pub fn tuniform(word: u64, bound_log2: u32) -> u64 {
    let x = word >> (62 - bound_log2);
    ((x >> 1) + (x & 1)).wrapping_sub(1 << bound_log2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

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
        let mut noise = Root([1; 32]).noise(3);
        let count = 1 << 18;
        let mut values = vec![0; count];
        // In pieces, which must not repeat each other.
        values.chunks_mut(1000).for_each(|piece| noise.fill(piece));
        let count = f64::from(1 << 18);
        let (mut sum, mut squares, mut ends) = (0i64, 0i64, 0u32);
        for value in values {
            let value = value.cast_signed();
            assert!((-8..=8).contains(&value));
            sum += value;
            squares += value * value;
            ends += u32::from(value.abs() == 8);
        }
        let mean = sum as f64 / count;
        assert!(mean.abs() < 6.0 * 0.009, "mean {mean}");
        let variance = squares as f64 / count;
        assert!((variance - 21.5).abs() < 0.3, "variance {variance}");
        // Each end has weight 1/32: 2^18 / 16 = 16,384 expected, standard deviation 124.
        assert!(ends.abs_diff(16_384) < 744, "ends {ends}");
    }
}
