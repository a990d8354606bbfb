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
use super::kernel::{BODY, Bodies, CpuKernel, Kernel, KeyBits, Lane, MASK, Slots};
use super::packed::exact_switches;
use super::plan::Gadget;
use super::ramp::{add_ramp, subtract_ramp};

/// An evaluation key, prepared once: its rows in the kernel's form.
pub(crate) struct UnpackingKey<K: Kernel = CpuKernel> {
    polynomial_size: usize,
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
            polynomial_size: self.polynomial_size,
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
    pub(crate) fn zeros(gadget: SwitchGadget, size: usize, bodies: Bodies) -> Self {
        let key = || K::empty_switch_key(gadget, size, bodies);
        Self {
            polynomial_size: size,
            splits: (0..size.ilog2()).map(|_| (gadget, key())).collect(),
            last: match bodies.exact {
                false => LastKey::Fourier(K::empty_pair_key(gadget, size, bodies.lanes)),
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
        let lanes = usize::from(keys.max_rows);
        let mut readers: Vec<_> = keys.lanes(bodies).map(BitReader::new).collect();
        let mut row = vec![0; (1 + lanes) * size];
        let (last, exact) = (last_split(size), exact_switches(keys.glwe));
        let mut pair = K::empty_pair_key(keys.gadgets.scheme_switch, size, lanes);
        // Memory for all before any is written: so it lies together.
        let of_lanes = Bodies { exact, lanes };
        let empty = |gadget| (gadget, K::empty_switch_key(gadget, size, of_lanes));
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
                let (mask, bodies) = row.split_at_mut(size);
                masks.fill(mask);
                for (reader, body) in readers.iter_mut().zip(bodies.chunks_exact_mut(size)) {
                    read_bodies(reader, kept, body);
                }
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
            polynomial_size: size,
            splits: switches,
            last,
        })
    }

    /// What lanes of a ciphertext have in common when it is made [rows](to_rows) of, to be kept; `None` where there is one.
    pub(crate) fn of_mask(&self) -> Option<K::OfMask> {
        match &self.last {
            LastKey::Fourier(key) => K::of_mask(key),
            LastKey::Exact { .. } => None,
        }
    }

    /// The digits of a ciphertext's mask, by the gadget of automorphism `t`.
    fn decompose(&self, kernel: &mut K, t: usize, ciphertext: &[u64]) {
        let mask = &ciphertext[..self.polynomial_size];
        kernel.decompose(mask, self.splits[t].0);
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
/// `(c − τ_t(c))·X^(−2^t)`, with those at odd multiples; both of as many bodies as `c` has. `scratch` has [`scratch_len`] words.
pub(crate) fn split<K: Kernel>(
    kernel: &mut K,
    key: &UnpackingKey<K>,
    t: usize,
    ciphertext: &mut [u64],
    odd: Option<&mut [u64]>,
    scratch: &mut [u64],
) {
    let (size, switch) = (key.polynomial_size, &key.splits[t].1);
    key.decompose(kernel, t, ciphertext);
    kernel.multiply(switch);
    let bodies = 2 * size;
    let mut odd = odd.map(|odd| odd.split_at_mut(bodies));
    let (first, others) = ciphertext.split_at_mut(bodies);
    let of_first = odd.as_mut().map(|(odd, _)| &mut **odd);
    sum_and_difference(kernel, t, None, (first, of_first), scratch);
    if others.is_empty() {
        return;
    }
    kernel.multiply_lanes(switch);
    let turn = Turn::new(t, size);
    let (switched, _) = scratch.split_at_mut(size);
    let mut odd = odd.map(|(_, odd)| odd.chunks_exact_mut(size));
    for (lane, even) in (BODY + 1..).zip(others.chunks_exact_mut(size)) {
        switched.copy_from_slice(even);
        kernel.add_product(lane, switched);
        turn.of(switched, even, odd.as_mut().and_then(Iterator::next));
    }
}

/// Automorphism `t` of what is split.
struct Turn {
    automorphism: Automorphism,
    /// Between the two parts.
    down: usize,
}

impl Turn {
    fn new(t: usize, size: usize) -> Self {
        Self {
            automorphism: Automorphism::new(automorphism_exponent(size, t), size),
            down: 1 << t,
        }
    }

    /// Replaces a polynomial by its sum with one that was switched, and `odd` by the difference.
    fn of(&self, switched: &[u64], even: &mut [u64], odd: Option<&mut [u64]>) {
        match odd {
            None => self.automorphism.add(switched, even),
            Some(odd) => self.automorphism.split(switched, even, odd, self.down),
        }
    }
}

/// Replaces `c` by `c + τ_t(s)`, and `odd` by `(c − τ_t(s))·X^(−2^t)`; `s` is what was multiplied, and the body of `c`, or another one in the
/// place of the mask. Both have one body.
fn sum_and_difference<K: Kernel>(
    kernel: &mut K,
    t: usize,
    in_mask: Option<&[u64]>,
    (ciphertext, odd): (&mut [u64], Option<&mut [u64]>),
    scratch: &mut [u64],
) {
    let size = ciphertext.len() / 2;
    let turn = Turn::new(t, size);
    let switched = &mut scratch[..size];
    let mut odd = odd.map(|odd| odd.chunks_exact_mut(size));
    for (polynomial, even) in ciphertext.chunks_exact_mut(size).enumerate() {
        match (polynomial, in_mask) {
            (MASK, Some(body)) => switched.copy_from_slice(body),
            (BODY, None) => switched.copy_from_slice(even),
            _ => switched.fill(0),
        }
        kernel.add_product(polynomial, switched);
        turn.of(switched, even, odd.as_mut().and_then(Iterator::next));
    }
}

/// What is in the one slot or the two of a GLWE, as rows of GGSWs: the GLWE `(a, b)` of `m·q/B^j`, which is the body row, and one of
/// `−t·m·q/B^j`, the mask row. `b` is the body of lane `lane`; `of_mask` is kept from lane to lane. `scratch` has [`scratch_len`] words.
pub(crate) fn to_rows<K: Kernel>(
    kernel: &mut K,
    key: &UnpackingKey<K>,
    (lane, of_mask): (usize, Option<&mut K::OfMask>),
    ciphertext: &[u64],
    ggsws: &mut [K::Ggsw],
    slots: Slots,
    scratch: &mut [u64],
) {
    let size = key.polynomial_size;
    let (square, turned_square) = match &key.last {
        LastKey::Fourier(pair) => {
            let (mask, bodies) = ciphertext.split_at(size);
            let body = &bodies[lane * size..][..size];
            let of_lane = Lane { lane, mask, body };
            return kernel.pair_to_rows(pair, of_mask, of_lane, ggsws, slots);
        }
        LastKey::Exact {
            square,
            turned_square,
        } => (square, turned_square),
    };
    let last = key.splits.len() - 1;
    // Rings whose products are exact have one lane.
    let body = &ciphertext[size..];
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
                even[..size].copy_from_slice(body);
                even[size..].fill(0);
                kernel.multiply(square);
                for (index, polynomial) in even.chunks_exact_mut(size).enumerate() {
                    kernel.add_product(index, polynomial);
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
                polynomial.copy_from_slice(&row[column * size..][..size]);
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
