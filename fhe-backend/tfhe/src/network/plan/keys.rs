//! Gadgets of evaluation keys: of each switch, what it costs against what it adds to the noise.

use tenebra_client::ValidGlwe;
use tenebra_client::network::NetworkLayout;
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys};

use super::Search;
use crate::branching::packed::key_switch_variance;

/// `(b, ℓ)` of key switches.
const SWITCH_GADGETS: [(u8, u8); 22] = [
    (2, 24),
    (3, 16),
    (3, 17),
    (3, 18),
    (4, 12),
    (4, 13),
    (4, 14),
    (5, 9),
    (5, 10),
    (5, 11),
    (6, 7),
    (6, 8),
    (6, 9),
    (7, 6),
    (7, 7),
    (8, 5),
    (8, 6),
    (9, 4),
    (9, 5),
    (10, 3),
    (10, 4),
    (11, 3),
];

/// Which switch of a key: that behind automorphism `t`, or the one of the scheme.
#[derive(Clone, Copy)]
enum Switch {
    Split(usize),
    Scheme,
}

impl Switch {
    fn set(self, keys: &mut Packing, gadget: SwitchGadget) {
        match self {
            Self::Split(t) => keys.splits[t] = gadget,
            Self::Scheme => keys.scheme_switch = gadget,
        }
    }
}

/// A gadget of a switch.
#[derive(Clone, Copy)]
struct Priced {
    gadget: SwitchGadget,
    cost_us: f64,
    /// What it adds to the variance of the result.
    variance: f64,
}

/// From one gadget of a switch to a quieter one.
struct Step {
    switch: Switch,
    gadget: SwitchGadget,
    /// Variance that it saves for a microsecond.
    slope: f64,
}

impl Search<'_> {
    /// Whether anything is switched.
    fn needs_keys(&self, layout: &NetworkLayout) -> bool {
        layout.packed_bits > 0 || self.made() > 0
    }

    /// The layout with the keys that cost least.
    pub(super) fn with_cheapest_keys(&self, layout: NetworkLayout) -> NetworkLayout {
        self.with_all(layout, |gadgets| {
            gadgets.min_by_key(|gadget| gadget.level_count)
        })
    }

    /// The layout with the keys that add the least noise.
    pub(super) fn with_quietest_keys(&self, layout: NetworkLayout) -> NetworkLayout {
        let variance = |gadget: &SwitchGadget| switch_variance(&layout, *gadget);
        self.with_all(layout, |gadgets| {
            gadgets.min_by(|a, b| variance(a).total_cmp(&variance(b)))
        })
    }

    fn with_all(
        &self,
        layout: NetworkLayout,
        choose: impl Fn(&mut dyn Iterator<Item = SwitchGadget>) -> Option<SwitchGadget>,
    ) -> NetworkLayout {
        if !self.needs_keys(&layout) {
            return layout;
        }
        let gadget = choose(&mut gadgets(&layout)).unwrap_or_default();
        NetworkLayout {
            keys: Some(all_splits(&layout, gadget)),
            ..layout
        }
    }

    /// The layout with keys that cost more and more, and add less and less noise. Cost and variance are sums over the switches, so
    /// that the next step is always the one that saves most variance for its time.
    pub(super) fn ladder(&self, layout: NetworkLayout, choice: usize) -> Vec<NetworkLayout> {
        if !self.needs_keys(&layout) {
            return vec![layout];
        }
        let mut current = self.with_cheapest_keys(layout);
        let mut ladder = vec![current];
        let splits = usize::from(layout.branching.glwe.polynomial_size).ilog2() as usize;
        let switches = (0..splits).map(Switch::Split).chain([Switch::Scheme]);
        let quietest = self.with_quietest_keys(layout);
        let steps = switches.flat_map(|switch| {
            let priced = self.priced(quietest, choice, switch);
            steps(switch, priced)
        });
        let mut steps: Vec<Step> = steps.collect();
        steps.sort_by(|a, b| b.slope.total_cmp(&a.slope));
        for step in steps {
            if let Some(keys) = &mut current.keys {
                step.switch.set(keys, step.gadget);
            }
            ladder.push(current);
        }
        ladder
    }

    /// What each gadget of a switch costs and adds to the noise, where all others are those of `quietest`.
    fn priced(&self, quietest: NetworkLayout, choice: usize, switch: Switch) -> Vec<Priced> {
        let with = |gadget: SwitchGadget| {
            let mut layout = quietest;
            layout
                .keys
                .iter_mut()
                .for_each(|keys| switch.set(keys, gadget));
            layout
        };
        let variance = |gadget: SwitchGadget| {
            let noise = self.noise(&with(gadget).validate().ok()?, choice)?;
            Some(noise.result.variance()).filter(|variance| variance.is_finite())
        };
        let all = gadgets(&quietest);
        match switch {
            Switch::Scheme => all
                .filter_map(|gadget| {
                    Some(Priced {
                        gadget,
                        cost_us: self.candidate(with(gadget), choice).cost_us,
                        variance: variance(gadget)?,
                    })
                })
                .collect(),
            // In proportion to the variance of the switch: two of them tell by how much.
            Switch::Split(_) => {
                let of = |gadget| switch_variance(&quietest, gadget);
                let noisy = all.reduce(|a, b| if of(a) < of(b) { b } else { a });
                let Some((noisy, quiet)) = noisy.zip(quietest.keys.map(|keys| keys.splits[0]))
                else {
                    return Vec::new();
                };
                let Some((high, low)) = variance(noisy).zip(variance(quiet)) else {
                    return Vec::new();
                };
                let weight = (high - low) / (of(noisy) - of(quiet));
                gadgets(&quietest)
                    .map(|gadget| Priced {
                        gadget,
                        cost_us: self.candidate(with(gadget), choice).cost_us,
                        variance: weight * of(gadget),
                    })
                    .collect()
            }
        }
    }
}

