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

/// Ciphertexts one behind the other.
pub(crate) struct Roots {
    pub(crate) of: Vec<Root>,
}

impl Roots {
    /// Pairs of used slots of all.
    pub(crate) fn pairs(&self) -> usize {
        self.of.iter().map(Root::pairs).sum()
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
        self.each(pairs).map(|(root, pairs)| (root, &mut *pairs[0]))
    }
}

/// The ciphertexts of a packed query, of whose bodies `kept` bits are sent.
pub(crate) fn read_packed(
    roots: &Roots,
    (seed, bodies): (MaskSeed, &[u8]),
    kept: u32,
    pairs: &mut [KeptGlwe],
) {
    let mut masks = MaskStream::new(seed);
    let mut reader = BitReader::new(bodies);
    for (root, ciphertext) in roots.first(pairs) {
        let (mask, body) = ciphertext.split_at_mut(ciphertext.len() / 2);
        masks.fill(mask);
        body.fill(0);
        let stride = body.len() >> root.log_slots;
        for slot in 0..root.used {
            body[slot_place(slot, root.log_slots) * stride] = reader.read(kept) << (64 - kept);
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
    let Some(size) = pairs.first().map(|glwe| glwe.len() / 2) else {
        return;
    };
    let last = last_split(size);
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
            let odd = odd.as_deref_mut().map(|odd| &mut **odd);
            split(kernel, key, t, even, odd, scratch);
        });
    }
}

/// Pairs and the bits that they become.
struct Part<'a, K: Kernel> {
    log_slots: u32,
    pairs: &'a mut [KeptGlwe],
    ggsws: &'a mut [K::Ggsw],
}

/// The slots of [`select`]ed pairs, `levels` for each of the bits, as GGSWs of stage `stage`.
pub(crate) fn to_ggsws<K: Kernel, W: Splitter<K>>(
    crew: &mut Crew<'_, W>,
    key: &UnpackingKey<K>,
    (stage, levels): (usize, usize),
    roots: &Roots,
    (pairs, mut ggsws): (&mut [KeptGlwe], &mut [K::Ggsw]),
) {
    // As few bits as have whole pairs.
    let bits = 1 + levels % 2;
    let mut parts: Vec<Part<'_, K>> = Vec::new();
    for (root, pairs) in roots.each(pairs) {
        let (of_root, rest) = ggsws.split_at_mut(root.used / levels);
        ggsws = rest;
        let chunks = pairs
            .chunks_mut(bits * levels / 2)
            .zip(of_root.chunks_mut(bits));
        parts.extend(chunks.map(|(pairs, ggsws)| Part {
            log_slots: root.log_slots,
            pairs,
            ggsws,
        }));
    }
    crew.each(&mut parts, |worker, _, part| {
        let (kernel, scratch) = worker.splitter(stage);
        let ggsws = &mut *part.ggsws;
        for (index, pair) in part.pairs.iter().enumerate() {
            let place = |slot: usize| (slot / levels, slot % levels);
            let odd = Some(place(2 * index + 1)).filter(|(bit, _)| *bit < ggsws.len());
            let slots = match part.log_slots {
                0 => Slots::One(place(0)),
                _ => Slots::Two(place(2 * index), odd),
            };
            to_rows(kernel, key, pair, ggsws, slots, scratch);
        }
    });
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
