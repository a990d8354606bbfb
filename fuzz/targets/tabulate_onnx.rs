//! ONNX graphs on a grid of codes: no panic, whatever the bytes; the model that a grid becomes predicts, and scores on codes as on
//! reals.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenebra_fuzz::hold;
use tenebra_models::Model;
use tenebra_models::data::Table;
use tenebra_models::import::tabulate::Graph;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = Graph::read(bytes) else {
        return;
    };
    // Two rows, so that each column has two levels.
    let columns = graph.columns();
    if columns == 0 || columns > 8 {
        return;
    }
    let names = (0..columns).map(|column| format!("x{column}")).collect();
    let values = (0..2 * columns).map(|at| at as f64 * 0.75 - 1.0).collect();
    let Ok(rows) = Table::new(names, values) else {
        return;
    };
    if let Ok(tabulated) = graph.tabulate(&rows, 1, &mut |_, _| {}) {
        hold::any_model(&Model::Forest(tabulated.model));
    }
});
