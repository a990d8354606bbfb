//! Packed queries: bits in the coefficients of one seeded GLWE or several, and the evaluation key that unpacks them.
//!
//! Bit `i` at gadget level `j` is slot `i·ℓ + j − 1`. With `S`, the least power of two at which the slots fit, it is the constant
//! `m·q/B^j / S` at coefficient `place·N/S`, the place the slot's number with its `log2 S` bits in reverse ([`slot_place`]): slots whose
//! numbers begin alike are the last to be split, so that few ciphertexts are split where `S` is not full. The server halves before
//! each of the first `log2 N − log2 S` automorphisms `τ_t: X → X^(N/2^t + 1)`, which keep the slots as they are, and splits
//! `c ± τ_t(c)` by the others, which doubles them and brings every slot to a ciphertext of its own (after Angel, Chen, Laine, Setty 2018,
//! §3.3); coefficients that are not sent hold what they like, for all that is no slot vanishes and the switch depends on the mask alone.
//!
//! Queries and keys are encrypted under the key of signs `t = 2s − u`, `u = Σ X^i`, which has no mean: `b = A·t + m + e` is `2A·s` and what
//! everybody knows, and as hard as with `s` at half the modulus and half the noise. A GLWE of `m·q/B^j` is the body row of a GGSW; the mask row
//! `−t·m·q/B^j` follows with an encryption of `t²` (Chen, Chillotti, Ren 2019, §4). The last automorphism `τ` is one step with that:
//! with encryptions of `−τ(t)`, `t²` and `t·τ(t)` the digits of one mask give both rows of both slots.

mod slots;

use core::slice::ChunksExact;

use super::ValidBranching;
use crate::bits::{BitWriter, round_high};
use crate::glwe::{KeyProduct, add_mask_times_key};
use crate::key::SecretKey;
use crate::params::{MAX_DIMENSION, ValidGlwe};
use crate::random::{MASK_SEED_LEN, MaskSeed, MaskStream, NoiseStream, Root, Transcript};
use crate::scheme::cipher::{KeySection, SectionKind};
use crate::scheme::layout::{LayoutError, PackingError};
use crate::scheme::limits;
use rand_core::CryptoRng;
use zeroize::Zeroize;

pub(crate) use slots::{SlotPacker, packing_scratch};

/// Most automorphisms: log2 of the largest polynomial size.
pub const MAX_SPLITS: usize = MAX_DIMENSION.ilog2() as usize;

/// A gadget of `level_count` levels of `base_log` bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchGadget {
    /// log2 of the base.
    pub base_log: u8,
    /// Levels.
    pub level_count: u8,
}

/// Gadgets of the evaluation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Of the key switch behind automorphism `t`; the first `log2 N − 1` count.
    pub splits: [SwitchGadget; MAX_SPLITS],
    /// Of the last automorphism and of the scheme switch, three keys.
    pub scheme_switch: SwitchGadget,
}

/// Where slot `slot` of `2^log_slots` is: its bits in reverse.
#[must_use]
pub fn slot_place(slot: usize, log_slots: u32) -> usize {
    match log_slots {
        0 => 0,
        _ => slot.reverse_bits() >> (usize::BITS - log_slots),
    }
}

impl SwitchGadget {
    /// Bits that the digits cover.
    #[must_use]
    pub fn bits(self) -> u32 {
        u32::from(self.base_log) * u32::from(self.level_count)
    }
}

impl Packing {
    pub(crate) fn check(&self, layout: &ValidBranching) -> Result<(), LayoutError> {
        let plain = layout.layout();
        let polynomial_size = layout.glwe().polynomial_size();
        let keys = SwitchKeys {
            glwe: layout.glwe(),
            body_bits: plain.body_bits,
            gadgets: *self,
            max_rows: plain.max_rows,
        };
        keys.check()?;
        // What all are in is said in one way.
        if u32::from(plain.packed_bits) >= plain.input_bits {
            return Err(PackingError::Bits(plain.packed_bits).into());
        }
        let slots = layout.filled_slots();
        if slots > polynomial_size as u64 {
            return Err(PackingError::Slots {
                slots,
                polynomial_size,
            }
            .into());
        }
        let gadget_bits = u32::from(plain.base_log) * u32::from(plain.level_count);
        let needed = gadget_bits + layout.log_slots();
        if needed > u32::from(plain.body_bits) {
            let body_bits = plain.body_bits;
            return Err(PackingError::Bodies { needed, body_bits }.into());
        }
        Ok(())
    }

    /// Gadgets of the keys, in the order of the evaluation key: one a split, then those of `−τ(t)`, `t²` and `t·τ(t)`.
    pub fn gadgets(&self, polynomial_size: usize) -> impl Iterator<Item = SwitchGadget> {
        let splits = self.splits;
        (0..last_split(polynomial_size))
            .map(move |t| splits[t])
            .chain([self.scheme_switch; 3])
    }
}

