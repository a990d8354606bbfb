//! What an encrypted evaluation costs.

use core::fmt;

use super::LayerLoad;

/// Costs of networks, as whoever evaluates them knows them.
pub trait CostModel: fmt::Debug {
    /// Milliseconds of one query on one thread; `layers` are all layers, the last one free. Grows with products and neurons.
    fn milliseconds(&self, layers: &[LayerLoad]) -> f64;
}

/// Direct queries: one CMUX a product and, in hidden layers that another follows, the re-selection of each neuron, as measured in
/// cache on one AVX2 core, times 1.3 for what it takes end to end.
#[derive(Clone, Copy, Debug)]
pub struct DirectCosts;

/// A CMUX of `levels` levels in a ring of 2048 and of 4096, in microseconds.
fn cmux_us(large_ring: bool, levels: f64) -> f64 {
    if large_ring {
        18.5 + 20.9 * levels
    } else {
        4.4 + 10.9 * levels
    }
}

impl CostModel for DirectCosts {
    fn milliseconds(&self, layers: &[LayerLoad]) -> f64 {
        const END_TO_END: f64 = 1.3;
        let hidden = layers.len().saturating_sub(1);
        // Levels of the gadget that each layer reads: the earlier a layer, the less noise it may add.
        let (large_ring, levels): (bool, &[f64]) = match hidden {
            0 | 1 => (false, &[2.0]),
            2 => (false, &[5.0, 4.0]),
            _ => (true, &[6.0, 5.0, 8.0]),
        };
        let reselection_ms = if large_ring { 7.5 } else { 2.4 };
        let mut total = 0.0;
        for (at, layer) in layers.iter().take(hidden).enumerate() {
            let levels = levels[at.min(levels.len() - 1)];
            total += layer.products as f64 * cmux_us(large_ring, levels) / 1e3;
            if at + 1 < hidden {
                total += layer.neurons as f64 * reselection_ms;
            }
        }
        total * END_TO_END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(neurons: usize, products: usize) -> LayerLoad {
        LayerLoad {
            neurons,
            weights: products,
            products,
            widest: (1, 0),
            most_weights: 1,
            activation_bits: 2,
        }
    }

    #[test]
    fn costs_by_hand() {
        let last = layer(10, 0);
        // 64 neurons of 60 products at 4.4 + 21.8 us.
        let one = DirectCosts.milliseconds(&[layer(64, 3840), last.clone()]);
        assert!((one - 3840.0 * 0.0262 * 1.3).abs() < 1e-9);
        // 32 of 60 at 58.9 us and a re-selection each, 16 of 60 at 48 us.
        let two = DirectCosts.milliseconds(&[layer(32, 1920), layer(16, 960), last.clone()]);
        let by_hand = 1920.0 * 0.0589 + 32.0 * 2.4 + 960.0 * 0.048;
        assert!((two - by_hand * 1.3).abs() < 1e-9);
        assert!(DirectCosts.milliseconds(&[last]).abs() < 1e-9);
    }
}
