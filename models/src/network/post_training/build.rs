//! A quantized network for given bits.

use tenebra_quant::{Affine, BitWidth, Codec, Decision, InverseLink, calibrate};

use super::moments::{Moments, Rows, product};
use super::pursuit::{IntegerRow, Limits, pursue};
use super::trial::Trial;
use crate::data::Table;
use crate::network::{ActivationCodes, Layer, NetworkModel};
use crate::quantized::{InputCodec, QuantizeError};

/// What rows do not tell keeps to the float weights: by so much of the variance of what a weight is of.
const RIDGE: f64 = 0.02;

/// What the float network computes of the rows.
#[derive(Debug)]
pub(super) struct FloatRows {
    /// Before the activation: by layer, row after row.
    pub(super) sums: Vec<Vec<f64>>,
}

impl FloatRows {
    pub(super) fn new(model: &NetworkModel, table: &Table) -> Result<Self, QuantizeError> {
        let mut x = table.values().to_vec();
        let mut width = model.n_features;
        let mut sums = Vec::new();
        for (at, layer) in model.layers.iter().enumerate() {
            let neurons = layer.weights.len();
            let mut of_layer = Vec::with_capacity(table.n_rows() * neurons);
            for row in x.chunks_exact(width) {
                of_layer.extend(
                    (0..neurons).map(|h| layer.scale[h] * layer.sum(h, row) + layer.bias[h]),
                );
            }
            let one = of_layer.iter().position(|z| !z.is_finite());
            if let Some(place) = one {
                return Err(QuantizeError::NetworkLayer {
                    layer: at + 1,
                    neuron: place % neurons + 1,
                    message: "its sum overflows on the calibration rows; scale the features before the network".to_owned(),
                });
            }
            x = of_layer
                .iter()
                .enumerate()
                .map(|(place, &z)| layer.activation_of(place % neurons).apply(z))
                .collect();
            width = neurons;
            sums.push(of_layer);
        }
        Ok(Self { sums })
    }

    pub(super) fn scores(&self) -> &[f64] {
        self.sums.last().map_or(&[], Vec::as_slice)
    }
}

/// What is quantized, and what it computes.
pub(super) struct Build<'a> {
    pub(super) model: &'a NetworkModel,
    pub(super) float: &'a FloatRows,
}

/// The features that vary, as codes.
pub(super) struct Coded {
    pub(super) inputs: Vec<InputCodec>,
    /// Row after row.
    pub(super) codes: Vec<f64>,
}

/// What a layer reads: codes of the rows, and what they stand for.
struct Read {
    codes: Vec<f64>,
    /// Largest less smallest code of each value.
    widths: Vec<i64>,
    /// What a code is worth to the float network.
    units: Vec<f64>,
    /// The place of each value of the float layer, where it has one.
    places: Vec<Option<u32>>,
}

