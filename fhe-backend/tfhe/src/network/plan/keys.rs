//! Gadgets of a network's evaluation keys.

use tenebra_client::ValidGlwe;
use tenebra_client::network::NetworkLayout;
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys, last_split};

use super::Search;
use crate::branching::packed::key_switch_variance;
use crate::branching::switches::{Priced, Switch, gadgets, ladder, scheme_gadgets};

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
        let gadget = choose(&mut exact_gadgets(&layout)).unwrap_or_default();
        NetworkLayout {
            keys: Some(all_splits(&layout, gadget)),
            ..layout
        }
    }

    /// The layout with keys that cost more and more, and add less and less noise.
    pub(super) fn ladder(&self, layout: NetworkLayout, choice: usize) -> Vec<NetworkLayout> {
        let cheapest = self.with_cheapest_keys(layout);
        let Some(keys) = cheapest.keys.filter(|_| self.needs_keys(&layout)) else {
            return vec![layout];
        };
        let splits = last_split(layout.branching.glwe.polynomial_size.into());
        let switches = (0..splits).map(Switch::Split).chain([Switch::Scheme]);
        let quietest = self.with_quietest_keys(layout);
        let priced = switches.map(|switch| (switch, self.priced(quietest, choice, switch)));
        let with = |keys| NetworkLayout {
            keys: Some(keys),
            ..cheapest
        };
        ladder(keys, priced).into_iter().map(with).collect()
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
        let all = exact_gadgets(&quietest);
        match switch {
            Switch::Scheme => scheme_gadgets()
                .filter_map(|gadget| {
                    Some(Priced {
                        gadget,
                        cost: self.candidate(with(gadget), choice).cost_us,
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
                exact_gadgets(&quietest)
                    .map(|gadget| Priced {
                        gadget,
                        cost: self.candidate(with(gadget), choice).cost_us,
                        variance: weight * of(gadget),
                    })
                    .collect()
            }
        }
    }
}

/// Gadgets whose products are exact in the ring of a layout.
fn exact_gadgets(layout: &NetworkLayout) -> impl Iterator<Item = SwitchGadget> {
    let layout = *layout;
    gadgets().filter(move |gadget| switch_variance(&layout, *gadget).is_finite())
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
            max_rows: 1,
        };
        key_switch_variance(&keys, 0)
    })
}

fn all_splits(layout: &NetworkLayout, gadget: SwitchGadget) -> Packing {
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    let used = last_split(layout.branching.glwe.polynomial_size.into());
    splits[..used].fill(gadget);
    Packing {
        splits,
        scheme_switch: gadget,
    }
}
