//! What the layers of a network cost, and which neuron bounds the parameters.

use super::cost::Work;
use super::form::{NetworkForm, Place, Sum};
use super::plan::NetworkPlan;

/// The facts of one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerReport {
    /// Neurons: those whose codes are read, and those that enter the outputs.
    pub neurons: usize,
    /// Weights that are not zero.
    pub weights: usize,
    /// Values of the widest sum: no more fit between two slots.
    pub values: u64,
    /// Whose sum that is, among the elements of its lookup, from 0.
    pub widest_neuron: usize,
    /// External products.
    pub external_products: usize,
    /// Key switches that make encrypted bits of its codes.
    pub key_switches: usize,
    /// Predicted time on one core, milliseconds.
    pub predicted_ms: f64,
    /// log2 of the predicted standard deviation of the noise of its tables, once they are turned, as a fraction of the torus.
    pub noise_std_log2: f64,
}

/// What a form says of its layers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LayerFacts {
    neurons: usize,
    weights: usize,
    span: u64,
    widest_neuron: usize,
}

impl LayerFacts {
    pub(crate) fn of(form: &NetworkForm) -> Vec<Self> {
        let hidden = form.hidden.iter().map(|neuron| (&neuron.sum, neuron.place));
        let readouts = form.readouts.iter();
        let readouts = readouts.map(|readout| (&readout.sum, readout.place));
        let mut layers: Vec<Self> = Vec::new();
        for (sum, place) in hidden.chain(readouts) {
            layers.resize(layers.len().max(place.layer), Self::default());
            layers[place.layer - 1].add(sum, place);
        }
        layers
    }

    fn add(&mut self, sum: &Sum, place: Place) {
        self.neurons += 1;
        self.weights += sum.terms.len();
        if sum.span > self.span {
            (self.span, self.widest_neuron) = (sum.span, place.neuron);
        }
    }
}

/// The facts of the layers of a plan.
pub(crate) fn layers(plan: &NetworkPlan) -> Vec<LayerReport> {
    let work = Work::of(&plan.layers, &plan.bits, plan.exact);
    let layout = plan.layout.layout();
    let report = |(index, facts): (usize, &LayerFacts)| {
        // Of what is made of the layer; the last one makes nothing.
        let made = plan.noise.stages.get(index + 1);
        let variance = made.map_or(plan.noise.result.variance(), |stage| stage.rotations);
        LayerReport {
            neurons: facts.neurons,
            weights: facts.weights,
            values: facts.span + 1,
            widest_neuron: facts.widest_neuron,
            external_products: work.layers[index].products.iter().sum(),
            key_switches: work.made_switches(&plan.layout, &plan.gadgets, index),
            predicted_ms: work.layer_us(layout, &plan.gadgets, index) / 1e3,
            noise_std_log2: variance.log2() / 2.0 - 64.0,
        }
    };
    plan.facts.iter().enumerate().map(report).collect()
}
