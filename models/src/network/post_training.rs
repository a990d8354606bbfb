//! Quantization of float networks after training, on calibration rows.
//!
//! Layer by layer, from the inputs on: the integer weights of a neuron are those whose sum, over the codes that the layer before
//! really gives, is nearest to the float network's on the rows, within what has slots in a ring
//! (as in Frantar et al., *GPTQ*, ICLR 2023, but with a bound on `Σ|w|·x_max`); then the range of its activation with the least
//! squared error. Bits are tried, and those taken that lose least on rows held out. Between few rows others are mixed: the float network
//! tells what is right there, so that nothing but rows is missing.

mod build;
mod mixed;
mod moments;
mod options;
mod pursuit;
mod report;
mod trial;

pub use options::NetworkOptions;
pub use report::NetworkReport;

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;

use tenebra_quant::BitWidth;

use super::codec::{codes, inputs};
use super::{NetworkModel, NetworkParts};
use crate::data::Table;
use crate::quantized::{InputCodec, QuantizeError};
use build::{Build, Coded, FloatRows};
use mixed::Mixed;
use trial::{Trial, loss, trials};

/// Most calibration rows that weights are fitted to.
const MAX_ROWS: usize = 2000;
/// Numbers that are kept of the float network's evaluation.
const MAX_KEPT: usize = 1 << 25;
/// Most multiplications of the float network on mixtures of rows.
const MAX_MIXED: usize = 1 << 28;
/// Most neurons.
const MAX_NEURONS: usize = 1 << 14;
/// Most weights of a neuron.
const MAX_READ: usize = 1 << 11;
/// Most multiplications of one trial, about: ten seconds.
const MAX_WORK: f64 = 2e10;
/// Most multiplications of all trials.
const MAX_TRIALS_WORK: f64 = 1e11;
/// A loss that nobody notices: smaller codes are taken before a smaller loss.
const UNNOTICED: f64 = 0.002;

/// The quantized network of a float one, and what it took.
///
/// # Errors
/// [`QuantizeError::Data`] for rows that do not fit, [`QuantizeError::NetworkTooLarge`], [`QuantizeError::NetworkLayer`] where no
/// bits fit a layer.
pub fn quantize_float_network(
    model: &NetworkModel,
    calibration: &Table,
    options: &NetworkOptions,
) -> Result<(NetworkModel, NetworkReport), QuantizeError> {
    let rows = rows_within(model)?;
    let table = calibration.align(model.feature_names.as_deref(), model.n_features)?;
    table.require_complete()?;
    let given = spread(&table, rows)?;
    if given.n_rows() == 0 {
        return Err(QuantizeError::CalibrationNeeded);
    }
    let weights: usize = model
        .layers
        .iter()
        .flat_map(|l| &l.weights)
        .map(Vec::len)
        .sum();
    let mixed = Mixed::new(&given, rows.min(MAX_MIXED / weights.max(1)))?;
    let float = FloatRows::new(model, &mixed.table)?;
    let held = &mixed.held;
    let coded_with = |bits| Coded::new(model, &given, &mixed.table, bits);
    let build = Build {
        model,
        float: &float,
    };
    let mut coded: BTreeMap<u8, Coded> = BTreeMap::new();
    let mut best: Option<Best> = None;
    let mut work = 0.0;
    for group in trials(model, options)? {
        for trial in group {
            work += trial_work(model, mixed.table.n_rows());
            if work > MAX_TRIALS_WORK && best.is_some() {
                break;
            }
            let coded = match coded.entry(trial.input_bits) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(coded_with(trial.input_bits)?),
            };
            let (_, scores) = build.layers(&trial, coded, &shares(held, false))?;
            let loss = loss(model, &float, &scores, held);
            let rank = loss.max(UNNOTICED) * trial.price();
            if best.as_ref().is_none_or(|best| rank < best.rank) {
                best = Some(Best { rank, loss, trial });
            }
        }
        // What fits the smaller ring is several times faster.
        if best
            .as_ref()
            .is_some_and(|best| best.loss <= 4.0 * UNNOTICED)
        {
            break;
        }
    }
    let trial = best.ok_or(QuantizeError::CalibrationNeeded)?.trial;
    let coded = coded_with(trial.input_bits)?;
    let (layers, scores) = build.layers(&trial, &coded, &shares(held, true))?;
    let constant = constant_features(model, &coded.inputs);
    let of_given = &scores[..mixed.given * model.layers[model.layers.len() - 1].weights.len()];
    let report = NetworkReport::new(model, &layers, &trial, &float, of_given, constant);
    let parts = NetworkParts {
        inputs: coded.inputs,
        layers,
        ..model.parts().clone()
    };
    Ok((
        NetworkModel::new(parts).map_err(QuantizeError::Network)?,
        report,
    ))
}

