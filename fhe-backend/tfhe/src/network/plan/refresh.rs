//! What bootstrapping would cost where layers leave no noise budget: for the message that refuses such networks.

use crate::network::form::NetworkForm;

/// Codes that would have to be refreshed for a network to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refresh {
    /// Their layers, from 1.
    pub(super) layers: Vec<usize>,
    /// Bits of all of them.
    pub(super) bits: usize,
}

/// A key switch and a programmable bootstrap of `tfhe` 1.8.2 at (879, N = 2048) whose result can be re-selected, with the gadget (8, 5): CPU time of a
/// core with AVX-512, and seeded keys, as `benches/examples/refresh.rs` measures them (`docs/scheme.md`, §6). Four slots fit one, which are those of one bit.
const BOOTSTRAP_MS: usize = 81;
pub(super) const KEY_MEGABYTES: u64 = 144;

impl Refresh {
    /// The layers with the fewest bits, of which no more than `max` follow each other without one.
    pub(super) fn of(form: &NetworkForm, hidden_layers: usize, max: usize) -> Self {
        let mut bits = vec![0; hidden_layers];
        for neuron in &form.hidden {
            bits[neuron.place.layer] += neuron.bits as usize;
        }
        let none = Self {
            layers: Vec::new(),
            bits: 0,
        };
        // The least that is refreshed up to each layer, itself included; the inputs are fresh.
        let mut best = vec![none.clone()];
        let least = |best: &[Self], before: usize| {
            let last = best[before.saturating_sub(max)..].iter();
            last.min_by_key(|refresh| refresh.bits).cloned()
        };
        for (layer, bits) in bits.iter().enumerate().skip(1) {
            let mut refresh = least(&best, layer).unwrap_or_else(|| none.clone());
            refresh.layers.push(layer);
            refresh.bits += bits;
            best.push(refresh);
        }
        least(&best, hidden_layers).unwrap_or(none)
    }

    /// On one core.
    pub(super) fn milliseconds(&self) -> u64 {
        (self.bits * BOOTSTRAP_MS) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branching::form::BranchingForm;
    use crate::network::form::{Hidden, Place, Sum};

    /// Layers of so many neurons of two bits; the last one enters the outputs.
    fn form(widths: &[usize]) -> NetworkForm {
        let hidden = (1..).zip(widths).flat_map(|(layer, width)| {
            (0..*width).map(move |neuron| Hidden {
                sum: Sum {
                    terms: Vec::new(),
                    least: 0,
                    span: 1,
                },
                place: Place { layer, neuron },
                codes: vec![0, 3],
                bits: 2,
            })
        });
        NetworkForm {
            input_bits: vec![1],
            hidden: hidden.collect(),
            readouts: Vec::new(),
            outputs: BranchingForm {
                input_bits: vec![1],
                outputs: 1,
                bias: vec![0],
                trees: Vec::new(),
                tables: Vec::new(),
                joints: Vec::new(),
            },
            groups: Vec::new(),
        }
    }

    #[test]
    fn the_narrowest_layers_are_refreshed() {
        // Hidden layers: one more than are given here, for the last one enters the outputs.
        for (widths, layers, bits) in [
            (vec![9, 4, 6], vec![2], 8),
            (vec![3, 9, 9], vec![1], 6),
            // Of six, the third alone leaves three on either side; two narrow ones may be less.
            (vec![4, 4, 2, 4, 4], vec![3], 4),
            (vec![1, 1, 9, 1, 1], vec![1, 4], 4),
            // Of seven, one is not enough.
            (vec![1, 5, 7, 2, 5, 9], vec![1, 4], 6),
        ] {
            let refresh = Refresh::of(&form(&widths), widths.len() + 1, 3);
            assert_eq!(
                (refresh.layers.clone(), refresh.bits),
                (layers, bits),
                "{widths:?}"
            );
            assert_eq!(refresh.milliseconds(), (bits * BOOTSTRAP_MS) as u64);
        }
    }
}
