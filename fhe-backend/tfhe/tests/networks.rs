//! Neural networks, encrypted: decrypted integers equal the simulator's, from the client spec on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/roads.rs"]
mod roads;

use proptest::prelude::*;
use tenebra_circuit::dev::{Limits, NetworkLimits, Tally, compare, networks};
use tenebra_circuit::{
    CircuitBuilder, Interval, Matrix, Options, Planner, QueryMode, Table, ValueId, Verified, verify,
};
use tenebra_tfhe::{PlanError, RoadError, TfhePlanner};

/// Encrypts, evaluates and decrypts rows; compares with the simulator.
fn check(circuit: &Verified, rows: &[Vec<i64>], query: QueryMode, threads: usize) {
    let options = Options {
        query,
        threads,
        ..Options::default()
    };
    let road = roads::tfhe("network", options, Limits::small());
    let mut tally = Tally::default();
    compare(
        &roads::simulator(),
        &road,
        circuit,
        rows,
        [7; 32],
        &mut tally,
    )
    .unwrap();
    assert_eq!(tally.compared, rows.len() as u64, "{query:?}");
}

/// A layer: `table(W·x + b)` for each neuron; `input` has these ranges.
fn layer(
    builder: &mut CircuitBuilder,
    (input, ranges): (ValueId, &[Interval]),
    rows: &[Vec<i64>],
    bias: &[i64],
    table: impl Fn(usize, i64) -> i64,
) -> (ValueId, Vec<Interval>) {
    let weights = Matrix::dense(rows.len(), ranges.len(), rows.concat());
    let z = builder.linear(input, weights, bias.to_vec());
    let ends = |(row, bias): (&Vec<i64>, &i64)| {
        let end = |least: bool| {
            let terms = row.iter().zip(ranges).map(|(weight, range)| {
                let at_max = (*weight < 0) == least;
                weight * if at_max { range.max } else { range.min }
            });
            bias + terms.sum::<i64>()
        };
        (end(true), end(false))
    };
    let tables = rows.iter().zip(bias).map(ends).enumerate();
    let tables = tables.map(|(neuron, (min, max))| Table {
        min,
        values: (min..=max).map(|z| table(neuron, z)).collect(),
    });
    let tables: Vec<Table> = tables.collect();
    let ranges = tables.iter().map(|table| {
        let values = || table.values.iter().copied();
        Interval::new(values().min().unwrap(), values().max().unwrap())
    });
    let ranges = ranges.collect();
    (builder.lookup(z, tables), ranges)
}

/// Numbers that hang together in no way that the planner sees.
fn number(seed: u64, index: usize, below: u64) -> i64 {
    let mut z = (seed ^ (index as u64) << 20).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) % below).cast_signed()
}

/// What is random in a network.
#[derive(Clone, Debug)]
struct Drawn {
    inputs: Vec<(i64, i64)>,
    hidden: Vec<usize>,
    outputs: usize,
    activation: u64,
    seed: u64,
}

