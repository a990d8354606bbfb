//! From neurons that read one another to layers that read the one before.

use alloc::collections::{BTreeMap, BTreeSet};

use super::form::Form;
use super::neurons::{Neuron, neuron_of, variable_of};
use crate::network::{Activation, ActivationCodes, Layer};

/// The layers of a network whose outputs are these forms; the first one reads what is `held`.
pub(super) fn layers(neurons: &[Neuron], outputs: &[Form], held: Held) -> Vec<Layer> {
    let needed = needed(neurons, outputs, &held);
    let depths = depths(neurons, &held);
    let deepest = needed.iter().map(|&at| depths[at]).max().unwrap_or(0);
    let last_use = last_use(neurons, outputs, &needed, &depths, deepest);
    let mut layers = Vec::with_capacity(deepest + 1);
    let mut held = held;
    for depth in 1..=deepest {
        let own: Vec<usize> = needed
            .iter()
            .copied()
            .filter(|&at| depths[at] == depth)
            .collect();
        let mut layer = Builder::default();
        let mut next = Held::new();
        for &at in &own {
            let neuron = &neurons[at];
            let place = layer.push(neuron.activation, &neuron.form, neuron.codes, &held);
            next.insert(variable_of(at), place);
        }
        for &variable in held.keys() {
            if last_use.get(&variable).is_some_and(|&used| used > depth) {
                let form = Form::variable(variable);
                let codes = neuron_of(variable).and_then(|at| neurons.get(at)?.codes);
                let place = layer.push(Activation::Identity, &form, codes, &held);
                next.insert(variable, place);
            }
        }
        layers.push(layer.finish());
        held = next;
    }
    let mut last = Builder::default();
    for form in outputs {
        last.push(Activation::Identity, form, None, &held);
    }
    layers.push(last.finish());
    layers
}

/// By variable, its place in a layer.
pub(super) type Held = BTreeMap<usize, usize>;

pub(super) fn variables(form: &Form) -> impl Iterator<Item = usize> + '_ {
    let terms = form.terms.iter().filter(|(_, w)| **w != 0.0);
    terms.map(|(&variable, _)| variable)
}

/// The neurons that some output depends on, ascending,
/// but for those that are held.
pub(super) fn needed(neurons: &[Neuron], outputs: &[Form], held: &Held) -> BTreeSet<usize> {
    let made = |variable: usize| neuron_of(variable).filter(|_| !held.contains_key(&variable));
    let mut needed: BTreeSet<usize> = outputs
        .iter()
        .flat_map(variables)
        .filter_map(made)
        .collect();
    // A neuron reads those before it.
    for at in (0..neurons.len()).rev() {
        if needed.contains(&at) {
            needed.extend(variables(&neurons[at].form).filter_map(made));
        }
    }
    needed
}

/// In which layer each neuron can be at the earliest, from 1; those that are held are before the first.
fn depths(neurons: &[Neuron], held: &Held) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::with_capacity(neurons.len());
    for (at, neuron) in neurons.iter().enumerate() {
        if held.contains_key(&variable_of(at)) {
            depths.push(0);
            continue;
        }
        let inner = variables(&neuron.form)
            .filter_map(neuron_of)
            .map(|at| depths[at]);
        depths.push(1 + inner.max().unwrap_or(0));
    }
    depths
}

/// The last layer that reads each variable; outputs are layer `deepest + 1`.
fn last_use(
    neurons: &[Neuron],
    outputs: &[Form],
    needed: &BTreeSet<usize>,
    depths: &[usize],
    deepest: usize,
) -> BTreeMap<usize, usize> {
    let mut last = BTreeMap::new();
    let of_neurons = needed.iter().map(|&at| (&neurons[at].form, depths[at]));
    let of_outputs = outputs.iter().map(|form| (form, deepest + 1));
    for (form, layer) in of_neurons.chain(of_outputs) {
        for variable in variables(form) {
            let used = last.entry(variable).or_insert(layer);
            *used = layer.max(*used);
        }
    }
    last
}

/// A layer in the making.
#[derive(Default)]
struct Builder {
    activations: Vec<Activation>,
    codes: Vec<Option<ActivationCodes>>,
    weights: Vec<Vec<(u32, f64)>>,
    bias: Vec<f64>,
}

impl Builder {
    /// Adds a neuron that reads the form; its place.
    fn push(
        &mut self,
        activation: Activation,
        form: &Form,
        codes: Option<ActivationCodes>,
        held: &Held,
    ) -> usize {
        let mut row: BTreeMap<u32, f64> = BTreeMap::new();
        for (variable, &weight) in form.terms.iter().filter(|(_, w)| **w != 0.0) {
            // Whatever it reads is held, and more neurons than fit are refused by the network's door.
            let place = held
                .get(variable)
                .and_then(|&place| u32::try_from(place).ok());
            *row.entry(place.unwrap_or(u32::MAX)).or_insert(0.0) += weight;
        }
        self.weights.push(row.into_iter().collect());
        self.bias.push(form.intercept);
        self.activations.push(activation);
        self.codes.push(codes);
        self.weights.len() - 1
    }

    fn finish(self) -> Layer {
        let first = self.activations.first().copied();
        let (activation, activations) = match first {
            Some(first) if self.activations.iter().any(|other| *other != first) => {
                (Activation::Identity, self.activations)
            }
            first => (first.unwrap_or(Activation::Identity), Vec::new()),
        };
        // Codes of some neurons alone would be of no use.
        let own: Vec<ActivationCodes> = self.codes.iter().copied().flatten().collect();
        let codes = own
            .first()
            .copied()
            .filter(|_| own.len() == self.codes.len());
        let same = codes.is_none() || own.windows(2).all(|pair| pair[0] == pair[1]);
        Layer {
            scale: vec![1.0; self.weights.len()],
            weights: self.weights,
            bias: self.bias,
            activation,
            activations,
            codes,
            own_codes: if same { Vec::new() } else { own },
        }
    }
}
