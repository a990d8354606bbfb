//! From ciphertexts with slots to a ciphertext for each pair of slots, by automorphisms, and to GGSWs.
//!
//! A ciphertext has `S` slots, `N/S` coefficients apart; everything else in it is garbage. With `L = log2 N`, `s = log2 S` and
//! `τ_i: X → X^(2^i + 1)`:
//!
//! 1. it is divided by `S`, as integers ([`divide`]; the client does so in a packed query);
//! 2. for `i = s + 1 … L`: halve, `c ← c + τ_i(c)`: a slot is kept, what is no slot vanishes;
//! 3. for `i = s … 1`: `c ± τ_i(c)`, the second one down to the next slot: a slot doubles, and is alone in the end.
//!
//! The order matters. Halving `c` leaves a multiple of `q/2` where it was odd; the automorphisms that follow are a group of even order,
//! whose trace takes it to a multiple of `q`. Division by `S` leaves multiples of `q/S`: those which are no slots vanish by the trace, of
//! an order divisible by `S` in all, and those in slots are multiples of `q` once they have doubled `s` times.
//!
//! The last automorphism, `τ_1`, is one step with what makes GGSWs of slots ([`to_rows`]).

use core::ops::Range;

use tenebra_client::bits::BitReader;
use tenebra_client::packing::{last_split, slot_place};
use tenebra_client::random::{MaskSeed, MaskStream};

use super::crew::Crew;
use super::evaluate::KeptGlwe;
use super::kernel::{Kernel, Slots};
use super::unpack::{UnpackingKey, split, to_rows};

/// A ciphertext with slots, in the first of as many ciphertexts as there are pairs of used ones.
#[derive(Clone, Copy)]
pub(crate) struct Root {
    pub(crate) used: usize,
    pub(crate) log_slots: u32,
}

impl Root {
    fn pairs(&self) -> usize {
        self.used.div_ceil(2)
    }
}

/// Ciphertexts one behind the other, a mask each and a body for each lane.
pub(crate) struct Roots {
    pub(crate) of: Vec<Root>,
    pub(crate) lanes: usize,
    pub(crate) polynomial_size: usize,
}

impl Roots {
    /// Pairs of used slots of all.
    pub(crate) fn pairs(&self) -> usize {
        self.of.iter().map(Root::pairs).sum()
    }

    /// Words of a ciphertext; there may be room for more lanes behind them.
    fn words(&self) -> usize {
        (1 + self.lanes) * self.polynomial_size
    }

    /// The ciphertexts of each.
    fn each<'a>(
        &'a self,
        mut pairs: &'a mut [KeptGlwe],
    ) -> impl Iterator<Item = (&'a Root, &'a mut [KeptGlwe])> {
        self.of.iter().map(move |root| {
            let (of_root, rest) = core::mem::take(&mut pairs).split_at_mut(root.pairs());
            pairs = rest;
            (root, of_root)
        })
    }

    /// The first ciphertext of each.
    pub(crate) fn first<'a>(
        &'a self,
        pairs: &'a mut [KeptGlwe],
    ) -> impl Iterator<Item = (&'a Root, &'a mut [u64])> {
        let words = self.words();
        self.each(pairs)
            .map(move |(root, pairs)| (root, &mut pairs[0][..words]))
    }
}

/// The ciphertexts of a packed query, of whose bodies `kept` bits are sent, lane by lane.
pub(crate) fn read_packed<'a>(
    roots: &Roots,
    (seed, lanes): (MaskSeed, impl Iterator<Item = &'a [u8]>),
    kept: u32,
    pairs: &mut [KeptGlwe],
) {
    let mut masks = MaskStream::new(seed);
    let mut readers: Vec<_> = lanes.map(BitReader::new).collect();
    for (root, ciphertext) in roots.first(pairs) {
        let size = roots.polynomial_size;
        let (mask, bodies) = ciphertext.split_at_mut(size);
        masks.fill(mask);
        bodies.fill(0);
        let stride = size >> root.log_slots;
        for (reader, body) in readers.iter_mut().zip(bodies.chunks_exact_mut(size)) {
            for slot in 0..root.used {
                body[slot_place(slot, root.log_slots) * stride] = reader.read(kept) << (64 - kept);
            }
        }
    }
}

/// What a worker splits with: a kernel, and scratch of [`scratch_len`](super::unpack::scratch_len) words.
pub(crate) trait Splitter<K: Kernel>: Send {
    /// The kernel of the GGSWs of a stage.
    fn splitter(&mut self, stage: usize) -> (&mut K, &mut [u64]);
}

