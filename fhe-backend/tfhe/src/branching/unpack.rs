//! From a packed query to Fourier GGSWs: expansion by automorphisms, then the scheme switch (`tenebra_client::packing` has
//! the mathematics and its sources).
//!
//! The GGSWs and all that is computed with them are under the key of signs `t = 2s − u`, `u = Σ X^i`, instead of the key of
//! bits `s`: a ciphertext `(a, b)` under `s` is `(a/2, b − u·a/2)` under `t`, for `b − s·a = b − u·a/2 − t·a/2`. Bits have the
//! mean ½, so that the noise of all products with a row would have its lowest frequencies in common; signs have none.

use tenebra_client::bits::BitReader;
use tenebra_client::branching::ValidBranching;
#[cfg(feature = "dev")]
use tenebra_client::packing::SwitchGadget;
use tenebra_client::packing::{SwitchKeys, automorphism_exponent};
use tenebra_client::random::{MaskSeed, MaskStream};

use super::kernel::{CpuKernel, Kernel, KeyBits, rest_of};
use super::plan::Gadget;
use super::ramp::{add_halved_ramp, add_ramp, subtract_half_ramp, subtract_ramp};
use super::words::{combine, update};

/// An evaluation key, prepared once: its rows in the kernel's form.
pub(crate) struct UnpackingKey<K: Kernel = CpuKernel> {
    splits: Vec<K::SwitchKey>,
    /// Bits that the digits of each split leave out.
    dropped_bits: Vec<u32>,
    pub(super) scheme_switch: K::SwitchKey,
}

impl<K: Kernel> Clone for UnpackingKey<K> {
    fn clone(&self) -> Self {
        Self {
            splits: self.splits.clone(),
            dropped_bits: self.dropped_bits.clone(),
            scheme_switch: self.scheme_switch.clone(),
        }
    }
}

impl<K: Kernel> UnpackingKey<K> {
    /// A key of zeros, one gadget for all: what takes as long as one that means something.
    #[cfg(feature = "dev")]
    pub(crate) fn zeros(gadget: SwitchGadget, size: usize) -> Self {
        let key = || K::empty_switch_key(gadget, size);
        Self {
            splits: (0..size.ilog2()).map(|_| key()).collect(),
            dropped_bits: vec![64 - gadget.bits(); size.ilog2() as usize],
            scheme_switch: key(),
        }
    }

    /// Expands and transforms a key; `None` if it is not one of this layout.
    pub(crate) fn prepare(keys: &SwitchKeys, payload: &[u8]) -> Option<Self> {
        let (seed, bodies) = keys.read(payload)?;
        let size = keys.glwe.polynomial_size();
        let kept = u32::from(keys.body_bits);
        // The gadget of products plays no part in transforms of rows.
        let gadget = Gadget {
            glwe_dimension: 1,
            polynomial_size: size,
            base_log: 1,
            level_count: 1,
            exact: false,
        };
        let mut kernel = K::new(gadget, KeyBits::Signs);
        let mut masks = MaskStream::new(seed);
        let mut reader = BitReader::new(bodies);
        let mut prepared: Vec<K::SwitchKey> = Vec::new();
        for gadget in keys.gadgets.gadgets(size) {
            let mut key = K::empty_switch_key(gadget, size);
            for level in 0..usize::from(gadget.level_count) {
                kernel.transform_switch_row(&mut key, level, |column, polynomial| match column {
                    0 => masks.fill(polynomial),
                    _ => read_bodies(&mut reader, kept, polynomial),
                });
            }
            prepared.push(key);
        }
        let scheme_switch = prepared.pop()?;
        let splits = keys.gadgets.splits.iter().take(prepared.len());
        Some(Self {
            dropped_bits: splits.map(|gadget| 64 - gadget.bits()).collect(),
            splits: prepared,
            scheme_switch,
        })
    }
}

/// The next bodies of a query or key, of which the high `kept` bits are sent.
pub(crate) fn read_bodies(reader: &mut BitReader<'_>, kept: u32, bodies: &mut [u64]) {
    reader.fill(bodies, kept);
    bodies.iter_mut().for_each(|body| *body <<= 64 - kept);
}

/// The ciphertext of a packed query: mask and body, zero where no body was sent.
pub(crate) fn read_slots(
    layout: &ValidBranching,
    seed: MaskSeed,
    bodies: &[u8],
    ciphertext: &mut [u64],
) {
    let size = layout.glwe().polynomial_size();
    let kept = u32::from(layout.layout().body_bits);
    let (mask, body) = ciphertext.split_at_mut(size);
    MaskStream::new(seed).fill(mask);
    body.fill(0);
    let mut reader = BitReader::new(bodies);
    for coefficient in body
        .iter_mut()
        .step_by(layout.slot_stride())
        .take(layout.slots())
    {
        *coefficient = reader.read(kept) << (64 - kept);
    }
}

