//! Bits that are tried, and what they lose.

use tenebra_quant::{Decision, Prediction};

use super::build::FloatRows;
use super::options::NetworkOptions;
use super::pursuit::Limits;
use crate::network::NetworkModel;
use crate::quantized::QuantizeError;

/// Bits, and what has slots with them.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) input_bits: u8,
    /// Of each hidden layer.
    pub(super) activation_bits: Vec<u8>,
    /// Of each layer.
    pub(super) limits: Vec<Limits>,
}

/// Rings, the faster first.
const RINGS: [i64; 2] = [2048, 4096];
/// Levels of the gadgets that are selected with, about: the more layers follow, the more.
const LEVELS: i64 = 4;
const DEEP_LEVELS: i64 = 8;
/// Bits of the last hidden layer's codes, whose selection is free, and of the range of a score: of up to so many outputs, and of more.
const FEW_OUTPUTS: usize = 3;
const LAST_BITS: [u8; 2] = [4, 3];
const OUTPUT_BITS: [u8; 2] = [11, 10];
/// Bits of a weight, with its sign, where the range of the sums does not ask for fewer.
const WEIGHT_BITS: u8 = 6;
/// Of the last layer, whose weights are free.
const LAST_WEIGHT_BITS: u8 = 8;

impl Trial {
    /// What a loss counts for, so that products are worth what they cost.
    pub(super) fn price(&self) -> f64 {
        let hidden = self.activation_bits.len().saturating_sub(1);
        let bits = self.activation_bits[..hidden].iter().sum::<u8>() + self.input_bits;
        1.0 + 0.02 * f64::from(bits)
    }
}

/// What is tried: for each ring, all bits.
pub(super) fn trials(
    model: &NetworkModel,
    options: &NetworkOptions,
) -> Result<Vec<Vec<Trial>>, QuantizeError> {
    let hidden = model.layers.len() - 1;
    let outputs = model.layers[hidden].weights.len();
    let inputs = options.input_bits.map_or(1..=8, |bits| bits..=bits);
    let between = options.activation_bits.map_or(1..=3, |bits| bits..=bits);
    let many = usize::from(outputs > FEW_OUTPUTS);
    let last = options.activation_bits.unwrap_or(LAST_BITS[many]);
    // Fewer steps than this tell little of what is read.
    let read = model.layers[0].weights.iter().map(Vec::len).max();
    let steps = i64::try_from(2 * read.unwrap_or(1))
        .unwrap_or(i64::MAX)
        .clamp(1, 16);
    let rings = if hidden > 2 { &RINGS[1..] } else { &RINGS[..] };
    let mut groups = Vec::new();
    for &ring in rings {
        let mut group = Vec::new();
        for input_bits in inputs.clone() {
            for bits in between.clone() {
                let mut activation_bits = vec![bits; hidden.saturating_sub(1)];
                activation_bits.extend((hidden > 0).then_some(last));
                let limits = limits(options, ring, outputs, &activation_bits);
                let first = limits.first().map_or(0, |limits| limits.max_reach);
                if options.input_bits.is_some() || (1_i64 << input_bits) - 1 <= first / steps {
                    group.push(Trial {
                        input_bits,
                        activation_bits,
                        limits,
                    });
                }
                if hidden < 2 {
                    break;
                }
            }
        }
        groups.push(group);
    }
    if groups.iter().all(Vec::is_empty) {
        let message = format!(
            "each of {outputs} outputs has {} of {} slots, too few for a sum of codes; use a network with fewer outputs",
            RINGS[1] / i64::try_from(outputs).unwrap_or(i64::MAX),
            RINGS[1]
        );
        return Err(QuantizeError::NetworkLayer {
            layer: hidden.max(1),
            neuron: 1,
            message,
        });
    }
    Ok(groups)
}

/// What has slots in a ring: the last hidden layer needs one per output, the others one per row of the next layer's gadgets.
fn limits(
    options: &NetworkOptions,
    ring: i64,
    outputs: usize,
    activation_bits: &[u8],
) -> Vec<Limits> {
    let hidden = activation_bits.len();
    let levels = if hidden > 2 { DEEP_LEVELS } else { LEVELS };
    let weight_bits = options.weight_bits.unwrap_or(WEIGHT_BITS);
    let of_hidden = activation_bits.iter().enumerate().map(|(at, &bits)| {
        let slots = if at + 1 == hidden {
            i64::try_from(outputs).unwrap_or(i64::MAX)
        } else {
            let slots = u64::from(bits) * levels.unsigned_abs();
            i64::try_from(slots.next_power_of_two()).unwrap_or(i64::MAX)
        };
        Limits {
            max_weight: (1 << (weight_bits - 1)) - 1,
            max_reach: ring / slots.max(1) - 1,
        }
    });
    let last = Limits {
        max_weight: (1 << (LAST_WEIGHT_BITS - 1)) - 1,
        max_reach: (1 << OUTPUT_BITS[usize::from(outputs > FEW_OUTPUTS)]) - 1,
    };
    of_hidden.chain([last]).collect()
}

/// What a distance of probabilities counts for, beside another class.
const FAR: f64 = 0.05;

/// What the scores lose on the rows that are held out, or all: the share of classes that differ and a little for how far
/// probabilities are apart, or the share of the scores' variance.
pub(super) fn loss(model: &NetworkModel, float: &FloatRows, found: &[f64], held: &[bool]) -> f64 {
    let outputs = model.layers[model.layers.len() - 1].weights.len();
    let any = held.contains(&true);
    let pairs = float
        .scores()
        .chunks_exact(outputs)
        .zip(found.chunks_exact(outputs))
        .zip(held)
        .filter(|(_, held)| !any || **held)
        .map(|(pair, _)| pair);
    if model.decision == Decision::None {
        let pairs: Vec<_> = pairs.collect();
        let n = pairs.len() as f64;
        let lost = (0..outputs).map(|k| {
            let mean = pairs.iter().map(|(x, _)| x[k]).sum::<f64>() / n;
            let variance: f64 = pairs.iter().map(|(x, _)| (x[k] - mean).powi(2)).sum();
            let error: f64 = pairs.iter().map(|(x, y)| (x[k] - y[k]).powi(2)).sum();
            error / variance.max(1e-300)
        });
        return lost.sum::<f64>() / outputs as f64;
    }
    let (mut lost, mut n) = (0.0, 0.0);
    for (x, y) in pairs {
        let read = |scores: &[f64]| {
            Prediction::from_scores(scores.to_vec(), model.inverse_link, model.decision)
        };
        let (x, y) = (read(x), read(y));
        let apart: f64 = x
            .values
            .iter()
            .zip(&y.values)
            .map(|(x, y)| (x - y).abs())
            .sum();
        lost += f64::from(u8::from(x.class != y.class)) + FAR * apart.min(1.0);
        n += 1.0;
    }
    lost / f64::max(n, 1.0)
}
