//! From ciphertexts with slots to a ciphertext for each slot, by automorphisms.
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

use tenebra_client::network::ValidNetwork;

use super::evaluate::Worker;
use super::layers::HiddenRotation;
use crate::branching::crew::Crew;
use crate::branching::evaluate::Glwe;
use crate::branching::kernel::Kernel;
use crate::branching::unpack::{UnpackingKey, split};

/// A ciphertext with slots, in the first of as many ciphertexts as are used of them.
pub(super) struct Root {
    pub(super) used: usize,
    log_slots: usize,
}

/// Ciphertexts one behind the other.
pub(super) struct Roots {
    pub(super) of: Vec<Root>,
}

impl Roots {
    /// Of a packed query.
    pub(super) fn of_query(layout: &ValidNetwork) -> Self {
        let levels = usize::from(layout.layout().branching.level_count);
        let log_slots = layout.log_slots() as usize;
        let of = layout.packed_bits().map(|bits| Root {
            used: bits * levels,
            log_slots,
        });
        Self { of: of.collect() }
    }

    /// Of a layer, a bit of whose codes takes `levels` slots.
    pub(super) fn of_layer(rotations: &[HiddenRotation], levels: usize) -> Self {
        let of = rotations.iter().map(|hidden| Root {
            used: hidden.bits * levels,
            log_slots: hidden.log_slots as usize,
        });
        Self { of: of.collect() }
    }

    /// Used slots of all.
    pub(super) fn slots(&self) -> usize {
        self.of.iter().map(|root| root.used).sum()
    }

    /// The ciphertexts of each.
    fn each<'a>(
        &'a self,
        mut slots: &'a mut [Glwe],
    ) -> impl Iterator<Item = (&'a Root, &'a mut [Glwe])> {
        self.of.iter().map(move |root| {
            let (of_root, rest) = core::mem::take(&mut slots).split_at_mut(root.used);
            slots = rest;
            (root, of_root)
        })
    }

    /// The first ciphertext of each.
    pub(super) fn first_slots<'a>(
        &'a self,
        slots: &'a mut [Glwe],
    ) -> impl Iterator<Item = &'a mut [u64]> {
        self.each(slots).map(|(_, slots)| slots[0].as_mut_slice())
    }
}

/// Brings every slot to a ciphertext of its own. Automorphism by automorphism, for a key does not fit the caches that are close.
pub(super) fn select<K: Kernel>(
    crew: &mut Crew<'_, Worker<K>>,
    key: &UnpackingKey<K>,
    roots: &Roots,
    slots: &mut [Glwe],
) {
    let Some(size) = slots.first().map(|glwe| glwe.len() / 2) else {
        return;
    };
    let log_size = size.ilog2() as usize;
    for t in (0..log_size).rev() {
        let traced = roots
            .each(slots)
            .filter(|(root, _)| t < log_size - root.log_slots);
        let mut traced: Vec<&mut Glwe> = traced.map(|(_, slots)| &mut slots[0]).collect();
        crew.each(&mut traced, |worker, _, glwe| {
            divide(glwe, 1);
            turn(worker, key, t, glwe, None);
        });
    }
    for t in 0..log_size {
        let mut pairs: Vec<(&mut Glwe, Option<&mut Glwe>)> = Vec::new();
        for (root, slots) in roots.each(slots) {
            let Some(step) = t.checked_sub(log_size - root.log_slots) else {
                continue;
            };
            let (even, odd) = slots.split_at_mut((1 << step).min(root.used));
            let mut odd = odd.iter_mut();
            pairs.extend(even.iter_mut().map(|even| (even, odd.next())));
        }
        crew.each(&mut pairs, |worker, _, (even, odd)| {
            turn(worker, key, t, even, odd.as_deref_mut());
        });
    }
}

fn turn<K: Kernel>(
    worker: &mut Worker<K>,
    key: &UnpackingKey<K>,
    t: usize,
    even: &mut Glwe,
    odd: Option<&mut Glwe>,
) {
    split(
        &mut worker.kernels[0],
        key,
        t,
        even,
        odd.map(|odd| odd.as_mut_slice()),
        &mut worker.scratch,
    );
}

/// Divides a ciphertext by `2^bits`, as signed integers, rounded by an odd function.
pub(super) fn divide(glwe: &mut [u64], bits: u32) {
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