/// The trial with the least loss for its price.
struct Best {
    rank: f64,
    loss: f64,
    trial: Trial,
}

impl Coded {
    /// Codecs by the rows that were `given`, codes of all.
    fn new(
        model: &NetworkModel,
        given: &Table,
        table: &Table,
        bits: u8,
    ) -> Result<Self, QuantizeError> {
        let bits = BitWidth::new(bits).map_err(QuantizeError::Quant)?;
        let mut inputs = inputs(given, bits)?;
        let read = read_features(model);
        inputs.retain(|input| read[input.column]);
        if inputs.is_empty() {
            return Err(QuantizeError::NothingVaries);
        }
        let codes = codes(table, &inputs)?;
        Ok(Self { inputs, codes })
    }
}

/// Which features have a weight.
fn read_features(model: &NetworkModel) -> Vec<bool> {
    let mut read = vec![false; model.n_features];
    for &(j, _) in model.layers[0].weights.iter().flatten() {
        read[j as usize] = true;
    }
    read
}

fn constant_features(model: &NetworkModel, inputs: &[InputCodec]) -> Vec<usize> {
    let mut read = read_features(model);
    for input in inputs {
        read[input.column] = false;
    }
    (0..read.len()).filter(|&column| read[column]).collect()
}

/// What rows count, with the sum 1.
fn shares(held: &[bool], all: bool) -> Vec<f64> {
    let used = |held: &bool| all || !held;
    let count = held.iter().filter(|held| used(held)).count() as f64;
    held.iter()
        .map(|held| if used(held) { 1.0 / count } else { 0.0 })
        .collect()
}

/// Rows from all over the table, in order.
fn spread(table: &Table, most: usize) -> Result<Table, QuantizeError> {
    let rows = table.n_rows();
    if rows <= most {
        return Ok(table.clone());
    }
    let row = |at: usize| table.row(at * rows / most).unwrap_or_default();
    let values = (0..most).flat_map(row).copied().collect();
    Ok(Table::new(table.columns().to_vec(), values)?)
}

/// How many rows can be fitted to, if the network is not too large.
fn rows_within(model: &NetworkModel) -> Result<usize, QuantizeError> {
    let neurons: usize = model.layers.iter().map(|layer| layer.weights.len()).sum();
    let refuse = |what: String| Err(QuantizeError::NetworkTooLarge { what });
    if neurons > MAX_NEURONS {
        return refuse(format!("{neurons} neurons, at most {MAX_NEURONS}"));
    }
    for (at, layer) in model.layers.iter().enumerate() {
        let widest = layer.weights.iter().map(Vec::len).enumerate();
        if let Some((neuron, read)) = widest.max_by_key(|(_, read)| *read)
            && read > MAX_READ
        {
            return refuse(format!(
                "layer {}, neuron {}: {read} weights that are not 0, at most {MAX_READ}",
                at + 1,
                neuron + 1
            ));
        }
    }
    let rows = MAX_ROWS.min(MAX_KEPT / neurons.max(1));
    if trial_work(model, rows) <= MAX_WORK {
        return Ok(rows);
    }
    let fewer = (rows / 4).max(200);
    if trial_work(model, fewer) <= MAX_WORK {
        return Ok(fewer);
    }
    let weights: usize = model
        .layers
        .iter()
        .flat_map(|l| &l.weights)
        .map(Vec::len)
        .sum();
    refuse(format!("{neurons} neurons with {weights} weights"))
}

/// Multiplications of a trial on so many rows, about.
fn trial_work(model: &NetworkModel, rows: usize) -> f64 {
    let layers = model.layers.iter();
    let of_layer = |layer: &super::Layer| {
        let mut last = None;
        let mut work = 0.0;
        for weights in &layer.weights {
            let read = weights.len() as f64;
            let fresh = last != Some(weights.len()) || weights.len() < 32;
            last = Some(weights.len());
            work += rows as f64 * read * if fresh { 1.0 + read / 2.0 } else { 1.0 };
            // Steps of the pursuit.
            work += 6.0 * 200.0 * 3.0 * read;
        }
        work
    };
    layers.map(of_layer).sum()
}

#[cfg(test)]
mod tests;
