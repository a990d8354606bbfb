//! LightGBM models against the predictions that LightGBM recorded.

use super::expected::{Expected, assert_close, assert_enough, assert_same_leaves, cases, folder};
use tenebra_models::Model;
use tenebra_models::forest::ForestModel;
use tenebra_models::import::Iterations;
use tenebra_models::import::lightgbm::{self, LightgbmError};

/// Both add leaves in double precision, perhaps in another order.
const TOLERANCE: f64 = 1e-12;

fn read(path: &std::path::Path) -> Result<ForestModel, LightgbmError> {
    let text = std::fs::read_to_string(path).unwrap();
    match lightgbm::read(&text, Iterations::Library)?.model {
        Model::Forest(forest) => Ok(forest),
        other => panic!("{}: {other:?}", path.display()),
    }
}

#[test]
fn every_recorded_model_predicts_as_lightgbm_does() {
    let cases = cases("lightgbm", &["txt"]);
    assert_enough(cases.len(), 18);
    for (path, expected) in cases {
        let model = read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected = Expected::read(&expected);
        let rows = expected.lists("rows").unwrap();
        let scores = expected.lists("margins").unwrap();
        let predictions = expected.lists("predictions").unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // The sigmoid's steepness is in the leaves, and so in the scores.
        let factor = if name == "binary_sigmoid" { 2.5 } else { 1.0 };
        // LightGBM's raw scores of a random forest are sums, its predictions are made of means.
        let rounds = if name == "binary_random_forest" {
            5.0
        } else {
            1.0
        };
        for (row, features) in rows.iter().enumerate() {
            let got = model.predict(features).unwrap();
            let score: Vec<f64> = scores[row]
                .iter()
                .map(|score| score * factor / rounds)
                .collect();
            assert_close(&path, "score", row, &got.scores, &score, TOLERANCE);
            assert_close(
                &path,
                "prediction",
                row,
                &got.values,
                &predictions[row],
                TOLERANCE,
            );
        }
        assert_same_leaves(&path, &model, &rows, &expected.lists("leaves").unwrap());
    }
}

#[test]
fn what_is_not_a_link_of_sums_of_constants_is_refused_by_name() {
    let read = |name: &str| read(&folder("lightgbm").join(name));
    let error = read("refused_linear.txt").unwrap_err();
    assert_eq!(error, LightgbmError::LinearTree { tree: 0 });
    let error = read("refused_sqrt.txt").unwrap_err();
    assert_eq!(
        error,
        LightgbmError::Objective {
            objective: "regression sqrt".to_owned(),
            instead: "train with `reg_sqrt=false`, or on square roots that you take yourself",
        }
    );
}
