//! Noise of networks, layer by layer (`docs/scheme.md`, "Networks").
//!
//! All variances are in units of `(1/q)²`.

use alloc::rc::Rc;

use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::network::ValidNetwork;
use tenebra_client::packing::{MAX_SPLITS, SwitchKeys};

use super::layers::{BitGadget, Layer};
use crate::branching::diagram::{DiagramNoise, of_rotations};
use crate::branching::packed::{UnpackedNoise, key_switch_variance, scheme_switch_noise};
use crate::branching::variance::{ProductVariance, fresh_variance};
use crate::noise::{MixedNoise, set_bits_bound};

/// Which products a layer has.
pub(crate) struct LayerNoise {
    /// Of each hidden rotation: its products, and log2 of its slots.
    hidden: Vec<(DiagramNoise, u32)>,
    readouts: DiagramNoise,
    /// Stages whose bits are multiplied.
    stages: Vec<usize>,
}

/// What a network's noise comes to.
#[derive(Clone, Debug)]
pub(crate) struct NetworkNoise {
    /// Of a digit sum.
    pub(crate) result: MixedNoise,
    /// Of the constant coefficients of the rows of each stage's bits, and of all coefficients of its rotations.
    pub(crate) stages: Vec<StageNoise>,
    /// log2 of the probability that the variance of a stage exceeds what was counted.
    pub(crate) excess_log2: f64,
}

/// Of the bits of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StageNoise {
    /// Variance of the rotations that they are made of; that of a query's is its fresh noise.
    pub(crate) rotations: f64,
    /// Their rows; `None` of those of direct queries.
    pub(crate) rows: Option<UnpackedNoise>,
}

impl LayerNoise {
    pub(crate) fn of(layer: &Layer, stage: impl Fn(usize) -> usize, size: usize) -> Self {
        let rotations = || {
            let hidden = layer.hidden.iter().map(|hidden| &hidden.rotation);
            hidden.chain(&layer.readouts)
        };
        let turns = rotations().flat_map(|rotation| &rotation.turns);
        let mut stages: Vec<usize> = turns.map(|turn| stage(turn.bit)).collect();
        stages.sort_unstable();
        stages.dedup();
        let hidden = layer.hidden.iter().map(|hidden| {
            let noise = of_rotations(core::iter::once(&hidden.rotation), size);
            (noise, hidden.log_slots)
        });
        Self {
            hidden: hidden.collect(),
            readouts: of_rotations(layer.readouts.iter(), size),
            stages,
        }
    }
}

/// The layout of products with bits of another gadget.
fn of_gadget(
    layout: &ValidBranching,
    (base_log, level_count): BitGadget,
) -> Option<ValidBranching> {
    let layout = BranchingLayout {
        base_log,
        level_count,
        input_bits: 1,
        ..*layout.layout()
    };
    layout.validate().ok()
}

