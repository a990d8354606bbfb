//! Laws of models, as assertions.

use tenebra_models::forest::{
    BinsMode, ForestModel, ForestOptions, ForestReport, quantize_additive, quantize_forest,
};
use tenebra_models::{Model, QuantizeOptions, QuantizedModel, quantize};

/// More features only take longer.
const MAX_FEATURES: usize = 2_000;
/// More nodes or outputs only take longer.
const MAX_NODES: usize = 5_000;

/// A model that was read: its JSON reads back to the same, it predicts without a panic, and it quantizes or says why not; a
/// forest scores on codes what it scores on reals.
pub fn any_model(model: &Model) {
    let json = model.to_json().expect("a checked model has a JSON form");
    let again = Model::from_json(&json).expect("what is written is read");
    assert_eq!(&again, model, "{json}");
    if model.n_features() > MAX_FEATURES {
        return;
    }
    let rows = [0.0, 1.0, -1e30, f64::NAN, f64::INFINITY].map(|x| vec![x; model.n_features()]);
    for row in &rows {
        let _ = model.predict(row);
    }
    match model {
        Model::Forest(forest) if small(forest) => {
            exact_bins(model, forest, &rows, &ForestOptions::default());
        }
        Model::Additive(additive) if small(additive.as_forest()) => {
            exact_bins(
                model,
                additive.as_forest(),
                &rows,
                &ForestOptions::default(),
            );
        }
        Model::Linear(_) => {
            let _ = quantize(model, None, &QuantizeOptions::default());
        }
        _ => {}
    }
}

fn small(forest: &ForestModel) -> bool {
    let nodes: usize = forest.trees.iter().map(|tree| tree.nodes.len()).sum();
    // Nodes with several parents are copied, and deep chains of them double at each level.
    let shared = forest
        .trees
        .iter()
        .any(|tree| 2 * tree.splits().count() + 1 != tree.nodes.len());
    nodes.saturating_mul(forest.n_outputs()) <= MAX_NODES && !shared
}

/// With the model's own cut points every row that the model takes scores within the error of the leaves, and a row that it
/// refuses has no codes unless its missing values are in features without influence.
pub fn exact_bins(model: &Model, forest: &ForestModel, rows: &[Vec<f64>], options: &ForestOptions) {
    assert_eq!(options.bins, BinsMode::Thresholds);
    let quantized = match model {
        Model::Additive(additive) => quantize_additive(additive, None, options),
        _ => quantize_forest(forest, None, options),
    };
    let Ok((quantized, report)) = quantized else {
        return;
    };
    // Without room for missing values, a feature that only tells them from the others is no input.
    let rows = rows
        .iter()
        .filter(|row| options.missing || !row.iter().any(|x| x.is_nan()));
    for row in rows {
        exact_row(forest, &quantized, &report, row);
    }
}

fn exact_row(forest: &ForestModel, quantized: &QuantizedModel, report: &ForestReport, row: &[f64]) {
    let Ok(want) = forest.decision_function(row) else {
        return;
    };
    let codes = match quantized.encode(row) {
        Ok(codes) => codes,
        Err(error) => {
            // A model without splits still has an input, which takes no infinity.
            let infinite = row.iter().any(|x| x.is_infinite());
            assert!(
                infinite,
                "the model scores {row:?}, its quantized form does not: {error}"
            );
            return;
        }
    };
    let outputs = tenebra_sim::run(quantized.circuit(), &codes.codes).expect("codes are within their ranges");
    let got = quantized
        .decode(&outputs)
        .expect("as many outputs as scores")
        .scores;
    // What adding reals rounds, relative to the largest numbers that are added.
    let largest = |bound: f64| f64::EPSILON * 1e3 * (1.0 + bound);
    let reach = reach(forest);
    for (output, (got, want)) in got.iter().zip(&want).enumerate() {
        let allowed = report.leaf_error_bound[output] + largest(reach);
        assert!(
            (got - want).abs() <= allowed,
            "output {output}: {got} for {want}, {allowed} allowed; codes {:?} of {row:?}",
            codes.codes
        );
    }
}

/// The sum of the largest leaves and the bias, by magnitude.
fn reach(forest: &ForestModel) -> f64 {
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let of_tree = |tree: &tenebra_models::forest::Tree| {
        largest(&mut tree.leaves().flatten().map(|x| x.abs()))
    };
    forest.trees.iter().map(of_tree).sum::<f64>()
        + largest(&mut forest.bias.iter().map(|x| x.abs()))
}
