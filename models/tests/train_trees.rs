//! Trained trees against scikit-learn and XGBoost on the same rows, and what must hold whatever the data.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tenebra_models::data::{CsvSpec, DataSet, read_csv_file};
use tenebra_models::{Estimator, Model};

fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn read(file: &str, target: &str) -> DataSet {
    let path = data_folder().join(format!("{file}.csv"));
    read_csv_file(&path, &CsvSpec::with_target(target)).unwrap()
}

fn train(estimator: &str, data: &DataSet, params: &[(&str, &str)]) -> Model {
    let mut estimator = Estimator::new(estimator).unwrap();
    for (name, value) in params {
        estimator.set(name, value).unwrap();
    }
    estimator.fit(data).unwrap().model
}

/// The values of a prediction as the libraries give them: for one score of two classes the probability of the second.
fn predictions(model: &Model, data: &DataSet) -> Vec<Vec<f64>> {
    data.table
        .rows()
        .map(|row| model.predict(row).unwrap().values)
        .collect()
}

#[test]
fn models_are_those_of_scikit_learn_and_xgboost() {
    let mut cases = 0;
    for entry in std::fs::read_dir(data_folder().join("forest/training")).unwrap() {
        let path = entry.unwrap().path();
        let record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let mut data = read(&text("file"), &text("target"));
        if path.to_str().unwrap().contains("missing") {
            let values = data
                .table
                .values()
                .iter()
                .map(|&x| if x == 0.0 { f64::NAN } else { x });
            data.table =
                tenebra_models::data::Table::new(data.table.columns().to_vec(), values.collect())
                    .unwrap();
        }
        let params: Vec<(String, String)> = record["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| {
                (
                    name.clone(),
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                )
            })
            .collect();
        let params: Vec<(&str, &str)> = params
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let got = predictions(&train(&text("estimator"), &data, &params), &data);
        let want = record["predictions"].as_array().unwrap();
        assert_eq!(got.len(), want.len());
        for (row, (got, want)) in got.iter().zip(want).enumerate() {
            let want: Vec<f64> = match want {
                Value::Array(values) => values.iter().map(|v| v.as_f64().unwrap()).collect(),
                scalar => vec![scalar.as_f64().unwrap()],
            };
            for (got, want) in got.iter().zip(&want) {
                // XGBoost adds gradients in single precision.
                let close = (got - want).abs() <= 1e-4 * want.abs().max(1.0);
                assert!(
                    close,
                    "{}: row {row}: {got} instead of {want}",
                    path.display()
                );
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 10);
}

#[test]
fn seeds_decide_and_nothing_else() {
    let data = read("pima", "diabetes");
    let cases = [
        (
            "RandomForestClassifier",
            vec![("n_estimators", "5"), ("max_depth", "4")],
        ),
        (
            "GradientBoostingClassifier",
            vec![
                ("n_estimators", "5"),
                ("subsample", "0.5"),
                ("colsample_bytree", "0.5"),
            ],
        ),
        (
            "DecisionTreeClassifier",
            vec![("max_features", "sqrt"), ("max_depth", "3")],
        ),
    ];
    for (name, params) in cases {
        let with = |seed: &'static str| {
            let params: Vec<_> = params
                .iter()
                .copied()
                .chain([("random_state", seed)])
                .collect();
            predictions(&train(name, &data, &params), &data)
        };
        assert_eq!(with("1"), with("1"), "{name}");
        assert_ne!(with("1"), with("2"), "{name}");
    }
}

