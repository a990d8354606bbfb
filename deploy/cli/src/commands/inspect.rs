//! `tenebra inspect`.

mod why;

use std::path::PathBuf;

use serde_json::Value;
use tenebra_app::Report;
use tenebra_app::report::{
    LeafBitsFrom, MeasuredNoise, NetworkBits, QuantizationReport, RefusedPlan, TreesReport,
};
use tenebra_app::why::Disclosed;
use tenebra_client::ClientSpec;

use crate::commands::read_server;
use crate::output::{self, Failure, bytes, milliseconds};

/// Print the report of a compiled model, or the text form of its circuit
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra inspect model/
  tenebra inspect model/ --json
  tenebra inspect model/ --why
  tenebra inspect model/ --circuit")]
pub(crate) struct Arguments {
    /// Folder of the compiled model, with server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the circuit instead of the report
    #[arg(long, conflicts_with = "json")]
    circuit: bool,
    /// Explain which features cost what, what clients learn of the model, and what would cost less; the last needs the float model,
    /// which `compile` puts in the folder
    #[arg(long, conflicts_with = "circuit")]
    why: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = read_server(&arguments.folder)?;
    if arguments.circuit {
        return output::data(&server.circuit().circuit().to_string());
    }
    if arguments.why {
        return why::run(&arguments.folder, &server, arguments.json);
    }
    if arguments.json {
        return output::json(server.report());
    }
    let spec = ClientSpec::parse(server.client())?;
    output::data(&describe(server.report(), &spec))
}

/// The report for people, of a model with this client spec.
pub(crate) fn describe(report: &Report, spec: &ClientSpec<'_>) -> String {
    let mut rows = vec![
        ["model".to_owned(), report.model.clone()],
        [
            "scheme".to_owned(),
            format!("{}, {} queries", report.scheme, report.query_mode),
        ],
        [
            "security".to_owned(),
            format!("{} bits", report.security_bits),
        ],
        [
            "failure probability".to_owned(),
            format!("2^{:.1} per query", report.p_fail_log2),
        ],
        ["noise".to_owned(), noise(report)],
    ];
    rows.extend(measured_noise(report));
    rows.extend([
        ["parameters".to_owned(), parameters(report)],
        ["inputs".to_owned(), inputs(report)],
        [
            "outputs".to_owned(),
            format!(
                "{}, up to {} bits",
                report.quantization.outputs, report.output_bits
            ),
        ],
        ["operations".to_owned(), operations(report)],
        ["evaluation key".to_owned(), evaluation_key(report)],
        ["query".to_owned(), bytes(report.query_bytes)],
        ["response".to_owned(), bytes(report.response_bytes)],
        ["predicted evaluation".to_owned(), evaluation(report)],
    ]);
    for (index, layer) in report.layers.iter().enumerate() {
        let text = format!(
            "{} neurons, {} weights, sums of up to {} values (neuron {}), {} CMUX, {} key switches, {}, noise 2^{:.1}",
            layer.neurons,
            layer.weights,
            layer.values,
            layer.widest_neuron,
            layer.external_products,
            layer.key_switches,
            milliseconds(layer.predicted_ms),
            layer.noise_std_log2
        );
        rows.push([format!("layer {}", index + 1), text]);
    }
    if let Some(batch) = &report.batch {
        let text = format!(
            "up to {} rows a query: query {}, response {}, {}",
            batch.rows,
            bytes(batch.query_bytes),
            bytes(batch.response_bytes),
            milliseconds(batch.predicted_evaluate_ms)
        );
        rows.push(["batch".to_owned(), text]);
    }
    rows.push(["responses say".to_owned(), Disclosed::of(spec).to_string()]);
    if let Some(trees) = &report.trees {
        rows.extend(describe_trees(trees, report));
    }
    if let Some(text) = quantization(&report.quantization) {
        rows.push(["quantization".to_owned(), text]);
    }
    if let Some(bits) = &report.quantization.network {
        rows.push(["codes".to_owned(), network_bits(bits)]);
    }
    rows.push(["compiled in".to_owned(), milliseconds(report.compile_ms)]);
    output::table(&rows)
}

/// How far the quantized scores are from the float model's.
fn quantization(report: &QuantizationReport) -> Option<String> {
    let compared = report.calibration_rows?;
    let mut parts = Vec::new();
    if let Some(error) = report.max_score_error {
        parts.push(format!(
            "scores within {} of the float model's",
            number(error)
        ));
        if let Some(range) = report.score_range.filter(|range| *range > 0.0) {
            parts.push(format!(
                "{} % of their range",
                number(100.0 * error / range)
            ));
        }
    }
    if let Some(share) = report.class_agreement {
        parts.push(format!("same class in {:.1} %", 100.0 * share));
    }
    let mut text = format!("{}, on {compared} rows", parts.join(", "));
    if let Some(clipped) = report.clipped_rows.filter(|rows| *rows > 0) {
        text.push_str(&format!("; clipped rows left out: {clipped}"));
    }
    Some(text)
}

