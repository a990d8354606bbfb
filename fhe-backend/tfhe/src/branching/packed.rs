//! Noise and cost of packed queries.
//!
//! All variances are in units of `(1/q)²`.

mod search;

use tenebra_circuit::Options;
use tenebra_client::ValidGlwe;
use tenebra_client::branching::ValidBranching;
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys, last_split};

use super::cost::{
    diagram_us, exact_pair_us, frames_us, pair_lane_us, pair_us, split_lane_us, split_us,
};
use super::diagram::Diagram;
use super::variance::{is_exact, polynomial_energy};
use crate::noise::{rounding_variance, transform_variance, tuniform_variance};
use crate::objective::Answer;
pub(crate) use search::search;

/// Variances of the GGSW rows that are made of a packed query, under the key `t` of signs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UnpackedNoise {
    /// Of a coefficient of a body row but the constant one, averaged over the coefficients: the part that the mask row has, too,
    /// times `−t`.
    pub(crate) white: f64,
    /// The variance of the constant coefficient, averaged over all coefficients.
    pub(crate) constant: f64,
    /// The variance of all errors of all rows in the direction that has most of it, likewise.
    pub(crate) direction: f64,
    /// Of what the last key switch adds to a coefficient of a body row alone.
    pub(crate) last: f64,
    /// Of what the scheme switch adds to a coefficient of a mask row alone.
    pub(crate) switch: f64,
    /// The part of that which meets `t²`.
    pub(crate) square: f64,
    /// How many times the variance of words that of a row's coefficients is, for what transforms err in products with them.
    pub(crate) growth: f64,
}

impl UnpackedNoise {
    /// The larger of the two, part by part.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            white: self.white.max(other.white),
            constant: self.constant.max(other.constant),
            direction: self.direction.max(other.direction),
            last: self.last.max(other.last),
            switch: self.switch.max(other.switch),
            square: self.square.max(other.square),
            growth: self.growth.max(other.growth),
        }
    }
}

/// Polynomial size of packed queries: the smallest with one mask polynomial and noise far enough below.
const POLYNOMIAL_SIZE: u16 = 2048;

/// Noise of the GGSW rows that the server makes of a packed query.
pub(crate) fn unpacked_noise(layout: &ValidBranching, packing: &Packing) -> UnpackedNoise {
    let keys = SwitchKeys {
        glwe: layout.glwe(),
        body_bits: layout.layout().body_bits,
        gadgets: *packing,
        max_rows: 1,
    };
    selected_noise(
        &keys,
        packed_variance(row_noise(&keys), layout.log_slots()),
        layout.log_slots(),
    )
}

/// Of the coefficients of a packed query, multiplied by the number of slots, by which it is divided.
pub(crate) fn packed_variance(fresh: f64, log_slots: u32) -> f64 {
    fresh * (2.0 * f64::from(log_slots)).exp2()
}

/// Noise of the rows of bits that are made of a ciphertext with `2^log_slots` slots, whose coefficients have the variance `start`.
///
/// It is divided by the number of slots, and halved before each of the first automorphisms, which keep coefficients at multiples of the
/// stride of the slots as they are: on others, whose index is divisible by exactly `2^t` where `τ_t` turns the sign, the two halves
/// cancel; any other meets another coefficient of the same divisibility, so that its variance halves. Splits, which do not halve, make the
/// variance of the first 4 times what it was, and double that of the last. Every automorphism adds the noise of its key switch, which
/// the last one adds to body rows alone.
pub(crate) fn selected_noise(keys: &SwitchKeys, start: f64, log_slots: u32) -> UnpackedNoise {
    let size = keys.glwe.polynomial_size();
    let last = last_split(size);
    let mut variances = pair_variances(keys, start, log_slots);
    // Two slots are the sum and the difference of products with two keys.
    let split = if log_slots > 0 { 1.0 } else { 0.0 };
    if log_slots > 0 {
        turn(&mut variances, last, 1.0);
    }
    // Half of the indices are odd, a quarter divisible by 2 only, …; index 0 is one of N, like N/2.
    let shares = core::iter::successors(Some(0.5), |share| Some(share / 2.0)).take(last + 1);
    let white = variances.iter().zip(shares);
    let left_out = rounding_variance(64 - keys.gadgets.scheme_switch.bits());
    let square = square_norms(keys.glwe, split) * left_out;
    let [row, size_of_rows] = last_products(keys);
    UnpackedNoise {
        white: white.map(|(variance, share)| variance * share).sum(),
        constant: variances[last + 1] / size as f64,
        direction: (variances[last + 1] + in_both_parts(keys, log_slots)) / size as f64,
        last: split * (row + size as f64 * left_out),
        switch: (1.0 + split) * row + square,
        square,
        growth: 1.0 + (1.0 + split) * size_of_rows,
    }
}

