//! Networks with quantizers against recorded values: the integers of the file are those of the circuit, row by row.
//!
//! `benches/onnx_quantized_graphs.py` generates them, and more of them with other seeds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Deserialize;
use tenebra_models::import::onnx;
use tenebra_models::{Model, QuantizeOptions, quantize};

/// Another file of graphs than the recorded one.
const OTHER_GRAPHS: &str = "TENEBRA_ONNX_QUANTIZED";

#[derive(Deserialize)]
struct Graphs {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The file in hexadecimal digits.
    onnx: String,
    rows: Vec<Vec<f64>>,
    /// By row.
    scores: Vec<Vec<f64>>,
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn integers_are_those_of_the_file() {
    let recorded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/onnx/quantized_graphs.json"
    );
    let path = std::env::var(OTHER_GRAPHS).unwrap_or_else(|_| recorded.to_owned());
    let graphs: Graphs = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut rows, mut networks) = (0, 0);
    for case in &graphs.cases {
        let imported = onnx::read_noting(&bytes(&case.onnx));
        let (model, notes) = imported.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let Model::Network(network) = &model else {
            // Nothing that its scores depend on has been rounded.
            continue;
        };
        assert!(network.is_quantized(), "{}: {notes:?}", case.name);
        networks += 1;
        let quantized = quantize(&model, None, &QuantizeOptions::default());
        let quantized = quantized.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (row, expected) in case.rows.iter().zip(&case.scores) {
            let codes = quantized.encode(row).unwrap().codes;
            let integers = tenebra_sim::run(quantized.circuit(), &codes).unwrap();
            let found = quantized.decode(&integers).unwrap().scores;
            for (found, expected) in found.iter().zip(expected) {
                // Powers of two and sums of few bits: nothing is rounded.
                assert!(
                    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                    "{}: {row:?} gives {found}, not {expected}",
                    case.name
                );
                rows += 1;
            }
        }
    }
    assert!(networks * 10 >= graphs.cases.len() * 9, "{networks}");
    println!("{rows} scores of {networks} networks are equal");
}
