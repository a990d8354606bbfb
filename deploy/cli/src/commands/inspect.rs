//! `tenebra inspect`.

use std::path::PathBuf;

use tenebra::Report;

use crate::commands::read_server;
use crate::output::{self, Failure, bytes, milliseconds};

/// Print the report of a compiled model, or the text form of its circuit
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra inspect model/
  tenebra inspect model/ --json
  tenebra inspect model/ --circuit")]
pub(crate) struct Arguments {
    /// Folder of the compiled model, with server.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the circuit instead of the report
    #[arg(long, conflicts_with = "json")]
    circuit: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = read_server(&arguments.folder, 1)?;
    if arguments.circuit {
        return output::data(&server.circuit().circuit().to_string());
    }
    if arguments.json {
        return output::json(server.report());
    }
    output::data(&describe(server.report()))
}

/// The report for people.
pub(crate) fn describe(report: &Report) -> String {
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
        [
            "predicted evaluation".to_owned(),
            milliseconds(report.predicted_evaluate_ms),
        ],
    ];
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
    if let (Some(error), Some(compared)) = (
        report.quantization.max_score_error,
        report.quantization.calibration_rows,
    ) {
        let mut text = format!("scores within {error:.3} of the float model's");
        if let Some(share) = report.quantization.class_agreement {
            text.push_str(&format!(", same class in {:.1} %", 100.0 * share));
        }
        rows.push([
            "quantization".to_owned(),
            format!("{text}, on {compared} rows"),
        ]);
    }
    rows.push(["compiled in".to_owned(), milliseconds(report.compile_ms)]);
    output::table(&rows)
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
        size => bytes(size),
    }
}
