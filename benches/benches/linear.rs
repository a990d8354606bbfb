//! The linear scheme, step by step.

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::{LinearCase, machine};

/// Shapes of logistic regressions on breast cancer and digits, and the first with a full batch; the same with the model hidden.
fn cases() -> [LinearCase; 6] {
    [
        LinearCase::new("logreg_bc", 30, 1, 1),
        LinearCase::new("logreg_digits", 64, 10, 1),
        LinearCase::new("logreg_bc", 30, 1, 1000),
        LinearCase::hidden("logreg_bc", 30, 1, 1),
        LinearCase::hidden("logreg_digits", 64, 10, 1),
        LinearCase::hidden("logreg_bc", 30, 1, 1000),
    ]
}

#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn bench(criterion: &mut Criterion, case: &LinearCase) {
    let spec = case.spec();
    let key = case.key();
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let width = spec.input_count();
    let mut codes = vec![0; case.rows.len() * width];
    for (row, codes) in case.rows.iter().zip(codes.chunks_exact_mut(width)) {
        spec.quantize(row, codes).unwrap();
    }
    let query = spec.encrypt_codes(&key, &codes, &mut rng).unwrap();
    let public = case.public_key(&key);
    let public = public.as_ref();
    let response = case.program.evaluate(spec.id(), public, &query).unwrap();
    let integers = spec.decrypt_rows(&key, &response).unwrap().concat();
    let simulate = || {
        codes
            .chunks(width)
            .flat_map(|row| tenebra_sim::run(&case.circuit, row).unwrap())
    };
    assert_eq!(
        integers,
        simulate().collect::<Vec<_>>(),
        "encrypted and simulated integers differ"
    );

    let mut measure = |op: &str, backend: &str, work: &mut dyn FnMut()| {
        let mut group = criterion.benchmark_group(op);
        group.throughput(Throughput::Elements(case.rows.len() as u64));
        group.bench_function(BenchmarkId::new(backend, &case.name), |bencher| {
            bencher.iter(&mut *work)
        });
        group.finish();
    };
    let mut scratch = vec![0; spec.scratch_len(case.rows.len()).unwrap()];
    let mut out = query.clone();
    let mut decrypted = vec![0; integers.len()];
    let mut row_codes = vec![0; width];
    measure("quantize", "client", &mut || {
        for row in &case.rows {
            black_box(spec.quantize(black_box(row), &mut row_codes).unwrap());
        }
    });
    measure("encrypt", "client", &mut || {
        spec.encrypt(&key, black_box(&codes), &mut rng, &mut scratch, &mut out)
            .unwrap();
    });
    measure("evaluate", "sim", &mut || {
        black_box(simulate().fold(0, i64::wrapping_add));
    });
    measure("evaluate", "tfhe", &mut || {
        black_box(
            case.program
                .evaluate(spec.id(), public, black_box(&query))
                .unwrap(),
        );
    });
    measure("decrypt", "client", &mut || {
        black_box(
            spec.decrypt(&key, black_box(&response), &mut decrypted)
                .unwrap(),
        );
    });
}

#[expect(clippy::print_stderr, reason = "the header of the report")]
fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let cases = cases();
    eprintln!("{}", machine());
    cases.iter().for_each(|case| eprintln!("{}", case.plan()));
    cases.iter().for_each(|case| bench(&mut criterion, case));
    criterion.final_summary();
}
