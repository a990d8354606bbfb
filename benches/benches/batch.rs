//! How scoring in batches grows with features and rows: a table of times and sizes a row.
//!
//! `cargo bench -p tenebra-benches --bench batch`; under `taskset -c 0` for one core.

use core::hint::black_box;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::{LinearCase, machine};

const FEATURES: [u32; 6] = [4, 10, 30, 75, 200, 784];
const ROWS: [usize; 5] = [1, 8, 64, 128, usize::MAX];

/// Median and fastest of `SAMPLES`, in microseconds.
struct Time {
    median: f64,
    min: f64,
}

const SAMPLES: usize = 51;

/// Times `work`, each sample long enough for the clock.
fn time(mut work: impl FnMut()) -> Time {
    let start = Instant::now();
    work();
    let once = start.elapsed().as_secs_f64().max(1e-7);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 10,000"
    )]
    let repeats = (1e-3 / once).clamp(1.0, 1e4) as usize;
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            (0..repeats).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e6 / repeats as f64
        })
        .collect();
    samples.sort_unstable_by(f64::total_cmp);
    Time {
        median: samples[SAMPLES / 2],
        min: samples[0],
    }
}

#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that fails should stop, and its table is its output"
)]
fn measure(case: &LinearCase, rows: usize) {
    let spec = case.spec();
    let key = case.key();
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let width = spec.input_count();
    let mut codes = vec![0; rows * width];
    for (row, codes) in case.rows.iter().zip(codes.chunks_exact_mut(width)) {
        spec.quantize(row, codes).unwrap();
    }
    let query = spec.encrypt_codes(&key, &codes, &mut rng).unwrap();
    let response = case.program.evaluate(spec.id(), None, &query).unwrap();
    let decrypted = spec.decrypt_rows(&key, &response).unwrap();
    for (row, integers) in codes.chunks(width).zip(&decrypted) {
        assert_eq!(
            *integers,
            tenebra_sim::run(&case.circuit, row).unwrap(),
            "encrypted and simulated integers differ"
        );
    }
    assert_eq!(decrypted.len(), rows);

    let encrypt = time(|| {
        for (row, codes) in case.rows.iter().zip(codes.chunks_exact_mut(width)) {
            spec.quantize(black_box(row), codes).unwrap();
        }
        black_box(spec.encrypt_codes(&key, &codes, &mut rng).unwrap());
    });
    let evaluate = time(|| {
        black_box(
            case.program
                .evaluate(spec.id(), None, black_box(&query))
                .unwrap(),
        );
    });
    let decrypt = time(|| {
        black_box(spec.decrypt_rows(&key, black_box(&response)).unwrap());
    });
    let per_row = |total: f64| total / rows as f64;
    println!(
        "{:>8} {rows:>5} {:>7.3} ({:>6.3}) {:>8.2} {:>8.2} {:>9.0} {:>10.0}",
        width,
        per_row(evaluate.median),
        per_row(evaluate.min),
        per_row(encrypt.median),
        per_row(decrypt.median),
        per_row(query.len() as f64),
        per_row(response.len() as f64),
    );
}

#[expect(clippy::print_stdout, reason = "the table is the output")]
fn main() {
    println!("{}", machine());
    println!(
        "8-bit codes and weights, 1 output, p_fail 2^-128; a row costs, medians of {SAMPLES}:"
    );
    println!(
        "{:>8} {:>5} {:>16} {:>8} {:>8} {:>9} {:>10}",
        "features", "rows", "evaluate us(min)", "encrypt", "decrypt", "query B", "response B"
    );
    for features in FEATURES {
        let full = LinearCase::new("batch", features, 1, 1 << 15);
        let most = full.report.rows;
        let mut done = 0;
        for rows in ROWS.map(|rows| rows.min(most)) {
            if rows > done {
                // One row goes by the plan for single rows.
                let single = (rows == 1).then(|| LinearCase::new("single", features, 1, 1));
                measure(single.as_ref().unwrap_or(&full), rows);
                done = rows;
            }
        }
    }
}
