//! What networks cost by the planner, for trainers that keep to a time.

use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Options, Table, Verified, verify};
use tenebra_models::CostModel;
use tenebra_models::network::{DirectCosts, LayerLoad};
use tenebra_tfhe::Program;

/// Plans a network of the same loads, with weights drawn, and asks for its predicted time on one core.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlannedCosts;

impl CostModel for PlannedCosts {
    /// What the planner refuses costs what the rule of thumb says: it will be refused with its reason once it is compiled.
    fn milliseconds(&self, layers: &[LayerLoad]) -> f64 {
        planned(layers).unwrap_or_else(|| DirectCosts.milliseconds(layers))
    }
}

fn planned(layers: &[LayerLoad]) -> Option<f64> {
    let (_, hidden) = layers.split_last()?;
    let circuit = alike(hidden)?;
    let program = Program::prepare(&circuit, &Options::default()).ok()?;
    let report = program.report();
    report.first().map(|plan| plan.predicted_evaluate_ms)
}

/// A circuit whose hidden layers have these loads.
fn alike(hidden: &[LayerLoad]) -> Option<Verified> {
    /// Coefficients that the last hidden layer's sums and the outputs share, as trainers presume.
    const RING: i64 = 2048;
    let first = hidden.first()?;
    let bits = first.products.checked_div(first.weights)?;
    let mut builder = CircuitBuilder::new();
    let mut ranges = vec![Interval::new(0, (1 << bits) - 1); first.most_weights];
    let mut value = builder.input("x", ranges.clone());
    for load in hidden {
        let largest = ranges.first()?.max;
        let rows = rows(load, ranges.len(), largest);
        let entries = rows.iter().zip(0_u32..).flat_map(|(row, neuron)| {
            let entry = move |&(at, weight): &(u32, i64)| (neuron, at, weight);
            row.iter().map(entry)
        });
        let weights = Matrix::sparse(load.neurons, ranges.len(), entries.collect());
        value = builder.linear(value, weights, vec![0; load.neurons]);
        let codes = 1_i64 << load.activation_bits;
        let tables = rows.iter().zip(0_i64..).map(|(row, neuron)| {
            let (below, above) = reach(row, largest);
            // Nothing that a line tells, and different for every neuron.
            let code = |sum: i64| ((sum - below) * (sum + neuron)).rem_euclid(codes);
            Table {
                min: below,
                values: (below..=above).map(code).collect(),
            }
        });
        value = builder.lookup(value, tables.collect());
        ranges = vec![Interval::new(0, codes - 1); load.neurons];
    }
    let outputs = usize::try_from(RING / hidden.last()?.widest.0.max(1))
        .ok()?
        .max(1);
    let share = |output: usize| (0..ranges.len()).map(move |at| drawn(output, at));
    let entries = (0..outputs).zip(0_u32..).flat_map(|(output, row)| {
        share(output)
            .zip(0_u32..)
            .map(move |(weight, at)| (row, at, weight))
    });
    let weights = Matrix::sparse(outputs, ranges.len(), entries.collect());
    value = builder.linear(value, weights, vec![0; outputs]);
    builder.output("y", value);
    verify(&builder.finish()).ok()
}

/// As many weights as the load has, evenly over its neurons, which read different values.
fn rows(load: &LayerLoad, inputs: usize, largest: i64) -> Vec<Vec<(u32, i64)>> {
    let of = |neuron: usize| {
        let count =
            (neuron + 1) * load.weights / load.neurons - neuron * load.weights / load.neurons;
        let mut places: Vec<usize> = (0..count.min(inputs))
            .map(|i| (i + neuron) % inputs)
            .collect();
        places.sort_unstable();
        let mut left = load.widest.0 - 1 - i64::try_from(count).unwrap_or(i64::MAX) * largest;
        let weight = |at: usize| {
            let weight = drawn(neuron, at);
            let more = (weight.abs() - 1) * largest;
            if more > left {
                return weight.signum();
            }
            left -= more;
            weight
        };
        let weights: Vec<i64> = places.iter().copied().map(weight).collect();
        let places = places.iter().map(|&at| u32::try_from(at).unwrap_or(0));
        places.zip(weights).collect()
    };
    (0..load.neurons).map(of).collect()
}

/// -3 to 3, not 0.
fn drawn(a: usize, b: usize) -> i64 {
    let hash = (a as u64 * 0x1_0001 + b as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let magnitude = i64::from(hash.is_multiple_of(3)) + i64::from(hash.is_multiple_of(5)) + 1;
    if hash & 64 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

fn reach(row: &[(u32, i64)], largest: i64) -> (i64, i64) {
    let sum = |sign: i64| {
        let weights = row.iter().map(|&(_, weight)| (sign * weight).max(0));
        sign * weights.sum::<i64>() * largest
    };
    (sum(-1), sum(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(neurons: usize, weights: usize, bits: usize) -> LayerLoad {
        LayerLoad {
            neurons,
            weights,
            products: weights * bits,
            widest: (200, 0),
            most_weights: 40,
            activation_bits: 2,
        }
    }

    #[test]
    fn more_products_cost_more_and_nothing_is_refused() {
        let last = LayerLoad {
            products: 0,
            ..load(0, 0, 0)
        };
        let costs = |weights| PlannedCosts.milliseconds(&[load(16, weights, 2), last.clone()]);
        let (few, many) = (planned(&[load(16, 160, 2), last.clone()]), costs(480));
        let few = few.unwrap();
        assert!(few > 0.0 && many > 1.5 * few, "{few} and {many}");
        // Nothing to plan.
        assert_eq!(
            costs(0),
            DirectCosts.milliseconds(&[load(16, 0, 2), last.clone()])
        );
    }

    #[test]
    fn the_circuit_has_the_loads() {
        let circuit = alike(&[load(16, 165, 2)]).unwrap();
        let rows = rows(&load(16, 165, 2), 40, 3);
        assert_eq!(rows.iter().map(Vec::len).sum::<usize>(), 165);
        assert!(rows.iter().all(|row| {
            let (below, above) = reach(row, 3);
            above - below < 200
        }));
        assert_eq!(circuit.input_ranges().len(), 40);
    }
}
