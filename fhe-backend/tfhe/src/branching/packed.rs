//! Noise and cost of packed queries.
//!
//! All variances are in units of `(1/q)²`.

mod search;

use tenebra_circuit::Options;
use tenebra_client::ValidGlwe;
use tenebra_client::branching::ValidBranching;
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys};

use super::cost::{diagram_us, scheme_switch_us, split_us};
use super::diagram::Diagram;
use super::variance::{is_exact, polynomial_energy};
use crate::noise::{MixedNoise, rounding_variance, tuniform_variance};
use crate::objective::Answer;
pub(crate) use search::search;

/// Variances of the GGSW rows that are made of a packed query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UnpackedNoise {
    /// Of a coefficient of a body row but the constant one, averaged over the coefficients.
    pub(crate) white: f64,
    /// The variance of the constant coefficient, averaged over all coefficients.
    pub(crate) constant: f64,
    /// Of what the scheme switch adds to a coefficient of a mask row.
    pub(crate) switch: f64,
    /// Of what its rounding adds, which the key meets twice: hardly more than one frequency.
    pub(crate) switch_rounding: f64,
}

impl UnpackedNoise {
    /// The larger of the two, part by part.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            white: self.white.max(other.white),
            constant: self.constant.max(other.constant),
            switch: self.switch.max(other.switch),
            switch_rounding: self.switch_rounding.max(other.switch_rounding),
        }
    }
}

/// Polynomial size of packed queries: the smallest with one mask polynomial and noise far enough below.
const POLYNOMIAL_SIZE: u16 = 2048;

/// Noise of the GGSW rows that the server makes of a packed query.
///
/// A split adds `τ_t(c)` to `c`. On a coefficient whose index is divisible by more than `2^t` the two parts are the same, so
/// its variance grows by 4; one divisible by exactly `2^t` cancels; any other meets another coefficient of the same
/// divisibility, so its variance doubles. Every split adds the noise of its key switch.
pub(crate) fn unpacked_noise(glwe: ValidGlwe, body_bits: u8, packing: &Packing) -> UnpackedNoise {
    let keys = SwitchKeys {
        glwe,
        body_bits,
        gadgets: *packing,
    };
    // By the power of 2 that divides the index; the last for index 0.
    let mut variances = [row_noise(&keys); MAX_SPLITS + 1];
    for t in 0..glwe.polynomial_size().ilog2() as usize {
        let switch = key_switch_variance(&keys, t);
        for (power, variance) in variances.iter_mut().enumerate() {
            let factor = match power.cmp(&t) {
                core::cmp::Ordering::Less => 2.0,
                core::cmp::Ordering::Equal => 0.0,
                core::cmp::Ordering::Greater => 4.0,
            };
            *variance = *variance * factor + switch;
        }
    }
    scheme_switch_noise(&keys, &variances)
}

/// Of a row of the evaluation key.
fn row_noise(keys: &SwitchKeys) -> f64 {
    tuniform_variance(keys.glwe.noise_bound_log2())
        + rounding_variance(64 - u32::from(keys.body_bits))
}

/// What the key switch behind automorphism `t` adds. What its digits leave out of the mask meets ½ and −½.
pub(crate) fn key_switch_variance(keys: &SwitchKeys, t: usize) -> f64 {
    let gadget = keys.gadgets.splits[t];
    let half = keys.glwe.dimension() as f64 / 4.0;
    row_variance(keys.glwe, row_noise(keys), gadget) + half * rounding_variance(64 - gadget.bits())
}

/// Of rows whose body rows have these variances: by the power of 2 that divides the index of a coefficient; that of the constant one
/// stands behind all others.
pub(crate) fn scheme_switch_noise(keys: &SwitchKeys, variances: &[f64]) -> UnpackedNoise {
    let size = keys.glwe.polynomial_size();
    let splits = size.ilog2() as usize;
    // Half of the indices are odd, a quarter divisible by 2 only, …; index 0 is one of N, like N/2.
    let shares = core::iter::successors(Some(0.5), |share| Some(share / 2.0)).take(splits);
    let white = variances.iter().zip(shares);
    let gadget = keys.gadgets.scheme_switch;
    UnpackedNoise {
        white: white.map(|(variance, share)| variance * share).sum(),
        constant: variances[splits] / size as f64,
        switch: row_variance(keys.glwe, row_noise(keys), gadget),
        switch_rounding: square_norm(keys.glwe) * rounding_variance(64 - gadget.bits()),
    }
}

/// What meets `s²` in the variance of products with packed bits.
pub(crate) fn of_square(products: &MixedNoise) -> f64 {
    let [_, _, smooth, _] = products.mixed;
    smooth.variance
}

/// Whether so much of a variance, `of_square`, meets `s²` that what is counted for its norm does not cover the average over keys.
pub(crate) fn hangs_on_the_key(of_square: f64, variance: f64, p_fail_log2: f64) -> bool {
    of_square * -p_fail_log2 > KEY_SHARE * variance
}

/// See `docs/scheme.md`, §5: 0.47 of the variance at 2^-128.
const KEY_SHARE: f64 = 60.0;

/// The squared norm of `s²`: about `N³/48`, for its coefficients are `(2i+1−N)/4` on average. A quarter more is taken, which covers
/// the average over keys, not every key.
fn square_norm(glwe: ValidGlwe) -> f64 {
    (glwe.polynomial_size() as f64).powi(3) / 48.0 * 1.25
}

/// What the rows of a switching key, with this variance, contribute: without a bound where their products are not exact.
fn row_variance(glwe: ValidGlwe, row: f64, gadget: SwitchGadget) -> f64 {
    let energy = polynomial_energy(gadget.level_count, gadget.base_log, glwe);
    if is_exact(energy) {
        energy * row
    } else {
        f64::INFINITY
    }
}

fn cost(layout: &ValidBranching, diagram: &Diagram, options: &Options) -> f64 {
    let answer = Answer {
        bytes: layout.query_len() + layout.response_len(),
        key_bytes: layout.switch_keys().map_or(0, |keys| keys.len()),
        client_us: 400.0,
        server_us: evaluate_us(layout, diagram),
    };
    answer.cost(options)
}

/// Key switches of one evaluation: those of the splits, and one a slot for the scheme switch.
pub(crate) fn key_switches(layout: &ValidBranching) -> usize {
    if layout.layout().packing.is_none() {
        return 0;
    }
    split_counts(layout).sum::<usize>() + layout.slots()
}

/// Ciphertexts that each split starts from: one until the stride of the slots is split off, then twice as many each time.
fn split_counts(layout: &ValidBranching) -> impl Iterator<Item = usize> {
    let unfilled = layout.slot_stride().ilog2();
    let slots = layout.slots();
    (0..layout.glwe().polynomial_size().ilog2())
        .map(move |t| slots.min(1 << t.saturating_sub(unfilled)))
}

/// Predicted server time on one core.
pub(crate) fn evaluate_us(layout: &ValidBranching, diagram: &Diagram) -> f64 {
    let Some(packing) = layout.layout().packing else {
        return 0.0;
    };
    let size = layout.glwe().polynomial_size() as f64;
    let expand: f64 = split_counts(layout)
        .zip(packing.splits)
        .map(|(count, gadget)| count as f64 * split_us(size, gadget))
        .sum();
    let to_ggsw = layout.slots() as f64 * scheme_switch_us(size, 1.0, packing.scheme_switch);
    expand + to_ggsw + diagram_us(layout, diagram)
}

#[cfg(test)]
mod tests;
