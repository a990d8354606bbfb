//! Single operations for a profiler that counts their instructions: `.ci/instructions` runs each under callgrind.
//!
//! `cargo run --release -p tenebra-benches --example instructions -- CASE` does the work of a case twice, the second time inside of
//! `counted`; without a case it lists their names. Inputs are of fixed seeds, so that a count changes with the code alone.

use core::hint::black_box;
use std::process::ExitCode;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::{BranchingCase, LinearCase, Shape};
use tenebra_circuit::{Options, QueryMode};
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_tfhe::Program;

/// A single tree in the shape of that on breast cancer.
const TREE: Shape = Shape {
    trees: 1,
    splits: 16,
    depth: 5,
    features: 8,
    bits: 2,
    outputs: 1,
};

/// Fifty boosted trees.
const FOREST: Shape = Shape {
    trees: 50,
    splits: 205,
    depth: 4,
    features: 26,
    bits: 3,
    outputs: 1,
};

/// A case, and what does its work.
type Case = (&'static str, fn());

const CASES: [Case; 11] = [
    ("linear_encrypt", || linear(Part::Encrypt)),
    ("linear_evaluate", || linear(Part::Evaluate)),
    ("linear_decrypt", || linear(Part::Decrypt)),
    ("direct_encrypt", || tree(QueryMode::Direct, Part::Encrypt)),
    ("direct_evaluate", || {
        tree(QueryMode::Direct, Part::Evaluate)
    }),
    ("packed_key", || tree(QueryMode::Packed, Part::Key)),
    ("packed_prepare_key", || {
        tree(QueryMode::Packed, Part::PrepareKey)
    }),
    ("packed_encrypt", || tree(QueryMode::Packed, Part::Encrypt)),
    ("packed_evaluate", || {
        tree(QueryMode::Packed, Part::Evaluate)
    }),
    ("forest_plan", plan),
    ("forest_simulate", simulate),
];

/// What is counted.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Key,
    PrepareKey,
    Encrypt,
    Evaluate,
    Decrypt,
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let Some(name) = name else {
        for (name, _) in CASES {
            #[expect(clippy::print_stdout, reason = "the list")]
            {
                println!("{name}");
            }
        }
        return ExitCode::SUCCESS;
    };
    match CASES.iter().find(|(known, _)| *known == name) {
        Some((_, work)) => {
            work();
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// What the profiler counts: it looks for this name.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

/// Once to fill what is kept from one time to the next, then counted.
fn twice(mut work: impl FnMut()) {
    work();
    counted(&mut work);
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn parts(spec: &ClientSpec<'_>, program: &Program, codes: &[i64], part: Part) {
    let key = ClientKey::generate(spec, &mut rng(8));
    let key_file = || spec.evaluation_key_file(&key, &mut rng(9)).unwrap();
    if part == Part::Key {
        return twice(|| {
            black_box(key_file());
        });
    }
    let file = key_file();
    let prepare = |file: &[u8]| program.prepare_key(spec.id(), file).unwrap();
    if let (Part::PrepareKey, Some(file)) = (part, &file) {
        return twice(|| {
            black_box(prepare(black_box(file)));
        });
    }
    let mut rng = rng(10);
    let mut encrypt = || {
        spec.encrypt_codes(&key, black_box(codes), &mut rng)
            .unwrap()
    };
    if part == Part::Encrypt {
        return twice(|| {
            black_box(encrypt());
        });
    }
    let prepared = file.as_deref().map(prepare);
    let query = encrypt();
    let evaluate = || {
        let query = black_box(&query);
        program
            .evaluate(spec.id(), prepared.as_ref(), query)
            .unwrap()
    };
    if part == Part::Evaluate {
        return twice(|| {
            black_box(evaluate());
        });
    }
    let response = evaluate();
    twice(|| {
        black_box(spec.decrypt_rows(&key, black_box(&response)).unwrap());
    });
}

fn linear(part: Part) {
    let case = LinearCase::new("logreg_bc", 30, 1, 1);
    let spec = case.spec();
    let codes: Vec<i64> = case.circuit.input_ranges().iter().map(|r| r.max).collect();
    parts(&spec, &case.program, &codes, part);
}

fn tree(query: QueryMode, part: Part) {
    let case = BranchingCase::new("dt5_bc", TREE, query);
    parts(&case.spec(), &case.program, &case.codes, part);
}

#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn plan() {
    let case = BranchingCase::new("xgb50d4_bc", FOREST, QueryMode::Direct);
    let options = Options {
        query: QueryMode::Direct,
        ..Options::default()
    };
    twice(|| {
        black_box(Program::prepare(black_box(&case.circuit), &options).unwrap());
    });
}

#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn simulate() {
    let case = BranchingCase::new("xgb50d4_bc", FOREST, QueryMode::Direct);
    twice(|| {
        black_box(tenebra_sim::run(&case.circuit, black_box(&case.codes)).unwrap());
    });
}
