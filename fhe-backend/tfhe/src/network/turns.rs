//! Turning tables by encrypted bits.

use core::sync::atomic::{AtomicBool, Ordering};

use super::evaluate::Stage;
use super::layers::Bits;
use crate::branching::diagram::{Rotation, Turn};
use crate::branching::kernel::{Kernel, KeyBits};
use crate::branching::steps::turn_by;
use crate::branching::unpack::{to_key_of_bits, to_key_of_signs};

/// A turn of one of the rotations of a block.
struct Step {
    bit: usize,
    rotation: usize,
    shift: usize,
}

/// What is turned.
pub(super) struct Turned<'a> {
    pub(super) turns: &'a [Turn],
    /// Under the key of bits.
    pub(super) accumulator: &'a mut [u64],
    /// Its masks are zero.
    pub(super) clear: bool,
}

impl<'a> Turned<'a> {
    /// The table of a rotation, which holds multiples of `2^scale`, in an accumulator of polynomials of `size` coefficients.
    pub(super) fn table(
        rotation: &'a Rotation,
        accumulator: &'a mut [u64],
        size: usize,
        scale: u32,
    ) -> Self {
        accumulator.fill(0);
        let body = accumulator.len() - size;
        for (at, value) in &rotation.table {
            let word = &mut accumulator[body + at];
            *word = word.wrapping_add(value.cast_unsigned() << scale);
        }
        Self {
            turns: &rotation.turns,
            accumulator,
            clear: true,
        }
    }
}

/// What all turns of an evaluation read.
pub(super) struct Turner<'a, K: Kernel> {
    pub(super) stages: &'a [Stage],
    pub(super) bits: &'a Bits,
    pub(super) ggsws: &'a [K::Ggsw],
    /// Nobody waits for the result any longer.
    pub(super) stop: &'a AtomicBool,
}

impl<K: Kernel> Turner<'_, K> {
    /// Turns accumulators. Bit by bit, for the GGSWs of a query do not fit the caches that are close.
    pub(super) fn turn_all(&self, kernels: &mut [K], rotations: &mut [Turned<'_>]) {
        let Self {
            stages,
            bits,
            ggsws,
            stop,
        } = self;
        let keys = rotations
            .iter()
            .map(|of| (!of.clear).then_some(KeyBits::Binary));
        let mut keys: Vec<Option<KeyBits>> = keys.collect();
        for step in in_order(rotations) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let stage = bits.stage(step.bit);
            let wanted = stages[stage].key_bits;
            let accumulator = &mut *rotations[step.rotation].accumulator;
            let key = &mut keys[step.rotation];
            if *key == Some(KeyBits::Binary) && wanted == KeyBits::Signs {
                to_key_of_signs(accumulator);
            }
            let clear = key.is_none();
            *key = Some(wanted);
            let ggsw = &ggsws[step.bit];
            turn_by(&mut kernels[stage], accumulator, ggsw, clear, step.shift);
        }
        for (of, key) in rotations.iter_mut().zip(keys) {
            if key == Some(KeyBits::Signs) {
                to_key_of_bits(of.accumulator);
            }
        }
    }
}

/// The turns of all rotations, bit by bit; those of one rotation are in this order anyway.
fn in_order(rotations: &[Turned<'_>]) -> Vec<Step> {
    let steps = rotations.iter().enumerate().flat_map(|(index, of)| {
        of.turns.iter().map(move |turn| Step {
            bit: turn.bit,
            rotation: index,
            shift: turn.shift,
        })
    });
    let mut steps: Vec<Step> = steps.collect();
    steps.sort_by_key(|step| step.bit);
    steps
}
