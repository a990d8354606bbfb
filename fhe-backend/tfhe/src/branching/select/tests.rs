use core::convert::Infallible;

use core::sync::atomic::AtomicBool;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys};
use tenebra_client::{SecretKey, ValidGlwe};

use super::*;
use crate::branching::goal::sent_body_bits;
use crate::branching::kernel::{CpuKernel, KeyBits};
use crate::branching::packed::{key_switch_variance, pair_variances};
use crate::branching::plan::Gadget;
use crate::branching::unpack::{scratch_len, to_key_of_bits, to_key_of_signs};
use crate::measure::KeyBits as SecretBits;

#[test]
fn division_is_odd_and_rounds_to_the_nearest() {
    for (word, bits, expected) in [
        (5i64, 1, 3),
        (-5, 1, -3),
        (4, 1, 2),
        (-11, 3, -1),
        (12, 3, 2),
        (-12, 3, -2),
        (i64::MAX, 3, 1 << 60),
        (i64::MIN, 3, -1 << 60),
        (7, 0, 7),
    ] {
        let mut words = [word.cast_unsigned()];
        divide(&mut words, bits);
        assert_eq!(words[0].cast_signed(), expected, "{word} / 2^{bits}");
    }
}

struct Owner {
    rng: ChaCha20Rng,
    bits: SecretBits,
    key: UnpackingKey,
    size: usize,
}

impl Owner {
    fn new(keys: &SwitchKeys, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let secret = SecretKey::generate(keys.glwe, &mut rng);
        let mut section = Vec::new();
        let mut scratch = vec![0; keys.scratch_len()];
        let push = |bytes: &[u8]| {
            section.extend_from_slice(bytes);
            Ok::<_, Infallible>(())
        };
        let Ok(()) = keys.write(&secret, &mut rng, &mut scratch, push);
        Self {
            bits: SecretBits::of(&secret),
            key: UnpackingKey::prepare(keys, &section).unwrap(),
            size: keys.glwe.polynomial_size(),
            rng,
        }
    }

    /// `phase` under a random mask.
    fn encrypt(&mut self, phase: &[u64]) -> KeptGlwe {
        let mut glwe: Vec<u64> = (0..self.size).map(|_| self.rng.next_u64()).collect();
        let body = phase
            .iter()
            .enumerate()
            .map(|(at, phase)| phase.wrapping_add(self.bits.product_at(&glwe, self.size, at)));
        let body: Vec<u64> = body.collect();
        glwe.extend(body);
        let mut kept = KeptGlwe::zeros(glwe.len());
        kept.copy_from_slice(&glwe);
        kept
    }

    /// Of a ciphertext under the key of signs.
    fn phases(&self, glwe: &[u64]) -> Vec<u64> {
        let mut glwe = glwe.to_vec();
        to_key_of_bits(&mut glwe);
        let (mask, body) = glwe.split_at(self.size);
        let body = body.iter().enumerate();
        body.map(|(at, body)| body.wrapping_sub(self.bits.product_at(mask, self.size, at)))
            .collect()
    }
}

struct Worker {
    kernel: CpuKernel,
    scratch: Vec<u64>,
}

impl Worker {
    fn new(size: usize) -> Self {
        let gadget = Gadget {
            glwe_dimension: 1,
            polynomial_size: size,
            base_log: 8,
            level_count: 1,
            clear_levels: 1,
            exact: false,
        };
        Self {
            kernel: CpuKernel::new(gadget, KeyBits::Signs),
            scratch: vec![0; scratch_len(size)],
        }
    }
}

impl Splitter<CpuKernel> for Worker {
    fn splitter(&mut self, _: usize) -> (&mut CpuKernel, &mut [u64]) {
        (&mut self.kernel, &mut self.scratch)
    }
}