/// The bits that a float network got, and what is left of its weights.
fn network_bits(bits: &NetworkBits) -> String {
    let listed = |numbers: Vec<String>| numbers.join(", ");
    let activations = bits.activation_bits.iter().map(u8::to_string).collect();
    let weights = bits.weights.iter().zip(&bits.float_weights);
    let weights = weights
        .map(|(kept, of)| format!("{kept} of {of}"))
        .collect();
    format!(
        "inputs {} bits, activations {}; weights that are not 0, by layer: {}; mean score error {}",
        bits.input_bits,
        listed(activations),
        listed(weights),
        number(bits.mean_score_error)
    )
}

/// Three digits that count, whatever the size.
fn number(value: f64) -> String {
    let magnitude = value.abs().log10().floor();
    if value == 0.0 || !(-4.0..6.0).contains(&magnitude) {
        return match value {
            0.0 => "0".to_owned(),
            _ => format!("{value:.2e}"),
        };
    }
    let decimals = (2.0 - magnitude).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "integral, 0 to 6"
    )]
    let decimals = decimals as usize;
    format!("{value:.decimals$}")
}

/// Room for noise, and how much there is.
fn noise(report: &Report) -> String {
    let Some(budget) = &report.noise_budget else {
        return "unknown; compile the model again".to_owned();
    };
    format!(
        "σ 2^{:.1} of the torus, half step 2^{:.0} = {:.1} σ",
        budget.std_log2, budget.half_step_log2, budget.half_step_sigmas
    )
}

/// What a row is predicted to take, and what it took on the machine that compiled the model.
fn evaluation(report: &Report) -> String {
    let predicted = milliseconds(report.predicted_evaluate_ms);
    match report.measured_noise.first() {
        Some(MeasuredNoise {
            rows: 1,
            evaluate_ms: Some(took),
            queries,
            ..
        }) => format!(
            "{predicted}; {} where it was compiled, the median of {queries} queries",
            milliseconds(*took)
        ),
        _ => predicted,
    }
}

/// What the noise of every plan was measured to be, that for single rows first, and which plans were refused for it.
fn measured_noise(report: &Report) -> Vec<[String; 2]> {
    if report.measured_noise.is_empty() {
        return vec![[
            "noise measured".to_owned(),
            "no, by `--no-measure`".to_owned(),
        ]];
    }
    let batch = report.batch.iter().map(|batch| batch.p_fail_log2);
    let predicted = core::iter::once(report.p_fail_log2).chain(batch);
    let measured = report.measured_noise.iter().zip(predicted);
    let refused = report.refused_plans.iter().map(refused_plan);
    measured
        .map(|(of, p_fail_log2)| measured_plan(of, p_fail_log2))
        .chain(refused)
        .collect()
}

/// A plan beside its prediction; `p_fail_log2` is what is predicted.
fn measured_plan(of: &MeasuredNoise, p_fail_log2: f64) -> [String; 2] {
    let (name, rows) = match of.rows {
        1 => ("noise measured", String::new()),
        rows => ("noise of batches", format!("up to {rows} rows a query: ")),
    };
    let text = format!(
        "{rows}σ 2^{:.1} on {} queries, at most 2^{:.1} at 99.9 %, predicted 2^{:.1}; failure probability 2^{:.1}, predicted 2^{p_fail_log2:.1}",
        of.std_log2, of.queries, of.std_bound_log2, of.predicted_std_log2, of.p_fail_log2
    );
    [name.to_owned(), text]
}

fn refused_plan(refused: &RefusedPlan) -> [String; 2] {
    let text = format!(
        "{}, σ 2^{:.1} where 2^{:.1} was predicted: this is a defect of tenebra, please report it",
        refused.defect, refused.measured.std_log2, refused.measured.predicted_std_log2
    );
    ["plan refused".to_owned(), text]
}

/// The sizes that security and cost depend on; all of them are in the JSON.
fn parameters(report: &Report) -> String {
    let number = |name: &str| report.parameters.get(name).and_then(Value::as_i64);
    let parts = [
        ("glwe_dimension", "k"),
        ("polynomial_size", "N"),
        ("base_log", "base log"),
        ("level_count", "levels"),
        ("noise_bound_log2", "noise bound log"),
    ];
    let parts = parts
        .iter()
        .filter_map(|(name, short)| Some(format!("{short} {}", number(name)?)));
    parts.collect::<Vec<_>>().join(", ")
}

