//! From a quantized network to its circuit.

use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Table, ValueId};
use tenebra_quant::{Affine, Readout};

use super::{Layer, NetworkModel};
use crate::quantized::{self, QuantizeError, QuantizedModel, code_interval};

/// The most table entries of a network: 128 MiB of them.
const MAX_ENTRIES: u64 = 1 << 24;

/// The circuit of a quantized network: for each hidden layer a `Linear` without bias and a `Lookup` of tables over the exact
/// ranges of its sums, then a `Linear` whose integers become scores by the last layer's scales and biases.
///
/// Inputs whose weights are all 0 are dropped.
///
/// # Errors
/// [`QuantizeError::FloatNetwork`] for a network without codes; [`QuantizeError::NetworkSize`] if its tables are too large.
pub fn quantize_network(model: &NetworkModel) -> Result<QuantizedModel, QuantizeError> {
    if !model.is_quantized() {
        return Err(QuantizeError::FloatNetwork);
    }
    let (kept, places) = read_inputs(model);
    let inputs: Vec<_> = kept.iter().map(|&at| model.inputs[at].clone()).collect();
    let mut ranges: Vec<Interval> = inputs.iter().map(code_interval).collect();
    let mut builder = CircuitBuilder::new();
    let mut value = builder.input("x", ranges.clone());
    let mut entries = 0;
    for (at, layer) in model.layers.iter().enumerate() {
        let places = (at == 0).then_some(places.as_slice());
        let rows = integer_rows(layer, places);
        value = linear(&mut builder, value, &rows, ranges.len());
        if layer.codes.is_none() {
            continue;
        }
        let sums: Vec<Interval> = rows.iter().map(|row| range(row, &ranges)).collect();
        entries += sums
            .iter()
            .map(|sums| sums.max.abs_diff(sums.min) + 1)
            .sum::<u64>();
        if entries > MAX_ENTRIES {
            return Err(QuantizeError::NetworkSize { limit: MAX_ENTRIES });
        }
        let table = |(neuron, &sums): (usize, &Interval)| layer.table(neuron, sums);
        let tables: Vec<Table> = sums
            .iter()
            .enumerate()
            .map(table)
            .collect::<Result<_, _>>()?;
        ranges = tables.iter().map(values).collect();
        value = builder.lookup(value, tables);
    }
    builder.output("y", value);
    let circuit = quantized::verified(&builder.finish())?;
    // The door wants a layer.
    let (scale, offset) = model
        .layers
        .last()
        .map(|last| (last.scale.clone(), last.bias.clone()))
        .unwrap_or_default();
    Ok(QuantizedModel {
        steps: Vec::new(),
        estimator: model.estimator.clone(),
        feature_names: model.feature_names.clone(),
        n_features: model.n_features,
        inputs,
        words: Vec::new(),
        readout: Readout {
            outputs: quantized::outputs(&circuit, &scale, &offset),
            inverse_link: model.inverse_link,
            decision: model.decision,
            classes: model.classes.clone(),
        },
        metric: model.metric(),
        circuit,
    })
}

/// `(input, weight)` of one neuron.
type Row = Vec<(u32, i64)>;

/// The inputs that are read, at least one, and for each input its place among them.
fn read_inputs(model: &NetworkModel) -> (Vec<usize>, Vec<u32>) {
    let mut read = vec![false; model.inputs.len()];
    for &(j, _) in model.layers[0].weights.iter().flatten() {
        read[j as usize] = true;
    }
    if !read.contains(&true) {
        // A circuit has an input.
        read[0] = true;
    }
    let mut next = 0;
    let place = |&read: &bool| {
        let place = next;
        next += u32::from(read);
        place
    };
    let places = read.iter().map(place).collect();
    let kept = (0..read.len()).filter(|&at| read[at]).collect();
    (kept, places)
}

/// The weights as integers, those of the first layer with the places of the inputs that are kept.
fn integer_rows(layer: &Layer, places: Option<&[u32]>) -> Vec<Row> {
    let entry = |&(j, weight): &(u32, f64)| {
        let place = places.map_or(j, |places| places[j as usize]);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the door wants small integers"
        )]
        let weight = weight as i64;
        (place, weight)
    };
    let row = |row: &Vec<(u32, f64)>| row.iter().map(entry).collect();
    layer.weights.iter().map(row).collect()
}

fn linear(builder: &mut CircuitBuilder, input: ValueId, rows: &[Row], cols: usize) -> ValueId {
    let entries = rows.iter().zip(0_u32..).flat_map(|(row, at)| {
        let entry = move |&(col, weight): &(u32, i64)| (at, col, weight);
        row.iter().map(entry)
    });
    let weights = Matrix::sparse(rows.len(), cols, entries.collect());
    builder.linear(input, weights, vec![0; rows.len()])
}

/// What the sum of a neuron may be.
fn range(row: &Row, codes: &[Interval]) -> Interval {
    let (mut min, mut max) = (0, 0);
    for &(j, weight) in row {
        let code = codes[j as usize];
        let (a, b) = (weight * code.min, weight * code.max);
        min += a.min(b);
        max += a.max(b);
    }
    Interval::new(min, max)
}

fn values(table: &Table) -> Interval {
    let values = table.values.iter().copied();
    let (min, max) = (values.clone().min(), values.max());
    Interval::new(min.unwrap_or_default(), max.unwrap_or_default())
}

impl Layer {
    /// The code of every sum of `neuron` in `sums`.
    fn table(&self, neuron: usize, sums: Interval) -> Result<Table, QuantizeError> {
        let codes = self.affine_of(neuron)?;
        let code = |sum: i64| self.code(neuron, sum as f64, &codes).map(i64::from);
        Ok(Table {
            min: sums.min,
            values: (sums.min..=sums.max).map(code).collect::<Result<_, _>>()?,
        })
    }

    /// The map from activations to codes of `neuron`.
    pub(crate) fn affine_of(&self, neuron: usize) -> Result<Affine<f64>, QuantizeError> {
        let codes = self.codes_of(neuron).ok_or(QuantizeError::FloatNetwork)?;
        codes.affine().map_err(QuantizeError::Quant)
    }

    /// The code of a sum of `neuron`; `codes` is that of [`ActivationCodes::affine`](super::ActivationCodes::affine).
    ///
    /// # Errors
    /// [`QuantizeError::Quant`] for an activation that is no number.
    pub fn code(&self, neuron: usize, sum: f64, codes: &Affine<f64>) -> Result<i32, QuantizeError> {
        let low = self.codes_of(neuron).map_or(0.0, |codes| codes.low);
        let code = codes.quantize(self.activate(neuron, sum) - low);
        code.map(|quantized| quantized.code)
            .map_err(QuantizeError::Quant)
    }
}
