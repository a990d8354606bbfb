//! What evaluating a network costs.

use tenebra_circuit::Options;
use tenebra_client::network::{NetworkLayout, ValidNetwork};

use super::layers::{BLOCK, BitGadget, Bits, Layer};
use crate::branching::cost::{MEMORY_US, bodies_us, cmux_us, expand_us};
use crate::branching::packed::Switches;
use crate::objective::Answer;

/// What is done, layer by layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// Products are of rows in two limbs.
    pub(crate) exact: bool,
    pub(crate) layers: Vec<LayerWork>,
}

/// What is done for a layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct LayerWork {
    /// Products with bits of each stage.
    pub(crate) products: Vec<usize>,
    /// GGSWs of each stage that are read from memory: one for all rotations of a block.
    pub(crate) loads: Vec<usize>,
    /// log2 of the slots, and the bits, of each hidden neuron.
    pub(crate) made: Vec<(u32, usize)>,
}

impl Work {
    pub(crate) fn of(layers: &[Layer], bits: &Bits, exact: bool) -> Self {
        let of_layers = layers.iter().map(|layer| {
            let mut work = LayerWork {
                products: vec![0; bits.stages.len() - 1],
                loads: vec![0; bits.stages.len() - 1],
                ..LayerWork::default()
            };
            for turn in layer.turns() {
                work.products[bits.stage(turn.bit)] += 1;
            }
            for bit in layer.met_by_blocks(BLOCK).flatten() {
                work.loads[bits.stage(bit)] += 1;
            }
            let made = layer.hidden.iter();
            work.made = made.map(|hidden| (hidden.log_slots, hidden.bits)).collect();
            work
        });
        Self {
            exact,
            layers: of_layers.collect(),
        }
    }

    /// External products.
    pub(crate) fn products(&self) -> usize {
        self.layers.iter().flat_map(|layer| &layer.products).sum()
    }

    /// Key switches, those of scheme switches included.
    pub(crate) fn key_switches(&self, layout: &ValidNetwork, gadgets: &[BitGadget]) -> usize {
        let levels = usize::from(layout.layout().branching.level_count);
        let packed = layout.layout().packed_bits > 0;
        let of_query = layout.packed_bits().filter(|_| packed);
        let of_query = of_query.map(|bits| {
            Switches::of(layout.glwe(), layout.log_slots(), [bits * levels]).products()
        });
        let of_layers = (0..gadgets.len()).map(|layer| self.made_switches(layout, gadgets, layer));
        of_query.sum::<usize>() + of_layers.sum::<usize>()
    }

    /// Those that make the bits of a layer's codes.
    pub(crate) fn made_switches(
        &self,
        layout: &ValidNetwork,
        gadgets: &[BitGadget],
        layer: usize,
    ) -> usize {
        let Some((_, level_count)) = gadgets.get(layer) else {
            return 0;
        };
        let of_neurons = self.layers[layer].made.iter().map(|(log_slots, bits)| {
            let used = bits * usize::from(*level_count);
            Switches::of(layout.glwe(), *log_slots, [used]).products()
        });
        of_neurons.sum()
    }

    /// What plans are compared by.
    pub(crate) fn cost(
        &self,
        layout: &NetworkLayout,
        gadgets: &[BitGadget],
        options: &Options,
    ) -> f64 {
        let Ok(valid) = layout.validate() else {
            return f64::INFINITY;
        };
        let plain = &layout.branching;
        let encrypt = match layout.packed_bits {
            0 => {
                let rows = plain.input_bits as usize * valid.branching().ggsw_rows();
                (rows * valid.glwe().dimension()) as f64 * 12e-3
            }
            _ => valid.packed_bits().count() as f64 * 60.0,
        };
        let answer = Answer {
            bytes: valid.query_len() + valid.response_len(),
            key_bytes: valid.switch_keys().map_or(0, |keys| keys.len()),
            client_us: encrypt,
            server_us: self.evaluate_us(layout, gadgets),
        };
        answer.cost(options)
    }

    /// Predicted time on one core.
    pub(crate) fn evaluate_us(&self, layout: &NetworkLayout, gadgets: &[BitGadget]) -> f64 {
        let layers = (0..self.layers.len()).map(|layer| self.layer_us(layout, gadgets, layer));
        self.query_us(layout) + layers.sum::<f64>()
    }

    /// That of one layer.
    pub(crate) fn layer_us(
        &self,
        layout: &NetworkLayout,
        gadgets: &[BitGadget],
        layer: usize,
    ) -> f64 {
        let plain = &layout.branching;
        let size = f64::from(plain.glwe.polynomial_size);
        let columns = f64::from(plain.glwe.glwe_dimension) + 1.0;
        let all = core::iter::once((plain.base_log, plain.level_count));
        let all = all.chain(gadgets.iter().copied());
        let work = &self.layers[layer];
        let counts = work.products.iter().zip(&work.loads).zip(all).enumerate();
        let products = counts.map(|(stage, ((count, loads), gadget))| {
            // The query's bits are under the key of bits if they are not made of packed ones.
            let centred = stage == 0 && layout.packed_bits == 0;
            let cmux = cmux_us(size, (columns, self.limbs()), gadget.1, centred);
            let bytes = f64::from(gadget.1) * columns * columns * self.limbs() * size * 8.0;
            *count as f64 * cmux + *loads as f64 * bytes * MEMORY_US
        });
        let keys = layout.keys.zip(gadgets.get(layer));
        let glwe = plain.glwe.validate();
        let made = keys.zip(glwe.ok()).map_or(0.0, |((keys, gadget), glwe)| {
            let of_neurons = work.made.iter().map(|(log_slots, bits)| {
                let used = bits * usize::from(gadget.1);
                Switches::of(glwe, *log_slots, [used]).us(glwe, &keys, self.limbs())
            });
            of_neurons.sum()
        });
        products.sum::<f64>() + made
    }

    fn limbs(&self) -> f64 {
        if self.exact { 2.0 } else { 1.0 }
    }

    /// Of the bits of a query.
    fn query_us(&self, layout: &NetworkLayout) -> f64 {
        let plain = &layout.branching;
        let size = f64::from(plain.glwe.polynomial_size);
        let columns = f64::from(plain.glwe.glwe_dimension) + 1.0;
        let (Some(keys), true) = (layout.keys, layout.packed_bits > 0) else {
            let bit = match layout.keys {
                None => bodies_us(size, columns, plain.level_count),
                Some(_) => expand_us(size, (columns, self.limbs()), plain.level_count),
            };
            return f64::from(plain.input_bits) * bit;
        };
        let Ok(valid) = layout.validate() else {
            return f64::INFINITY;
        };
        let of_each = valid.packed_bits().map(|bits| {
            let used = bits * usize::from(plain.level_count);
            let switches = Switches::of(valid.glwe(), valid.log_slots(), [used]);
            switches.us(valid.glwe(), &keys, self.limbs())
        });
        of_each.sum()
    }
}

#[cfg(test)]
pub(crate) mod tests;
