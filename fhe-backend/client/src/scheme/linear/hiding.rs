//! Linear models that are hidden from their clients: what a spec says of it, and the public key with which a server
//! encrypts the zeros that it adds to its responses (`docs/hide-model.md`).
//!
//! The public key of a plan is `k` encryptions of zero, `b_i = Σ_j A_ij·S_j + e_i`. With small `u_i` and `e'_j`, the
//! masks `Σ_i A_ij·u_i + e'_j` and the body `Σ_i b_i·u_i` are another one, of the noise `Σ_i e_i·u_i − Σ_j e'_j·S_j`
//! (Lyubashevsky, Peikert, Regev 2010).

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::ValidLinear;
use crate::cursor::Cursor;
use crate::glwe::KeyProduct;
use crate::key::SecretKey;
use crate::random::{MASK_SEED_LEN, MaskSeed, MaskStream, Transcript};
use crate::scheme::branching::packing::KeyRows;

/// Most plans of one spec: one for single rows, one for batches.
pub const MAX_PLANS: usize = 2;

/// How a model is hidden: all responses together, as many as this, tell two models of one spec that answer alike apart
/// with an advantage of at most `2^-advantage_bits`, and what breaks the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiding {
    /// log2 of the number of responses, at most [`MAX_RESPONSES_LOG2`].
    pub responses_log2: u8,
    /// 1 to [`MAX_ADVANTAGE_BITS`].
    pub advantage_bits: u8,
    /// Of each plan: the bodies of its responses get noise in `[−2^b, 2^b)`, which leaves room in half a step.
    pub noise_bits: [u8; MAX_PLANS],
}

/// Most responses that a model may be hidden for, as log2.
pub const MAX_RESPONSES_LOG2: u8 = 40;
/// Least advantage that may be asked for, as −log2.
pub const MAX_ADVANTAGE_BITS: u8 = 64;

impl Hiding {
    /// What stands before the plans; `None` if it is out of range.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let hiding = Self {
            responses_log2: cursor.u8()?,
            advantage_bits: cursor.u8()?,
            noise_bits: [0; MAX_PLANS],
        };
        let sound = hiding.responses_log2 <= MAX_RESPONSES_LOG2
            && (1..=MAX_ADVANTAGE_BITS).contains(&hiding.advantage_bits);
        sound.then_some(hiding)
    }
}

/// The noise that hides a model must leave half of half a step, `2^(62−p)`, to the other noise.
pub(crate) fn fits(noise_bits: u8, layout: &ValidLinear) -> bool {
    noise_bits > 0 && noise_bits <= 62u8.saturating_sub(layout.layout().plaintext_bits)
}

impl ValidLinear {
    /// Bytes of the public key of this plan in a public key file.
    #[must_use]
    pub fn public_key_len(&self) -> usize {
        MASK_SEED_LEN + 8 * self.glwe().dimension()
    }

    /// Generates the public key of plan `plan` and hands it to `push` piece by piece: a mask seed, and the `N` bodies of
    /// each of `k` encryptions of zero, 8 bytes each. `scratch` has `2·N` words, or more.
    pub(crate) fn write_public_key<E>(
        &self,
        plan: u8,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        mut push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (glwe, size) = (self.glwe(), self.glwe().polynomial_size());
        let mut transcript = Transcript::new("tenebra public key", rng);
        transcript.key(key);
        transcript.number(plan.into());
        let root = transcript.root();
        push(&root.mask_seed().0)?;
        let mut noise = root.noise(glwe.noise_bound_log2());
        let mut rows = KeyRows {
            noise: &mut noise,
            masks: MaskStream::new(root.mask_seed()),
            product: KeyProduct::new(key, size),
            body_bits: 64,
        };
        let (mask, rest) = scratch.split_at_mut(size);
        let body = &mut rest[..size];
        let done =
            (0..glwe.glwe_dimension()).try_for_each(|_| rows.write(&[], 0, mask, body, &mut push));
        scratch.zeroize();
        done
    }
}

/// Splits the public key of a plan into mask seed and bodies; `None` if its length is another.
#[must_use]
pub fn read_public_key<'a>(plan: &ValidLinear, section: &'a [u8]) -> Option<(MaskSeed, &'a [u8])> {
    (section.len() == plan.public_key_len()).then_some(())?;
    let (seed, bodies) = section.split_first_chunk()?;
    Some((MaskSeed(*seed), bodies))
}
