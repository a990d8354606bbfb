//! `tenebra inspect --why`.

use std::path::Path;

use tenebra_app::model_folder::{ClientFile, read_float_model};
use tenebra_app::why::{Alternative, InputCost, Why};
use tenebra_app::{Report, ServerProgram};

use crate::output::{self, Failure, bytes, milliseconds};

/// Most inputs that are shown.
const SHOWN: usize = 12;

pub(super) fn run(folder: &Path, server: &ServerProgram, json: bool) -> Result<(), Failure> {
    let file = ClientFile::read(folder)?;
    let spec = file.spec()?;
    // Without it, there are no alternatives.
    let model = read_float_model(folder, server).ok();
    let busy = output::busy("planning alternatives");
    let why = Why::new(&spec, server.report(), model.as_ref());
    busy.finish_and_clear();
    if json {
        return output::json(&why);
    }
    output::data(&describe(&why, server.report()))
}

fn describe(why: &Why, report: &Report) -> String {
    let all: u32 = why.inputs.iter().map(|input| input.bits).sum();
    let mut text = format!(
        "Inputs, {all} bits in all; each bit is encrypted, and costs time wherever it is looked at\n"
    );
    let heading = ["column", "bits", "share", "code"].map(str::to_owned);
    let row = |input: &InputCost| {
        let share = 100.0 * f64::from(input.bits) / f64::from(all.max(1));
        let code = input
            .cut_points
            .map_or("even steps".to_owned(), |cuts| format!("{cuts} cut points"));
        let derived = if input.derived {
            ", behind steps of the client"
        } else {
            ""
        };
        [
            input.column.clone(),
            input.bits.to_string(),
            format!("{share:.0} %"),
            code + derived,
        ]
    };
    let shown = why.inputs.iter().take(SHOWN).map(row);
    let rows: Vec<[String; 4]> = core::iter::once(heading).chain(shown).collect();
    text.push_str(&output::table(&rows));
    if why.inputs.len() > SHOWN {
        text.push_str(&format!(
            "and {} more with at most as many bits\n",
            why.inputs.len() - SHOWN
        ));
    }
    text.push_str("\nA client learns from the spec and its own results\n");
    for learns in &why.client_learns {
        text.push_str(&format!("- {learns}\n"));
    }
    if why.alternatives.is_empty() {
        return text;
    }
    // Networks have codes of their own, which `tune` does not change.
    let has_bits = |other: &Alternative| other.option.contains("-bits");
    text.push_str(if why.alternatives.iter().any(has_bits) {
        "\nOther ways to compile it; `tenebra tune` says what they do to the score\n"
    } else {
        "\nOther ways to compile it\n"
    });
    let heading = ["option", "time", "", "query", "evaluation key"].map(str::to_owned);
    let now = [
        "as it is".to_owned(),
        milliseconds(report.predicted_evaluate_ms),
        String::new(),
        bytes(report.query_bytes),
        bytes(report.evaluation_key_bytes),
    ];
    let other =
        |alternative: &Alternative| alternative_row(alternative, report.predicted_evaluate_ms);
    let rows = [heading, now]
        .into_iter()
        .chain(why.alternatives.iter().map(other));
    text.push_str(&output::table(&rows.collect::<Vec<_>>()));
    text
}

fn alternative_row(alternative: &Alternative, now_ms: f64) -> [String; 5] {
    let option = alternative.option.clone();
    match &alternative.predicted {
        Ok(predicted) => {
            let factor = predicted.evaluate_ms / now_ms.max(1e-9);
            [
                option,
                milliseconds(predicted.evaluate_ms),
                format!("{factor:.2}×"),
                bytes(predicted.query_bytes),
                bytes(predicted.evaluation_key_bytes),
            ]
        }
        Err(message) => [
            option,
            message.clone(),
            String::new(),
            String::new(),
            String::new(),
        ],
    }
}
