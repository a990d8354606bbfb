//! Small networks: `Lookup(Linear(..))` for each hidden layer, then one `Linear`.

use alloc::{vec, vec::Vec};

use arbitrary::{Error, Result, Unstructured};

use super::list;
use crate::{CircuitBuilder, Interval, Matrix, Table, ValueId, Verified};

/// How large generated networks may be, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkLimits {
    /// Most inputs.
    pub inputs: usize,
    /// Most bits of an input; its least code is 0.
    pub input_bits: u32,
    /// The hidden layers, first one first.
    pub hidden: Vec<HiddenLimits>,
    /// Most outputs.
    pub outputs: usize,
    /// Bits that hold the range of each output.
    pub output_bits: u32,
}

/// How large a hidden layer may be, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HiddenLimits {
    /// Most neurons.
    pub neurons: usize,
    /// Most non-zero weights of a neuron.
    pub weights: usize,
    /// Largest magnitude of a weight.
    pub max_weight: i64,
    /// Most values that the sum of a neuron may take.
    pub range: i64,
    /// Most bits of an activation; its least code is 0.
    pub activation_bits: u32,
}

impl NetworkLimits {
    /// A few neurons in each of `hidden` layers: quick to run anywhere, and within what a ring of 2048 has slots for.
    #[must_use]
    pub fn small(hidden: usize) -> Self {
        let layer = |index| HiddenLimits {
            neurons: 6,
            weights: 5,
            max_weight: 3,
            range: 64,
            activation_bits: if index + 1 == hidden { 3 } else { 2 },
        };
        Self {
            inputs: 8,
            input_bits: 2,
            hidden: (0..hidden).map(layer).collect(),
            outputs: 3,
            output_bits: 9,
        }
    }
}

/// A verified network within `limits`.
///
/// Weights are sparse, tables random, monotone or constant; some neurons have no weights or equal another, some inputs are
/// read by nobody, some sums have a bias, and some tables reach beyond their sums.
///
/// # Errors
/// As [`circuit`](super::circuit).
pub fn network(u: &mut Unstructured<'_>, limits: &NetworkLimits) -> Result<Verified> {
    let mut builder = CircuitBuilder::new();
    let mut codes = list(u, 1..=limits.inputs, |u| {
        let bits = u.int_in_range(1..=limits.input_bits)?;
        Ok(Interval::new(0, (1 << bits) - 1))
    })?;
    let mut value = builder.input("x", codes.clone());
    for layer in &limits.hidden {
        (value, codes) = hidden(u, &mut builder, value, &codes, layer)?;
    }
    let room = (1_i64 << limits.output_bits) - 1;
    let rows = list(u, 1..=limits.outputs, |u| {
        row(u, &codes, codes.len(), room, room)
    })?;
    let bias = vec![0; rows.len()];
    let scores = builder.linear(value, matrix(&rows, codes.len()), bias);
    builder.output("y", scores);
    Verified::try_from(builder.finish()).map_err(|_| Error::IncorrectFormat)
}

/// Appends a hidden layer; what it returns, and the range of each element.
fn hidden(
    u: &mut Unstructured<'_>,
    builder: &mut CircuitBuilder,
    input: ValueId,
    codes: &[Interval],
    limits: &HiddenLimits,
) -> Result<(ValueId, Vec<Interval>)> {
    let (mut rows, mut bias) = (Vec::<Row>::new(), Vec::new());
    let mut tables = Vec::<Table>::new();
    for neuron in 0..u.int_in_range(1..=limits.neurons)? {
        if neuron > 0 && u.ratio(1, 6)? {
            let twin = u.choose_index(neuron)?;
            rows.push(rows[twin].clone());
            bias.push(bias[twin]);
            tables.push(tables[twin].clone());
            continue;
        }
        let weights = row(
            u,
            codes,
            limits.weights,
            limits.range - 1,
            limits.max_weight,
        )?;
        let constant = if u.ratio(1, 3)? {
            u.int_in_range(-9..=9)?
        } else {
            0
        };
        tables.push(table(
            u,
            range(&weights, codes, constant),
            limits.activation_bits,
        )?);
        rows.push(weights);
        bias.push(constant);
    }
    let ends = |table: &Table| {
        let values = table.values.iter().copied();
        Interval::new(values.clone().min().unwrap_or(0), values.max().unwrap_or(0))
    };
    let ranges = tables.iter().map(ends).collect();
    let sums = builder.linear(input, matrix(&rows, codes.len()), bias);
    Ok((builder.lookup(sums, tables), ranges))
}

/// `(input, weight)`, ascending in the input.
type Row = Vec<(usize, i64)>;

/// Weights of one neuron whose sum takes at most `room + 1` values.
fn row(
    u: &mut Unstructured<'_>,
    codes: &[Interval],
    most: usize,
    room: i64,
    max_weight: i64,
) -> Result<Row> {
    let (mut row, mut left) = (Row::new(), room);
    let mut inputs: Vec<usize> = (0..codes.len()).collect();
    let count = u.int_in_range(1..=most.clamp(1, codes.len()))?;
    let count = if u.ratio(1, 8)? { 0 } else { count };
    for _ in 0..count {
        let input = inputs.swap_remove(u.choose_index(inputs.len())?);
        let width = (codes[input].max - codes[input].min).max(1);
        let largest = max_weight.min(left / width);
        if largest > 0 {
            let weight = u.int_in_range(1..=largest)?;
            left -= weight * width;
            row.push((input, if u.arbitrary()? { weight } else { -weight }));
        }
    }
    row.sort_unstable();
    Ok(row)
}

/// What the sum of a neuron may be.
fn range(row: &Row, codes: &[Interval], constant: i64) -> Interval {
    let (mut min, mut max) = (constant, constant);
    for &(input, weight) in row {
        let (a, b) = (weight * codes[input].min, weight * codes[input].max);
        min += a.min(b);
        max += a.max(b);
    }
    Interval::new(min, max)
}

/// A table over `range` and perhaps a little more: constant, monotone or random.
fn table(u: &mut Unstructured<'_>, range: Interval, bits: u32) -> Result<Table> {
    let min = range.min - u.int_in_range(0..=2)?;
    let max = range.max + u.int_in_range(0..=2)?;
    let top = (1_i64 << u.int_in_range(1..=bits)?) - 1;
    let mut values = match u.int_in_range(0..=6_u8)? {
        0 => vec![u.int_in_range(0..=top)?; (min..=max).count()],
        _ => (min..=max)
            .map(|_| u.int_in_range(0..=top))
            .collect::<Result<_>>()?,
    };
    match u.int_in_range(0..=3_u8)? {
        0 => values.sort_unstable_by_key(|value| -value),
        1 | 2 => values.sort_unstable(),
        _ => {}
    }
    Ok(Table { min, values })
}

fn matrix(rows: &[Row], cols: usize) -> Matrix {
    let entries = rows.iter().enumerate().flat_map(|(row, weights)| {
        let entry = move |&(col, weight): &(usize, i64)| (row, col, weight);
        weights.iter().map(entry)
    });
    Matrix::from_entries(rows.len(), cols, entries.collect())
}