/// `(measured, predicted)` variances of the coefficients of slots in pairs that were selected, and of all others: of ciphertexts with the
/// noise `2^noise` in slots, and anything elsewhere.
fn selected(keys: &SwitchKeys, log_slots: u32, noise: u32, seeds: u64) -> [(f64, f64); 2] {
    let slots = 1usize << log_slots;
    let size = keys.glwe.polynomial_size();
    let root = Root {
        used: slots - 1,
        log_slots,
    };
    let roots = Roots {
        of: vec![root; 2],
        lanes: 1,
        polynomial_size: size,
    };
    let (mut of_slots, mut others) = ((0.0, 0.0), (0.0, 0.0));
    for seed in 0..seeds {
        let mut owner = Owner::new(keys, seed);
        let mut worker = Worker::new(size);
        let mut pairs: Vec<KeptGlwe> = Vec::new();
        let mut messages: Vec<Vec<u64>> = Vec::new();
        for root in &roots.of {
            let mut phase: Vec<u64> = (0..size).map(|_| owner.rng.next_u64()).collect();
            let mut of_root = Vec::new();
            for slot in 0..slots {
                let message = owner.rng.next_u64() >> 40 << 40;
                // Uniform: a standard deviation of 2^(noise + 1)/√12.
                let error = (owner.rng.next_u64() >> (63 - noise)).wrapping_sub(1 << noise);
                phase[slot_place(slot, log_slots) * (size >> log_slots)] =
                    message.wrapping_add(error);
                of_root.push(message);
            }
            let mut glwe = owner.encrypt(&phase);
            divide(&mut glwe, log_slots);
            to_key_of_signs(&mut glwe);
            pairs.push(glwe);
            // Slots that are not used are there, too: that beside the last one is not split off.
            messages.extend(of_root.chunks(2).map(<[u64]>::to_vec));
            let count = messages.len().min(pairs.len() - 1 + root.pairs());
            pairs.resize_with(count, || KeptGlwe::zeros(2 * size));
        }
        let mut crew = Crew {
            caller: &mut worker,
            helpers: None,
            stop: &AtomicBool::new(false),
        };
        select(&mut crew, &owner.key, &roots, &mut pairs);
        for (glwe, messages) in pairs.iter().zip(&messages) {
            // The last split doubles what is in slots.
            let half = |message: &u64| (message.cast_signed() >> 1).cast_unsigned();
            let mut errors = owner.phases(glwe);
            for (slot, message) in messages.iter().enumerate() {
                let error = errors[slot * size / 2].wrapping_sub(half(message));
                // Half of what is 1 more.
                errors[slot * size / 2] = ((error << 1).cast_signed() >> 1).cast_unsigned();
            }
            for (at, error) in errors.iter().enumerate() {
                let (sum, count) = match at % (size / 2) {
                    0 => &mut of_slots,
                    _ => &mut others,
                };
                *sum += (error.cast_signed() as f64).powi(2);
                *count += 1.0;
            }
        }
    }
    let start = (f64::from(noise + 1)).exp2().powi(2) / 12.0;
    let variances = pair_variances(keys, start, log_slots);
    let last = last_split(size);
    let shares = core::iter::successors(Some(0.5), |share| Some(share / 2.0)).take(last);
    let predicted: f64 = variances
        .iter()
        .zip(shares)
        .map(|(v, share)| v * share)
        .sum();
    [
        (of_slots.0 / of_slots.1, variances[last]),
        (others.0 / others.1, predicted),
    ]
}

fn keys(size: u16, (trace, split): ((u8, u8), (u8, u8)), log_slots: u32) -> SwitchKeys {
    let glwe = ValidGlwe::secure(1, size).unwrap();
    let gadget = |(base_log, level_count): (u8, u8)| SwitchGadget {
        base_log,
        level_count,
    };
    let from = (size.ilog2() - log_slots) as usize;
    let mut splits = [gadget(split); MAX_SPLITS];
    splits[..from].fill(gadget(trace));
    SwitchKeys {
        glwe,
        body_bits: sent_body_bits(glwe),
        gadgets: Packing {
            splits,
            scheme_switch: gadget(split),
        },
        max_rows: 1,
    }
}

/// A server counts what prepared keys take: two limbs of masks and bodies, or three polynomials instead of four; of rows behind the first no
/// less than their bodies take.
#[test]
fn keys_take_the_memory_that_is_counted() {
    for (size, max_rows, [least, most]) in [
        (2048, 1, [0.749, 0.75]),
        (2048, 2, [0.8, 0.8125]),
        (2048, 8, [0.909, 0.925]),
        (4096, 1, [0.999, 1.0]),
    ] {
        for gadgets in [((4, 13), (6, 8)), ((24, 2), (8, 6))] {
            let keys = SwitchKeys {
                max_rows,
                ..keys(size, gadgets, 3)
            };
            let counted = keys.prepared_bytes() as f64;
            let taken = Owner::new(&keys, 1).key.bytes() as f64;
            let ratio = taken / counted;
            assert!(
                (least..=most).contains(&ratio),
                "N = {size}, {max_rows} rows: {ratio}"
            );
        }
    }
}

