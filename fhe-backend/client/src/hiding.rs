//! Linear models that are hidden from their clients: what a spec says of it, and the public key with which a server
//! encrypts the zeros that it adds to its responses (`docs/hide-model.md`).
//!
//! The public key of a plan is `k` encryptions of zero, `b_i = Σ_j A_ij·S_j + e_i`. With small `u_i` and `e'_j`, the
//! masks `Σ_i A_ij·u_i + e'_j` and the body `Σ_i b_i·u_i` are another one, of the noise `Σ_i e_i·u_i − Σ_j e'_j·S_j`
//! (Lyubashevsky, Peikert, Regev 2010).

use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::client::{ClientError, ClientKey};
use crate::cursor::Cursor;
use crate::frame::{FrameHeader, Kind};
use crate::glwe::KeyProduct;
use crate::key::SecretKey;
use crate::linear::{CipherError, ValidLinear, check_len};
use crate::packing::KeyRows;
use crate::random::{MASK_SEED_LEN, MaskSeed, MaskStream, Transcript};
use crate::spec::{ClientSpec, MAX_PLANS};

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
    ///
    /// # Errors
    ///
    /// What `push` returns, or [`ClientError`]: a key of other parameters, too little scratch.
    pub fn write_public_key<E: From<ClientError>>(
        &self,
        plan: u8,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        mut push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (glwe, size) = (self.glwe(), self.glwe().polynomial_size());
        self.check_key(key).map_err(ClientError::from)?;
        check_len("scratch", scratch.len().min(2 * size), 2 * size).map_err(ClientError::from)?;
        let mut transcript = Transcript::new("tenebra public key", rng);
        transcript.key(key);
        transcript.number(plan.into());
        let root = transcript.root();
        push(&root.mask_seed().0)?;
        let mut rows = KeyRows {
            noise: root.noise(glwe.noise_bound_log2()),
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

impl ClientSpec<'_> {
    /// Bytes of the payload of the public key file; `None` if the model is not hidden.
    pub(crate) fn public_key_len(&self) -> Option<usize> {
        self.hiding()?;
        Some(self.plans().map(ValidLinear::public_key_len).sum())
    }

    /// Generates the public keys that belong to `key` and hands the framed file to `sink` piece by piece.
    pub(crate) fn write_public_key<E: From<ClientError>>(
        &self,
        key: &ClientKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let no_key = ClientError::Cipher(CipherError::NoEvaluationKey);
        let payload_len = self.public_key_len().ok_or(no_key)?;
        check_len("scratch", scratch.len(), self.evaluation_key_scratch_len())
            .map_err(ClientError::from)?;
        let kind = Kind::EvaluationKey;
        let mut frame = FrameHeader::start(kind, self.id(), key.tag(), payload_len, &mut sink)?;
        for (plan, layout) in (0..).zip(self.plans()) {
            let secret = key.of_plan(plan).map_err(ClientError::from)?;
            layout.write_public_key(plan, secret, rng, scratch, |bytes| {
                frame.push(bytes, &mut sink)
            })?;
        }
        frame.finish(&mut sink)
    }
}

/// The public key of one plan: mask seed, and bodies of 8 bytes.
pub type PlanPublicKey<'a> = (MaskSeed, &'a [u8]);

/// Splits the payload of a public key file for these plans plan by plan; `None` if its length is another.
#[must_use]
pub fn read_public_key<'p, 'a>(
    plans: impl Iterator<Item = &'p ValidLinear>,
    mut payload: &'a [u8],
) -> Option<[Option<PlanPublicKey<'a>>; MAX_PLANS]> {
    let mut keys = [None; MAX_PLANS];
    for (slot, plan) in keys.iter_mut().zip(plans) {
        let (head, rest) = payload.split_at_checked(plan.public_key_len())?;
        let (seed, bodies) = head.split_first_chunk()?;
        *slot = Some((MaskSeed(*seed), bodies));
        payload = rest;
    }
    payload.is_empty().then_some(keys)
}
