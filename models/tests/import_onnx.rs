//! ONNX files against the answers of onnxruntime and scikit-learn; see `tests/data/onnx/README.md`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use tenebra_models::data::{CsvSpec, read_csv_file};
use tenebra_models::import::onnx;
use tenebra_models::{Model, Prediction};

#[derive(Deserialize)]
struct Expected {
    cases: BTreeMap<String, Case>,
}

/// Empty for a file that must be refused.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    rows: Vec<Vec<f64>>,
    /// Per output of the graph, a list per row.
    #[serde(default)]
    answers: Vec<Vec<Vec<Answer>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Number(f64),
    Word(String),
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/onnx")
        .join(name)
}

fn read(name: &str) -> Result<Model, onnx::OnnxError> {
    onnx::read(&std::fs::read(file(&format!("{name}.onnx"))).unwrap())
}

fn label(model: &Model, prediction: &Prediction) -> String {
    model.classes()[prediction.class.unwrap()].clone()
}

/// Single precision, through a link.
fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 2e-5 * expected.abs().max(1.0)
}

fn check(name: &str, model: &Model, case: &Case) {
    for (at, row) in case.rows.iter().enumerate() {
        let prediction = model.predict(row).unwrap();
        let mut answers = case.answers.iter();
        if let Some(class) = prediction.class
            && case.answers[0][at].len() == 1
            && (case.answers.len() == 2 || name.contains("arg_max"))
        {
            let expected = match &answers.next().unwrap()[at][0] {
                Answer::Word(word) => word.clone(),
                Answer::Number(number) => format!("{number}"),
            };
            assert_eq!(model.classes()[class], expected, "{name}, row {at}");
        }
        // onnxruntime gives the scores of a support vector machine with the signs swapped, and Platt's probabilities
        // of another threshold than its labels.
        let Some(values) = answers.next().filter(|_| !name.starts_with("svc")) else {
            continue;
        };
        let expected = values[at].iter().map(|answer| match answer {
            Answer::Number(number) => *number,
            Answer::Word(word) => panic!("{name}: {word} is no number"),
        });
        let expected: Vec<f64> = expected.collect();
        // One score for two classes is that of the second.
        let expected = &expected[expected.len() - prediction.values.len()..];
        let fits = prediction
            .values
            .iter()
            .zip(expected)
            .all(|(found, expected)| near(*found, *expected));
        assert!(
            fits,
            "{name}, row {at}: {:?} is not {expected:?}",
            prediction.values
        );
    }
}