/// Which automorphism is the last.
#[must_use]
pub fn last_split(polynomial_size: usize) -> usize {
    polynomial_size.ilog2() as usize - 1
}

impl ValidBranching {
    /// The unpacking key; `None` if none is needed.
    #[must_use]
    pub fn switch_keys(&self) -> Option<SwitchKeys> {
        let layout = self.layout();
        layout.packing.map(|gadgets| SwitchKeys {
            glwe: self.glwe(),
            body_bits: layout.body_bits,
            gadgets,
            max_rows: layout.max_rows,
        })
    }
}

/// An evaluation key: what switches the mask behind each automorphism back to the key, and encryptions of the key's products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchKeys {
    /// Ring, key dimension and noise.
    pub glwe: ValidGlwe,
    /// Bits of a body that are sent.
    pub body_bits: u8,
    /// Gadgets.
    pub gadgets: Packing,
    /// Most rows of a query, for each of which it has bodies: masks are common.
    pub max_rows: u8,
}

impl SwitchKeys {
    pub(crate) fn check(&self) -> Result<(), LayoutError> {
        let glwe = self.glwe.params();
        if glwe.glwe_dimension != 1 {
            return Err(PackingError::GlweDimension(glwe.glwe_dimension).into());
        }
        let bad = self
            .gadgets
            .gadgets(self.glwe.polynomial_size())
            .position(|gadget| gadget.bits() == 0 || gadget.bits() >= 64);
        bad.map_or(Ok(()), |index| Err(PackingError::Gadget(index).into()))
    }

    /// Bytes of the key.
    #[expect(clippy::len_without_is_empty, reason = "a key is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        limits::in_memory(self.bytes())
    }

    /// At most 14·63 rows of 2^12 bodies of 2^6 bits for each of 2^3 rows of a query: under 2^31.
    pub(crate) fn bytes(&self) -> u64 {
        MASK_SEED_LEN as u64 + u64::from(self.max_rows) * self.lane_bytes()
    }

    /// Bodies for one row of a query.
    fn lane_bytes(&self) -> u64 {
        let gadgets = self.gadgets.gadgets(self.glwe.polynomial_size());
        let rows: u64 = gadgets.map(|gadget| u64::from(gadget.level_count)).sum();
        rows * self.row_len() as u64
    }

    /// The bodies for each row of a query, of a key that was [read](Self::read).
    pub fn lanes<'a>(&self, bodies: &'a [u8]) -> ChunksExact<'a, u8> {
        bodies.chunks_exact(limits::in_memory(self.lane_bytes()))
    }

    /// Bytes of the body of one row.
    #[must_use]
    pub fn row_len(&self) -> usize {
        // N is a multiple of 8.
        self.glwe.polynomial_size() / 8 * usize::from(self.body_bits)
    }

    /// Words of scratch that [`write`](Self::write) needs.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        3 * self.glwe.polynomial_size()
    }

    /// Bytes of memory of a server that is ready to use it, at most: of each row of a key the mask, which a seed stands for, and the body, as
    /// 64-bit floats of two limbs each; where bodies have one limb, it is a quarter less. Of rows of a query behind the first there are bodies of one
    /// limb, of the last automorphism's key two, for it serves both steps.
    #[must_use]
    pub fn prepared_bytes(&self) -> u64 {
        let others = u64::from(self.max_rows.saturating_sub(1));
        let last = last_split(self.glwe.polynomial_size());
        let gadgets = self.gadgets.gadgets(self.glwe.polynomial_size());
        let polynomials = gadgets.enumerate().map(|(index, gadget)| {
            let of_others = if index == last { 2 * others } else { others };
            u64::from(gadget.level_count) * (4 + of_others)
        });
        polynomials.sum::<u64>() * 8 * self.glwe.polynomial_size() as u64
    }

    /// As a section of an evaluation key.
    #[must_use]
    pub(crate) fn section(&self) -> KeySection {
        KeySection {
            kind: SectionKind::Unpack,
            secret: 0,
            len: self.len(),
        }
    }

    /// Generates the key of `key` and hands it to `push` piece by piece: it needs memory for one row, `scratch` of
    /// [`scratch_len`](Self::scratch_len) words.
    ///
    /// # Errors
    ///
    /// What `push` returns.
    pub fn write<E>(
        &self,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        mut push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let root = self.root(key, rng);
        let done =
            push(&root.mask_seed().0).and_then(|()| self.write_rows(key, &root, scratch, push));
        // It held the key and its square.
        scratch.zeroize();
        done
    }

    /// Everything that the key file says goes into its masks and noise, but for how many rows it is: files for fewer begin as those for more.
    fn root(&self, key: &SecretKey, rng: &mut impl CryptoRng) -> Root {
        let mut transcript = Transcript::new("tenebra evaluation key", rng);
        transcript.key(key);
        transcript.number(self.body_bits.into());
        for gadget in self.gadgets.gadgets(self.glwe.polynomial_size()) {
            transcript.number(gadget.base_log.into());
            transcript.number(gadget.level_count.into());
        }
        transcript.root()
    }

    /// All rows of the evaluation key, those for the first row of a query first.
    fn write_rows<E>(
        &self,
        key: &SecretKey,
        root: &Root,
        scratch: &mut [u64],
        mut push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut noise = root.noise(self.glwe.noise_bound_log2());
        for row in 0..usize::from(self.max_rows) {
            let key = key.of_row(row);
            let rows = KeyRows {
                noise: &mut noise,
                masks: MaskStream::new(root.mask_seed()),
                product: KeyProduct::by_signs(&key, self.glwe.polynomial_size()),
                body_bits: self.body_bits,
            };
            self.write_lane(&key, rows, scratch, &mut push)?;
        }
        Ok(())
    }

    /// Those for a row of a query, whose key is given.
    fn write_lane<E>(
        &self,
        key: &SecretKey,
        mut rows: KeyRows<'_>,
        scratch: &mut [u64],
        mut push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let size = self.glwe.polynomial_size();
        let (mask, rest) = scratch.split_at_mut(size);
        let (body, message) = rest.split_at_mut(size);
        let last = last_split(size);
        for (index, gadget) in self.gadgets.gadgets(size).enumerate() {
            let exponent = automorphism_exponent(size, index.min(last));
            match index.checked_sub(last) {
                None | Some(0) => {
                    signs(key, exponent, message);
                    message.iter_mut().for_each(|m| *m = m.wrapping_neg());
                }
                Some(1) => times_signs(key, 1, mask, message),
                Some(_) => times_signs(key, exponent, mask, message),
            }
            for level in 1..=u32::from(gadget.level_count) {
                let scale = 64 - u32::from(gadget.base_log) * level;
                rows.write(message, scale, mask, body, &mut push)?;
            }
        }
        Ok(())
    }

    /// Splits a key into mask seed and packed bodies; `None` if its length does not agree.
    #[must_use]
    pub fn read<'a>(&self, payload: &'a [u8]) -> Option<(MaskSeed, &'a [u8])> {
        if payload.len() != self.len() {
            return None;
        }
        let (seed, bodies) = payload.split_first_chunk()?;
        Some((MaskSeed(*seed), bodies))
    }
}

