//! Forests and tables, encrypted: decrypted integers equal the simulator's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/roads.rs"]
mod roads;

use core::sync::atomic::AtomicBool;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::dev::{Limits, Tally, compare};
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Optimize, Options, Planned, Planner, QueryMode, Tree,
    TreeNode, Verified, verify,
};
use tenebra_client::{Client, ClientSpec};
use tenebra_tfhe::{EvaluateError, EvaluateOptions, PlanError, Program, TfhePlanner};

/// Encrypts, evaluates and decrypts one row; compares with the simulator.
fn check(circuit: &Verified, codes: &[i64], query: QueryMode, threads: usize) {
    let options = Options {
        query,
        threads,
        ..Options::default()
    };
    let road = roads::tfhe("forest", options, Limits::small());
    let (rows, mut tally) = ([codes.to_vec()], Tally::default());
    compare(
        &roads::simulator(),
        &road,
        circuit,
        &rows,
        [7; 32],
        &mut tally,
    )
    .unwrap();
    assert_eq!(tally.compared, 1);
}

/// A complete tree of `depth` levels whose nodes read the inputs in turn.
fn complete_tree(depth: u32, inputs: u32, codes: i64, outputs: usize, seed: i64) -> Tree {
    let splits = (1u32 << depth) - 1;
    let split = |index: u32| TreeNode::Split {
        feature: (index + u32::try_from(seed).unwrap()) % inputs,
        threshold: 1 + (i64::from(index) * 7 + seed * 3) % (codes - 1),
        left: 2 * index + 1,
        right: 2 * index + 2,
    };
    let leaf = |index: u32| {
        TreeNode::Leaf(
            (0..outputs as i64)
                .map(|o| (i64::from(index) * 37 + seed * 11 + o * 5) % 255 - 127)
                .collect(),
        )
    };
    Tree {
        nodes: (0..splits)
            .map(split)
            .chain((splits..2 * splits + 1).map(leaf))
            .collect(),
    }
}

fn forest(trees: i64, depth: u32, inputs: u32, codes: i64, outputs: usize) -> Verified {
    let trees = (0..trees)
        .map(|seed| complete_tree(depth, inputs, codes, outputs, seed))
        .collect();
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, codes - 1); inputs as usize]);
    let y = builder.forest(
        x,
        Forest {
            outputs,
            trees,
            bias: vec![3; outputs],
        },
    );
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

#[test]
fn forests_of_every_shape_are_exact() {
    // (trees, depth, inputs, codes, outputs): stumps, one input, deep, wide, many classes, codes that fill no power of two.
    let shapes = [
        (40, 1, 3, 16, 1),
        (5, 5, 1, 60, 1),
        (3, 7, 8, 9, 1),
        (30, 4, 12, 5, 2),
        (20, 3, 10, 16, 10),
        (4, 3, 6, 300, 1),
    ];
    for (trees, depth, inputs, codes, outputs) in shapes {
        let circuit = forest(trees, depth, inputs, codes, outputs);
        for row in [0, codes - 1, codes / 2, codes / 3] {
            let codes: Vec<i64> = (0..i64::from(inputs))
                .map(|i| (row + i * row) % codes)
                .collect();
            check(&circuit, &codes, QueryMode::Direct, 1);
            check(&circuit, &codes, QueryMode::Auto, 1);
        }
    }
}

/// Trees of few codes together, in tables of several polynomials and of less than one, alone and beside trees of many inputs.
#[test]
fn joint_tables_are_exact() {
    // (trees, depth, inputs, codes, outputs).
    let shapes = [
        (30, 8, 2, 64, 1),
        (25, 7, 3, 20, 2),
        (30, 6, 8, 2, 1),
        (20, 7, 3, 8, 10),
    ];
    for (trees, depth, inputs, codes, outputs) in shapes {
        let circuit = forest(trees, depth, inputs, codes, outputs);
        for row in [0, codes - 1, codes / 2, codes / 3, 1] {
            let codes: Vec<i64> = (0..i64::from(inputs))
                .map(|i| (row + i * 5 * row) % codes)
                .collect();
            check(&circuit, &codes, QueryMode::Direct, 1);
            check(&circuit, &codes, QueryMode::Packed, 2);
        }
    }
    let mut trees: Vec<Tree> = (0..30)
        .map(|seed| complete_tree(6, 2, 32, 1, seed))
        .collect();
    trees.extend((0..4).map(|seed| complete_tree(3, 9, 32, 1, seed)));
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(-3, 28); 9]);
    let bias = vec![0];
    let outputs = 1;
    let y = builder.forest(
        x,
        Forest {
            outputs,
            trees,
            bias,
        },
    );
    builder.output("y", y);
    let circuit = verify(&builder.finish()).unwrap();
    for seed in 0..3 {
        let codes: Vec<i64> = (0..9).map(|i| (i * 7 + seed * 13) % 32 - 3).collect();
        check(&circuit, &codes, QueryMode::Direct, 1);
        check(&circuit, &codes, QueryMode::Packed, 1);
    }
}

#[test]
fn two_threads_give_what_one_gives() {
    for query in [QueryMode::Direct, QueryMode::Packed] {
        check(&forest(20, 4, 9, 12, 3), &[3; 9], query, 2);
    }
}