/// Brings every pair of slots that are neighbours to a ciphertext of its own; all are under the key of signs. Automorphism by automorphism, for
/// a key does not fit the caches that are close.
pub(crate) fn select<K: Kernel, W: Splitter<K>>(
    crew: &mut Crew<'_, W>,
    key: &UnpackingKey<K>,
    roots: &Roots,
    pairs: &mut [KeptGlwe],
) {
    let (last, words) = (last_split(roots.polynomial_size), roots.words());
    let unfilled = |root: &Root| last + 1 - root.log_slots as usize;
    for t in (0..=last).rev() {
        let traced = roots.first(pairs).filter(|(root, _)| t < unfilled(root));
        let mut traced: Vec<&mut [u64]> = traced.map(|(_, first)| first).collect();
        crew.each(&mut traced, |worker, _, glwe| {
            divide(glwe, 1);
            let (kernel, scratch) = worker.splitter(0);
            split(kernel, key, t, glwe, None, scratch);
        });
    }
    for t in 0..last {
        let mut halves: Vec<(&mut KeptGlwe, Option<&mut KeptGlwe>)> = Vec::new();
        for (root, pairs) in roots.each(pairs) {
            let Some(step) = t.checked_sub(unfilled(root)) else {
                continue;
            };
            // Pairs whose slots are together so far.
            let together = 1 << (root.log_slots as usize - 1 - step);
            halves.extend(pairs.chunks_mut(together).filter_map(|pairs| {
                let (even, odd) = pairs.split_at_mut(pairs.len().min(together / 2));
                Some((even.first_mut()?, odd.first_mut()))
            }));
        }
        crew.each(&mut halves, |worker, _, (even, odd)| {
            let (kernel, scratch) = worker.splitter(0);
            let odd = odd.as_deref_mut().map(|odd| &mut odd[..words]);
            split(kernel, key, t, &mut even[..words], odd, scratch);
        });
    }
}

/// A few bits, and the pairs that become them: as few as have whole pairs.
pub(crate) struct Part {
    pub(crate) log_slots: u32,
    pub(crate) pairs: Range<usize>,
    pub(crate) bits: Range<usize>,
}

impl Roots {
    /// All bits, of so many levels each.
    pub(crate) fn parts(&self, levels: usize) -> Vec<Part> {
        let at_once = 1 + levels % 2;
        let (mut parts, mut pair, mut bit) = (Vec::new(), 0, 0);
        for root in &self.of {
            let bits = root.used / levels;
            for first in (0..bits).step_by(at_once) {
                let count = at_once.min(bits - first);
                let pairs = (count * levels).div_ceil(2);
                parts.push(Part {
                    log_slots: root.log_slots,
                    pairs: pair..pair + pairs,
                    bits: bit..bit + count,
                });
                (pair, bit) = (pair + pairs, bit + count);
            }
        }
        parts
    }
}

/// What a worker makes a [`Part`] of.
struct Work<'a, K: Kernel> {
    log_slots: u32,
    pairs: &'a [KeptGlwe],
    of_masks: &'a mut [K::OfMask],
    ggsws: &'a mut [K::Ggsw],
}

/// The slots of [`select`]ed pairs, `levels` for each of the bits, as GGSWs of stage `stage`. Where there are several lanes, the first comes first,
/// and the GGSWs of one become those of the next; `of_masks` keep what is [common](UnpackingKey::of_mask), one a pair.
pub(crate) fn to_ggsws<K: Kernel, W: Splitter<K>>(
    crew: &mut Crew<'_, W>,
    key: &UnpackingKey<K>,
    (stage, levels): (usize, usize),
    (lane, mut of_masks): (usize, &mut [K::OfMask]),
    roots: &Roots,
    (pairs, mut ggsws): (&[KeptGlwe], &mut [K::Ggsw]),
) {
    let work = roots.parts(levels).into_iter().map(|part| {
        let (of_part, rest) = core::mem::take(&mut ggsws).split_at_mut(part.bits.len());
        ggsws = rest;
        let masks = of_masks.len().min(part.pairs.len());
        let (masks, rest) = core::mem::take(&mut of_masks).split_at_mut(masks);
        of_masks = rest;
        Work::<K> {
            log_slots: part.log_slots,
            pairs: &pairs[part.pairs],
            of_masks: masks,
            ggsws: of_part,
        }
    });
    let mut work: Vec<_> = work.collect();
    crew.each(&mut work, |worker, _, part| {
        let of_lane = (lane, &mut *part.of_masks);
        let slots = (levels, part.log_slots);
        let made = (part.pairs, &mut *part.ggsws);
        some_to_ggsws(worker.splitter(stage), key, slots, of_lane, made);
    });
}

/// [`to_ggsws`] of a few bits, from all of their pairs.
pub(crate) fn some_to_ggsws<K: Kernel>(
    (kernel, scratch): (&mut K, &mut [u64]),
    key: &UnpackingKey<K>,
    (levels, log_slots): (usize, u32),
    (lane, of_masks): (usize, &mut [K::OfMask]),
    (pairs, ggsws): (&[KeptGlwe], &mut [K::Ggsw]),
) {
    for (index, pair) in pairs.iter().enumerate() {
        let place = |slot: usize| (slot / levels, slot % levels);
        let odd = Some(place(2 * index + 1)).filter(|(bit, _)| *bit < ggsws.len());
        let slots = match log_slots {
            0 => Slots::One(place(0)),
            _ => Slots::Two(place(2 * index), odd),
        };
        let of_lane = (lane, of_masks.get_mut(index));
        to_rows(kernel, key, of_lane, pair, ggsws, slots, scratch);
    }
}

/// Divides a ciphertext by `2^bits`, as signed integers, rounded by an odd function.
pub(crate) fn divide(glwe: &mut [u64], bits: u32) {
    if bits == 0 {
        return;
    }
    let half = 1u64 << (bits - 1);
    for word in glwe {
        // −1 for what is negative; the magnitude is 2^63 at most.
        let sign = word.cast_signed() >> 63;
        let magnitude = (word.cast_signed() ^ sign)
            .wrapping_sub(sign)
            .cast_unsigned();
        let divided = ((magnitude + half) >> bits).cast_signed();
        *word = ((divided ^ sign).wrapping_sub(sign)).cast_unsigned();
    }
}

#[cfg(test)]
mod tests;
