//! Operations and whole queries against what they are made of, each measured alone in the same run: transforms, multiply-adds, and memory, which
//! is the operand and the ciphertext that are read and the ciphertexts or rows that are written, not what lies in between.
//!
//! The last column is the microseconds that the planner counts for the operation, or for the query's evaluation.
//!
//! `cargo bench -p tenebra-benches --bench floor` prints a table, on one thread; `-- "CMUX 1024"` the cases of these words. Operands are met as evaluations meet them: those of
//! trees once each, those of networks by 16 neurons one after the other, keys by all ciphertexts of a split. A whole query is made of its
//! operations, as many as its plan has of each.

#![expect(clippy::print_stdout, reason = "a measurement prints")]

use core::hint::black_box;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::{BranchingCase, machine, shapes};
use tenebra_circuit::QueryMode;
use tenebra_client::multiply::ExactMultiplier;
use tenebra_tfhe::floor::{
    Measured, Operation, Sizes, measure, measure_terms, operations, predicted, time,
};
use tfhe_ntt::prime64::Plan;

/// Of which the least counts.
const ROUNDS: usize = 9;

fn main() {
    println!("{}\n", machine());
    println!(
        "| operation | masks | N | base_log, levels | limbs | operands x uses | µs | transforms | multiply-adds | memory | over the sum | the planner's |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    // What `cargo bench` adds is no filter.
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let chosen = |label: &str| filter.as_ref().is_none_or(|filter| label.contains(filter));
    for (name, operation, sizes) in cases() {
        let label = format!(
            "{name} {} {},{}",
            sizes.polynomial_size, sizes.base_log, sizes.level_count
        );
        if chosen(&label) {
            let shape = format!(
                "{} | {} | {}, {} | {} | {} x {}",
                sizes.glwe_dimension,
                sizes.polynomial_size,
                sizes.base_log,
                sizes.level_count,
                1 + u8::from(sizes.exact),
                sizes.operands,
                sizes.uses,
            );
            let planned = predicted(operation, sizes);
            print_row(
                name,
                &shape,
                measure(operation, sizes, ROUNDS),
                Some(planned),
            );
        }
    }
    for (size, terms) in [(256, 30), (512, 64), (1024, 30), (1024, 64)] {
        let name = format!("linear product {size}, {terms} weights");
        if chosen(&name) {
            let measured = measure_terms(size, terms, ROUNDS);
            print_row(&name, &format!("1 | {size} | | | "), measured, None);
        }
    }
    for size in [1024, 2048] {
        let name = format!("linear product {size}, by transforms");
        if chosen(&name) {
            let measured = of_transforms(size);
            print_row(&name, &format!("1 | {size} | | 2 | "), measured, None);
        }
    }
    for (name, shape) in shapes() {
        for mode in [QueryMode::Direct, QueryMode::Packed] {
            let name = format!("query {name} {mode:?}");
            if chosen(&name) {
                of_query(&name, &BranchingCase::new(&name, shape, mode));
            }
        }
    }
}

fn print_row(name: &str, shape: &str, measured: Measured, planned: Option<f64>) {
    let us = |ns: f64| ns / 1e3;
    let planned = planned.map_or(String::new(), |ns| format!("{:.2}", us(ns)));
    println!(
        "| {name} | {shape} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {planned} |",
        us(measured.whole),
        us(measured.transforms),
        us(measured.multiply_adds),
        us(measured.memory),
        measured.whole / measured.floor(),
    );
}

fn cases() -> Vec<(&'static str, Operation, Sizes)> {
    let sizes =
        |glwe_dimension, polynomial_size, (base_log, level_count), exact, operands, uses| Sizes {
            glwe_dimension,
            polynomial_size,
            base_log,
            level_count,
            exact,
            operands,
            uses,
        };
    let mut cases = Vec::new();
    for (masks, size, gadget, exact, operands, uses) in [
        (3, 512, (17, 1), false, 67, 4),
        (4, 512, (20, 1), false, 67, 4),
        (2, 512, (15, 2), false, 67, 4),
        (1, 1024, (23, 1), false, 67, 4),
        (1, 1024, (15, 2), false, 67, 4),
        (1, 2048, (15, 2), false, 67, 4),
        (1, 2048, (8, 4), false, 67, 4),
        (1, 2048, (6, 6), false, 128, 16),
        (1, 4096, (15, 2), false, 128, 16),
        (1, 4096, (7, 6), false, 128, 16),
        (1, 4096, (8, 5), true, 128, 16),
    ] {
        let sizes = sizes(masks, size, gadget, exact, operands, uses);
        cases.push(("CMUX", Operation::Cmux, sizes));
        cases.push(("CMUX, clear", Operation::ClearCmux, sizes));
        cases.push(("row of a GGSW", Operation::Row, Sizes { uses: 1, ..sizes }));
        if !exact {
            let sizes = Sizes { uses: 1, ..sizes };
            cases.push(("body of a row", Operation::Body, sizes));
        }
    }
    for (size, gadget) in [
        (1024, (8, 6)),
        (2048, (4, 12)),
        (2048, (8, 6)),
        (4096, (8, 6)),
        (4096, (4, 12)),
    ] {
        // Bodies are in two limbs where fresh noise is small.
        let sizes = sizes(1, size, gadget, size > 2048, 1, 64);
        cases.push(("key switch, split", Operation::Split, sizes));
        cases.push(("last split, to rows", Operation::Pair, sizes));
    }
    cases
}

/// A product of a mask polynomial and weights by number-theoretic transforms, exact in two limbs: its transforms and products alone
/// are those of `tfhe-ntt`.
#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn of_transforms(size: usize) -> Measured {
    let word = |index: usize| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mask: Vec<u64> = (0..size).map(word).collect();
    let weights: Vec<i64> = (0..size as i64).map(|at| at % 255 - 127).collect();
    let multiplier = ExactMultiplier::new(size, 128 * size as u64).unwrap();
    let transformed = multiplier.weights(&weights);
    let plan = Plan::try_new(size, 0xffff_ffff_0000_0001).unwrap();
    let (mut values, mut sum) = (vec![1; size], vec![1; size]);
    let repetitions = 4_000_000 / (size * 20);
    let mut least = [f64::INFINITY; 4];
    for _ in 0..ROUNDS {
        let times = [
            time(repetitions, || {
                let mut product = multiplier.zero();
                let limbs = multiplier.limbs(black_box(&mask));
                multiplier.add_product(&mut product, &limbs, &transformed);
                black_box(multiplier.finish(product));
            }),
            time(repetitions, || {
                for _ in 0..2 {
                    plan.fwd(black_box(&mut values));
                    plan.inv(black_box(&mut values));
                }
            }),
            time(repetitions, || {
                for _ in 0..2 {
                    plan.mul_accumulate(black_box(&mut sum), black_box(&values), &values);
                }
            }),
            time(repetitions, || {
                values.copy_from_slice(black_box(&mask));
                sum.copy_from_slice(black_box(&values));
            }),
        ];
        for (least, time) in least.iter_mut().zip(times) {
            *least = least.min(time);
        }
    }
    let [whole, transforms, multiply_adds, memory] = least;
    Measured {
        whole,
        transforms,
        multiply_adds,
        memory,
    }
}

