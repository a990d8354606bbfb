//! How long each linear estimator trains on 100,000 rows of 50 features, with default parameters.
//!
//! `cargo bench -p tenebra-benches --bench training`; under `taskset -c 0` for one core.

use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_benches::machine;
use tenebra_models::data::{DataSet, Table, TargetColumn};
use tenebra_models::{Estimator, Task, estimators};

const ROWS: usize = 100_000;
const FEATURES: usize = 50;

/// About normal: a sum of twelve uniform numbers (Irwin–Hall).
fn normal(rng: &mut impl Rng) -> f64 {
    let uniform = |_| f64::from(rng.next_u32()) / f64::from(u32::MAX);
    (0..12).map(uniform).sum::<f64>() - 6.0
}

/// A table of standard normal features, and a score that is linear in them with noise.
#[expect(clippy::unwrap_used, reason = "the table is ours")]
fn data() -> (Table, Vec<f64>) {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let weights: Vec<f64> = (0..FEATURES).map(|_| 0.2 * normal(&mut rng)).collect();
    let mut values = Vec::with_capacity(ROWS * FEATURES);
    let scores = (0..ROWS).map(|_| {
        let row: Vec<f64> = (0..FEATURES).map(|_| normal(&mut rng)).collect();
        let score: f64 = row.iter().zip(&weights).map(|(x, w)| x * w).sum();
        values.extend(row);
        score + 0.5 * normal(&mut rng)
    });
    let scores = scores.collect();
    (Table::from_rows(FEATURES, values).unwrap(), scores)
}

/// Targets that the estimator takes: signs, amounts, or numbers.
fn target(name: &str, task: Task, scores: &[f64]) -> TargetColumn {
    let positive = ["PoissonRegressor", "GammaRegressor"].contains(&name);
    let cell = |score: &f64| match task {
        Task::Classification => u8::from(*score > 0.0).to_string(),
        Task::Regression if positive => (0.3 * score).exp().to_string(),
        Task::Regression => score.to_string(),
    };
    TargetColumn {
        name: "y".to_owned(),
        cells: scores.iter().map(cell).collect(),
    }
}

/// Linear estimators come first in the list; trees follow.
fn is_linear(name: &str) -> bool {
    !["Tree", "Forest", "Boosting", "Additive"]
        .iter()
        .any(|part| name.contains(part))
}

#[expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the table is the output, and a bench that fails should stop"
)]
fn main() {
    println!("{}", machine());
    println!(
        "{ROWS} rows of {FEATURES} standard normal features, default parameters, one run each:"
    );
    let (table, scores) = data();
    for info in estimators().filter(|info| is_linear(info.name)) {
        let data = DataSet {
            table: table.clone(),
            targets: vec![target(info.name, info.task, &scores)],
            weights: None,
        };
        let start = Instant::now();
        let trained = Estimator::new(info.name).unwrap().fit(&data).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let warning = trained.warning.map(|text| format!("  ({text})"));
        println!(
            "{:<20} {seconds:>7.2} s{}",
            info.name,
            warning.unwrap_or_default()
        );
    }
}