#[test]
fn answers_are_onnxruntimes() {
    let text = std::fs::read_to_string(file("expected.json")).unwrap();
    let expected: Expected = serde_json::from_str(&text).unwrap();
    assert!(expected.cases.len() >= 30);
    for (name, case) in expected
        .cases
        .iter()
        .filter(|(name, _)| !name.starts_with("refused"))
    {
        let model = read(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(case.rows.len() >= 20, "{name}");
        check(name, &model, case);
    }
}

#[test]
fn two_opposite_scores_become_one() {
    for (name, outputs) in [
        ("logistic", 1),
        ("sgd_log", 1),
        ("linear_svc", 1),
        ("two_way_softmax", 1),
        ("svc", 1),
        ("ridge_classifier", 1),
        ("logistic_three", 3),
    ] {
        let Model::Linear(model) = read(name).unwrap() else {
            panic!("{name} is linear")
        };
        assert_eq!(model.n_outputs(), outputs, "{name}");
    }
}

#[test]
fn refusals_name_operator_and_node() {
    for (name, parts) in [
        (
            "refused_division",
            ["node 0", "dividing by features is not linear"],
        ),
        ("refused_nan", ["node 1", "the larger or smaller of two"]),
        ("refused_shape", ["node 1", "integers beyond 2^53"]),
        (
            "refused_svc_rbf",
            ["ai.onnx.ml.SVMClassifier", "the RBF kernel is not linear"],
        ),
        (
            "refused_svc_three",
            ["ai.onnx.ml.SVMClassifier", "vote in pairs"],
        ),
        (
            "refused_normalizer",
            [
                "ai.onnx.ml.Normalizer",
                "the L2 norm of a row is not affine",
            ],
        ),
        (
            "refused_modified_huber",
            ["node 6", "casting scores to bool rounds them"],
        ),
    ] {
        let message = read(name).unwrap_err().to_string();
        assert!(
            parts.iter().all(|part| message.contains(part)),
            "{name}: {message}"
        );
    }
}

#[test]
fn predictions_of_the_peers_models_are_scikit_learns() {
    for name in ["logreg_iris", "lasso_diabetes", "linsvc_bc"] {
        let model = read(&format!("peer_{name}")).unwrap();
        let rows = read_csv_file(
            &file(&format!("peer_{name}_rows.csv")),
            &CsvSpec::with_target("y"),
        )
        .unwrap();
        let expected = read_csv_file(
            &file(&format!("peer_{name}_predictions.csv")),
            &CsvSpec::default(),
        )
        .unwrap();
        assert_eq!(rows.table.n_rows(), expected.table.n_rows());
        for (row, expected) in rows.table.rows().zip(expected.table.rows()) {
            let prediction = model.predict(row).unwrap();
            if prediction.class.is_some() {
                assert_eq!(
                    label(&model, &prediction),
                    format!("{}", expected[0]),
                    "{name}"
                );
            } else {
                assert!(near(prediction.values[0], expected[0]), "{name}");
            }
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    for name in [
        "logistic_zip_map",
        "one_vs_rest",
        "svc",
        "arithmetic",
        "columns",
        "torch_softmax",
        "poisson",
    ] {
        let bytes = std::fs::read(file(&format!("{name}.onnx"))).unwrap();
        for cut in 0..bytes.len() {
            let _ = onnx::read(&bytes[..cut]);
        }
        let mut state = 1_u32;
        for _ in 0..4000 {
            let mut damaged = bytes.clone();
            for _ in 0..3 {
                // A linear congruential generator (Numerical Recipes): the same damage every time.
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize / 256 % damaged.len();
                damaged[at] = state.to_le_bytes()[3];
            }
            let _ = onnx::read(&damaged);
        }
    }
}

#[test]
fn nesting_does_not_take_the_stack() {
    // A graph attribute within a graph attribute within …: model.graph.node.attribute.g.node.attribute.g …
    let mut bytes = Vec::new();
    for depth in 0..20_000_u32 {
        let tag = [0x32, 0x2a, 0x0a][depth as usize % 3];
        let mut outer = vec![tag];
        let mut length = bytes.len();
        while length >= 0x80 {
            outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.extend_from_slice(&bytes);
        bytes = outer;
        if bytes.len() > 100_000 {
            break;
        }
    }
    assert!(onnx::read(&bytes).is_err());
    assert!(
        onnx::read(b"")
            .unwrap_err()
            .to_string()
            .contains("not an ONNX model")
    );
    assert!(onnx::read(b"{\"learner\": 1}").is_err());
}

/// A protocol buffer field of bytes, shorter than 16 KiB.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let low = u8::try_from(length & 0x7f).unwrap() | 0x80;
    let high = u8::try_from(length >> 7).unwrap();
    [&[(number << 3) | 2, low, high], bytes].concat()
}

#[test]
fn doubling_columns_does_not_take_the_memory() {
    // x0 of one column, then x1 = [x0, x0], x2 = [x1, x1], …: 2^60 columns.
    let name = |at: usize| format!("x{at}");
    let dimension = field(1, &[0x08, 1]);
    let shape = field(2, &[dimension.clone(), dimension].concat());
    let input = field(
        11,
        &[field(1, name(0).as_bytes()), field(2, &field(1, &shape))].concat(),
    );
    let axis = field(5, &[field(1, b"axis"), vec![0x18, 1]].concat());
    let mut graph = input;
    for at in 0..60 {
        let (from, to) = (name(at), name(at + 1));
        let parts = [
            field(1, from.as_bytes()),
            field(1, from.as_bytes()),
            field(2, to.as_bytes()),
            field(4, b"Concat"),
            axis.clone(),
        ];
        graph.extend(field(1, &parts.concat()));
    }
    graph.extend(field(12, &field(1, name(60).as_bytes())));
    let operators = field(8, &[0x10, 13]);
    let model = [field(7, &graph), operators].concat();
    let message = onnx::read(&model).unwrap_err().to_string();
    assert!(message.contains("too large to fold"), "{message}");
}