/// Neither overflows where it is large nor vanishes where it is small.
#[test]
fn units_of_weights_and_targets_do_not_matter() {
    let scaled = |file: &str, target: &str, of_target: Option<f64>, of_weights: f64| {
        let mut data = read(file, target);
        if let Some(unit) = of_target {
            for cell in &mut data.targets[0].cells {
                *cell = format!("{:e}", cell.parse::<f64>().unwrap() * unit);
            }
        }
        let weights = (0..data.table.n_rows()).map(|row| of_weights * [1.0, 0.25, 3.0][row % 3]);
        data.weights = Some(weights.collect());
        data
    };
    for (name, file, target) in [
        ("DecisionTreeRegressor", "diabetes", "y"),
        ("RandomForestRegressor", "diabetes", "y"),
        ("DecisionTreeClassifier", "iris", "y"),
    ] {
        let mut params = vec![("max_depth", "3")];
        if name.starts_with("Random") {
            params.push(("n_estimators", "4"));
        }
        let of = |data: &DataSet| predictions(&train(name, data, &params), data);
        let numbers = name.ends_with("Regressor");
        let wanted = of(&scaled(file, target, numbers.then_some(1.0), 1.0));
        assert!(wanted.iter().any(|row| *row != wanted[0]), "{name} is flat");
        // Powers of two, for the rounding of others decides ties.
        for exponent in [-1000, -600, -30, 320, 1000] {
            let unit = f64::from(exponent).exp2();
            let of_target = numbers.then_some(if exponent > 320 { 1.0 } else { unit });
            let got = of(&scaled(file, target, of_target, unit));
            let (got, wanted) = (got.iter().flatten(), wanted.iter().flatten());
            for (got, wanted) in got.zip(wanted) {
                assert_eq!(
                    got / of_target.unwrap_or(1.0),
                    *wanted,
                    "{name}, 2^{exponent}"
                );
            }
        }
    }
}

#[test]
fn a_larger_forest_begins_with_the_smaller_one() {
    let data = read("iris", "y");
    let trees = |n: &str| match train("RandomForestClassifier", &data, &[("n_estimators", n)]) {
        Model::Forest(forest) => forest.parts().trees.clone(),
        other => panic!("{other:?}"),
    };
    let (three, six) = (trees("3"), trees("6"));
    assert_eq!((three.len(), six.len()), (3, 6));
    for (small, large) in three.iter().zip(&six) {
        assert_eq!(
            small.splits().collect::<Vec<_>>(),
            large.splits().collect::<Vec<_>>()
        );
    }
}

#[test]
fn random_forests_learn_iris_and_boosting_learns_from_missing_values() {
    let data = read("iris", "y");
    let accuracy = |model: &Model, data: &DataSet| {
        let rows: Vec<_> = data
            .table
            .rows()
            .map(|row| model.predict(row).unwrap())
            .collect();
        model
            .metric()
            .evaluate(&rows, &data.targets[0], model.classes(), None)
            .unwrap()
    };
    let forest = train(
        "RandomForestClassifier",
        &data,
        &[("n_estimators", "20"), ("max_depth", "3")],
    );
    assert!(accuracy(&forest, &data) > 0.95);
    let mut holes = read("pima", "diabetes");
    let blank = |(at, &x): (usize, &f64)| if at % 5 == 0 { f64::NAN } else { x };
    let values = holes.table.values().iter().enumerate().map(blank).collect();
    holes.table = tenebra_models::data::Table::new(holes.table.columns().to_vec(), values).unwrap();
    for name in [
        "DecisionTreeClassifier",
        "RandomForestClassifier",
        "GradientBoostingClassifier",
    ] {
        let model = train(name, &holes, &[("max_depth", "5")]);
        assert!(
            accuracy(&model, &holes) > 0.8,
            "{name}: {}",
            accuracy(&model, &holes)
        );
    }
}

#[test]
fn several_targets_give_several_outputs() {
    let mut data = read("diabetes", "y");
    let mut second = data.targets[0].clone();
    second.name = "double".to_owned();
    second
        .cells
        .iter_mut()
        .for_each(|cell| *cell = (2.0 * cell.parse::<f64>().unwrap()).to_string());
    data.targets.push(second);
    for name in [
        "DecisionTreeRegressor",
        "RandomForestRegressor",
        "GradientBoostingRegressor",
    ] {
        let params: &[_] = if name.starts_with('D') {
            &[]
        } else {
            &[("n_estimators", "3")]
        };
        for values in predictions(&train(name, &data, params), &data) {
            assert!(
                (values[1] - 2.0 * values[0]).abs() < 1e-6 * values[1].abs(),
                "{name}: {values:?}"
            );
        }
    }
}