/// Variances of the coefficients of a ciphertext before its last split, by the power of 2 that divides the index; the last for index 0.
pub(crate) fn pair_variances(
    keys: &SwitchKeys,
    start: f64,
    log_slots: u32,
) -> [f64; MAX_SPLITS + 1] {
    let size = keys.glwe.polynomial_size();
    let last = last_split(size);
    let unfilled = last + 1 - log_slots as usize;
    let halving = 0.25 * (1.0 + size as f64);
    let mut variances = [start * (-2.0 * f64::from(log_slots)).exp2() + halving; MAX_SPLITS + 1];
    for t in (0..unfilled).rev() {
        turn(&mut variances, t, 0.25);
        let switch = key_switch_variance(keys, t) + halving;
        variances
            .iter_mut()
            .for_each(|variance| *variance += switch);
    }
    for t in unfilled..last {
        turn(&mut variances, t, 1.0);
        let switch = key_switch_variance(keys, t);
        variances
            .iter_mut()
            .for_each(|variance| *variance += switch);
    }
    variances
}

/// What the direction with most variance of all errors of all rows has beyond the constant coefficient (`docs/scheme.md`, §5): both parts of a split have
/// the error of its key switch.
fn in_both_parts(keys: &SwitchKeys, log_slots: u32) -> f64 {
    let last = last_split(keys.glwe.polynomial_size());
    let splits = last + 1 - log_slots as usize..last;
    let variances = splits.map(|t| (2.0 * (last - t) as f64).exp2() * key_switch_variance(keys, t));
    variances.sum()
}

/// Those of `c + τ_t(c)`, times `scale`.
fn turn(variances: &mut [f64], t: usize, scale: f64) {
    for (power, variance) in variances.iter_mut().enumerate() {
        let factor = match power.cmp(&t) {
            core::cmp::Ordering::Less => 2.0,
            core::cmp::Ordering::Equal => 0.0,
            core::cmp::Ordering::Greater => 4.0,
        };
        *variance *= factor * scale;
    }
}

/// Of the products with one key behind the last digits: their variance, and how many times that of words they are.
fn last_products(keys: &SwitchKeys) -> [f64; 2] {
    let gadget = keys.gadgets.scheme_switch;
    if exact_switches(keys.glwe) {
        return [row_variance(keys, gadget), 0.0];
    }
    let energy = polynomial_energy(gadget.level_count, gadget.base_log, keys.glwe);
    // Transforms err in the masks, too, which meet the key.
    let transforms = (1.0 + keys.glwe.dimension() as f64) * transform_variance(energy);
    [energy * row_noise(keys) + transforms, 1.0 + energy]
}

/// Of a row of the evaluation key.
fn row_noise(keys: &SwitchKeys) -> f64 {
    tuniform_variance(keys.glwe.noise_bound_log2())
        + rounding_variance(64 - u32::from(keys.body_bits))
}

/// Whether nothing that is switched may meet the errors of transforms, for they are no less than a part in 32 of what a row's noise makes:
/// products with bodies are exact, too, and the last automorphism and the scheme switch are not in the Fourier domain.
pub(crate) fn exact_switches(glwe: ValidGlwe) -> bool {
    tuniform_variance(glwe.noise_bound_log2()) < 32.0 * transform_variance(1.0)
}

/// What the key switch behind automorphism `t` adds. What its digits leave out of the mask meets signs.
pub(crate) fn key_switch_variance(keys: &SwitchKeys, t: usize) -> f64 {
    let size = keys.glwe.polynomial_size();
    let gadget = match t == last_split(size) {
        true => keys.gadgets.scheme_switch,
        false => keys.gadgets.splits[t],
    };
    row_variance(keys, gadget) + size as f64 * rounding_variance(64 - gadget.bits())
}

/// Whether so much of a variance, `of_square`, meets `t²` that what is counted for its norm does not cover the average over keys.
pub(crate) fn hangs_on_the_key(of_square: f64, variance: f64, p_fail_log2: f64) -> bool {
    of_square * -p_fail_log2 > KEY_SHARE * variance
}

/// See `docs/scheme.md`, §5: 0.2 of the variance at 2^-128.
const KEY_SHARE: f64 = 26.0;

/// The squared norm of `t²`, `2·N²` on average, and, with `split`, of `t·τ(t)`, `N²`. A quarter more is taken, which covers the average over
/// keys, not every key.
fn square_norms(glwe: ValidGlwe, split: f64) -> f64 {
    (2.0 + split) * (glwe.polynomial_size() as f64).powi(2) * 1.25
}

/// What the rows of a switching key contribute: without a bound where the products of their masks are not exact.
fn row_variance(keys: &SwitchKeys, gadget: SwitchGadget) -> f64 {
    let energy = polynomial_energy(gadget.level_count, gadget.base_log, keys.glwe);
    let transforms = if exact_switches(keys.glwe) {
        0.0
    } else {
        transform_variance(energy)
    };
    if is_exact(energy) {
        energy * row_noise(keys) + transforms
    } else {
        f64::INFINITY
    }
}

