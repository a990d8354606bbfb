//! Noise of networks, layer by layer (`docs/scheme.md`, "Networks").
//!
//! All variances are in units of `(1/q)²`.

use alloc::rc::Rc;

use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::network::ValidNetwork;
use tenebra_client::packing::SwitchKeys;

use super::layers::{BitGadget, Layer};
use crate::branching::diagram::{DiagramNoise, alike, of_rotations};
use crate::branching::packed::{UnpackedNoise, hangs_on_the_key, packed_variance, selected_noise};
use crate::branching::variance::{ProductVariance, fresh_variance};
use crate::noise::MixedNoise;

/// Which products a layer has.
pub(crate) struct LayerNoise {
    hidden: Vec<HiddenNoise>,
    /// How many times its own noise a hidden rotation has in common with all of them, at most.
    alike: f64,
    readouts: DiagramNoise,
    /// Stages whose bits are multiplied.
    stages: Vec<usize>,
}

/// Of a hidden rotation.
struct HiddenNoise {
    products: DiagramNoise,
    log_slots: u32,
    /// Bits of its code.
    bits: usize,
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
    /// What meets `s²` in the variance of a digit sum, in the last products or on the way there.
    of_square: f64,
}

impl NetworkNoise {
    /// The part of the variance of a digit sum that meets `s²`.
    pub(crate) fn square_share(&self) -> f64 {
        self.of_square / self.result.variance()
    }

