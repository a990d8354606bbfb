//! The search for the gadgets of packed queries and their evaluation keys.

use tenebra_circuit::{Optimize, Options};
use tenebra_client::ValidGlwe;
use tenebra_client::branching::{BranchingLayout, MAX_ROWS, ValidBranching};
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys, last_split};

use super::{POLYNOMIAL_SIZE, cost, hangs_on_the_key, key_switch_variance, unpacked_noise};
use crate::branching::diagram::Diagram;
use crate::branching::digits::DigitForm;
use crate::branching::goal::{Found, Goal, response_width, sent_body_bits};
use crate::branching::switches::{Priced, Switch, gadgets, ladder, scheme_gadgets};
use crate::branching::variance::{ProductVariance, clear_energy};
use crate::noise::{MixedNoise, p_fail_log2};

/// `(B, ℓ)` of the GGSWs.
const GGSW_GADGETS: [(u8, u8); 25] = [
    (16, 1),
    (18, 1),
    (8, 2),
    (9, 2),
    (10, 2),
    (11, 2),
    (12, 2),
    (13, 2),
    (14, 2),
    (4, 3),
    (5, 3),
    (6, 3),
    (7, 3),
    (8, 3),
    (9, 3),
    (4, 4),
    (5, 4),
    (6, 4),
    (7, 4),
    (4, 5),
    (5, 5),
    (6, 5),
    (4, 6),
    (5, 6),
    (3, 8),
];

/// The cheapest packed layout for a diagram over polynomials of 2048 coefficients that reaches `p_fail`, with its cost.
pub(crate) fn search(
    digits: &DigitForm,
    diagram: &Diagram,
    goal: Goal,
    options: &Options,
) -> Option<(f64, Found)> {
    let glwe = ValidGlwe::secure(1, POLYNOMIAL_SIZE).ok()?;
    let mut best: Option<(f64, Found)> = None;
    for gadget in GGSW_GADGETS {
        for packed_bits in packed_bits(diagram.input_bits, gadget.1) {
            let search = Search {
                glwe,
                digits,
                diagram,
                goal,
                options,
                gadget,
                max_rows: max_rows(options),
                packed_bits,
            };
            let less = |least: &f64| best.as_ref().is_none_or(|(cost, _)| least < cost);
            best = search.cheapest(less).or(best);
        }
    }
    best
}

/// How many bits of a row there may be in a ciphertext, 0 for all of them, or what fills fewer slots than all of them need: errors of bits are
/// less by as much. Whole pairs of slots, so that none is split in vain.
fn packed_bits(bits: usize, levels: u8) -> impl Iterator<Item = u16> {
    let levels = usize::from(levels);
    let slots = (bits * levels).next_power_of_two();
    let slots = slots.min(POLYNOMIAL_SIZE.into());
    let pairs = 1 + levels % 2;
    let fewer = (0..=FEWER_SLOTS).map(move |halvings| (slots >> halvings) / levels / pairs * pairs);
    let fewer = fewer.filter(move |packed| (1..bits).contains(packed));
    let fewer = fewer.filter_map(|packed| u16::try_from(packed).ok());
    core::iter::once(0).chain(fewer)
}

/// How often slots are halved at most.
const FEWER_SLOTS: usize = 3;

/// Rows of a query.
fn max_rows(options: &Options) -> u8 {
    let rows = u8::try_from(options.rows).unwrap_or(MAX_ROWS);
    match options.optimize {
        Optimize::Throughput => rows.clamp(1, MAX_ROWS),
        _ => 1,
    }
}

/// With one gadget of the GGSWs.
struct Search<'a> {
    glwe: ValidGlwe,
    digits: &'a DigitForm,
    diagram: &'a Diagram,
    goal: Goal,
    options: &'a Options,
    gadget: (u8, u8),
    max_rows: u8,
    packed_bits: u16,
}