/// Replaces `c` by `c + τ_t(c)`, whose slots are those at even multiples of `2^t`, doubled; `odd`, if asked for, becomes
/// `(c − τ_t(c))·X^(−2^t)`, with those at odd multiples. `scratch` has `3N` words.
pub(crate) fn split<K: Kernel>(
    kernel: &mut K,
    key: &UnpackingKey<K>,
    t: usize,
    ciphertext: &mut [u64],
    odd: Option<&mut [u64]>,
    scratch: &mut [u64],
) {
    let size = ciphertext.len() / 2;
    let exponent = automorphism_exponent(size, t);
    let (mask, body) = ciphertext.split_at(size);
    let (turned_mask, turned) = scratch.split_at_mut(size);
    // `turned` holds the switched ciphertext: the body's automorphism, and what switches the mask's to the key. What the digits leave
    // out of the mask is known, so that the part of it that meets the mean ½ of the key is moved to the body: it is hardly more than one
    // frequency, which all slots would have in common. Digits are odd, so that it may be done before the automorphism.
    let (rest, turned_body) = turned.split_at_mut(size);
    let dropped = key.dropped_bits[t];
    update(rest, mask, |_, word| rest_of(word, dropped));
    turned_mask.copy_from_slice(body);
    subtract_half_ramp(turned_mask, rest);
    automorphism(turned_mask, exponent, turned_body);
    automorphism(mask, exponent, turned_mask);
    rest.fill(0);
    kernel.add_switch(turned, &key.splits[t], turned_mask);
    if let Some(odd) = odd {
        let down = 1usize << t;
        for ((odd, even), turned) in odd
            .chunks_exact_mut(size)
            .zip(ciphertext.chunks_exact(size))
            .zip(turned.chunks_exact(size))
        {
            let (kept, wrapped) = odd.split_at_mut(size - down);
            combine(kept, &even[down..], &turned[down..], u64::wrapping_sub);
            combine(wrapped, &turned[..down], &even[..down], u64::wrapping_sub);
        }
    }
    update(ciphertext, turned, u64::wrapping_add);
}

/// Fills level `level` of a GGSW under the key of signs from the GLWE `(a, b)` of `m·q/B^j`, which is its body row. Under the key
/// of bits `(b, 0) + digits(a)·RLev(s²)` encrypts `−s·m·q/B^j`; twice that, and `u·(a, b)`, are the mask row, `−t·m·q/B^j`.
/// `ciphertext` is overwritten, `scratch` has `2N` words.
pub(crate) fn switch_scheme<K: Kernel>(
    kernel: &mut K,
    key: &UnpackingKey<K>,
    ciphertext: &mut [u64],
    level: usize,
    ggsw: &mut K::Ggsw,
    scratch: &mut [u64],
) {
    let size = ciphertext.len() / 2;
    let (mask, body) = ciphertext.split_at(size);
    let row = &mut scratch[..2 * size];
    row[..size].copy_from_slice(body);
    row[size..].fill(0);
    kernel.add_switch(row, &key.scheme_switch, mask);
    let (row_mask, row_body) = row.split_at_mut(size);
    row_body.iter_mut().for_each(|word| *word <<= 1);
    add_ramp(row_body, body);
    add_halved_ramp(row_mask, mask);
    subtract_ramp(row_body, row_mask);
    to_key_of_signs(ciphertext);
    for (r, row) in [row, ciphertext].into_iter().enumerate() {
        kernel.transform_ggsw_row(ggsw, (level, r), |column, polynomial| {
            polynomial.copy_from_slice(&row[column * size..][..size]);
        });
    }
}

/// Brings a ciphertext from the key of bits to that of signs. Halving the mask drops its lowest bit, which becomes the highest:
/// twice the mask is the same, and the mask is as uniform as it was. Without its highest bit, it and its digits would have a mean.
pub(crate) fn to_key_of_signs(ciphertext: &mut [u64]) {
    let (mask, body) = ciphertext.split_at_mut(ciphertext.len() / 2);
    mask.iter_mut()
        .for_each(|word| *word = word.rotate_right(1));
    subtract_ramp(body, mask);
}

/// Brings a ciphertext from the key of signs to that of bits.
pub(crate) fn to_key_of_bits(ciphertext: &mut [u64]) {
    let (mask, body) = ciphertext.split_at_mut(ciphertext.len() / 2);
    add_ramp(body, mask);
    mask.iter_mut().for_each(|word| *word <<= 1);
}

/// `polynomial(X^exponent)`, `exponent` odd.
fn automorphism(polynomial: &[u64], exponent: usize, out: &mut [u64]) {
    let size = polynomial.len();
    let mut target = 0;
    for coefficient in polynomial {
        if target < size {
            out[target] = *coefficient;
        } else {
            out[target - size] = coefficient.wrapping_neg();
        }
        target = (target + exponent) & (2 * size - 1);
    }
}