impl Build<'_> {
    /// The layers, and the scores of all rows. `shares` are what rows count in the fit.
    pub(super) fn layers(
        &self,
        trial: &Trial,
        coded: &Coded,
        shares: &[f64],
    ) -> Result<(Vec<Layer>, Vec<f64>), QuantizeError> {
        let mut read = coded.read(self.model.n_features);
        let mut layers = Vec::new();
        let last = self.model.layers.len() - 1;
        for (at, float) in self.model.layers.iter().enumerate() {
            let mut layer = self.fitted(at, &read, &trial.limits[at], shares)?;
            let sums = sums(&layer, &read);
            if at == last {
                layers.push(layer);
                return Ok((layers, sums));
            }
            layer.activation = float.activation;
            layer.activations.clone_from(&float.activations);
            read = encode(&mut layer, &sums, trial.activation_bits[at])?;
            layers.push(layer);
        }
        Ok((layers, Vec::new()))
    }

    /// The layer with integers, without activation and codes.
    fn fitted(
        &self,
        at: usize,
        read: &Read,
        limits: &Limits,
        shares: &[f64],
    ) -> Result<Layer, QuantizeError> {
        let float = &self.model.layers[at];
        let neurons = float.weights.len();
        let rows = Rows {
            values: &read.codes,
            width: read.widths.len(),
        };
        let is_last = at + 1 == self.model.layers.len();
        let mut layer = Layer {
            weights: Vec::with_capacity(neurons),
            scale: Vec::with_capacity(neurons),
            bias: Vec::with_capacity(neurons),
            activation: crate::network::Activation::Identity,
            activations: Vec::new(),
            codes: None,
            own_codes: Vec::new(),
        };
        let mut known: Option<(Vec<u32>, Moments)> = None;
        for neuron in 0..neurons {
            let (support, start) = self.start(at, neuron, read);
            let y: Vec<f64> = self.float.sums[at]
                .iter()
                .skip(neuron)
                .step_by(neurons)
                .copied()
                .collect();
            let weighted;
            let shares: &[f64] = if is_last {
                weighted = self.weighted(neuron, neurons, shares);
                known = None;
                &weighted
            } else {
                shares
            };
            if known.as_ref().is_none_or(|(of, _)| *of != support) {
                let moments = Moments::new(rows, &support, shares, RIDGE);
                known = Some((support.clone(), moments));
            }
            let Some((_, moments)) = &known else { continue };
            let widths: Vec<i64> = support.iter().map(|&j| read.widths[j as usize]).collect();
            check_fits((at, neuron), &start, &widths, limits)?;
            let mut product = product(rows, &support, shares, moments, &y);
            for ((p, w), ridge) in product.iter_mut().zip(&start).zip(&moments.ridge) {
                *p += w * ridge;
            }
            let row = reduced(pursue(moments, &product, &start, &widths, limits));
            let mean: f64 = y.iter().zip(shares).map(|(y, share)| y * share).sum();
            let of_row = row.weights.iter().zip(&moments.means);
            let shift: f64 = of_row.map(|(&q, mean)| f64::from(q) * mean).sum();
            layer.bias.push(mean - row.scale * shift);
            layer.scale.push(row.scale);
            let entries = support.iter().zip(&row.weights).filter(|(_, q)| **q != 0);
            layer
                .weights
                .push(entries.map(|(&j, &q)| (j, f64::from(q))).collect());
        }
        Ok(layer)
    }

    /// Which values a neuron may read, and the float weights of their codes.
    fn start(&self, at: usize, neuron: usize, read: &Read) -> (Vec<u32>, Vec<f64>) {
        let float = &self.model.layers[at];
        let weights = &float.weights[neuron];
        let all = read.widths.len();
        let worth = |place: u32, w: f64| w * float.scale[neuron] * read.units[place as usize];
        let placed = weights
            .iter()
            .filter_map(|&(j, w)| Some((read.places[j as usize]?, w)))
            .filter(|&(place, _)| read.widths[place as usize] > 0);
        // Neurons that read about all share the moments of all.
        if 2 * weights.len() > all {
            let mut start = vec![0.0; all];
            for (place, w) in placed {
                start[place as usize] = worth(place, w);
            }
            return ((0_u32..).take(all).collect(), start);
        }
        let entries: Vec<(u32, f64)> = placed.map(|(place, w)| (place, worth(place, w))).collect();
        entries.into_iter().unzip()
    }

    /// Rows near a decision count more than those far from it.
    fn weighted(&self, output: usize, outputs: usize, shares: &[f64]) -> Vec<f64> {
        const FLOOR: f64 = 0.03;
        let scores = self.float.scores().chunks_exact(outputs);
        let sure = |row: &[f64]| match (self.model.decision, self.model.inverse_link) {
            (Decision::None, InverseLink::Identity | InverseLink::Exp) => 0.5,
            (Decision::ArgMax, _) => {
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|s| (s - most).exp()).sum();
                (row[output] - most).exp() / sum
            }
            _ => 1.0 / (1.0 + (-row[output]).exp()),
        };
        let counts = scores.map(|row| {
            let p = sure(row);
            FLOOR + p * (1.0 - p)
        });
        let counts: Vec<f64> = counts.zip(shares).map(|(c, share)| c * share).collect();
        let total: f64 = counts.iter().sum();
        counts.iter().map(|c| c / total).collect()
    }
}

