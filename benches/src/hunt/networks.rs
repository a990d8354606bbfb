//! Networks that are hard on the formula.

use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Table, Verified, verify};

use super::draw::Draw;

/// How the neurons of a layer are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neurons {
    /// Not at all.
    Independent,
    /// The same but for one weight.
    NearEqual,
    /// All weights are the greatest, signs alternate, tables are one table, its negative, or shifted by one.
    Extreme,
}

/// Most values that a sum takes.
const SPAN: i64 = 200;

/// A network of one to three hidden layers.
pub(super) fn network(draw: &mut Draw<'_>, neurons: Neurons) -> Option<Verified> {
    let mut builder = CircuitBuilder::new();
    let mut width = draw.of(&[2usize, 8, 30, 64]);
    let mut most = draw.of(&[1i64, 3, 7]);
    let mut value = builder.input("x", vec![Interval::new(0, most); width]);
    for _ in 0..draw.of(&[1usize, 1, 1, 2, 2, 3]) {
        let (count, codes) = (draw.of(&[4usize, 16, 32]), draw.of(&[1i64, 3]));
        let base = weights(draw, width, most, neurons);
        let table = activation(draw, codes, neurons);
        let (mut rows, mut tables) = (Vec::new(), Vec::new());
        for neuron in 0..count {
            let row = match neurons {
                Neurons::Independent => weights(draw, width, most, neurons),
                Neurons::NearEqual => {
                    let mut row = base.clone();
                    let at = draw.below(i64::try_from(width).ok()?);
                    if let Some(weight) = row.get_mut(usize::try_from(at).ok()?) {
                        *weight = if *weight > 0 {
                            *weight - 1
                        } else {
                            *weight + 1
                        };
                    }
                    row
                }
                Neurons::Extreme => {
                    let sign = if neuron % 2 == 0 { 1 } else { -1 };
                    base.iter().map(|weight| sign * weight).collect()
                }
            };
            let reach =
                |sign: i64| -> i64 { row.iter().map(|weight| (sign * weight).max(0) * most).sum() };
            let (min, max) = (-reach(-1), reach(1));
            let own = match neurons {
                Neurons::Independent => activation(draw, codes, neurons),
                Neurons::NearEqual | Neurons::Extreme => table.clone(),
            };
            let shift = i64::try_from(neuron).ok()? % 3 * i64::from(neurons == Neurons::Extreme);
            let code = |sum: i64| {
                own[usize::try_from((sum + shift + 4 * SPAN) / 8).unwrap_or(0) % own.len()]
            };
            let values = (min..=max).map(code).collect();
            tables.push(Table { min, values });
            rows.push(row);
        }
        let matrix = Matrix::dense(count, width, rows.concat());
        let sums = builder.linear(value, matrix, vec![0; count]);
        value = builder.lookup(sums, tables);
        (width, most) = (count, codes);
    }
    let outputs = draw.of(&[1usize, 3, 10]);
    let largest = draw.of(&[1i64, 16, 127]);
    let weight = |draw: &mut Draw<'_>| match neurons {
        Neurons::Extreme => largest,
        Neurons::Independent | Neurons::NearEqual => draw.below(2 * largest + 1) - largest,
    };
    let weights = (0..outputs * width).map(|_| weight(draw)).collect();
    let scores = builder.linear(
        value,
        Matrix::dense(outputs, width, weights),
        vec![0; outputs],
    );
    builder.output("y", scores);
    verify(&builder.finish()).ok()
}

/// The weights of a neuron, whose sum takes at most [`SPAN`] values.
fn weights(draw: &mut Draw<'_>, width: usize, most: i64, neurons: Neurons) -> Vec<i64> {
    let mut room = (SPAN - 1) / most;
    let mut weight = |at: usize| {
        let drawn = match neurons {
            Neurons::Extreme if at.is_multiple_of(2) => 3,
            Neurons::Extreme => -3,
            Neurons::Independent | Neurons::NearEqual => draw.below(7) - 3,
        };
        let kept = if drawn.abs() <= room { drawn } else { 0 };
        room -= kept.abs();
        kept
    };
    (0..width).map(&mut weight).collect()
}

/// Codes for sums, eight of them each.
fn activation(draw: &mut Draw<'_>, codes: i64, neurons: Neurons) -> Vec<i64> {
    let length = 8 * SPAN / 8;
    match neurons {
        // As many steps as there can be, all of them whole.
        Neurons::Extreme => (0..length).map(|at| at % 2 * codes).collect(),
        Neurons::Independent | Neurons::NearEqual => {
            (0..length).map(|_| draw.below(codes + 1)).collect()
        }
    }
}
