//! Tree ensembles in ONNX against onnxruntime, and against the library that trained them.

use super::expected::{Expected, assert_close, assert_enough, cases, folder};
use tenebra_models::Model;
use tenebra_models::forest::ForestModel;
use tenebra_models::import::onnx;

/// onnxruntime adds leaves and takes links in single precision.
const TOLERANCE: f64 = 2e-6;

fn read(name: &std::path::Path) -> ForestModel {
    match onnx::read(&std::fs::read(name).unwrap()) {
        Ok(Model::Forest(forest)) => forest,
        other => panic!("{}: {other:?}", name.display()),
    }
}

/// The class by number, or its place where classes are words.
fn label(model: &ForestModel, class: usize) -> f64 {
    model.classes[class].parse().unwrap_or(class as f64)
}

/// How far the scores are from a tie between classes.
fn gap(values: &[f64]) -> f64 {
    let mut sorted = match values {
        [p] => vec![*p, 1.0 - *p],
        values => values.to_vec(),
    };
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted[0] - sorted[1]
}

#[test]
fn every_recorded_model_predicts_as_onnxruntime_and_its_library_do() {
    let cases = cases("onnx", &["onnx"]);
    assert_enough(cases.len(), 36);
    for (path, expected) in cases {
        let model = read(&path);
        let expected = Expected::read(&expected);
        let rows = expected.lists("rows").unwrap();
        let margins = expected.lists("margins");
        let predictions: Vec<_> = rows
            .iter()
            .map(|row| {
                model
                    .predict(row)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            })
            .collect();
        for (row, (got, want)) in predictions.iter().zip(margins.iter().flatten()).enumerate() {
            let got = match (got.values.as_slice(), want.len()) {
                // Two columns from one score: a probability and its complement.
                (&[p], 2) => vec![1.0 - p, p],
                (values, _) => values.to_vec(),
            };
            assert_close(&path, "score", row, &got, want, TOLERANCE);
        }
        for field in ["labels", "library"] {
            for (row, (got, want)) in predictions
                .iter()
                .zip(expected.lists(field).iter().flatten())
                .enumerate()
            {
                // Equal scores in one precision are not so in another.
                if got.class.is_some() && gap(&got.values) < TOLERANCE {
                    continue;
                }
                let got = got
                    .class
                    .map_or_else(|| got.values.clone(), |class| vec![label(&model, class)]);
                assert_close(&path, field, row, &got, want, TOLERANCE);
            }
        }
        assert!(
            margins.is_some() || expected.lists("library").is_some(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn class_labels_come_along() {
    let model = read(&folder("onnx").join("tree_multi_words.onnx"));
    assert_eq!(model.classes, ["ash", "birch", "cedar"]);
}

#[test]
fn missing_values_are_scored_only_where_the_model_learned_them() {
    let row = vec![f64::NAN; 30];
    let predict = |name: &str| read(&folder("onnx").join(name)).predict(&row);
    assert!(predict("lightgbm_binary_missing.onnx").is_ok());
    // skl2onnx writes no directions, whether the tree was trained with missing values or not.
    assert!(predict("tree_missing.onnx").is_err());
    assert!(predict("tree_binary.onnx").is_err());
}

#[test]
fn what_is_no_sum_of_leaves_is_refused_by_name() {
    let error = |name: &str| {
        onnx::read(&std::fs::read(folder("onnx").join(name)).unwrap())
            .unwrap_err()
            .to_string()
    };
    assert!(error("refused_minimum.onnx").contains("aggregate_function MIN is not supported"));
    assert!(
        error("refused_softmax_zero.onnx").contains("post_transform SOFTMAX_ZERO is not supported")
    );
}
