//! Coefficients of trained models against scikit-learn's, recorded in `tests/data/coefficients.json`.

extern crate alloc;

use alloc::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tenebra_models::data::{CsvSpec, read_csv_file};
use tenebra_models::{Estimator, Model};

#[derive(Deserialize)]
struct Recorded {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    estimator: String,
    data: String,
    targets: Vec<String>,
    weight: Option<String>,
    #[serde(default)]
    drop: Vec<String>,
    params: BTreeMap<String, String>,
    coef: Vec<Vec<f64>>,
    intercept: Vec<f64>,
}

/// Largest difference, in units of the largest recorded coefficient where that exceeds 1.
fn distance(found: &[Vec<f64>], recorded: &[Vec<f64>]) -> f64 {
    assert_eq!(
        found.iter().map(Vec::len).collect::<Vec<_>>(),
        recorded.iter().map(Vec::len).collect::<Vec<_>>()
    );
    let largest = recorded
        .iter()
        .flatten()
        .fold(1.0, |a: f64, x| a.max(x.abs()));
    found
        .iter()
        .flatten()
        .zip(recorded.iter().flatten())
        .fold(0.0, |a: f64, (x, y)| a.max((x - y).abs()))
        / largest
}

#[test]
fn coefficients_are_scikit_learns() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let text = std::fs::read_to_string(folder.join("coefficients.json")).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    let mut worst = Vec::new();
    for (name, case) in &recorded.cases {
        let spec = CsvSpec {
            targets: case.targets.clone(),
            weight: case.weight.clone(),
            drop: case.drop.clone(),
            ..CsvSpec::default()
        };
        let data = read_csv_file(&folder.join(&case.data), &spec).unwrap();
        let mut estimator = Estimator::new(&case.estimator).unwrap();
        for (param, value) in &case.params {
            estimator.set(param, value).unwrap();
        }
        let trained = estimator
            .fit(&data)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(trained.warning, None, "{name}");
        let Model::Linear(model) = trained.model else {
            panic!("{name} is not linear")
        };
        let distance = distance(&model.coef, &case.coef).max(self::distance(
            core::slice::from_ref(&model.intercept),
            core::slice::from_ref(&case.intercept),
        ));
        println!("{name}: {distance:.1e}");
        if distance > 1e-4 {
            worst.push((name, distance));
        }
    }
    assert!(worst.is_empty(), "beyond 1e-4: {worst:?}");
    assert!(recorded.cases.len() >= 10);
}
