//! From ciphertexts with slots to Fourier GGSWs: splits by automorphisms, then the scheme switch (`tenebra_client::packing` has
//! the mathematics and its sources).
//!
//! Queries and keys are under the key of signs `t = 2s − u`, `u = Σ X^i`, and all is computed under it. What is under the key of bits `s`, the
//! results of direct queries, is brought there: `(a, b)` is `(a/2, b − u·a/2)`, for `b − s·a = b − u·a/2 − t·a/2`. Bits have the mean ½, so
//! that the noise of all products with a row would have its lowest frequencies in common; signs have none, and neither has what digits
//! leave out of masks.
//!
//! Digits commute with automorphisms, so that `digits(τ(a))·K = τ(digits(a)·τ⁻¹(K))`: rows are kept as `τ⁻¹(K)`, and one set of digits
//! serves the automorphism and the scheme switch.

use super::bodies::read_bodies;
use tenebra_client::bits::BitReader;
use tenebra_client::packing::{SwitchGadget, SwitchKeys, automorphism_exponent, last_split};
use tenebra_client::random::MaskStream;

use super::automorphism::Automorphism;
use super::kernel::{CpuKernel, Kernel, KeyBits, Part, Slots};
use super::packed::exact_switches;
use super::plan::Gadget;
use super::ramp::{add_ramp, subtract_ramp};

/// An evaluation key, prepared once: its rows in the kernel's form.
pub(crate) struct UnpackingKey<K: Kernel = CpuKernel> {
    /// By automorphism, the last one included.
    splits: Vec<(SwitchGadget, K::SwitchKey)>,
    last: LastKey<K>,
}

/// What the last automorphism and the scheme switch need.
enum LastKey<K: Kernel> {
    /// In the Fourier domain from the digits on.
    Fourier(K::PairKey),
    /// Where fresh noise is far below what that errs.
    Exact {
        /// Of `t²`.
        square: K::SwitchKey,
        /// Of `t·τ(t)` for the last automorphism.
        turned_square: K::SwitchKey,
    },
}

impl<K: Kernel> Clone for LastKey<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Fourier(key) => Self::Fourier(key.clone()),
            Self::Exact {
                square,
                turned_square,
            } => Self::Exact {
                square: square.clone(),
                turned_square: turned_square.clone(),
            },
        }
    }
}

impl<K: Kernel> Clone for UnpackingKey<K> {
    fn clone(&self) -> Self {
        Self {
            splits: self.splits.clone(),
            last: self.last.clone(),
        }
    }
}

/// Words of scratch that what follows needs.
pub(crate) fn scratch_len(size: usize) -> usize {
    5 * size
}

impl<K: Kernel> UnpackingKey<K> {
    /// A key of zeros, one gadget for all: what takes as long as one that means something.
    #[cfg(feature = "dev")]
    pub(crate) fn zeros(gadget: SwitchGadget, size: usize, exact: bool) -> Self {
        let key = || K::empty_switch_key(gadget, size, exact);
        Self {
            splits: (0..size.ilog2()).map(|_| (gadget, key())).collect(),
            last: match exact {
                false => LastKey::Fourier(K::empty_pair_key(gadget, size)),
                true => LastKey::Exact {
                    square: key(),
                    turned_square: key(),
                },
            },
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
            clear_levels: 1,
            exact: false,
        };
        let mut kernel = K::new(gadget, KeyBits::Signs);
        let mut masks = MaskStream::new(seed);
        let mut reader = BitReader::new(bodies);
        let mut row = vec![0; 2 * size];
        let (last, exact) = (last_split(size), exact_switches(keys.glwe));
        let mut pair = K::empty_pair_key(keys.gadgets.scheme_switch, size);
        // Memory for all before any is written: so it lies together.
        let empty = |gadget| (gadget, K::empty_switch_key(gadget, size, exact));
        let switched = if exact { usize::MAX } else { last + 1 };
        let gadgets = keys.gadgets.gadgets(size).take(switched);
        let mut switches: Vec<(SwitchGadget, K::SwitchKey)> = gadgets.map(empty).collect();
        for (index, gadget) in keys.gadgets.gadgets(size).enumerate() {
            let back = match index == last + 1 {
                true => Automorphism::new(1, size),
                false => {
                    Automorphism::new(automorphism_exponent(size, index.min(last)), size).inverse()
                }
            };
            // Keys of the last step: in the Fourier domain, the automorphism's also for what it takes elsewhere.
            let paired = index >= last && !exact;
            for level in 0..usize::from(gadget.level_count) {
                let (mask, body) = row.split_at_mut(size);
                masks.fill(mask);
                read_bodies(&mut reader, kept, body);
                let load = |column: usize, polynomial: &mut [u64]| {
                    back.turn(&row[column * size..][..size], polynomial);
                };
                if let Some((_, key)) = switches.get_mut(index) {
                    kernel.transform_switch_row(key, level, load);
                }
                if paired {
                    kernel.transform_pair_row(&mut pair, (index - last, level), load);
                }
            }
        }
        let mut behind = switches.split_off(last + 1).into_iter().map(|(_, key)| key);
        let last = match behind.next().zip(behind.next()) {
            None => LastKey::Fourier(pair),
            Some((square, turned_square)) => LastKey::Exact {
                square,
                turned_square,
            },
        };
        Some(Self {
            splits: switches,
            last,
        })
    }