/// What every row of an evaluation key draws on.
pub(crate) struct KeyRows<'a> {
    pub(crate) noise: &'a mut NoiseStream,
    pub(crate) masks: MaskStream,
    pub(crate) product: KeyProduct<'a>,
    pub(crate) body_bits: u8,
}

impl KeyRows<'_> {
    /// One row: a GLWE of `message·2^scale`, or of zero where there is no message.
    pub(crate) fn write<E>(
        &mut self,
        message: &[u64],
        scale: u32,
        mask: &mut [u64],
        body: &mut [u64],
        mut push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.noise.fill(body);
        for (b, m) in body.iter_mut().zip(message) {
            *b = b.wrapping_add(m << scale);
        }
        self.product.add(&mut self.masks, mask, body, 1);
        for chunk in body.chunks(64) {
            let mut bytes = [0u8; 512];
            let mut writer = BitWriter::new(&mut bytes);
            write_bodies(&mut writer, chunk, self.body_bits);
            let len = writer.finish();
            push(&bytes[..len])?;
        }
        Ok(())
    }
}

/// Appends the high bits of bodies, rounded.
pub(crate) fn write_bodies(writer: &mut BitWriter<'_>, bodies: &[u64], kept: u8) {
    let kept = u32::from(kept);
    bodies
        .iter()
        .for_each(|b| writer.write(round_high(*b, kept), kept));
}

/// `N/2^t + 1`.
#[must_use]
pub fn automorphism_exponent(polynomial_size: usize, t: usize) -> usize {
    (polynomial_size >> t) + 1
}

/// `t(X^exponent)`.
fn signs(key: &SecretKey, exponent: usize, out: &mut [u64]) {
    let size = out.len();
    for index in 0..size {
        let sign = ((key.bit_mask(0, index) & 1) << 1).wrapping_sub(1);
        let target = index * exponent % (2 * size);
        out[target % size] = if target < size {
            sign
        } else {
            sign.wrapping_neg()
        };
    }
}

/// `t·t(X^exponent)`, `2·s·p − u·p` for `p = t(X^exponent)`; `scratch` has `N` words.
fn times_signs(key: &SecretKey, exponent: usize, scratch: &mut [u64], out: &mut [u64]) {
    signs(key, exponent, scratch);
    out.fill(0);
    add_mask_times_key(out, 1, scratch, key, 0);
    let all = scratch.iter().fold(0, |sum: u64, p| sum.wrapping_add(*p));
    // u·p at n: those up to n, less all others.
    let mut ramp = all.wrapping_neg();
    for (out, p) in out.iter_mut().zip(scratch.iter()) {
        ramp = ramp.wrapping_add(p << 1);
        *out = (*out << 1).wrapping_sub(ramp);
    }
}

#[cfg(test)]
mod tests;