#[test]
fn targets_out_of_range_are_named() {
    let mut data = read("diabetes", "y");
    data.targets[0].cells[3] = "0".to_owned();
    let mut estimator = Estimator::new("GradientBoostingRegressor").unwrap();
    estimator.set("objective", "reg:gamma").unwrap();
    let error = estimator.fit(&data).unwrap_err().to_string();
    assert!(
        error.starts_with("row 4: the target 0 is out of range"),
        "{error}"
    );
    estimator.set("objective", "count:poisson").unwrap();
    assert!(estimator.fit(&data).is_ok());
}

#[test]
fn trained_forests_decide_the_same_on_codes() {
    use tenebra_models::forest::{ForestOptions, quantize_forest};
    let data = read("pima", "diabetes");
    for name in [
        "DecisionTreeClassifier",
        "RandomForestClassifier",
        "GradientBoostingClassifier",
    ] {
        let params: &[_] = if name.starts_with('D') {
            &[]
        } else {
            &[("n_estimators", "10"), ("max_depth", "4")]
        };
        let Model::Forest(model) = train(name, &data, params) else {
            panic!("no forest")
        };
        let (quantized, report) =
            quantize_forest(&model, Some(&data.table), &ForestOptions::default()).unwrap();
        for row in data.table.rows() {
            let outputs =
                tenebra_sim::run(quantized.circuit(), &quantized.encode(row).unwrap().codes)
                    .unwrap();
            let (got, want) = (
                quantized.decode(&outputs).unwrap(),
                model.predict(row).unwrap(),
            );
            assert_eq!(got.class, want.class, "{name}");
        }
        assert_eq!(
            report.measured.map(|error| error.changed),
            Some(0),
            "{name}"
        );
    }
}

#[test]
fn additive_models_learn_a_sum_of_functions_and_run_on_codes() {
    use tenebra_models::forest::{ForestOptions, quantize_additive};
    // y = |f2| + 3 f3 of the diabetes features, which no single split says.
    let mut data = read("diabetes", "y");
    let sums: Vec<String> = data
        .table
        .rows()
        .map(|row| (row[2].abs() + 3.0 * row[3]).to_string())
        .collect();
    data.targets[0].cells = sums;
    let params = [
        ("n_estimators", "300"),
        ("learning_rate", "0.1"),
        ("max_bins", "64"),
        ("reg_lambda", "0"),
    ];
    let trained = train("AdditiveRegressor", &data, &params);
    let rows: Vec<_> = data
        .table
        .rows()
        .map(|row| trained.predict(row).unwrap())
        .collect();
    let r2 = trained
        .metric()
        .evaluate(&rows, &data.targets[0], &[], None)
        .unwrap();
    assert!(r2 > 0.99, "{r2}");
    let Model::Additive(model) = &trained else {
        panic!("not additive")
    };
    assert_eq!(
        Model::from_json(&trained.to_json().unwrap()).unwrap(),
        trained
    );
    // What no feature but two says, only their terms say.
    let spread = |feature: usize| {
        let values = model.terms[feature].values.iter().map(|v| v[0]);
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    };
    assert!(spread(3) > 20.0 * spread(0), "{} {}", spread(3), spread(0));
    let (quantized, report) =
        quantize_additive(model, Some(&data.table), &ForestOptions::default()).unwrap();
    for (row, want) in data.table.rows().zip(&rows) {
        let outputs =
            tenebra_sim::run(quantized.circuit(), &quantized.encode(row).unwrap().codes).unwrap();
        let got = quantized.decode(&outputs).unwrap().scores[0];
        assert!((got - want.scores[0]).abs() <= report.leaf_error_bound[0] + 1e-9);
    }
    assert!(report.measured.unwrap().relative <= 1e-3);
}

#[test]
fn additive_classifiers_take_several_classes_and_missing_values() {
    let mut data = read("iris", "y");
    let blank = |(at, &x): (usize, &f64)| if at % 11 == 0 { f64::NAN } else { x };
    let values = data.table.values().iter().enumerate().map(blank).collect();
    data.table = tenebra_models::data::Table::new(data.table.columns().to_vec(), values).unwrap();
    let model = train("AdditiveClassifier", &data, &[]);
    let rows: Vec<_> = data
        .table
        .rows()
        .map(|row| model.predict(row).unwrap())
        .collect();
    let accuracy = model
        .metric()
        .evaluate(&rows, &data.targets[0], model.classes(), None)
        .unwrap();
    assert!(accuracy > 0.95, "{accuracy}");
}