    /// The digits of a ciphertext's mask, by the gadget of automorphism `t`.
    fn decompose(&self, kernel: &mut K, t: usize, ciphertext: &[u64]) {
        kernel.decompose(Part::Mask.of(ciphertext), self.splits[t].0);
    }
}

#[cfg(test)]
impl UnpackingKey {
    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let splits = self.splits.iter().map(|(_, key)| key.bytes());
        let last = match &self.last {
            LastKey::Fourier(key) => key.bytes(),
            LastKey::Exact {
                square,
                turned_square,
            } => square.bytes() + turned_square.bytes(),
        };
        splits.sum::<usize>() + last
    }
}

/// Replaces `c` by `c + τ_t(c)`, whose slots are those at even multiples of `2^t`, doubled; `odd`, if asked for, becomes
/// `(c − τ_t(c))·X^(−2^t)`, with those at odd multiples. `scratch` has [`scratch_len`] words.
pub(crate) fn split<K: Kernel>(
    kernel: &mut K,
    key: &UnpackingKey<K>,
    t: usize,
    ciphertext: &mut [u64],
    odd: Option<&mut [u64]>,
    scratch: &mut [u64],
) {
    key.decompose(kernel, t, ciphertext);
    kernel.multiply(&key.splits[t].1);
    sum_and_difference(kernel, t, None, (ciphertext, odd), scratch);
}

/// Replaces `c` by `c + τ_t(s)`, and `odd` by `(c − τ_t(s))·X^(−2^t)`; `s` is what was multiplied, and the body of `c`, or another one in the
/// place of the mask.
fn sum_and_difference<K: Kernel>(
    kernel: &mut K,
    t: usize,
    in_mask: Option<&[u64]>,
    (ciphertext, mut odd): (&mut [u64], Option<&mut [u64]>),
    scratch: &mut [u64],
) {
    let size = ciphertext.len() / 2;
    let turn = Automorphism::new(automorphism_exponent(size, t), size);
    let switched = &mut scratch[..size];
    for part in Part::BOTH {
        let even = part.of_mut(ciphertext);
        match (part, in_mask) {
            (Part::Mask, Some(body)) => switched.copy_from_slice(body),
            (Part::Body, None) => switched.copy_from_slice(even),
            _ => switched.fill(0),
        }
        kernel.add_product(part, switched);
        match &mut odd {
            None => turn.add(switched, even),
            Some(odd) => turn.split(switched, even, part.of_mut(odd), 1 << t),
        }
    }
}

/// What is in the one slot or the two of a GLWE, as rows of GGSWs: the GLWE `(a, b)` of `m·q/B^j`, which is the body row, and one of
/// `−t·m·q/B^j`, the mask row. `scratch` has [`scratch_len`] words.
pub(crate) fn to_rows<K: Kernel>(
    kernel: &mut K,
    key: &UnpackingKey<K>,
    ciphertext: &[u64],
    ggsws: &mut [K::Ggsw],
    slots: Slots,
    scratch: &mut [u64],
) {
    let (square, turned_square) = match &key.last {
        LastKey::Fourier(pair) => return kernel.pair_to_rows(pair, ciphertext, ggsws, slots),
        LastKey::Exact {
            square,
            turned_square,
        } => (square, turned_square),
    };
    let last = key.splits.len() - 1;
    let body = Part::Body.of(ciphertext);
    let (even, scratch) = scratch.split_at_mut(ciphertext.len());
    let (odd, scratch) = scratch.split_at_mut(ciphertext.len());
    let (even_slot, odd_slot) = match slots {
        Slots::One(slot) => (slot, None),
        Slots::Two(even_slot, odd_slot) => (even_slot, odd_slot),
    };
    key.decompose(kernel, last, ciphertext);
    let turned_keys = [turned_square, &key.splits[last].1];
    for (r, turned_key) in turned_keys.into_iter().enumerate() {
        let in_mask = (r == 0).then_some(body);
        match in_mask {
            None => even.copy_from_slice(ciphertext),
            Some(body) => {
                // `(b, 0)`, whose phase is `−t·b`.
                Part::Mask.of_mut(even).copy_from_slice(body);
                Part::Body.of_mut(even).fill(0);
                kernel.multiply(square);
                for part in Part::BOTH {
                    kernel.add_product(part, part.of_mut(even));
                }
            }
        }
        if let Slots::Two(..) = slots {
            kernel.multiply(turned_key);
            sum_and_difference(kernel, last, in_mask, (even, Some(odd)), scratch);
        }
        let rows = [(Some(even_slot), &*even), (odd_slot, &*odd)];
        for (slot, row) in rows {
            let Some((bit, level)) = slot else { continue };
            kernel.transform_ggsw_row(&mut ggsws[bit], (level, r), 0..2, |column, polynomial| {
                polynomial.copy_from_slice(Part::BOTH[column].of(row));
            });
        }
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