/// Hidden layers of few weights, and outputs; all read the layer before, with `skip` the inputs and all other layers as well.
fn circuit(drawn: &Drawn, skip: bool) -> Verified {
    let seed = drawn.seed;
    let mut builder = CircuitBuilder::new();
    let ranges = drawn.inputs.iter();
    let ranges: Vec<Interval> = ranges
        .map(|(min, span)| Interval::new(*min, min + span))
        .collect();
    let x = builder.input("x", ranges.clone());
    let mut last = (x, ranges);
    for (depth, neurons) in drawn.hidden.iter().enumerate() {
        let width = last.1.len();
        let rows: Vec<Vec<i64>> = (0..*neurons)
            .map(|neuron| {
                let weight = |at: usize| {
                    let index = depth * 10_000 + neuron * 100 + at;
                    match number(seed, index, 3) {
                        0 => number(seed, index + 50_000, 5) - 2,
                        _ => 0,
                    }
                };
                (0..width).map(weight).collect()
            })
            .collect();
        let bias: Vec<i64> = (0..*neurons)
            .map(|neuron| number(seed, neuron + 70_000, 9) - 4)
            .collect();
        let levels = drawn.activation.cast_signed();
        let table = |neuron: usize, z: i64| match neuron % 3 {
            0 => z.clamp(0, levels),
            1 => (z / 2).rem_euclid(levels + 1),
            _ => i64::from(z > neuron as i64 % 4),
        };
        let (made, of_made) = layer(&mut builder, (last.0, &last.1), &rows, &bias, table);
        last = if skip {
            let of_both = [of_made, last.1].concat();
            (builder.concat(vec![made, last.0]), of_both)
        } else {
            (made, of_made)
        };
    }
    let (value, width) = (last.0, last.1.len());
    let weights = (0..drawn.outputs * width).map(|at| number(seed, at + 90_000, 7) - 3);
    let weights = Matrix::dense(drawn.outputs, width, weights.collect());
    let bias = (0..drawn.outputs).map(|at| number(seed, at + 99_000, 100) - 50);
    let y = builder.linear(value, weights, bias.collect());
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

fn rows(circuit: &Verified, seed: u64, count: usize) -> Vec<Vec<i64>> {
    let ranges = circuit.input_ranges();
    let row = |row: usize| {
        let code = |(at, range): (usize, &Interval)| match row {
            0 => range.max,
            1 => range.min,
            _ => range.min + number(seed, row * 1000 + at, range.max.abs_diff(range.min) + 1),
        };
        ranges.iter().enumerate().map(code).collect()
    };
    (0..count).map(row).collect()
}

fn drawn(hidden: core::ops::Range<usize>) -> impl Strategy<Value = Drawn> {
    let inputs = prop::collection::vec((-3i64..3, 1i64..6), 2..6);
    let hidden = prop::collection::vec(2usize..6, hidden);
    (inputs, hidden, 1usize..4, 1u64..4, any::<u64>()).prop_map(
        |(inputs, hidden, outputs, activation, seed)| Drawn {
            inputs,
            hidden,
            outputs,
            activation,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn networks_of_one_hidden_layer_are_exact(drawn in drawn(1..2), skip in any::<bool>()) {
        let circuit = circuit(&drawn, skip);
        let rows = rows(&circuit, drawn.seed, 4);
        for query in [QueryMode::Direct, QueryMode::Packed] {
            check(&circuit, &rows, query, 1);
        }
    }

    #[test]
    fn deeper_networks_are_exact(drawn in drawn(2..4), skip in any::<bool>()) {
        let circuit = circuit(&drawn, skip);
        let rows = rows(&circuit, drawn.seed, 2);
        check(&circuit, &rows, QueryMode::Direct, 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    /// Neurons without weights, equal neurons, inputs that nobody reads.
    #[test]
    fn generated_networks_are_exact(
        (circuit, codes) in (1usize..=3).prop_flat_map(|hidden| networks(NetworkLimits::small(hidden))),
        packed in any::<bool>(),
    ) {
        let query = if packed { QueryMode::Auto } else { QueryMode::Direct };
        check(&circuit, &[codes], query, 1);
    }
}

/// Names the neuron, what its sum takes, and what fits.
#[test]
fn sums_that_fit_no_slot_are_refused() {
    let mut builder = CircuitBuilder::new();
    let ranges = vec![Interval::new(0, 3); 200];
    let x = builder.input("x", ranges.clone());
    let rows = [vec![0; 200], vec![3; 200]].map(|mut row| {
        row[7] = 1;
        row
    });
    let (h, _) = layer(&mut builder, (x, &ranges), &rows, &[0, 0], |_, z| z / 2);
    let weights = (0..20).map(|at| at % 3 - 1).collect();
    let y = builder.linear(h, Matrix::dense(10, 2, weights), vec![0; 10]);
    builder.output("y", y);
    let circuit = verify(&builder.finish()).unwrap();
    let refused = TfhePlanner.plan(&circuit, &Options::default());
    let expected = PlanError::SumTooWide {
        layer: 1,
        neuron: 1,
        weights: 200,
        largest_code: 3,
        // 3·(199·3 + 1) + 1.
        values: 1795,
        fitting: 409,
    };
    assert_eq!(refused.err(), Some(RoadError::Plan(expected)));
}