/// Size, codes, leaves, and what the client learns of them.
fn describe_trees(trees: &TreesReport, report: &Report) -> Vec<[String; 2]> {
    let external_products = report.external_products;
    let shape = match (trees.trees, trees.splits) {
        (0, _) => "constant".to_owned(),
        (terms, 0) => format!("{terms} terms"),
        (_, splits) => format!(
            "{} trees, {splits} splits, up to {} deep",
            trees.trees, trees.depth
        ),
    };
    let own = trees.cut_points - trees.decoys - trees.spacers;
    let codes = match (trees.uniform_bits, trees.decoy_bits) {
        (Some(bits), _) => format!("even steps, {bits} bits a feature"),
        (None, None) if trees.spacers == 0 => format!("{own} split points of the model"),
        (None, None) => {
            let more = trees.spacers;
            format!(
                "{own} split points of the model, at codes that are cheap to compare with, {more} between them"
            )
        }
        (None, Some(_)) => format!("{own} split points of the model, {} decoys", trees.decoys),
    };
    let worst = trees.leaf_error_bound.iter().copied().fold(0.0, f64::max);
    let from = match trees.leaf_bits_from {
        LeafBitsFrom::Given => "as asked for",
        LeafBitsFrom::Calibration => "chosen on the calibration data",
        LeafBitsFrom::Default => "by default; `--calibrate` finds the fewest",
    };
    let parts = match trees.relative_leaf_error_bound {
        // None, or of a report of an earlier version.
        0.0 => String::new(),
        ..0.000_1 => ", less than 0.01 % of their range".to_owned(),
        parts => format!(", {:.2} % of their range", 100.0 * parts),
    };
    let steps = match trees.uniform_bits {
        Some(_) => ", by leaves alone",
        None => "",
    };
    let mut rows = vec![
        [
            "diagram".to_owned(),
            format!("{shape}: {external_products} CMUX"),
        ],
        ["codes".to_owned(), codes],
        ["client learns".to_owned(), trees.client_learns.clone()],
        [
            "leaves".to_owned(),
            format!(
                "{} bits, {from}; scores within {worst:.2e} for any row{parts}{steps}",
                trees.leaf_bits
            ),
        ],
    ];
    if let Some(error) = &trees.measured {
        let mut text = format!(
            "on calibration rows, scores within {:.2e}, rms {:.2e}",
            error.max, error.rms
        );
        if report.quantization.class_agreement.is_some() {
            let (changed, rows) = (error.changed_classes, error.rows);
            text.push_str(&format!("; {changed} of {rows} rows change class"));
        }
        rows.push(["measured".to_owned(), text]);
    }
    rows
}

fn inputs(report: &Report) -> String {
    let quantization = &report.quantization;
    let mut text = format!("{}, {} bits in all", quantization.inputs, report.input_bits);
    if quantization.inputs < quantization.columns {
        text.push_str(&format!(" (of {} columns)", quantization.columns));
    }
    text
}

fn operations(report: &Report) -> String {
    let counts = [
        (report.external_products, "external products"),
        (report.key_switches, "key switches"),
        (report.pbs, "bootstraps"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if counts.is_empty() {
        "products with clear weights only".to_owned()
    } else {
        counts.join(", ")
    }
}

fn evaluation_key(report: &Report) -> String {
    match report.evaluation_key_bytes {
        0 => "none needed".to_owned(),
        size => format!(
            "{}, sent once: {} with the first query and response, {} with a hundred",
            bytes(size),
            bytes(report.first_answer_bytes),
            bytes(report.hundred_answers_bytes)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a plan whose noise is just below its prediction.
    fn measured(rows: usize) -> MeasuredNoise {
        MeasuredNoise {
            rows,
            queries: 8,
            evaluate_ms: None,
            errors: 4096,
            predicted_std_log2: -30.0,
            std_log2: -30.26,
            std_bound_log2: -30.14,
            mean_sigmas: 0.01,
            kurtosis: 3.0,
            largest_sigmas: 3.5,
            p_fail_log2: -150.44,
        }
    }

    #[test]
    fn every_plan_is_shown_beside_its_prediction() {
        let text = "σ 2^-30.3 on 8 queries, at most 2^-30.1 at 99.9 %, predicted 2^-30.0; failure probability 2^-150.4, predicted 2^-128.1";
        let [name, single] = measured_plan(&measured(1), -128.12);
        assert_eq!((name.as_str(), single.as_str()), ("noise measured", text));
        let [name, batch] = measured_plan(&measured(68), -128.12);
        assert_eq!(name, "noise of batches");
        assert_eq!(batch, format!("up to 68 rows a query: {text}"));
        let [_, refused] = refused_plan(&RefusedPlan {
            defect: "the noise has a mean".to_owned(),
            measured: measured(1),
        });
        assert!(
            refused.starts_with("the noise has a mean, σ 2^-30.3 where 2^-30.0 was predicted: ")
        );
    }

    #[test]
    fn errors_keep_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (0.000_123_45, "0.000123"),
            (1.234_5e-7, "1.23e-7"),
            (1.5, "1.50"),
            (123_456.0, "123456"),
            (1.3e28, "1.30e28"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
