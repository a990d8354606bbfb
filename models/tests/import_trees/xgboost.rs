//! XGBoost models of three versions against the predictions that XGBoost recorded.

use std::path::Path;

use super::expected::{Expected, assert_close, assert_enough, assert_same_leaves, cases, folder};
use tenebra_models::Model;
use tenebra_models::forest::ForestModel;
use tenebra_models::import::{Imported, Iterations, xgboost};

/// XGBoost adds leaves and takes links in single precision; 30 trees round more often than the few of the recorded models.
const TOLERANCE: f64 = 4e-6;

fn imported(path: &Path, iterations: Iterations) -> Imported {
    xgboost::read(&std::fs::read(path).unwrap(), iterations)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What was recorded of early stopping are the predictions of its best iterations.
fn forest(path: &Path) -> ForestModel {
    let early = path.to_str().unwrap().contains("early_stopping");
    let iterations = if early {
        Iterations::Best
    } else {
        Iterations::Library
    };
    match imported(path, iterations).model {
        Model::Forest(forest) => forest,
        other => panic!("{}: {other:?}", path.display()),
    }
}

#[test]
fn every_recorded_model_predicts_as_xgboost_does() {
    let cases = cases("xgboost", &["json", "ubj"]);
    assert_enough(cases.len(), 41);
    for (path, expected) in cases {
        let model = forest(&path);
        let expected = Expected::read(&expected);
        let rows = expected.lists("rows").unwrap();
        for (row, (features, want)) in rows
            .iter()
            .zip(expected.lists("margins").unwrap())
            .enumerate()
        {
            let got = model.decision_function(features).unwrap();
            assert_close(&path, "margin", row, &got, &want, TOLERANCE);
        }
        for (row, (features, want)) in rows
            .iter()
            .zip(expected.lists("predictions").unwrap())
            .enumerate()
        {
            let got = model.predict(features).unwrap();
            // `multi:softmax` and `binary:hinge` predict classes, the other classifiers probabilities.
            let got = match (want.len(), got.class) {
                (1, Some(class))
                    if model.estimator.contains("hinge") || model.classes.len() > 2 =>
                {
                    vec![class as f64]
                }
                _ => got.values,
            };
            assert_close(&path, "prediction", row, &got, &want, TOLERANCE);
        }
        assert_same_leaves(&path, &model, &rows, &expected.lists("leaves").unwrap());
    }
}

#[test]
fn json_and_ubjson_hold_the_same_model() {
    for (path, _) in cases("xgboost", &["ubj"]) {
        let (binary, text) = (forest(&path), forest(&path.with_extension("json")));
        assert_eq!(binary, text, "{}", path.display());
    }
}

#[test]
fn iterations_after_the_best_are_taken_unless_the_writer_leaves_them_out() {
    let path = folder("xgboost").join("early_stopping_parallel.json");
    let trees = |iterations| match imported(&path, iterations).model {
        Model::Forest(forest) => forest.trees.len(),
        other => panic!("{other:?}"),
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let learner = &mut file["learner"];
    let best: usize = learner["attributes"]["best_iteration"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let all = learner["gradient_booster"]["model"]["trees"]
        .as_array()
        .unwrap()
        .len();
    // Three classes, two trees each.
    assert!(6 * (best + 1) < all);
    assert_eq!(trees(Iterations::Library), all);
    assert_eq!(trees(Iterations::All), all);
    assert_eq!(trees(Iterations::Best), 6 * (best + 1));
    assert_eq!(trees(Iterations::First(1)), 6);
    // As scikit-learn's interface writes it, and predicts.
    learner["attributes"]["scikit_learn"] = "{}".into();
    let found = xgboost::read(file.to_string().as_bytes(), Iterations::Library).unwrap();
    assert!(
        found.notes[0].contains("`--iterations all`"),
        "{:?}",
        found.notes
    );
    let Model::Forest(forest) = found.model else {
        panic!("a forest")
    };
    assert_eq!(forest.trees.len(), 6 * (best + 1));
}

#[test]
fn linear_boosters_are_linear_models() {
    let path = folder("xgboost").join("gblinear.json");
    let Model::Linear(model) = imported(&path, Iterations::Library).model else {
        panic!("a linear model")
    };
    let expected = Expected::read(&path.with_extension("linear.json"));
    let rows = expected.lists("rows").unwrap();
    for (field, of) in [("margins", 0), ("predictions", 1)] {
        let lists = expected.lists(field).unwrap();
        for (row, (features, want)) in rows.iter().zip(&lists).enumerate() {
            let got = model.predict(features).unwrap();
            let got = if of == 0 { got.scores } else { got.values };
            assert_close(&path, field, row, &got, want, TOLERANCE);
        }
    }
    assert!(!rows.is_empty());
}
