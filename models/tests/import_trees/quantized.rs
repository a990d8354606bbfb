//! Recorded models on codes: with their own cut points each row reaches the leaves of the float model, which the other tests
//! hold to its library's.

use super::expected::{Expected, assert_enough, cases};
use tenebra_models::forest::{Decoys, ForestModel, ForestOptions, quantize_forest};
use tenebra_models::import;
use tenebra_models::{Model, QuantizedModel};

fn read(path: &std::path::Path) -> ForestModel {
    match import::read(&std::fs::read(path).unwrap(), None) {
        Ok(Model::Forest(forest)) => forest,
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// Rows that the float model refuses are left out; returns how many were compared.
fn assert_exact(
    case: &str,
    model: &ForestModel,
    quantized: &QuantizedModel,
    bounds: &[f64],
    rows: &[Vec<f64>],
) -> usize {
    let mut compared = 0;
    for (index, row) in rows.iter().enumerate() {
        let Ok(want) = model.predict(row) else {
            continue;
        };
        let codes = quantized.encode(row).unwrap();
        let outputs = tenebra_sim::run(quantized.circuit(), &codes.codes).unwrap();
        let got = quantized.decode(&outputs).unwrap();
        for ((got, want), bound) in got.scores.iter().zip(&want.scores).zip(bounds) {
            let allowed = bound + 1e-9 * want.abs().max(1.0);
            assert!(
                (got - want).abs() <= allowed,
                "{case}: row {index}: {got} instead of {want}"
            );
        }
        compared += 1;
    }
    compared
}

/// Leaf values of a model differ by more than the error of 22 bits, so that scores within it come of the same leaves.
#[test]
fn every_recorded_model_decides_the_same_on_codes() {
    let libraries = [("xgboost", "json"), ("lightgbm", "txt"), ("onnx", "onnx")];
    let (mut found, mut compared) = (0, 0);
    for (library, extension) in libraries {
        for (path, expected) in cases(library, &[extension]) {
            let case = path.display().to_string();
            let model = read(&path);
            let rows = Expected::read(&expected).lists("rows").unwrap();
            for bits in [None, Some(0), Some(1)] {
                let options = ForestOptions {
                    leaf_bits: Some(22),
                    decoys: bits.map(|bits| Decoys { bits, seed: 5 }),
                    ..ForestOptions::default()
                };
                let (quantized, report) = quantize_forest(&model, None, &options).unwrap();
                compared +=
                    assert_exact(&case, &model, &quantized, &report.leaf_error_bound, &rows);
            }
            found += 1;
        }
    }
    assert_enough(found, 90);
    assert!(compared > 50 * found, "{compared} rows of {found} models");
}