/// A whole evaluation, of queries whose masks the server has met, beside the sum of its operations' parts.
#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn of_query(name: &str, case: &BranchingCase) {
    let (spec, key) = (case.spec(), case.key());
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let key_file = spec.evaluation_key_file(&key, &mut rng).unwrap();
    let prepare = |file: &Vec<u8>| case.program.prepare_key(spec.id(), file).unwrap();
    let evaluation_key = key_file.as_ref().map(prepare);
    let query = spec.encrypt_codes(&key, &case.codes, &mut rng).unwrap();
    let mut evaluate = || {
        let evaluated = case
            .program
            .evaluate(spec.id(), evaluation_key.as_ref(), &query);
        black_box(evaluated.unwrap());
    };
    evaluate();
    let whole = (0..4 * ROUNDS).map(|_| time(1, &mut evaluate));
    let mut sum = Measured {
        whole: whole.fold(f64::INFINITY, f64::min),
        transforms: 0.0,
        multiply_adds: 0.0,
        memory: 0.0,
    };
    for (operation, sizes, count) in operations(&case.program).unwrap() {
        let (one, count) = (measure(operation, sizes, ROUNDS), count as f64);
        sum.transforms += count * one.transforms;
        sum.multiply_adds += count * one.multiply_adds;
        sum.memory += count * one.memory;
    }
    let layout = case.program.branching_layout().unwrap();
    let shape = format!(
        "{} | {} | {}, {} | | {}",
        layout.glwe().glwe_dimension(),
        layout.glwe().polynomial_size(),
        layout.layout().base_log,
        layout.layout().level_count,
        case.report.input_bits,
    );
    print_row(
        name,
        &shape,
        sum,
        Some(case.report.predicted_evaluate_ms * 1e6),
    );
}
