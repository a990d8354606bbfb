//! Forests of unlimited trees on few codes: what the planner makes of them, and how long they take.
//!
//! `cargo run --release -p tenebra-benches --example joint_tables -- [QUERIES]` grows forests of trees that are split until a leaf has
//! rows of one class, on bootstrapped rows of codes with a noisy class, plans them, and compares so many encrypted queries with the
//! simulator. The exit status is 1 if an output differs.

use std::process::ExitCode;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Options, QueryMode, Tree, TreeNode, Verified, verify,
};
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_tfhe::Program;

/// Rows that trees are grown on.
const ROWS: usize = 2000;
/// What a leaf of one class has.
const LEAF: i64 = 255;

/// Codes and classes.
struct Rows {
    codes: Vec<Vec<i64>>,
    classes: Vec<bool>,
}

fn below(rng: &mut ChaCha20Rng, limit: usize) -> usize {
    rng.next_u32() as usize % limit
}

/// Rows whose class is that of the side of a curve, or drawn.
fn rows(features: usize, bits: u32, rng: &mut ChaCha20Rng) -> Rows {
    let codes: Vec<Vec<i64>> = (0..ROWS)
        .map(|_| {
            (0..features)
                .map(|_| i64::from(rng.next_u32() >> (32 - bits)))
                .collect()
        })
        .collect();
    let side = |codes: &Vec<i64>| {
        let unit = |code: i64| code as f64 / f64::from(1u32 << bits) - 0.5;
        codes
            .iter()
            .map(|code| unit(*code) * (6.0 * unit(*code)).cos())
            .sum::<f64>()
            > 0.0
    };
    let classes = codes.iter().map(|row| side(row) != (below(rng, 5) == 0));
    let classes = classes.collect();
    Rows { codes, classes }
}

/// A tree on a bootstrapped sample: nodes are split at the threshold of a drawn feature with the least impurity until they are pure.
fn tree(rows: &Rows, rng: &mut ChaCha20Rng) -> Tree {
    let sample: Vec<usize> = (0..ROWS).map(|_| below(rng, ROWS)).collect();
    let mut nodes = vec![TreeNode::Leaf(vec![0])];
    let mut pending = vec![(0usize, sample)];
    while let Some((node, sample)) = pending.pop() {
        let ones = sample.iter().filter(|row| rows.classes[**row]).count();
        let first = rows.codes[sample[0]].clone();
        let equal = sample.iter().all(|row| rows.codes[*row] == first);
        if ones == 0 || ones == sample.len() || equal {
            let share = LEAF * i64::try_from(ones).unwrap_or(0);
            let count = i64::try_from(sample.len()).unwrap_or(1);
            nodes[node] = TreeNode::Leaf(vec![share / count]);
            continue;
        }
        let (feature, threshold) = split(rows, &sample, ones, rng);
        let (left, right): (Vec<usize>, Vec<usize>) = sample
            .into_iter()
            .partition(|row| rows.codes[*row][feature] < threshold);
        let child = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        nodes[node] = TreeNode::Split {
            feature: u32::try_from(feature).unwrap_or(u32::MAX),
            threshold,
            left: child,
            right: child + 1,
        };
        pending.extend([(nodes.len(), left), (nodes.len() + 1, right)]);
        nodes.extend([TreeNode::Leaf(vec![0]), TreeNode::Leaf(vec![0])]);
    }
    Tree { nodes }
}

