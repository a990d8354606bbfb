//! Which weights are kept: those of the largest magnitude, as many as the budgets allow.

use super::state::State;

/// How many weights a network may keep in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Budget {
    /// Weights of a neuron.
    pub(super) max_weights: Option<usize>,
    /// Products of all hidden layers: for each weight, the bits of what it reads.
    pub(super) max_products: Option<usize>,
}

impl Budget {
    /// Sets the masks of the hidden layers where `progress`, 0 to 1, of the way to the budget is gone: most weights go early, when
    /// the others can still make up for them (Zhu and Gupta 2017).
    ///
    /// `bits` are those of the values that each layer reads, most of them.
    pub(super) fn prune(&self, state: &mut State, bits: &[usize], progress: f64) {
        let left = (1.0 - progress).powi(3);
        let share = |all: usize, least: Option<usize>| {
            let least = least.map_or(all, |least| least.min(all));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a part of a count"
            )]
            let more = ((all - least) as f64 * left).round() as usize;
            least + more
        };
        let hidden = state.layers.len() - 1;
        let mut ranked = Vec::new();
        let mut products = 0;
        for (at, layer) in state.layers[..hidden].iter_mut().enumerate() {
            let most = share(layer.inputs, self.max_weights);
            for neuron in 0..layer.neurons {
                let row = neuron * layer.inputs..(neuron + 1) * layer.inputs;
                let weights = &layer.weights.values[row.clone()];
                let mut order: Vec<usize> = (0..weights.len()).collect();
                // Ties by place, so that training repeats.
                order.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()));
                let largest = order.first().map_or(0.0, |&j| weights[j].abs());
                let mask = &mut layer.mask[row.clone()];
                for (rank, &j) in order.iter().enumerate() {
                    mask[j] = rank < most;
                    products += bits[at];
                    if mask[j] {
                        ranked.push((weights[j].abs() / largest.max(1e-300), at, row.start + j));
                    }
                }
            }
        }
        let mut room = share(products, self.max_products);
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, at, place) in ranked {
            let fits = bits[at] <= room;
            state.layers[at].mask[place] = fits;
            room = if fits { room - bits[at] } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::network::state::{LayerState, Parameter};

    /// Two hidden layers of 2 neurons and a last one, whose weights descend.
    fn state() -> State {
        let layer = |_| LayerState {
            inputs: 4,
            neurons: 2,
            weights: Parameter::new(vec![0.8, -0.7, 0.6, 0.5, 0.4, 0.3, 0.2, -0.1]),
            mask: vec![true; 8],
            bias: Parameter::new(vec![0.0; 2]),
            activation: None,
        };
        State {
            input_max: 3.0,
            layers: (0..3).map(layer).collect(),
        }
    }

    fn kept(state: &State) -> Vec<usize> {
        let count = |layer: &LayerState| layer.mask.iter().filter(|kept| **kept).count();
        state.layers.iter().map(count).collect()
    }

    #[test]
    fn budgets_hold_in_the_end() {
        let bits = [2, 1, 3];
        let mut state = state();
        Budget::default().prune(&mut state, &bits, 1.0);
        assert_eq!(kept(&state), [8, 8, 8]);
        let weights = Budget {
            max_weights: Some(3),
            max_products: None,
        };
        weights.prune(&mut state, &bits, 1.0);
        assert_eq!(kept(&state), [6, 6, 8], "the last layer is free");
        assert_eq!(
            state.layers[0].mask,
            [true, true, true, false, true, true, true, false]
        );
        let both = Budget {
            max_weights: Some(3),
            max_products: Some(9),
        };
        both.prune(&mut state, &bits, 1.0);
        let products: usize = kept(&state)[..2]
            .iter()
            .zip(bits)
            .map(|(n, bits)| n * bits)
            .sum();
        assert!((8..=9).contains(&products), "{products}");
    }

    #[test]
    fn pruning_is_gradual_and_weights_come_back() {
        let budget = Budget {
            max_weights: Some(1),
            max_products: None,
        };
        let mut state = state();
        budget.prune(&mut state, &[2, 2, 2], 0.0);
        assert_eq!(kept(&state), [8, 8, 8]);
        // 1 of 4, and an eighth of the other 3, rounded.
        budget.prune(&mut state, &[2, 2, 2], 0.5);
        assert_eq!(kept(&state), [2, 2, 8]);
        state.layers[0].weights.values[3] = 0.9;
        budget.prune(&mut state, &[2, 2, 2], 1.0);
        assert_eq!(state.layers[0].mask[..4], [false, false, false, true]);
    }
}
