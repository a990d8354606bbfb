//! XGBoost models of three versions against the predictions that XGBoost recorded.

use super::expected::{Expected, assert_close, assert_enough, assert_same_leaves, cases, folder};
use tenebra_models::import::xgboost::{self, XgboostError};

/// XGBoost adds leaves and takes links in single precision; 30 trees round more often than the few of the recorded models.
const TOLERANCE: f64 = 4e-6;

#[test]
fn every_recorded_model_predicts_as_xgboost_does() {
    let cases = cases("xgboost", &["json", "ubj"]);
    assert_enough(cases.len(), 41);
    for (path, expected) in cases {
        let model = xgboost::read(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
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
        let binary = xgboost::read(&std::fs::read(&path).unwrap()).unwrap();
        let text = xgboost::read(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(binary, text, "{}", path.display());
    }
}

#[test]
fn categorical_splits_and_linear_boosters_are_refused_by_name() {
    let read = |name: &str| xgboost::read(&std::fs::read(folder("xgboost").join(name)).unwrap());
    let error = read("refused_categorical.json").unwrap_err();
    assert!(
        matches!(
            error,
            XgboostError::Categorical {
                tree: 0,
                node: 0,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("one-hot encode"), "{error}");
    let error = read("refused_gblinear.json").unwrap_err();
    assert!(
        matches!(&error, XgboostError::Booster { name } if name == "gblinear"),
        "{error}"
    );
}
