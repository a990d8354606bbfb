//! Pipelines against what scikit-learn 1.9 computed (`data/pipeline/make.py`), and from training to codes.
#![cfg(all(feature = "csv", feature = "train"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeMap;

use serde::Deserialize;
use tenebra_models::data::{CsvSpec, DataSet, Table, TargetColumn, read_csv, read_words};
use tenebra_models::{Model, Pipeline, QuantizeOptions, quantize};

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    step: String,
    fit: Vec<Vec<Option<f64>>>,
    other: Vec<Vec<Option<f64>>>,
    target: Option<Vec<String>>,
    weights: Option<Vec<f64>>,
    tolerance: f64,
    expected: Vec<Vec<Option<f64>>>,
}

fn table(rows: &[Vec<Option<f64>>]) -> Table {
    let names = (0..rows[0].len()).map(|at| format!("c{at}")).collect();
    let cells = rows.iter().flatten().map(|cell| cell.unwrap_or(f64::NAN));
    Table::new(names, cells.collect()).unwrap()
}

/// The model behind the steps takes anything: a tree splits missing values, and regressions and classes alike.
fn model_for(case: &Case) -> &'static str {
    match &case.target {
        Some(target) if target.iter().all(|y| y.parse::<i64>().is_ok()) => {
            "gradient-boosting-classifier(n_estimators=1)"
        }
        _ => "decision-tree-regressor(max_depth=1)",
    }
}

#[test]
fn transformers_are_those_of_scikit_learn() {
    let recorded: Recorded =
        serde_json::from_str(include_str!("data/pipeline/transformers.json")).unwrap();
    assert_eq!(recorded.cases.len(), 81);
    for case in &recorded.cases {
        let fit = table(&case.fit);
        let rows = fit.n_rows();
        let cells = case.target.clone();
        let cells = cells.unwrap_or_else(|| (0..rows).map(|row| (row % 7).to_string()).collect());
        let name = "y".to_owned();
        let data = DataSet {
            table: fit,
            targets: vec![TargetColumn { name, cells }],
            weights: case.weights.clone(),
        };
        let text = format!("{} | {}", case.step, model_for(case));
        let pipeline: Pipeline = text.parse().unwrap();
        let trained = pipeline.fit(&data, &BTreeMap::new());
        let model = trained.unwrap_or_else(|e| panic!("{text}: {e}")).model;
        let Model::Pipeline(model) = &model else {
            panic!("a pipeline")
        };
        let (a, b) = (&data.table, table(&case.other));
        let found: Vec<Vec<f64>> = [a, &b]
            .iter()
            .flat_map(|table| table.rows())
            .map(|row| model.features_of(row).unwrap())
            .collect();
        assert_eq!(found.len(), case.expected.len());
        for (row, (found, expected)) in found.iter().zip(&case.expected).enumerate() {
            assert_eq!(found.len(), expected.len(), "{}: row {row}", case.step);
            for (at, (x, y)) in found.iter().zip(expected).enumerate() {
                let near = match y {
                    None => x.is_nan(),
                    Some(y) => (x - y).abs() <= case.tolerance * y.abs().max(1.0),
                };
                assert!(near, "{}: row {row}, {at}: {x}, not {y:?}", case.step);
            }
        }
    }
}

const CSV: &str = include_str!("data/pipeline/people.csv");

fn trained(pipeline: &str) -> (Model, DataSet) {
    let mut spec = CsvSpec::with_target("bought");
    spec.words = read_words(CSV.as_bytes(), &spec).unwrap();
    let data = read_csv(CSV.as_bytes(), &spec).unwrap();
    let pipeline: Pipeline = pipeline.parse().unwrap();
    let model = pipeline.fit(&data, &spec.words).unwrap().model;
    (model, data)
}

const PIPELINES: [&str; 6] = [
    "simple-imputer(strategy=most_frequent) | ordinal-encoder[words] | standard-scaler | decision-tree",
    "column-transformer(numbers: simple-imputer | standard-scaler; words: one-hot-encoder) | logistic-regression",
    "column-transformer(numbers: simple-imputer | power-transformer; words: one-hot-encoder(drop=first)) | random-forest(n_estimators=5)",
    "one-hot-encoder[words] | simple-imputer | pca(3) | logistic-regression(C=0.5)",
    "one-hot-encoder[words] | simple-imputer | quantile-transformer[age] | polynomial-features | select-k-best(6) | gradient-boosting(n_estimators=5)",
    "one-hot-encoder[words] | simple-imputer | k-bins-discretizer(3)[age, income] | min-max-scaler(clip=true) | decision-tree",
];

