//! Generated networks are what they are said to be, and compute what their parts say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngSeed, TestRunner},
};
use tenebra_circuit::{
    Matrix, Op, Table, Verified,
    dev::{NetworkLimits, networks},
    verify,
};
use tenebra_sim::run;

/// Weights, bias, and tables.
type Layer<'a> = (&'a Matrix, &'a [i64], Option<&'a [Table]>);

/// The layers of a network; the last has no tables.
fn layers(circuit: &Verified) -> Vec<Layer<'_>> {
    let ops = &circuit.circuit().ops;
    assert!(matches!(ops[0], Op::Input(_)));
    let mut layers = Vec::new();
    for (at, op) in ops.iter().enumerate().skip(1) {
        match op {
            Op::Linear {
                input,
                weights,
                bias,
            } => {
                assert_eq!(input.index() + 1, at, "a layer reads the one before");
                layers.push((weights, bias.as_slice(), None));
            }
            Op::Lookup { input, tables } => {
                assert_eq!(input.index() + 1, at, "tables are of the sums before");
                layers.last_mut().unwrap().2 = Some(tables.as_slice());
            }
            other => panic!("a network has no {}", other.kind()),
        }
    }
    layers
}

fn by_hand(circuit: &Verified, codes: &[i64]) -> Vec<i64> {
    let mut x = codes.to_vec();
    for (weights, bias, tables) in layers(circuit) {
        let sum = |row: usize| bias[row] + weights.row(row).map(|(col, w)| w * x[col]).sum::<i64>();
        let sums: Vec<i64> = (0..weights.rows()).map(sum).collect();
        x = match tables {
            Some(tables) => {
                let pairs = tables.iter().zip(&sums);
                pairs
                    .map(|(table, &sum)| table.value(sum).unwrap())
                    .collect()
            }
            None => sums,
        };
    }
    x
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(15),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn networks_compute_their_layers(
        (circuit, codes) in (0_usize..=3).prop_flat_map(|hidden| networks(NetworkLimits::small(hidden)))
    ) {
        prop_assert_eq!(verify(circuit.circuit()), Ok(circuit.clone()));
        prop_assert_eq!(run(&circuit, &codes).unwrap(), by_hand(&circuit, &codes));
    }

    #[test]
    fn networks_keep_their_limits((circuit, _) in networks(NetworkLimits::small(2))) {
        let limits = NetworkLimits::small(2);
        let mut ranges = circuit.input_ranges();
        for (layer, (weights, _, tables)) in layers(&circuit).into_iter().enumerate() {
            for row in 0..weights.rows() {
                let width = |(col, w): (usize, i64)| w.abs() * (ranges[col].max - ranges[col].min);
                let spread: i64 = weights.row(row).map(width).sum();
                match limits.hidden.get(layer) {
                    Some(hidden) => {
                        prop_assert!(weights.row(row).count() <= hidden.weights);
                        prop_assert!(spread < hidden.range);
                    }
                    None => prop_assert!(spread < 1 << limits.output_bits),
                }
            }
            if let Some(tables) = tables {
                let top = (1 << limits.hidden[layer].activation_bits) - 1;
                let ends = |table: &Table| {
                    let values = table.values.iter().copied();
                    tenebra_circuit::Interval::new(values.clone().min().unwrap(), values.max().unwrap())
                };
                ranges = tables.iter().map(ends).collect();
                prop_assert!(ranges.iter().all(|range| range.min >= 0 && range.max <= top));
            }
        }
    }
}

#[test]
fn networks_are_seldom_trivial() {
    const NETWORKS: usize = 300;
    let mut runner = TestRunner::new(config());
    let mut varied = 0;
    for _ in 0..NETWORKS {
        let (circuit, _) = networks(NetworkLimits::small(2))
            .new_tree(&mut runner)
            .unwrap()
            .current();
        varied += usize::from(
            circuit
                .output_ranges()
                .iter()
                .any(|range| !range.is_constant()),
        );
    }
    assert!(
        varied > NETWORKS / 2,
        "{varied} of {NETWORKS} depend on their input"
    );
}