/// As many queries as threads, fewer and more; among them one that is damaged, whose error is its own.
#[test]
fn many_queries_give_what_single_ones_give() {
    let circuit = forest(6, 2, 2, 8, 1);
    let options = Options {
        query: QueryMode::Packed,
        ..Options::default()
    };
    let Planned { spec, evaluator } = TfhePlanner.plan(&circuit, &options).unwrap();
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let client = Client::generate(&spec, &mut rng).unwrap();
    let key = client.evaluation_key(&mut rng).unwrap().unwrap();
    let (program, id) = (&evaluator.program, evaluator.spec_id);
    let key = program.prepare_key(id, &key).unwrap();
    let mut queries: Vec<_> = (0..5)
        .map(|code| {
            let (spec, codes) = (client.spec(), [code, 7 - code]);
            spec.encrypt_codes(client.key(), &codes, &mut rng).unwrap()
        })
        .collect();
    queries[3].truncate(60);
    let single = |query: &Vec<u8>| {
        let response = program.evaluate(id, Some(&key), query).ok()?;
        client.decrypt(&response).ok()
    };
    let expected: Vec<_> = queries.iter().map(single).collect();
    assert_eq!(expected.iter().flatten().count(), 4);
    for threads in [1, 2, 8] {
        let options = EvaluateOptions {
            threads,
            stop: None,
        };
        let many = program.evaluate_many(id, Some(&key), &queries, options);
        let decrypted = many
            .iter()
            .map(|response| client.decrypt(response.as_ref().ok()?).ok());
        assert_eq!(decrypted.collect::<Vec<_>>(), expected);
    }
    let stopped = EvaluateOptions {
        threads: 2,
        stop: Some(&AtomicBool::new(true)),
    };
    let many = program.evaluate_many(id, Some(&key), &queries[..2], stopped);
    assert_eq!(
        many,
        [Err(EvaluateError::Stopped), Err(EvaluateError::Stopped)]
    );
}

/// Queries of any number of rows up to the most, on one thread and two, after larger ones and smaller ones; and of more rows a ciphertext
/// than a row needs ciphertexts.
#[test]
fn rows_of_packed_queries_are_exact() {
    let circuit = forest(12, 3, 9, 12, 2);
    let options = Options {
        query: QueryMode::Packed,
        optimize: Optimize::Throughput,
        rows: 5,
        ..Options::default()
    };
    let Planned { spec, evaluator } = TfhePlanner.plan(&circuit, &options).unwrap();
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let client = Client::generate(&spec, &mut rng).unwrap();
    assert_eq!(client.spec().max_rows(), 5);
    let (program, id) = (&evaluator.program, evaluator.spec_id);
    let key = client.evaluation_key(&mut rng).unwrap().unwrap();
    let key = program.prepare_key(id, &key).unwrap();
    for (count, threads) in [(5, 1), (1, 1), (2, 2), (4, 1), (5, 2), (3, 1)] {
        let row = |row: i64| (0..9).map(move |input| (row * 5 + input * count) % 12);
        let rows: Vec<Vec<i64>> = (0..count).map(|index| row(index).collect()).collect();
        let encrypted = client
            .spec()
            .encrypt_codes(client.key(), &rows.concat(), &mut rng);
        let evaluation = EvaluateOptions {
            threads,
            stop: None,
        };
        let response = program
            .evaluate_with(id, Some(&key), &encrypted.unwrap(), evaluation)
            .unwrap();
        let expected = rows.iter().map(|row| tenebra_sim::run(&circuit, row));
        let expected: Vec<Vec<i64>> = expected.map(Result::unwrap).collect();
        assert_eq!(client.decrypt(&response).unwrap(), expected, "{count} rows");
    }
    let six = vec![0; 6 * 9];
    let refused = client.spec().encrypt_codes(client.key(), &six, &mut rng);
    assert!(refused.is_err());
    // One row is what others ask for.
    for optimize in [Optimize::Balanced, Optimize::Latency] {
        let options = Options {
            optimize,
            ..options.clone()
        };
        let program = Program::prepare(&circuit, &options).unwrap();
        assert_eq!(program.branching_layout().unwrap().max_rows(), 1);
    }
}

/// `x < threshold ? 1 : 0`.
fn stump(codes: Interval, threshold: i64) -> Verified {
    let split = TreeNode::Split {
        feature: 0,
        threshold,
        left: 1,
        right: 2,
    };
    let leaf = |value| TreeNode::Leaf(vec![value]);
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![codes]);
    let forest = Forest {
        outputs: 1,
        trees: vec![Tree {
            nodes: vec![split, leaf(1), leaf(0)],
        }],
        bias: vec![0],
    };
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// Clients count bits of codes from the spec's least code, servers from the circuit's: the same forest, one code on.
#[test]
fn specs_of_other_least_codes_are_refused() {
    let (circuit, other) = (stump(Interval::new(0, 7), 3), stump(Interval::new(1, 8), 4));
    let program = Program::prepare(&circuit, &Options::default()).unwrap();
    let spec = program.spec_of_codes(-128.0).unwrap();
    let spec = ClientSpec::parse(&spec).unwrap();
    assert!(Program::for_spec(&circuit, &spec).is_ok());
    let refused = Program::for_spec(&other, &spec);
    assert!(matches!(refused, Err(PlanError::Layout { what }) if what.contains("least codes")));
}

/// Codes have 16 bits; tables of all codes of 62 would fill any memory.
#[test]
fn inputs_of_more_than_16_bits_are_refused() {
    for (bits, runs) in [(16, true), (17, false), (62, false)] {
        let circuit = stump(Interval::new(0, (1 << bits) - 1), 5);
        let prepared = Program::prepare(&circuit, &Options::default());
        assert_eq!(prepared.is_ok(), runs, "{bits}");
    }
}
