//! Counts outputs that decrypt to the simulator's integers, on the road that is deployed: client spec, frames, `Program::evaluate`.
//!
//! `cargo run --release -p tenebra-benches --example exactness -- [OUTPUTS] [SEED]` compares so many outputs of each of linear batches,
//! direct and packed queries, at production parameters. The exit status is 1 if one differs.

use std::process::ExitCode;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_benches::hunt::{Kind, circuit, wide};
use tenebra_benches::spec;
use tenebra_circuit::{Optimize, Options, QueryMode, Verified};
use tenebra_client::ClientKey;
use tenebra_client::ClientSpec;
use tenebra_tfhe::Program;

/// Queries of one circuit, with one key.
const QUERIES: usize = 40;

/// What was compared.
#[derive(Debug, Default)]
struct Count {
    circuits: usize,
    queries: usize,
    outputs: usize,
    different: usize,
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the counts are the result, and progress"
)]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        let argument = arguments.next();
        argument
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (wanted, first) = (
        usize::try_from(number(1_000_000)).unwrap_or(usize::MAX),
        number(1),
    );
    let mut different = 0;
    for (name, query) in [
        ("linear", QueryMode::Auto),
        ("direct", QueryMode::Direct),
        ("packed", QueryMode::Packed),
        ("rows", QueryMode::Packed),
    ] {
        let start = Instant::now();
        let mut count = Count::default();
        let mut seed = first;
        while count.outputs < wanted {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            seed += 1;
            let circuit = match name {
                "linear" => circuit(Kind::Linear, &mut rng),
                _ => wide(&mut rng),
            };
            let tenths = 10 * count.outputs / wanted.max(1);
            if let Some(circuit) = circuit {
                let optimize = match name {
                    "rows" => Optimize::Throughput,
                    _ => Optimize::Balanced,
                };
                compare(&circuit, (query, optimize), &mut rng, &mut count);
            }
            if 10 * count.outputs / wanted.max(1) > tenths {
                eprintln!("{name}: {} of {wanted} outputs compared", count.outputs);
            }
        }
        println!(
            "{name}: {} circuits, {} queries, {} outputs compared, {} different, {:.0} s",
            count.circuits,
            count.queries,
            count.outputs,
            count.different,
            start.elapsed().as_secs_f64()
        );
        different += count.different;
    }
    ExitCode::from(u8::from(different > 0))
}

/// Adds the outputs of encrypted queries of a circuit that can be planned.
#[expect(clippy::unwrap_used, reason = "a comparison that fails should stop")]
fn compare(
    circuit: &Verified,
    (query, optimize): (QueryMode, Optimize),
    rng: &mut ChaCha20Rng,
    count: &mut Count,
) {
    let options = Options {
        query,
        optimize,
        rows: 1000,
        ..Options::default()
    };
    let Ok(program) = Program::prepare(circuit, &options) else {
        return;
    };
    let bytes = spec(&program).encode().unwrap();
    let spec = ClientSpec::parse(&bytes).unwrap();
    let key = ClientKey::generate(&spec, rng);
    let evaluation_key = spec.evaluation_key_file(&key, rng).unwrap();
    let prepared = evaluation_key.map(|file| program.prepare_key(spec.id(), &file).unwrap());
    let rows = program.report().last().map_or(1, |plan| plan.rows);
    let ranges = circuit.input_ranges();
    count.circuits += 1;
    for _ in 0..QUERIES {
        let code = |range: &tenebra_circuit::Interval| {
            let span = range.max.abs_diff(range.min) + 1;
            range.min + i64::try_from(rng.next_u64() % span).unwrap()
        };
        let codes: Vec<i64> = (0..rows).flat_map(|_| ranges.iter()).map(code).collect();
        let query = spec.encrypt_codes(&key, &codes, rng).unwrap();
        let response = program
            .evaluate(spec.id(), prepared.as_ref(), &query)
            .unwrap();
        let decrypted = spec.decrypt_rows(&key, &response).unwrap();
        for (codes, got) in codes.chunks_exact(ranges.len()).zip(&decrypted) {
            let want = tenebra_sim::run(circuit, codes).unwrap();
            count.outputs += want.len();
            count.different += want.iter().zip(got).filter(|(a, b)| a != b).count();
        }
        count.queries += 1;
    }
}