/// 42 slots or more: a standard error of the variance of `√(2/42) = 22 %` for constant coefficients; others are shared between slots
/// of one ciphertext, a few percent.
#[test]
fn slots_are_selected_with_the_predicted_noise() {
    for (size, gadgets, log_slots, noise) in [
        (2048, ((4, 13), (4, 13)), 3, 30),
        // The noise of rotations is not amplified: it is nearly all that is left.
        (2048, ((5, 10), (4, 13)), 4, 34),
        (2048, ((8, 6), (6, 8)), 3, 26),
        (4096, ((5, 11), (5, 11)), 3, 10),
    ] {
        let keys = keys(size, gadgets, log_slots);
        let seeds = if log_slots > 3 { 2 } else { 3 };
        let pairs = selected(&keys, log_slots, noise, seeds);
        for (name, (measured, predicted)) in ["constant", "others"].into_iter().zip(pairs) {
            let ratio: f64 = measured / predicted;
            println!(
                "N={size} {gadgets:?} S={}: {name} σ 2^{:.2}, {:.2} of the predicted",
                1 << log_slots,
                measured.log2() / 2.0 - 64.0,
                ratio.sqrt()
            );
            assert!((0.4..1.9).contains(&ratio), "{name}: {ratio}");
        }
    }
}

/// `|Σ e_j·ζ^j|²/N` for all roots `ζ` of `X^N + 1` of one half plane.
fn spectrum(errors: &[f64]) -> Vec<f64> {
    let size = errors.len();
    let unit = core::f64::consts::PI / size as f64;
    let roots: Vec<(f64, f64)> = (0..2 * size)
        .map(|at| (unit * at as f64).sin_cos())
        .collect();
    let power = |frequency: usize| {
        let terms = errors.iter().enumerate().map(|(at, error)| {
            let (sin, cos) = roots[at * frequency % (2 * size)];
            (error * cos, error * sin)
        });
        let (re, im) = terms.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
        (re * re + im * im) / size as f64
    };
    (1..size).step_by(2).map(power).collect()
}

/// What a split with digits that leave out much adds to a ciphertext has the predicted variance, and no frequency stands out: slots of
/// one ciphertext would have it in common, and products the power of the key there. A frequency's power is the product of two
/// exponential variables, that of the key and that of what is left out: above 150 times the mean once in 10^5 runs. The mean ½ of a
/// binary key would make it `0.4·N/2` times an exponential one: 940 in the first of these cases.
#[test]
fn key_switches_leave_no_frequency_of_their_own() {
    for (size, gadget) in [(4096, (5, 9)), (2048, (10, 3)), (2048, (4, 13))] {
        let keys = keys(size, (gadget, gadget), 3);
        let mut owner = Owner::new(&keys, 11);
        let mut worker = Worker::new(size.into());
        for t in [0, 3, size.ilog2() as usize - 1] {
            let mut glwe = owner.encrypt(&vec![0; size.into()]);
            to_key_of_signs(&mut glwe);
            let Worker { kernel, scratch } = &mut worker;
            split(kernel, &owner.key, t, &mut glwe, None, scratch);
            let errors: Vec<f64> = owner
                .phases(&glwe)
                .iter()
                .map(|e| e.cast_signed() as f64)
                .collect();
            let variance = errors.iter().map(|e| e * e).sum::<f64>() / f64::from(size);
            let ratio = variance / key_switch_variance(&keys, t);
            let largest = spectrum(&errors).into_iter().fold(0.0, f64::max) / variance;
            println!(
                "N={size} {gadget:?} t={t}: {ratio:.3} of the variance, the largest frequency has {largest:.1} times the mean"
            );
            assert!(
                (0.85..1.15).contains(&ratio),
                "{size} {gadget:?} {t}: {ratio}"
            );
            assert!(largest < 150.0, "{size} {gadget:?} {t}: {largest}");
        }
    }
}
