//! Linear circuits, encrypted: decrypted integers equal the simulator's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/roads.rs"]
mod roads;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::dev::{Limits, Tally, compare};
use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Options, Verified, verify};
use tenebra_tfhe::{PlanError, Program};

/// `y = W·x + b` with random weights of the given magnitude.
fn affine(features: usize, outputs: usize, weight: i64, inputs: Interval, seed: u64) -> Verified {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut draw = |magnitude: i64| i64::from(rng.next_u32()) % (2 * magnitude + 1) - magnitude;
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![inputs; features]);
    let weights = (0..features * outputs).map(|_| draw(weight)).collect();
    let bias = (0..outputs).map(|_| draw(1000 * weight)).collect();
    let y = builder.linear(x, Matrix::dense(outputs, features, weights), bias);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// Rows of codes: both ends of every range, then random ones.
fn rows_of_codes(circuit: &Verified, rows: usize, rng: &mut impl Rng) -> Vec<i64> {
    let ranges = circuit.input_ranges();
    let code = |row: usize, range: &Interval, rng: &mut dyn FnMut() -> u64| match row {
        0 => range.min,
        1 => range.max,
        _ => range.min + (rng() % (range.max - range.min + 1).unsigned_abs()).cast_signed(),
    };
    let mut draw = || rng.next_u64();
    (0..rows)
        .flat_map(|row| ranges.iter().map(move |range| (row, *range)))
        .map(|(row, range)| code(row, &range, &mut draw))
        .collect()
}

/// Encrypts, evaluates and decrypts `rows` rows; compares with the simulator.
fn check(circuit: &Verified, rows: usize, seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let options = Options {
        rows,
        ..Options::default()
    };
    let road = roads::tfhe("linear", options, Limits::linear());
    let codes = rows_of_codes(circuit, rows, &mut rng);
    let rows: Vec<_> = codes
        .chunks(circuit.input_ranges().len())
        .map(<[i64]>::to_vec)
        .collect();
    let mut tally = Tally::default();
    compare(
        &roads::simulator(),
        &road,
        circuit,
        &rows,
        [seed.to_le_bytes()[0]; 32],
        &mut tally,
    )
    .unwrap();
    assert_eq!(tally.compared, rows.len() as u64, "seed {seed}");
}

#[test]
fn shapes_of_real_models_are_exact() {
    let byte = Interval::new(0, 255);
    for (seed, (features, outputs, rows)) in [
        (1, 1, 1),
        (30, 1, 1),
        (30, 1, 200),
        (64, 10, 1),
        (64, 10, 7),
        (13, 3, 50),
        (75, 1, 90),
        (3000, 1, 2),
        (700, 40, 1),
    ]
    .into_iter()
    .enumerate()
    {
        check(
            &affine(features, outputs, 127, byte, seed as u64),
            rows,
            seed as u64,
        );
    }
}

#[test]
fn signed_and_one_sided_ranges_are_exact() {
    for (seed, inputs) in [
        Interval::new(-128, 127),
        Interval::new(-9, -3),
        Interval::new(5, 5),
    ]
    .into_iter()
    .enumerate()
    {
        check(&affine(8, 2, 100, inputs, seed as u64), 3, seed as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape_is_exact(
        features in 1usize..200, outputs in 1usize..12, rows in 1usize..20, weight in 1i64..40_000, seed in any::<u64>(),
    ) {
        check(&affine(features, outputs, weight, Interval::new(0, 63), seed), rows, seed);
    }
}

#[test]
fn an_output_too_wide_is_refused_with_the_bits_that_fit() {
    let circuit = affine(2, 1, 1 << 31, Interval::new(0, (1 << 30) - 1), 1);
    let error = Program::prepare(&circuit, &Options::default()).unwrap_err();
    let PlanError::OutputTooWide {
        needed_bits,
        fitting_bits,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!(fitting_bits < needed_bits, "{needed_bits} {fitting_bits}");
}