    /// See `docs/scheme.md`, §5.
    pub(crate) fn hangs_on_the_key(&self, p_fail_log2: f64) -> bool {
        hangs_on_the_key(self.square_share(), 1.0, p_fail_log2)
    }
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
        let mut stages: Vec<usize> = layer.turns().map(|turn| stage(turn.bit)).collect();
        stages.sort_unstable();
        stages.dedup();
        let hidden = layer.hidden.iter().map(|hidden| {
            let alone = (core::slice::from_ref(&hidden.rotation), [].as_slice());
            HiddenNoise {
                products: of_rotations(core::iter::once(alone), size),
                log_slots: hidden.log_slots,
                bits: hidden.bits,
            }
        });
        let rotations = layer.hidden.iter().map(|hidden| &hidden.rotation);
        let groups = layer.readouts.iter();
        let groups = groups.map(|group| (group.rotations.as_slice(), group.shared.as_slice()));
        Self {
            hidden: hidden.collect(),
            alike: alike(rotations, size),
            readouts: of_rotations(groups, size),
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

/// Bits of one stage in products.
struct Factors {
    gadget: BitGadget,
    product: ProductVariance,
    made: MadeRows,
}

/// What rows of bits that are made of rotations have of these.
#[derive(Clone, Copy)]
struct MadeRows {
    /// The part of the variance of the rotations that meets `s²`.
    square_share: f64,
    /// A bound of the largest eigenvalue of the correlations of their constant coefficients.
    alike: f64,
}

impl MadeRows {
    /// Of what a client encrypts.
    const FRESH: Self = Self {
        square_share: 0.0,
        alike: 1.0,
    };
}

/// Noise of the products of a layer.
#[derive(Clone, Copy)]
struct Products {
    noise: MixedNoise,
    of_square: f64,
}

impl Products {
    const NONE: Self = Self {
        noise: MixedNoise::NONE,
        of_square: 0.0,
    };

    fn plus(self, other: Self) -> Self {
        Self {
            noise: self.noise.plus(other.noise),
            of_square: self.of_square + other.of_square,
        }
    }
}

impl Factors {
    /// Of products that multiply clear tables of `table_bits` bits first.
    fn products(&self, noise: &DiagramNoise, table_bits: u32) -> Products {
        let (base_log, level_count) = (u32::from(self.gadget.0), u32::from(self.gadget.1));
        let clear = noise.clear.energy(base_log, level_count, table_bits);
        let mut of = self.product.of_result(noise, clear);
        let [_, _, _, constant] = &mut of.mixed;
        constant.squares = (constant.squares / self.made.alike).max(1.0);
        // Rotations are in the constant coefficients of rows, which clear tables meet, too, and one part in n of what is white.
        let before = self.made.square_share * (constant.variance * (1.0 + 1.0 / 256.0) + of.normal);
        Products {
            noise: of,
            of_square: before + self.product.of_square(noise),
        }
    }
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
    let first = query_stage(layout);
    let mut factors = vec![of_query(layout, &first, exact)?];
    let mut stages = vec![first];
    let mut result = Products::NONE;
    let mut excess_log2 = f64::NEG_INFINITY;
    for (index, layer) in layers.iter().enumerate() {
        let of_layer = |noise: &DiagramNoise, table_bits: u32| {
            let of_stages = layer.stages.iter();
            let of_stages = of_stages.map(|stage| factors[*stage].products(noise, table_bits));
            of_stages.fold(Products::NONE, Products::plus)
        };
        if layer.readouts.clear.is_used() {
            result = result.plus(of_layer(&layer.readouts, readout_bits));
        }
        let Some(gadget) = gadgets.get(index) else {
            continue;
        };
        let bits = u32::from(gadget.0) * u32::from(gadget.1);
        let keys = layout.switch_keys()?;
        let of_rotation = |hidden: &HiddenNoise| {
            // All neurons, and all of their slots: what is smooth varies from coefficient to coefficient.
            let count = layer.hidden.len() << hidden.log_slots;
            let exceeds = goal_log2 - EXCESS_BITS - (count as f64).log2();
            let turned = of_layer(&hidden.products, bits);
            let slots = hidden.bits * usize::from(gadget.1);
            of_made(&keys, &turned, exceeds, (slots, hidden.log_slots))
        };
        // The neuron with the most noise stands for all.
        let worst = layer.hidden.iter().map(of_rotation).reduce(Made::max)?;
        excess_log2 = log2_sum(excess_log2, goal_log2 - EXCESS_BITS);
        let Made {
            rotations, rows, ..
        } = worst;
        let gadget_layout = of_gadget(layout.branching(), *gadget)?;
        factors.push(Factors {
            gadget: *gadget,
            product: ProductVariance::packed(&gadget_layout, &rows, exact),
            made: MadeRows {
                square_share: worst.square_share,
                alike: layer.alike * worst.slots_alike,
            },
        });
        stages.push(StageNoise {
            rotations,
            rows: Some(rows),
        });
    }
    Some(NetworkNoise {
        result: result.noise,
        stages,
        excess_log2,
        of_square: result.of_square,
    })
}

/// Variances that rotations exceed count with so many bits less than all of `p_fail`.
const EXCESS_BITS: f64 = 10.0;

/// What is made of a hidden rotation.
#[derive(Clone, Copy)]
struct Made {
    /// Its variance.
    rotations: f64,
    rows: UnpackedNoise,
    square_share: f64,
    /// How many times its own noise a slot has in common with all slots of the rotation, at most.
    slots_alike: f64,
}

impl Made {
    fn max(self, other: Self) -> Self {
        Self {
            rotations: self.rotations.max(other.rotations),
            rows: self.rows.max(other.rows),
            square_share: self.square_share.max(other.square_share),
            slots_alike: self.slots_alike.max(other.slots_alike),
        }
    }
}

/// `exceeds` is log2 of the probability that the variance of a coefficient is larger than what is counted; `slots` of the slots are used.
fn of_made(
    keys: &SwitchKeys,
    turned: &Products,
    exceeds: f64,
    (slots, log_slots): (usize, u32),
) -> Made {
    let noise = &turned.noise;
    let most = noise.variance_at_most(exceeds);
    let [_, _, smooth, _] = noise.mixed;
    let (of_square, variance) = (turned.of_square, noise.variance());
    Made {
        rotations: variance,
        rows: selected_noise(keys, most, log_slots),
        square_share: of_square / variance,
        slots_alike: 1.0 + smooth.variance / variance * (slots as f64 - 1.0),
    }
}

fn of_query(layout: &ValidNetwork, stage: &StageNoise, exact: bool) -> Option<Factors> {
    let plain = &layout.layout().branching;
    let gadget = (plain.base_log, plain.level_count);
    let layout = of_gadget(layout.branching(), gadget)?;
    let product = match &stage.rows {
        None => ProductVariance::direct(&layout, exact),
        Some(rows) => ProductVariance::packed(&layout, rows, exact),
    };
    Some(Factors {
        gadget,
        product,
        made: MadeRows::FRESH,
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
            let start = packed_variance(fresh, layout.log_slots());
            selected_noise(&keys, start, layout.log_slots())
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

#[cfg(test)]
mod tests;
