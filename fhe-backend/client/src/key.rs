//! Secret keys.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::keystream::Keystream;
use crate::params::{MAX_DIMENSION, ValidGlwe};
use crate::random::{MASK_SEED_LEN, Transcript};

/// A binary GLWE secret key: `k` polynomials of `N` bits. Wiped on drop, printed redacted, never serialized but by
/// [`write_secret`](Self::write_secret).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    /// Coefficient `i` of polynomial `c` is bit `c·N + i`.
    words: [u64; MAX_DIMENSION / 64],
    #[zeroize(skip)]
    glwe: ValidGlwe,
}

impl SecretKey {
    /// A fresh uniform key, from 32 bytes of `rng`.
    pub fn generate(glwe: ValidGlwe, rng: &mut impl CryptoRng) -> Self {
        let mut transcript = Transcript::new("tenebra secret key", rng);
        transcript.glwe(glwe);
        let mut key = Self::zero(glwe);
        key.draw(transcript.root().key_words(0));
        key
    }

    /// The key of one query, which is hashed of this key and of the `name` of the query: as good as a key of its own, for whoever does
    /// not know this one.
    pub(crate) fn of_query(&self, name: &[u8; MASK_SEED_LEN]) -> Self {
        let mut bytes = [0; 8 + MASK_SEED_LEN];
        bytes[..8].copy_from_slice(&(MASK_SEED_LEN as u64).to_le_bytes());
        bytes[8..].copy_from_slice(name);
        self.derived("tenebra query key", &bytes)
    }

    /// The key of row `row` of queries of several, hashed of this one, which is that of the first.
    pub(crate) fn of_row(&self, row: usize) -> Self {
        match row {
            0 => self.clone(),
            _ => self.derived("tenebra row key", &(row as u64).to_le_bytes()),
        }
    }

    /// A key that is hashed of a label, this key and what else it is for.
    #[inline(never)]
    fn derived(&self, label: &'static str, bytes: &[u8]) -> Self {
        let mut transcript = Transcript::of(label);
        transcript.key(self);
        transcript.append(bytes);
        let mut key = Self::zero(self.glwe);
        key.draw(transcript.root().key_words(0));
        key
    }

    /// All bits 0: what [`draw`](Self::draw) or [`fill`](Self::fill) makes a key of in its place, for a key that is moved
    /// takes its size on a device's stack once more.
    pub(crate) fn zero(glwe: ValidGlwe) -> Self {
        Self {
            words: [0; MAX_DIMENSION / 64],
            glwe,
        }
    }

    /// Takes all bits from a stream that is used for nothing else.
    pub(crate) fn draw(&mut self, mut stream: Keystream) {
        stream.fill(&mut self.words[..self.glwe.dimension() / 64]);
    }

    /// The bits, coefficient `i` of polynomial `c` at bit `c·N + i`.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words[..self.glwe.dimension() / 64]
    }

    /// Takes the bits that [`write_secret`](Self::write_secret) wrote; `None` if the length is another.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.len() != Self::secret_len(self.glwe) {
            return None;
        }
        for (word, chunk) in self.words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk.iter().rev().fold(0, |w, b| w << 8 | u64::from(*b));
        }
        Some(())
    }

    /// The parameters it was made for.
    #[must_use]
    pub fn glwe(&self) -> ValidGlwe {
        self.glwe
    }

    /// Bytes that [`write_secret`](Self::write_secret) writes.
    #[must_use]
    pub fn secret_len(glwe: ValidGlwe) -> usize {
        glwe.dimension() / 8
    }

    /// Writes the **secret** key bits, bit `i` of the key at bit `i % 8` of byte `i / 8`. Whoever reads them can decrypt.
    ///
    /// # Panics
    ///
    /// If `out` is not [`secret_len`](Self::secret_len) long.
    pub fn write_secret(&self, out: &mut [u8]) {
        assert_eq!(
            out.len(),
            Self::secret_len(self.glwe),
            "length of a secret key"
        );
        for (bytes, word) in out.chunks_exact_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// Reads what [`write_secret`](Self::write_secret) wrote; `None` if the length is not that of `glwe`.
    #[must_use]
    pub fn read_secret(glwe: ValidGlwe, bytes: &[u8]) -> Option<Self> {
        let mut key = Self::zero(glwe);
        key.fill(bytes)?;
        Some(key)
    }

    /// Bit `i` of polynomial `c`, as an all-zeros or all-ones word: what constant-time code adds under.
    pub(crate) fn bit_mask(&self, polynomial: usize, coefficient: usize) -> u64 {
        let index = polynomial * self.glwe.polynomial_size() + coefficient;
        0u64.wrapping_sub(self.words[index / 64] >> (index % 64) & 1)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey")
            .field("bits", &"redacted")
            .field("glwe", &self.glwe)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn secret_bytes_round_trip_and_print_redacted() {
        let glwe = ValidGlwe::secure(3, 512).unwrap();
        let key = SecretKey::generate(glwe, &mut ChaCha20Rng::seed_from_u64(2));
        let mut bytes = [0u8; 192];
        key.write_secret(&mut bytes);
        let again = SecretKey::read_secret(glwe, &bytes).unwrap();
        assert!((0..3).all(|c| (0..512).all(|i| key.bit_mask(c, i) == again.bit_mask(c, i))));
        assert_eq!(key.bit_mask(0, 9) & 1, u64::from(bytes[1] >> 1 & 1));
        assert!(SecretKey::read_secret(glwe, &bytes[1..]).is_none());
        assert!(format!("{key:?}").contains("redacted"));
    }
}