impl Coded {
    fn read(&self, n_features: usize) -> Read {
        let unit = |input: &InputCodec| match &input.codec {
            Codec::Affine(affine) => affine.scale(),
            Codec::Bins { .. } => 1.0,
        };
        let mut places = vec![None; n_features];
        for (at, input) in (0_u32..).zip(&self.inputs) {
            places[input.column] = Some(at);
        }
        let width = |input: &InputCodec| {
            let (min, max) = input.code_range();
            max - min
        };
        Read {
            codes: self.codes.clone(),
            widths: self.inputs.iter().map(width).collect(),
            units: self.inputs.iter().map(unit).collect(),
            places,
        }
    }
}

/// Whether one weight of the smallest code fits.
fn check_fits(
    (at, neuron): (usize, usize),
    start: &[f64],
    widths: &[i64],
    limits: &Limits,
) -> Result<(), QuantizeError> {
    let needed = start.iter().zip(widths).filter(|(w, _)| **w != 0.0);
    let least = needed.map(|(_, width)| *width).min().unwrap_or(0);
    if least <= limits.max_reach {
        return Ok(());
    }
    let message = format!(
        "it reads codes of {} values and its sum may take {}; use fewer bits (--n-bits, --activation-bits), or fewer outputs",
        least + 1,
        limits.max_reach + 1
    );
    Err(QuantizeError::NetworkLayer {
        layer: at + 1,
        neuron: neuron + 1,
        message,
    })
}

/// Without a common factor.
fn reduced(row: IntegerRow) -> IntegerRow {
    let gcd = row.weights.iter().fold(0, |gcd, &w| {
        let (mut a, mut b) = (gcd, w.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    if gcd < 2 {
        return row;
    }
    IntegerRow {
        scale: row.scale * f64::from(gcd),
        weights: row.weights.iter().map(|w| w / gcd).collect(),
        ..row
    }
}

/// `scale * sum + bias` of all rows.
fn sums(layer: &Layer, read: &Read) -> Vec<f64> {
    let rows = read.codes.chunks_exact(read.widths.len());
    let neurons = 0..layer.weights.len();
    rows.flat_map(|row| {
        let z = |h: usize| layer.scale[h] * layer.sum(h, row) + layer.bias[h];
        neurons.clone().map(z).collect::<Vec<f64>>()
    })
    .collect()
}

/// Gives each neuron codes on the range with the least squared error, and reads them.
fn encode(layer: &mut Layer, sums: &[f64], bits: u8) -> Result<Read, QuantizeError> {
    let neurons = layer.weights.len();
    let mut codes = vec![0.0; sums.len()];
    for neuron in 0..neurons {
        let activation = layer.activation_of(neuron);
        let values = sums.iter().skip(neuron).step_by(neurons);
        let values: Vec<f64> = values.map(|&z| activation.apply(z)).collect();
        let own = activation_codes(&values, bits).map_err(QuantizeError::Quant)?;
        layer.own_codes.push(own);
        let affine = own.affine().map_err(QuantizeError::Quant)?;
        for (row, value) in values.iter().enumerate() {
            let quantized = affine
                .quantize(value - own.low)
                .map_err(QuantizeError::Quant)?;
            codes[row * neurons + neuron] = quantized.code.into();
        }
    }
    layer.codes = layer.own_codes.first().copied();
    Ok(Read {
        codes,
        widths: layer.max_codes(),
        units: layer.own_codes.iter().map(|codes| codes.step).collect(),
        places: (0_u32..).take(neurons).map(Some).collect(),
    })
}

fn activation_codes(
    values: &[f64],
    bits: u8,
) -> Result<ActivationCodes, tenebra_quant::QuantError> {
    let (min, max) = calibrate::min_max(values.iter().copied())?;
    // Nearly constant: one code for all.
    if max - min <= 1e-9 * min.abs().max(max.abs()) || max - min < 1e-200 {
        let step = min.abs().max(1.0);
        return Ok(ActivationCodes::new(min, step, 1));
    }
    // From 0 on, where ranges may be as narrow as they like.
    let shifted: Vec<f64> = values.iter().map(|x| x - min).collect();
    let width = BitWidth::new(bits)?;
    let (low, high) = calibrate::least_squared_error(&shifted, width)?;
    let (low, high) = if low < high {
        (low, high)
    } else {
        (0.0, max - min)
    };
    let affine = Affine::asymmetric(low, high, width)?;
    Ok(ActivationCodes::new(
        min + affine.range().0,
        affine.scale(),
        bits,
    ))
}