impl Search<'_> {
    /// The cheapest layout whose cost passes `less`.
    fn cheapest(&self, less: impl Fn(&f64) -> bool) -> Option<(f64, Found)> {
        let quietest = self.all(|gadget| self.switch_variance(gadget))?;
        let clear = clear_energy(&self.layout(quietest)?, &self.diagram.noise);
        let fewest = self.all(|gadget| f64::from(gadget.level_count))?;
        if !less(&self.cost(fewest)?) {
            return None;
        }
        let splits = 0..last_split(self.glwe.polynomial_size());
        let priced = splits.map(|t| (Switch::Split(t), self.priced(quietest, t, clear)));
        let ladder = ladder(fewest, priced);
        let mut best: Option<(f64, Found)> = None;
        for scheme in scheme_gadgets() {
            let with = |keys: &Packing| Packing {
                scheme_switch: scheme,
                ..*keys
            };
            let cheaper = |cost: f64| less(&cost) && best.as_ref().is_none_or(|(b, _)| cost < *b);
            if !self.cost(with(&fewest)).is_some_and(cheaper) {
                continue;
            }
            let first = ladder.partition_point(|keys| !self.fits(with(keys), clear));
            let Some(keys) = ladder.get(first).map(with) else {
                continue;
            };
            let cost = self.cost(keys).filter(|cost| cheaper(*cost));
            if let Some(found) = cost.and_then(|cost| Some((cost, self.found(keys, clear)?))) {
                best = Some(found);
            }
        }
        best
    }

    /// The key of whose gadgets a number is least.
    fn all(&self, number: impl Fn(SwitchGadget) -> f64) -> Option<Packing> {
        let least = gadgets().min_by(|a, b| number(*a).total_cmp(&number(*b)));
        least.map(|gadget| all_splits(self.glwe, gadget))
    }

    /// What each gadget of a split costs and adds to the noise, which is in proportion to its variance: two of them tell by how much.
    fn priced(&self, quietest: Packing, t: usize, clear: [f64; 2]) -> Vec<Priced> {
        let with = |gadget: SwitchGadget| {
            let mut keys = quietest;
            Switch::Split(t).set(&mut keys, gadget);
            keys
        };
        let of = |gadget| self.switch_variance(gadget);
        let Some(noisy) = gadgets().max_by(|a, b| of(*a).total_cmp(&of(*b))) else {
            return Vec::new();
        };
        let quiet = quietest.splits[t];
        let variance = |gadget| {
            let layout = self.layout(with(gadget))?;
            Some(self.products(&layout, &with(gadget), clear).variance())
        };
        let Some((high, low)) = variance(noisy).zip(variance(quiet)) else {
            return Vec::new();
        };
        let weight = (high - low) / (of(noisy) - of(quiet));
        let priced = |gadget| {
            Some(Priced {
                gadget,
                cost: self.cost(with(gadget))?,
                variance: weight * of(gadget),
            })
        };
        gadgets().filter_map(priced).collect()
    }

    /// What a switch with this gadget adds to a ciphertext.
    fn switch_variance(&self, gadget: SwitchGadget) -> f64 {
        let keys = SwitchKeys {
            glwe: self.glwe,
            body_bits: sent_body_bits(self.glwe),
            gadgets: all_splits(self.glwe, gadget),
            max_rows: 1,
        };
        key_switch_variance(&keys, 0)
    }

    fn products(&self, layout: &ValidBranching, keys: &Packing, clear: [f64; 2]) -> MixedNoise {
        product(layout, keys).of_result(&self.diagram.noise, clear)
    }

    /// Whether products reach the failure probability.
    fn fits(&self, keys: Packing, clear: [f64; 2]) -> bool {
        let Some(layout) = self.layout(keys) else {
            return false;
        };
        let products = self.products(&layout, &keys, clear);
        let products = products.times(self.goal.variance_factor);
        let bits = u32::from(layout.layout().plaintext_bits);
        let count = self.digits.coefficients * layout.max_rows();
        let goal = self.goal.p_fail_log2;
        // The variance alone refuses most at once.
        p_fail_log2(products.variance(), bits, count) <= goal
            && products.p_fail_log2(bits, count) <= goal
    }

    fn found(&self, keys: Packing, clear: [f64; 2]) -> Option<Found> {
        let layout = self.layout(keys)?;
        let products = self.products(&layout, &keys, clear);
        let p_fail = self.goal.p_fail_log2;
        let of_square = product(&layout, &keys).of_square(&self.diagram.noise);
        if hangs_on_the_key(of_square, products.variance(), p_fail) {
            return None;
        }
        response_width(&layout, products, self.digits.coefficients, self.goal)
    }

    fn cost(&self, keys: Packing) -> Option<f64> {
        Some(cost(&self.layout(keys)?, self.diagram, self.options))
    }

    fn layout(&self, keys: Packing) -> Option<ValidBranching> {
        let (base_log, level_count) = self.gadget;
        let plaintext_bits = u8::try_from(self.digits.plaintext_bits).ok()?;
        if u32::from(plaintext_bits) > u32::from(base_log) * u32::from(level_count) {
            return None;
        }
        let layout = BranchingLayout {
            glwe: self.glwe.params(),
            base_log,
            level_count,
            body_bits: sent_body_bits(self.glwe),
            plaintext_bits,
            response_bits: 64,
            input_bits: u32::try_from(self.diagram.input_bits).ok()?,
            coefficients: u32::try_from(self.digits.coefficients).ok()?,
            packing: Some(keys),
            max_rows: self.max_rows,
            packed_bits: self.packed_bits,
        };
        layout.validate().ok()
    }
}

fn product(layout: &ValidBranching, keys: &Packing) -> ProductVariance {
    ProductVariance::packed(layout, &unpacked_noise(layout, keys), false)
}

fn all_splits(glwe: ValidGlwe, gadget: SwitchGadget) -> Packing {
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    splits[..last_split(glwe.polynomial_size())].fill(gadget);
    Packing {
        splits,
        scheme_switch: gadget,
    }
}
