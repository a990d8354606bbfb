//! What to say of a quantized model.

use std::path::Path;

use tenebra_app::Compiled;
use tenebra_app::report::{NetworkBits, QuantizationReport};
use tenebra_models::Model;

use crate::output;

/// Fewer calibration rows than this tell little of a network.
const FEW_ROWS: usize = 50;
/// A smaller share of the calibration rows with the same class is worth a word.
const FEW_AGREE: f64 = 0.97;

pub(super) fn warn_of_network(bits: &NetworkBits, compiled: &Compiled, model: &Model, path: &Path) {
    let path = path.display();
    if bits.rows < FEW_ROWS {
        let rows = bits.rows;
        output::warning(&format!(
            "{path}: {rows} rows are few to quantize a network by; give some hundred like those to be scored"
        ));
    }
    let name = |&feature: &usize| {
        let name = model.feature_names().and_then(|names| names.get(feature));
        name.map_or_else(|| (feature + 1).to_string(), |name| format!("`{name}`"))
    };
    if let Some(first) = bits.constant_features.first() {
        output::warning(&format!(
            "{path}: {} of the features that the network reads are constant in these rows, {} the first; they are not sent, and count as that constant",
            bits.constant_features.len(),
            name(first)
        ));
    }
    if let Some(agree) = compiled.report.quantization.class_agreement
        && agree < FEW_AGREE
    {
        output::warning(&format!(
            "{path}: the quantized network has another class than the float one in {:.1} % of the rows; train it with codes (`tenebra train MLPClassifier`), or prune it first",
            100.0 * (1.0 - agree)
        ));
    }
}

/// That scores moved by more than `most` percent of their range, or as many rows changed class.
///
/// `tune` finds bits of linear models and trees; networks that were trained with codes have bits of their own.
pub(super) fn moved(report: &QuantizationReport, model: &Model, most: f64) -> Option<String> {
    let error = report.max_score_error.zip(report.score_range);
    let range = error.filter(|(_, range)| *range > 0.0);
    let scores = range
        .map(|(error, range)| 100.0 * error / range)
        .filter(|part| *part > most);
    let classes = report.class_agreement.map(|share| 100.0 - 100.0 * share);
    let classes = classes.filter(|part| *part > most);
    let what = match (classes, scores) {
        (Some(part), _) => format!("{part:.1} % of the calibration rows change class"),
        (None, Some(part)) if report.class_agreement.is_none() => {
            format!("a score of the calibration rows moves by {part:.1} % of their range")
        }
        _ => return None,
    };
    let mend = if matches!(model.behind_steps(), Model::Network(_)) {
        "train it again with more `--set n_bits=…`, for which `tenebra search --try n_bits=…` tries several"
    } else {
        "take more bits, which `tenebra tune` finds"
    };
    Some(format!(
        "{what} when the model is quantized, more than `--max-moved {most}`: {mend}"
    ))
}
