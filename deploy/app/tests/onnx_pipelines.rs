//! Pipelines that skl2onnx exported, from CSV to decrypted predictions: encrypted as simulated, and trees as onnxruntime.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and the table is its output"
)]

use serde::Deserialize;
use serde_json::Value;
use tenebra_app::evaluate::{clear, encrypted, simulate};
use tenebra_app::files::TableFile;
use tenebra_app::rows::{Columns, Extra, Rows, Selection, read_rows};
use tenebra_app::{Codes, CompileOptions, ServerProgram, compile};
use tenebra_client::ClientSpec;
use tenebra_models::Model;
use tenebra_models::import::onnx;

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    onnx: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// Rows that are encrypted of each pipeline.
const ENCRYPTED: usize = 3;

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The rows as people have them: words in quotes, nothing for what is missing.
fn csv(case: &Case) -> String {
    let columns = if case.columns.is_empty() {
        (0..case.rows[0].len()).map(|at| format!("x{at}")).collect()
    } else {
        case.columns.clone()
    };
    let line = |row: &Vec<Value>| {
        let cells = row.iter().map(|cell| match cell {
            Value::Null => String::new(),
            cell => cell.to_string(),
        });
        cells.collect::<Vec<_>>().join(",")
    };
    let lines: Vec<String> = case.rows.iter().map(line).collect();
    format!("{}\n{}\n", columns.join(","), lines.join("\n"))
}

fn read(case: &Case, model: &Model, folder: &std::path::Path) -> (Rows, Rows) {
    let path = folder.join("rows.csv");
    std::fs::write(&path, csv(case)).unwrap();
    let rows = |selection| {
        let file = TableFile::open(&path).unwrap();
        read_rows(
            file,
            &Columns::of_model(model),
            &Extra::default(),
            &selection,
        )
        .unwrap()
    };
    (rows(Selection::ALL), rows(Selection::First(ENCRYPTED)))
}

#[test]
fn encrypted_pipelines_are_simulated_ones() {
    let text = include_str!("../../../models/tests/data/onnx/pipelines.json");
    let recorded: Recorded = serde_json::from_str(text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut encrypted_rows = 0;
    for case in &recorded.cases {
        let model = onnx::read(&bytes(&case.onnx)).unwrap();
        let name = &case.name;
        let (all, few) = read(case, &model, folder.path());
        let options = CompileOptions {
            measure: false,
            ..CompileOptions::default()
        };
        let compiled = compile(&model, Some(&all.table), &options, &mut |_, _| {})
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let spec = ClientSpec::parse(&compiled.client).unwrap();
        let server = ServerProgram::parse(&compiled.server).unwrap();
        let codes = Codes::of(&spec, &all).unwrap();
        let simulated = simulate(&server, &codes).unwrap();
        let classes = |predictions: &[tenebra_models::Prediction]| {
            let classes = predictions.iter().map(|prediction| prediction.class);
            classes.collect::<Vec<_>>()
        };
        let float = clear(&model, &all).unwrap();
        if let Model::Forest(_) = model.behind_steps() {
            assert_eq!(
                classes(&float),
                classes(&simulated.predictions),
                "{name}: codes of trees are exact"
            );
        }
        let codes = Codes::of(&spec, &few).unwrap();
        let simulated = simulate(&server, &codes).unwrap();
        let found = encrypted(&server, &codes, 1, 1, &mut |_, _| ()).unwrap();
        assert_eq!(simulated.mismatches(&found.scored), 0, "{name}");
        encrypted_rows += ENCRYPTED;
    }
    println!("{encrypted_rows} encrypted rows are the simulated ones");
    assert!(encrypted_rows >= 20 * ENCRYPTED);
}