/// Of a row.
fn cost(layout: &ValidBranching, diagram: &Diagram, options: &Options) -> f64 {
    let rows = layout.max_rows();
    let answer = Answer {
        bytes: (layout.query_len(rows) + layout.response_len(rows)) / rows,
        key_bytes: layout.switch_keys().map_or(0, |keys| keys.len()),
        client_us: 400.0,
        server_us: evaluate_us(layout, diagram, rows) / rows as f64,
    };
    answer.cost(options)
}

/// Products with keys of one evaluation: one a split, three at the last.
pub(crate) fn key_switches(layout: &ValidBranching) -> usize {
    if layout.layout().packing.is_none() {
        return 0;
    }
    Switches::of_query(layout).products()
}

/// What brings the used slots of ciphertexts to GGSWs.
pub(crate) struct Switches {
    log_slots: u32,
    last: usize,
    /// Of each.
    used: Vec<usize>,
}

impl Switches {
    pub(crate) fn of(
        glwe: ValidGlwe,
        log_slots: u32,
        used: impl IntoIterator<Item = usize>,
    ) -> Self {
        Self {
            log_slots,
            last: last_split(glwe.polynomial_size()),
            used: used.into_iter().collect(),
        }
    }

    /// Those of a row of a packed query.
    pub(crate) fn of_query(layout: &ValidBranching) -> Self {
        let levels = usize::from(layout.layout().level_count);
        let used = layout.packed_bits().map(|bits| bits * levels);
        Self::of(layout.glwe(), layout.log_slots(), used)
    }

    /// How many ciphertexts each automorphism but the last takes: one of each until the stride of the slots is split off, then those with slots.
    pub(crate) fn splits(&self) -> impl Iterator<Item = usize> + '_ {
        let log_slots = self.log_slots as usize;
        let unfilled = self.last + 1 - log_slots;
        (0..self.last).map(move |t| match t.checked_sub(unfilled) {
            None => self.used.len(),
            Some(step) => {
                let together = 1 << (log_slots - step);
                self.used.iter().map(|used| used.div_ceil(together)).sum()
            }
        })
    }

    /// Ciphertexts that the last automorphism takes.
    pub(crate) fn pairs(&self) -> usize {
        self.used.iter().map(|used| used.div_ceil(2)).sum()
    }

    fn slots(&self) -> usize {
        self.used.iter().sum()
    }

    pub(crate) fn products(&self) -> usize {
        let of_pair = if self.log_slots == 0 { 2 } else { 3 };
        let last = of_pair * self.pairs();
        self.splits().sum::<usize>() + last
    }

    /// Predicted time on one core that each row of a query but the first adds.
    fn lane_us(&self, glwe: ValidGlwe, keys: &Packing) -> f64 {
        let size = glwe.polynomial_size() as f64;
        let splits = self.splits().zip(keys.splits);
        let splits = splits.map(|(count, gadget)| count as f64 * split_lane_us(size, gadget));
        let (pairs, gadget) = (self.pairs() as f64, keys.scheme_switch);
        let slots = self.slots() as f64 / pairs;
        splits.sum::<f64>() + pairs * pair_lane_us(size, slots, gadget)
    }

    /// Predicted time on one core; GGSWs in one limb or two.
    pub(crate) fn us(&self, glwe: ValidGlwe, keys: &Packing, limbs: f64) -> f64 {
        let size = glwe.polynomial_size() as f64;
        let exact = exact_switches(glwe);
        let columns = if exact { 4.0 } else { 3.0 };
        let splits = self.splits().zip(keys.splits);
        let splits = splits.map(|(count, gadget)| count as f64 * split_us(size, columns, gadget));
        let (pairs, gadget) = (self.pairs() as f64, keys.scheme_switch);
        let slots = self.slots() as f64 / pairs;
        let pair = match exact {
            true => exact_pair_us(size, (slots, limbs), gadget),
            false => pair_us(size, slots, gadget),
        };
        splits.sum::<f64>() + pairs * pair
    }
}

/// Predicted server time of a query of so many rows on one core.
pub(crate) fn evaluate_us(layout: &ValidBranching, diagram: &Diagram, rows: usize) -> f64 {
    let Some(packing) = layout.layout().packing else {
        return 0.0;
    };
    let switches = Switches::of_query(layout);
    let others = (rows - 1) as f64 * switches.lane_us(layout.glwe(), &packing);
    let unpacking = switches.us(layout.glwe(), &packing, 1.0) + others;
    frames_us(layout.query_len(rows)) + unpacking + rows as f64 * diagram_us(layout, diagram)
}

#[cfg(test)]
pub(crate) mod tests;