#[test]
fn pipelines_read_back_and_quantize_to_the_same_function() {
    for text in PIPELINES {
        let (model, data) = trained(text);
        let json = model.to_json().unwrap();
        assert_eq!(Model::from_json(&json).unwrap(), model, "{text}");
        let quantized = quantize(&model, Some(&data.table), &QuantizeOptions::default()).unwrap();
        let circuit = quantized.circuit();
        let interface = quantized.interface();
        let Model::Pipeline(pipeline) = &model else {
            panic!("a pipeline")
        };
        assert!(interface.steps.len() <= pipeline.before.steps.len());
        let mut agreeing = 0;
        for row in data.table.rows() {
            let float = model.predict(row).unwrap();
            let codes = quantized.encode(row).unwrap().codes;
            let found = quantized.decode(&tenebra_sim::run(circuit, &codes).unwrap());
            agreeing += usize::from(found.unwrap().class == float.class);
        }
        let rows = data.table.n_rows();
        assert!(agreeing * 100 >= rows * 97, "{text}: {agreeing} of {rows}");
    }
}

#[test]
fn affine_steps_and_imputation_cost_the_client_nothing() {
    for (text, steps) in [
        (
            "ordinal-encoder[words] | simple-imputer | standard-scaler | min-max-scaler | logistic-regression",
            2,
        ),
        (
            "ordinal-encoder[words] | simple-imputer | standard-scaler | power-transformer | random-forest(n_estimators=5)",
            2,
        ),
    ] {
        let (model, data) = trained(text);
        let quantized = quantize(&model, Some(&data.table), &QuantizeOptions::default()).unwrap();
        // What is left are the codes of the two columns of words, at most.
        assert!(
            quantized.steps.len() <= steps,
            "{text}: {:?}",
            quantized.steps
        );
        let float = data
            .table
            .rows()
            .map(|row| model.predict(row).unwrap().class);
        let circuit = quantized.circuit();
        let folded = data.table.rows().map(|row| {
            let codes = quantized.encode(row).unwrap().codes;
            let outputs = tenebra_sim::run(circuit, &codes).unwrap();
            quantized.decode(&outputs).unwrap().class
        });
        let differ = float.zip(folded).filter(|(a, b)| a != b).count();
        assert!(differ * 100 <= data.table.n_rows() * 3, "{text}: {differ}");
    }
}

#[test]
fn errors_name_the_step_the_column_and_the_mend() {
    for (text, expected) in [
        (
            "standard-scaler | logistic-regression",
            "column `city` holds words, and standard-scaler takes numbers",
        ),
        (
            "simple-imputer[age] | logistic-regression",
            "column `city` holds words, and LogisticRegression takes numbers",
        ),
        (
            "pca(2)[age, income] | decision-tree",
            "row 5, column `age` is missing, and PCA takes complete rows; put `simple-imputer`",
        ),
        (
            "one-hot-encoder[words] | simple-imputer | pca(99) | logistic-regression",
            "`n_components` = 99 must be a whole number up to",
        ),
        (
            "pca(2)[hight] | logistic-regression",
            "column-transformer has no column `hight`; its columns: `age`, `income`",
        ),
        (
            "one-hot-encoder[words] | simple-imputer | variance-threshold(1e12) | logistic-regression",
            "no variance is above 1000000000000",
        ),
    ] {
        let mut spec = CsvSpec::with_target("bought");
        spec.words = read_words(CSV.as_bytes(), &spec).unwrap();
        let data = read_csv(CSV.as_bytes(), &spec).unwrap();
        let pipeline: Pipeline = text.parse().unwrap();
        let error = pipeline.fit(&data, &spec.words).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn hostile_files_are_refused() {
    let (model, _) = trained(PIPELINES[1]);
    let json = model.to_json().unwrap();
    for (from, to) in [
        ("\"n_features\":4,", "\"n_features\":3,"),
        ("\"op\":\"fill\",\"from\":", "\"op\":\"fill\",\"from\":99"),
        ("\"scale\":", "\"scale\":0,\"no_scale\":"),
        ("\"kind\":\"linear\"", "\"kind\":\"pipeline\""),
        ("\"op\":\"equals\"", "\"op\":\"evil\""),
        ("\"features\":[", "\"features\":[0,"),
        ("\"words\":{\"2\"", "\"words\":{\"77\""),
    ] {
        assert!(json.contains(from), "{from} in {json}");
        let text = json.replacen(from, to, 1);
        assert!(Model::from_json(&text).is_err(), "{to}");
    }
}
