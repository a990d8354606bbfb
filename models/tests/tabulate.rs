//! Graphs on a grid, beside what onnxruntime gives there (`tests/data/onnx/tabulated/`, written by `make_tabulated.py`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use tenebra_models::data::Table;
use tenebra_models::import::tabulate::{Graph, MAX_BITS, TabulateError, Tabulated};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/onnx/tabulated");

fn graph(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}.onnx")).unwrap()
}

fn table(points: &[Vec<f64>]) -> Table {
    let names = (0..points[0].len()).map(|column| format!("x{column}"));
    Table::new(names.collect(), points.concat()).unwrap()
}

fn tabulate(bytes: &[u8], rows: &Table, bits: u8) -> Result<Tabulated, TabulateError> {
    Graph::read(bytes)?.tabulate(rows, bits, &mut |_, _| {})
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

#[test]
fn tables_hold_what_onnxruntime_gives() {
    let text = std::fs::read_to_string(format!("{FOLDER}/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let points: Vec<Vec<f64>> = expected["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let rows = table(&points);
    for (name, expected) in expected["models"].as_object().unwrap() {
        let found = tabulate(&graph(name), &rows, 2).unwrap_or_else(|e| panic!("{name}: {e}"));
        // Votes of machines and their probabilities do not agree everywhere: the labels are kept.
        let labels_alone = name == "svc_probability";
        assert_eq!(
            found.notes.len(),
            usize::from(labels_alone),
            "{name}: {:?}",
            found.notes
        );
        let model = found.model;
        let scores: Vec<Vec<f64>> = expected["scores"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let labels = expected["labels"].as_array();
        for (index, (point, wanted)) in points.iter().zip(&scores).enumerate() {
            let found = model.predict(point).unwrap();
            // One of two opposite scores: onnxruntime has that of the second class first.
            let wanted = &wanted[..found.scores.len()];
            let wanted = if labels_alone { &[] } else { wanted };
            for (found, wanted) in found.scores.iter().zip(wanted) {
                let far = (found - wanted).abs() > 1e-4 * wanted.abs().max(1.0);
                assert!(!far, "{name} at {point:?}: {found}, not {wanted}");
            }
            let class = found.class.map(|class| model.classes[class].as_str());
            let label = labels.map(|labels| labels[index].as_str().unwrap());
            assert_eq!(class, label, "{name} at {point:?}");
        }
    }
}

#[test]
fn what_is_not_tabulated_says_why() {
    let bytes = graph("svr");
    assert_eq!(Graph::read(&bytes).unwrap().columns(), 3);
    let rows: Vec<Vec<f64>> = (0..300).map(|row| vec![f64::from(row); 3]).collect();
    let refused = |rows: &[Vec<f64>], bits| tabulate(&bytes, &table(rows), bits).unwrap_err();
    let joint = match refused(&rows, 8) {
        TabulateError::TooManyBits { joint, .. } => joint,
        other => panic!("{other}"),
    };
    assert_eq!(joint, 24);
    assert!(joint > MAX_BITS);
    let two = refused(&[vec![1.0, 2.0]], 2);
    assert_eq!(two, TabulateError::Columns { graph: 3, rows: 2 });
    let missing = refused(&[vec![1.0, f64::NAN, 2.0]], 2);
    assert!(
        matches!(missing, TabulateError::Feature { .. }),
        "{missing}"
    );
    let unknown = std::fs::read(format!("{FOLDER}/../gamma.onnx")).unwrap();
    let not_onnx = tabulate(b"no graph", &table(&rows), 2).unwrap_err();
    assert!(matches!(not_onnx, TabulateError::Graph(_)), "{not_onnx}");
    // Every prefix of a file is refused or read, and never panics.
    for end in (0..unknown.len()).step_by(7) {
        if let Ok(graph) = Graph::read(&unknown[..end]) {
            let _ = graph.tabulate(&table(&rows), 2, &mut |_, _| {});
        }
    }
}