/// The best threshold of a feature whose codes differ.
fn split(rows: &Rows, sample: &[usize], ones: usize, rng: &mut ChaCha20Rng) -> (usize, i64) {
    let features = rows.codes[0].len();
    loop {
        let feature = below(rng, features);
        let mut sorted: Vec<(i64, bool)> = sample
            .iter()
            .map(|row| (rows.codes[*row][feature], rows.classes[*row]))
            .collect();
        sorted.sort_unstable();
        let (mut left, mut best) = (0.0, None::<(f64, i64)>);
        for (at, pair) in sorted.windows(2).enumerate() {
            left += f64::from(u8::from(pair[0].1));
            let (below, all) = ((at + 1) as f64, sorted.len() as f64);
            let right = ones as f64 - left;
            let pure = left * left / below
                + (below - left).powi(2) / below
                + right * right / (all - below)
                + (all - below - right).powi(2) / (all - below);
            if pair[0].0 < pair[1].0 && best.is_none_or(|(most, _)| pure > most) {
                best = Some((pure, pair[1].0));
            }
        }
        if let Some((_, threshold)) = best {
            return (feature, threshold);
        }
    }
}

#[expect(clippy::unwrap_used, reason = "a circuit that is refused is a defect")]
fn forest(trees: usize, features: usize, bits: u32, rng: &mut ChaCha20Rng) -> Verified {
    let rows = rows(features, bits, rng);
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, (1 << bits) - 1); features]);
    let forest = Forest {
        outputs: 1,
        trees: (0..trees).map(|_| tree(&rows, rng)).collect(),
        bias: vec![0],
    };
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// Outputs that differ, of so many queries.
#[expect(clippy::unwrap_used, reason = "a comparison that fails should stop")]
#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn run(
    name: &str,
    circuit: &Verified,
    query: QueryMode,
    queries: usize,
    rng: &mut ChaCha20Rng,
) -> usize {
    let options = Options {
        query,
        ..Options::default()
    };
    let start = Instant::now();
    let program = Program::prepare(circuit, &options).unwrap();
    let planned = start.elapsed();
    let bytes = program.spec_of_codes(options.p_fail_log2).unwrap();
    let spec = ClientSpec::parse(&bytes).unwrap();
    let start = Instant::now();
    let program = Program::for_spec(circuit, &spec).unwrap();
    let loaded = start.elapsed();
    let key = ClientKey::generate(&spec, rng);
    let evaluation_key = spec.evaluation_key_file(&key, rng).unwrap();
    let prepared = evaluation_key.map(|file| program.prepare_key(spec.id(), &file).unwrap());
    let (mut times, mut different) = (Vec::new(), 0);
    for _ in 0..queries {
        let code = |range: &Interval| i64::from(rng.next_u32()) % (range.max + 1);
        let codes: Vec<i64> = circuit.input_ranges().iter().map(code).collect();
        let query = spec.encrypt_codes(&key, &codes, rng).unwrap();
        let start = Instant::now();
        let response = program
            .evaluate(spec.id(), prepared.as_ref(), &query)
            .unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let got = spec.decrypt_rows(&key, &response).unwrap().concat();
        different += usize::from(got != tenebra_sim::run(circuit, &codes).unwrap());
    }
    times.sort_by(f64::total_cmp);
    let report = &program.report()[0];
    println!(
        "{name}, {query:?}: {} products, query {:.0} kB, p_fail 2^{:.0}; planned in {:.1} s, read in {:.1} s; evaluated in {:.2} ms (least {:.2}, predicted {:.2}); {different} of {queries} differ",
        report.external_products,
        report.query_bytes as f64 / 1e3,
        report.p_fail_log2,
        planned.as_secs_f64(),
        loaded.as_secs_f64(),
        times[times.len() / 2],
        times[0],
        report.predicted_evaluate_ms,
    );
    different
}

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    let queries = argument.and_then(|text| text.parse().ok()).unwrap_or(30);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut different = 0;
    for (trees, features, bits) in [(300, 2, 6), (500, 3, 5), (500, 4, 5), (100, 10, 2)] {
        let name = format!("{trees} trees, {features} features x {bits} bits");
        let circuit = forest(trees, features, bits, &mut rng);
        for query in [QueryMode::Direct, QueryMode::Packed] {
            different += run(&name, &circuit, query, queries, &mut rng);
        }
    }
    ExitCode::from(u8::from(different > 0))
}
