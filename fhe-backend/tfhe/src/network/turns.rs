//! Turning tables by encrypted bits.

use core::sync::atomic::{AtomicBool, Ordering};

use super::evaluate::Stage;
use super::layers::Bits;
use crate::branching::diagram::Rotation;
use crate::branching::kernel::{Kernel, KeyBits};
use crate::branching::steps::turn_by;
use crate::branching::unpack::{to_key_of_bits, to_key_of_signs};

/// A turn of one of the rotations of a block.
struct Step {
    bit: usize,
    rotation: usize,
    shift: usize,
}

/// Turns the tables of rotations, which are multiples of `2^scale`, into the accumulators beside them, under the key of bits. Bit by
/// bit, for the GGSWs of a query do not fit the caches that are close.
pub(super) fn turn_all<K: Kernel>(
    kernels: &mut [K],
    stages: &[Stage],
    bits: &Bits,
    ggsws: &[K::Ggsw],
    rotations: &mut [(&Rotation, &mut [u64])],
    scale: u32,
    stop: &AtomicBool,
) {
    let size = stages[0].gadget.polynomial_size;
    for (rotation, accumulator) in rotations.iter_mut() {
        accumulator.fill(0);
        let body = accumulator.len() - size;
        for (at, value) in &rotation.table {
            let word = &mut accumulator[body + at];
            *word = word.wrapping_add(value.cast_unsigned() << scale);
        }
    }
    let mut keys: Vec<Option<KeyBits>> = vec![None; rotations.len()];
    for step in in_order(rotations) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let stage = bits.stage(step.bit);
        let wanted = stages[stage].key_bits;
        let accumulator = &mut *rotations[step.rotation].1;
        let key = &mut keys[step.rotation];
        if *key == Some(KeyBits::Binary) && wanted == KeyBits::Signs {
            to_key_of_signs(accumulator);
        }
        let clear = key.is_none();
        *key = Some(wanted);
        let ggsw = &ggsws[step.bit];
        turn_by(&mut kernels[stage], accumulator, ggsw, clear, step.shift);
    }
    for ((_, accumulator), key) in rotations.iter_mut().zip(keys) {
        if key == Some(KeyBits::Signs) {
            to_key_of_bits(accumulator);
        }
    }
}

/// The turns of all rotations, bit by bit; those of one rotation are in this order anyway.
fn in_order(rotations: &[(&Rotation, &mut [u64])]) -> Vec<Step> {
    let steps = rotations
        .iter()
        .enumerate()
        .flat_map(|(index, (rotation, _))| {
            rotation.turns.iter().map(move |turn| Step {
                bit: turn.bit,
                rotation: index,
                shift: turn.shift,
            })
        });
    let mut steps: Vec<Step> = steps.collect();
    steps.sort_by_key(|step| step.bit);
    steps
}