/// The lower convex hull of cost and variance, from the cheapest on.
fn steps(switch: Switch, mut priced: Vec<Priced>) -> Vec<Step> {
    let mut steps = Vec::new();
    let cheapest = |priced: &[Priced]| {
        let all = priced.iter().copied();
        all.min_by_key(|priced| priced.gadget.level_count)
    };
    let mut last = cheapest(&priced);
    while let Some(from) = last {
        priced.retain(|to| to.variance < from.variance);
        let slope =
            |to: &Priced| (from.variance - to.variance) / (to.cost_us - from.cost_us).max(1e-3);
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

/// Gadgets whose products are exact in the ring of a layout.
fn gadgets(layout: &NetworkLayout) -> impl Iterator<Item = SwitchGadget> {
    let layout = *layout;
    SWITCH_GADGETS
        .into_iter()
        .map(|(base_log, level_count)| SwitchGadget {
            base_log,
            level_count,
        })
        .filter(move |gadget| switch_variance(&layout, *gadget).is_finite())
}

/// What a switch with this gadget adds to a ciphertext.
fn switch_variance(layout: &NetworkLayout, gadget: SwitchGadget) -> f64 {
    let plain = &layout.branching;
    let glwe = ValidGlwe::secure(1, plain.glwe.polynomial_size);
    glwe.map_or(f64::INFINITY, |glwe| {
        let keys = SwitchKeys {
            glwe,
            body_bits: plain.body_bits,
            gadgets: all_splits(layout, gadget),
        };
        key_switch_variance(&keys, 0)
    })
}

fn all_splits(layout: &NetworkLayout, gadget: SwitchGadget) -> Packing {
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    let used = usize::from(layout.branching.glwe.polynomial_size).ilog2() as usize;
    splits[..used].fill(gadget);
    Packing {
        splits,
        scheme_switch: gadget,
    }
}
