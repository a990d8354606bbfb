//! Pipelines that skl2onnx exported, against onnxruntime's recorded answers, all rows.
//!
//! `benches/onnx_pipelines.py` makes them, and more of them with other seeds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Deserialize;
use tenebra_models::Model;
use tenebra_models::import::onnx;

/// Another file of pipelines than the recorded one.
const OTHER: &str = "TENEBRA_ONNX_PIPELINES";

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The file in hexadecimal digits.
    onnx: String,
    /// Names of the inputs; none where there is one.
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    /// By output and row.
    outputs: Vec<Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Cell {
    Number(f64),
    Word(String),
    Missing(()),
}

fn recorded() -> Recorded {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/onnx/pipelines.json"
    );
    let path = std::env::var(OTHER).unwrap_or_else(|_| file.to_owned());
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A row as the model takes it: columns by name, and of words their codes.
fn row(model: &Model, columns: &[String], cells: &[Cell]) -> Vec<f64> {
    let number = |cell: &Cell, column: usize| match (cell, model) {
        (Cell::Number(number), _) => *number,
        (Cell::Missing(()), _) => f64::NAN,
        (Cell::Word(word), Model::Pipeline(model)) => {
            model.before.words[&column].code(word).unwrap()
        }
        (Cell::Word(_), _) => panic!("words need a pipeline"),
    };
    let cells: Vec<&Cell> = match model.feature_names() {
        Some(names) => {
            let place = |name: &String| columns.iter().position(|column| column == name).unwrap();
            names.iter().map(|name| &cells[place(name)]).collect()
        }
        None => cells.iter().collect(),
    };
    let cells = cells.into_iter().enumerate();
    cells.map(|(column, cell)| number(cell, column)).collect()
}

/// Of single precision, through steps, a model and a link.
fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-4 * expected.abs().max(1.0)
}

/// What differs first, of all rows of a case.
fn difference(case: &Case) -> Option<String> {
    let imported = onnx::read_noting(&bytes(&case.onnx));
    let (model, notes) = match imported {
        Ok(imported) => imported,
        Err(error) => return Some(error.to_string()),
    };
    if !notes.is_empty() {
        return Some(format!("{notes:?}"));
    }
    let scores = case.outputs.last().unwrap();
    for (at, cells) in case.rows.iter().enumerate() {
        let found = match model.predict(&row(&model, &case.columns, cells)) {
            Ok(found) => found,
            Err(error) => return Some(format!("row {at}: {error}")),
        };
        let label = case.outputs[0][at][0].to_string();
        if found
            .class
            .is_some_and(|class| model.classes()[class] != label)
        {
            return Some(format!("row {at}: not {label}"));
        }
        // One score for two classes is that of the second.
        let expected = &scores[at][scores[at].len() - found.values.len()..];
        if !found.values.iter().zip(expected).all(|(a, b)| near(*a, *b)) {
            return Some(format!("row {at}: {:?} is not {expected:?}", found.values));
        }
    }
    None
}

#[test]
fn predictions_are_onnxruntimes() {
    let recorded = recorded();
    let rows: usize = recorded.cases.iter().map(|case| case.rows.len()).sum();
    assert!(std::env::var_os(OTHER).is_some() || recorded.cases.len() >= 29);
    let differ = recorded.cases.iter();
    let differ = differ.filter_map(|case| Some(format!("{}: {}", case.name, difference(case)?)));
    let differ: Vec<String> = differ.collect();
    println!("{} pipelines of {rows} rows in all", recorded.cases.len());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