/// The noise of a network with these parameters; `None` if a gadget cannot be used. `goal_log2` is the failure probability that is
/// sought.
pub(crate) fn network_noise(
    layout: &ValidNetwork,
    (gadgets, exact): (&[BitGadget], bool),
    layers: &[Rc<LayerNoise>],
    readout_bits: u32,
    goal_log2: f64,
) -> Option<NetworkNoise> {
    let plain = &layout.layout().branching;
    let mut products: Vec<ProductVariance> = Vec::new();
    let mut stages: Vec<StageNoise> = Vec::new();
    let first = query_stage(layout);
    let of_query = of_gadget(layout.branching(), (plain.base_log, plain.level_count))?;
    products.push(match &first.rows {
        None => ProductVariance::direct(&of_query, exact),
        Some(rows) => ProductVariance::packed(&of_query, rows, exact),
    });
    stages.push(first);
    let all: Vec<BitGadget> = core::iter::once((plain.base_log, plain.level_count))
        .chain(gadgets.iter().copied())
        .collect();
    let mut result = MixedNoise::from(0.0);
    let mut excess_log2 = f64::NEG_INFINITY;
    for (index, layer) in layers.iter().enumerate() {
        let of_layer = |noise: &DiagramNoise, table_bits: u32| {
            let of_stages = layer.stages.iter().map(|stage| {
                let (base_log, level_count) = all[*stage];
                let clear =
                    noise
                        .clear
                        .energy(u32::from(base_log), u32::from(level_count), table_bits);
                products[*stage].of_result(noise, clear)
            });
            of_stages.fold(MixedNoise::from(0.0), MixedNoise::plus)
        };
        if layer.readouts.clear.is_used() {
            result = result.plus(of_layer(&layer.readouts, readout_bits));
        }
        let Some(gadget) = gadgets.get(index) else {
            continue;
        };
        let bits = u32::from(gadget.0) * u32::from(gadget.1);
        let exceeds = goal_log2 - 10.0 - (layer.hidden.len().max(1) as f64).log2();
        let keys = layout.switch_keys()?;
        let of_neurons = layer.hidden.iter().map(|(noise, log_slots)| {
            let mixed = of_layer(noise, bits);
            let rows = selected_noise(&keys, mixed.variance_at_most(exceeds), *log_slots);
            (mixed.variance(), rows)
        });
        // The neuron with the most noise stands for all.
        let worst = of_neurons.reduce(|(a, one), (b, two)| (a.max(b), one.max(two)));
        let (rotations, rows) = worst?;
        excess_log2 = log2_sum(excess_log2, goal_log2 - 10.0);
        let of_made = of_gadget(layout.branching(), *gadget)?;
        products.push(ProductVariance::packed(&of_made, &rows, exact));
        stages.push(StageNoise {
            rotations,
            rows: Some(rows),
        });
    }
    Some(NetworkNoise {
        result,
        stages,
        excess_log2,
    })
}

fn query_stage(layout: &ValidNetwork) -> StageNoise {
    let fresh = fresh_variance(layout.branching());
    let rows = layout
        .switch_keys()
        .filter(|_| layout.layout().packed_bits > 0);
    StageNoise {
        rotations: fresh,
        rows: rows.map(|keys| {
            let slots = f64::from(layout.log_slots()).exp2();
            selected_noise(&keys, fresh * slots * slots, layout.log_slots())
        }),
    }
}

/// `log2(2^a + 2^b)`.
pub(crate) fn log2_sum(a: f64, b: f64) -> f64 {
    let most = a.max(b);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + ((a - most).exp2() + (b - most).exp2()).log2()
}

/// Noise of the rows of bits that are made of a ciphertext with `2^log_slots` slots, whose coefficients have the variance `start`.
///
/// It is divided by the number of slots, and halved before each of the first automorphisms, which keep coefficients at multiples of the
/// stride of the slots as they are: on others, whose index is divisible by exactly `2^t` where `τ_t` turns the sign, the two halves
/// cancel; any other meets another coefficient of the same divisibility, so that its variance halves. The others double.
pub(crate) fn selected_noise(keys: &SwitchKeys, start: f64, log_slots: u32) -> UnpackedNoise {
    let log_size = keys.glwe.polynomial_size().ilog2();
    let splits = log_size as usize;
    let unfilled = (log_size - log_slots) as usize;
    let halving = 0.25 * (1.0 + set_bits_bound(keys.glwe));
    // By the power of 2 that divides the index; the last for index 0.
    let mut variances = [start * (-2.0 * f64::from(log_slots)).exp2() + halving; MAX_SPLITS + 1];
    for t in (0..unfilled).rev().chain(unfilled..splits) {
        let switch = key_switch_variance(keys, t) + if t < unfilled { halving } else { 0.0 };
        let scale = if t < unfilled { 0.25 } else { 1.0 };
        for (power, variance) in variances.iter_mut().enumerate() {
            let factor = match power.cmp(&t) {
                core::cmp::Ordering::Less => 2.0,
                core::cmp::Ordering::Equal => 0.0,
                core::cmp::Ordering::Greater => 4.0,
            };
            *variance = *variance * factor * scale + switch;
        }
    }
    scheme_switch_noise(keys, &variances)
}

#[cfg(test)]
mod tests;
