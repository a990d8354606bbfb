//! Gadgets of the switches of an evaluation key: of each, what it costs against what it adds to the noise.

use tenebra_client::packing::{Packing, SwitchGadget};

/// `(b, ℓ)` of key switches.
pub(crate) const SWITCH_GADGETS: [(u8, u8); 34] = [
    (2, 24),
    (3, 16),
    (3, 17),
    (3, 18),
    (3, 20),
    (4, 12),
    (4, 13),
    (4, 14),
    (4, 15),
    (4, 11),
    (5, 8),
    (5, 9),
    (5, 10),
    (5, 11),
    (5, 12),
    (6, 6),
    (6, 7),
    (6, 8),
    (6, 9),
    (6, 10),
    (7, 5),
    (7, 6),
    (7, 7),
    (8, 4),
    (8, 5),
    (8, 6),
    (9, 3),
    (9, 4),
    (9, 5),
    (10, 2),
    (10, 3),
    (10, 4),
    (11, 2),
    (11, 3),
];

/// `(b, ℓ)` of scheme switches besides: products with them need not be exact in every ring.
const SCHEME_GADGETS: [(u8, u8); 8] = [
    (11, 4),
    (12, 2),
    (12, 3),
    (13, 2),
    (13, 3),
    (14, 2),
    (15, 2),
    (16, 2),
];

/// All that are tried for scheme switches.
pub(crate) fn scheme_gadgets() -> impl Iterator<Item = SwitchGadget> {
    gadgets().chain(of(&SCHEME_GADGETS))
}

/// All that are tried for other switches.
pub(crate) fn gadgets() -> impl Iterator<Item = SwitchGadget> {
    of(&SWITCH_GADGETS)
}

fn of(gadgets: &'static [(u8, u8)]) -> impl Iterator<Item = SwitchGadget> {
    gadgets.iter().map(|(base_log, level_count)| SwitchGadget {
        base_log: *base_log,
        level_count: *level_count,
    })
}

/// Which switch of a key: that behind automorphism `t`, or the one of the scheme.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switch {
    Split(usize),
    Scheme,
}

impl Switch {
    pub(crate) fn set(self, keys: &mut Packing, gadget: SwitchGadget) {
        match self {
            Self::Split(t) => keys.splits[t] = gadget,
            Self::Scheme => keys.scheme_switch = gadget,
        }
    }
}

/// A gadget of a switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Priced {
    pub(crate) gadget: SwitchGadget,
    /// Of an evaluation with it, less what all gadgets of the switch have in common.
    pub(crate) cost: f64,
    /// What it adds to the variance of the result.
    pub(crate) variance: f64,
}

/// From one gadget of a switch to a quieter one.
struct Step {
    switch: Switch,
    gadget: SwitchGadget,
    /// Variance that it saves for its cost.
    slope: f64,
}

/// Keys that cost more and more, and add less and less noise, from the cheapest on. Cost and variance are sums over the switches, so
/// that the next step is always the one that saves most variance for its cost.
pub(crate) fn ladder(
    cheapest: Packing,
    switches: impl Iterator<Item = (Switch, Vec<Priced>)>,
) -> Vec<Packing> {
    let mut steps: Vec<Step> = switches
        .flat_map(|(switch, priced)| steps(switch, priced))
        .collect();
    steps.sort_by(|a, b| b.slope.total_cmp(&a.slope));
    let mut current = cheapest;
    let mut ladder = vec![current];
    for step in steps {
        step.switch.set(&mut current, step.gadget);
        ladder.push(current);
    }
    ladder
}

/// The lower convex hull of cost and variance, from the fewest levels on.
fn steps(switch: Switch, mut priced: Vec<Priced>) -> Vec<Step> {
    let mut steps = Vec::new();
    let fewest = priced.iter().copied();
    let mut last = fewest.min_by_key(|priced| priced.gadget.level_count);
    while let Some(from) = last {
        priced.retain(|to| to.variance < from.variance);
        let slope = |to: &Priced| (from.variance - to.variance) / (to.cost - from.cost).max(1e-3);
        let next = priced.iter().copied();
        last = next.max_by(|a, b| slope(a).total_cmp(&slope(b)));
        steps.extend(last.map(|to| Step {
            switch,
            gadget: to.gadget,
            slope: slope(&to),
        }));
    }
    steps
}
