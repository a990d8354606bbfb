//! The branching scheme, step by step.

use core::hint::black_box;
use core::time::Duration;

use criterion::{BenchmarkId, Criterion};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::{BranchingCase, machine, shapes};
use tenebra_circuit::QueryMode;
use tenebra_client::{ClientKey, ClientSpec};

/// Each shape with direct and with packed queries.
fn cases() -> Vec<BranchingCase> {
    let modes = [QueryMode::Direct, QueryMode::Packed];
    let cases = shapes()
        .into_iter()
        .flat_map(|(name, shape)| modes.map(|mode| BranchingCase::new(name, shape, mode)));
    cases.collect()
}

#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn bench(criterion: &mut Criterion, case: &BranchingCase) {
    let spec = case.spec();
    let key = case.key();
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let key_file = spec.evaluation_key_file(&key, &mut rng).unwrap();
    let evaluation_key = key_file
        .as_ref()
        .map(|file| case.program.prepare_key(spec.id(), file).unwrap());
    let query = spec.encrypt_codes(&key, &case.codes, &mut rng).unwrap();
    let evaluate = |query: &[u8]| {
        let evaluated = case
            .program
            .evaluate(spec.id(), evaluation_key.as_ref(), query);
        evaluated.unwrap()
    };
    let response = evaluate(&query);
    let integers = spec.decrypt_rows(&key, &response).unwrap().concat();
    let simulated = tenebra_sim::run(&case.circuit, &case.codes).unwrap();
    assert_eq!(
        integers, simulated,
        "encrypted and simulated integers differ"
    );

    let mut measure = |op: &str, backend: &str, work: &mut dyn FnMut()| {
        let mut group = criterion.benchmark_group(op);
        group.bench_function(BenchmarkId::new(backend, &case.name), |bencher| {
            bencher.iter(&mut *work)
        });
        group.finish();
    };
    bench_keys(&mut measure, case, &spec, &key, key_file.as_deref());
    let mut scratch = vec![0; spec.scratch_len(1).unwrap()];
    let mut out = query.clone();
    let mut decrypted = vec![0; integers.len()];
    measure("encrypt", "client", &mut || {
        spec.encrypt(
            &key,
            black_box(&case.codes),
            &mut rng,
            &mut scratch,
            &mut out,
        )
        .unwrap();
    });
    measure("evaluate", "sim", &mut || {
        black_box(tenebra_sim::run(&case.circuit, black_box(&case.codes)).unwrap());
    });
    // Reading, expanding and evaluating a query, to the bytes of a response.
    measure("evaluate", "tfhe", &mut || {
        black_box(evaluate(black_box(&query)));
    });
    measure("decrypt", "client", &mut || {
        black_box(
            spec.decrypt(&key, black_box(&response), &mut decrypted)
                .unwrap(),
        );
    });
}

#[expect(clippy::unwrap_used, reason = "a bench that fails should stop")]
fn bench_keys(
    measure: &mut impl FnMut(&str, &str, &mut dyn FnMut()),
    case: &BranchingCase,
    spec: &ClientSpec<'_>,
    key: &ClientKey,
    key_file: Option<&[u8]>,
) {
    let mut rng = ChaCha20Rng::from_seed([10; 32]);
    measure("keygen", "client", &mut || {
        black_box(ClientKey::generate(spec, &mut rng));
    });
    let Some(file) = key_file else { return };
    measure("evaluation_key", "client", &mut || {
        black_box(spec.evaluation_key_file(key, &mut rng).unwrap());
    });
    measure("prepare_key", "tfhe", &mut || {
        black_box(
            case.program
                .prepare_key(spec.id(), black_box(file))
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
