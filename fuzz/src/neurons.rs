//! Small networks.

use arbitrary::{Result, Unstructured};
use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Table, Verified, verify};

/// Values that a sum takes at most: rings stay small.
const SPAN: i64 = 60;

/// A layer's input: the range of each of its elements.
type Ranges = Vec<Interval>;

/// Neurons of one or two hidden layers, whose results and inputs the outputs add up, and layers too, where the choices say so.
///
/// # Errors
/// No more choices, or a circuit that the verifier refuses.
pub fn circuit(u: &mut Unstructured<'_>) -> Result<Verified> {
    let mut builder = CircuitBuilder::new();
    let inputs: Ranges = (0..u.int_in_range(1..=6)?)
        .map(|_| {
            let min = u.int_in_range(-3..=3)?;
            Ok(Interval::new(min, min + u.int_in_range(0..=7)?))
        })
        .collect::<Result<_>>()?;
    let x = builder.input("x", inputs.clone());
    let (mut value, mut ranges) = (x, inputs.clone());
    for _ in 0..u.int_in_range(1..=2)? {
        let count = u.int_in_range(1..=4)?;
        let (rows, sums) = sums(u, &ranges, count, SPAN)?;
        let bias: Vec<i64> = (0..count).map(|_| u.int_in_range(-9..=9)).collect::<Result<_>>()?;
        let weights = Matrix::dense(count, ranges.len(), rows);
        let z = builder.linear(value, weights, bias.clone());
        let most = u.int_in_range(1..=7)?;
        let tables = sums.iter().zip(&bias).map(|(sum, bias)| table(u, *sum, *bias, most));
        let tables: Vec<Table> = tables.collect::<Result<_>>()?;
        ranges = tables.iter().map(|table| of_values(&table.values)).collect();
        value = builder.lookup(z, tables);
        if u.ratio(1, 4)? {
            value = builder.concat(vec![value, x]);
            ranges.extend(&inputs);
        }
        if u.ratio(1, 4)? {
            value = builder.neg(value);
            ranges = ranges.iter().map(|r| Interval::new(-r.max, -r.min)).collect();
        }
    }
    let outputs = u.int_in_range(1..=3)?;
    let most = *u.choose(&[1, 20, 3000])?;
    let weights = (0..outputs * ranges.len()).map(|_| u.int_in_range(-most..=most));
    let weights = Matrix::dense(outputs, ranges.len(), weights.collect::<Result<_>>()?);
    let y = builder.linear(value, weights, vec![5; outputs]);
    builder.output("y", y);
    verify(&builder.finish()).map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// Weights of `count` sums, row by row, and the range of each sum. Rows often repeat others, or their negatives, in part.
fn sums(
    u: &mut Unstructured<'_>,
    ranges: &Ranges,
    count: usize,
    span: i64,
) -> Result<(Vec<i64>, Ranges)> {
    let mut rows: Vec<Vec<i64>> = Vec::new();
    for _ in 0..count {
        let like = if rows.is_empty() { 0 } else { u.int_in_range(0..=2)? };
        let mut room = span;
        let mut row = Vec::new();
        for (at, range) in ranges.iter().enumerate() {
            let drawn = u.int_in_range(-3..=3)?;
            let last = rows.last().map_or(0, |last| last[at]);
            let weight = match like {
                1 if drawn > -2 => last,
                2 if drawn > -2 => -last,
                _ => drawn,
            };
            let width = weight.abs() * (range.max - range.min);
            row.push(if width <= room { weight } else { 0 });
            room -= if width <= room { width } else { 0 };
        }
        rows.push(row);
    }
    let sums = rows.iter().map(|row| {
        let ends = row.iter().zip(ranges).map(|(w, r)| (w * r.min, w * r.max));
        let (min, max) = ends.fold((0, 0), |(min, max), (a, b)| (min + a.min(b), max + a.max(b)));
        Interval::new(min, max)
    });
    let sums = sums.collect();
    Ok((rows.concat(), sums))
}

/// A step, a ramp, or anything, of a sum and its bias.
fn table(u: &mut Unstructured<'_>, sum: Interval, bias: i64, most: i64) -> Result<Table> {
    let (kind, at) = (u.int_in_range(0_u8..=2)?, u.int_in_range(sum.min..=sum.max)?);
    let values = (sum.min..=sum.max).map(|z| {
        Ok(match kind {
            0 => i64::from(z >= at) * most,
            1 => (z - at).clamp(0, most),
            _ => u.int_in_range(-most..=most)?,
        })
    });
    Ok(Table {
        min: sum.min + bias,
        values: values.collect::<Result<_>>()?,
    })
}

fn of_values(values: &[i64]) -> Interval {
    let ends = (values.iter().min(), values.iter().max());
    Interval::new(*ends.0.unwrap_or(&0), *ends.1.unwrap_or(&0))
}
