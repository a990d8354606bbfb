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

#[cfg(test)]
mod tests {
    use tenebra_client::packing::MAX_SPLITS;

    use super::*;

    /// No choice of gadgets that costs no more than a rung adds less noise, and the last rung adds the least of all.
    #[test]
    fn every_rung_is_the_quietest_of_its_cost() {
        let gadget = |level_count: u8| SwitchGadget {
            base_log: 4,
            level_count,
        };
        // (levels, cost, variance): convex and not, with two that are worse in both.
        let tables = [
            [
                (2, 1.0, 90.0),
                (3, 4.0, 30.0),
                (4, 5.0, 29.0),
                (6, 9.0, 2.0),
            ],
            [
                (1, 0.5, 70.0),
                (2, 2.0, 75.0),
                (3, 2.5, 40.0),
                (5, 11.0, 1.0),
            ],
            [
                (4, 3.0, 20.0),
                (5, 3.5, 4.0),
                (6, 3.75, 5.0),
                (7, 20.0, 3.9),
            ],
        ];
        let fewest = Packing {
            splits: core::array::from_fn::<_, MAX_SPLITS, _>(|t| {
                gadget(tables.get(t).map_or(1, |table| table[0].0))
            }),
            scheme_switch: gadget(1),
        };
        let priced = tables.iter().enumerate().map(|(t, table)| {
            let priced = table.iter().map(|(levels, cost, variance)| Priced {
                gadget: gadget(*levels),
                cost: *cost,
                variance: *variance,
            });
            (Switch::Split(t), priced.collect())
        });
        let sum = |choice: [usize; 3]| {
            let of = choice.iter().zip(&tables).map(|(at, table)| table[*at]);
            of.fold((0.0, 0.0), |(cost, variance), of| {
                (cost + of.1, variance + of.2)
            })
        };
        let all: Vec<(f64, f64)> = (0..64)
            .map(|choice| sum([choice % 4, choice / 4 % 4, choice / 16]))
            .collect();
        let rungs = ladder(fewest, priced);
        let rungs: Vec<(f64, f64)> = rungs
            .iter()
            .map(|keys| {
                let at = |t: usize| {
                    let levels = keys.splits[t].level_count;
                    tables[t].iter().position(|of| of.0 == levels).unwrap()
                };
                sum([at(0), at(1), at(2)])
            })
            .collect();
        // Two steps up each, in the order of what they save for their cost.
        let slopes: Vec<f64> = rungs
            .windows(2)
            .map(|two| (two[0].1 - two[1].1) / (two[1].0 - two[0].0))
            .collect();
        assert!(slopes.is_sorted_by(|a, b| a >= b), "{rungs:?}");
        assert_eq!(rungs.len(), 7, "{rungs:?}");
        for (cost, variance) in &rungs {
            let better = all.iter().find(|of| of.0 <= *cost && of.1 < *variance);
            assert_eq!(better, None, "{cost} {variance}");
        }
        let least = all.iter().map(|of| of.1).fold(f64::INFINITY, f64::min);
        assert_eq!(rungs.last().unwrap().1, least);
    }
}
