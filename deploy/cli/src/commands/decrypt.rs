//! `tenebra decrypt`.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use tenebra::evaluate::predict;
use tenebra::files;

use crate::commands::{parse_client, prediction_value, read_client, read_key};
use crate::output::{self, Failure};

/// Decrypt a response into scores and predictions. Needs the model's client.tnb and the secret key.
///
/// Prints CSV: a row's prediction, then its probabilities by class, or its scores.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra decrypt model/ --keys keys/ response.tnb
  tenebra decrypt model/ --keys keys/ response.tnb --json")]
pub(crate) struct Arguments {
    /// Folder with the model's client.tnb
    folder: PathBuf,
    /// Folder of the keys, with secret.key
    #[arg(long)]
    keys: PathBuf,
    /// The response, from `tenebra run`
    response: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints: one entry a row.
#[derive(Debug, Serialize)]
struct Decrypted {
    model: String,
    rows: usize,
    predictions: Vec<Value>,
    /// Before the inverse link.
    scores: Vec<Vec<f64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<Vec<Vec<f64>>>,
    /// The integers that the circuit computed.
    raw: Vec<Vec<i64>>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = read_client(&arguments.folder)?;
    let spec = parse_client(&arguments.folder, &client)?;
    let key = read_key(&arguments.keys, &spec)?;
    let raw = files::read_as(&arguments.response, |bytes| {
        Ok(spec.decrypt_rows(&key, bytes)?)
    })?;
    let predictions: Vec<_> = raw
        .iter()
        .map(|integers| predict(&spec, integers))
        .collect();
    let classes: Vec<String> = spec.classes().map(str::to_owned).collect();
    let probabilities = predictions
        .iter()
        .map(|p| p.probabilities(spec.inverse_link()))
        .collect();
    let decrypted = Decrypted {
        model: spec.estimator().to_owned(),
        rows: raw.len(),
        predictions: predictions
            .iter()
            .map(|p| prediction_value(p, &classes))
            .collect(),
        scores: predictions.into_iter().map(|p| p.scores).collect(),
        classes,
        probabilities,
        raw,
    };
    if arguments.json {
        output::json(&decrypted)
    } else {
        output::data(&csv(&decrypted))
    }
}

fn csv(decrypted: &Decrypted) -> String {
    let numbers = decrypted
        .probabilities
        .as_ref()
        .unwrap_or(&decrypted.scores);
    let width = numbers.first().map_or(0, Vec::len);
    let names = (0..width).map(
        |at| match (&decrypted.probabilities, decrypted.classes.get(at)) {
            (Some(_), Some(class)) => format!(",p({class})"),
            _ if width == 1 => ",score".to_owned(),
            _ => format!(",score_{at}"),
        },
    );
    let mut text = format!("prediction{}\n", names.collect::<String>());
    for (prediction, numbers) in decrypted.predictions.iter().zip(numbers) {
        let prediction = match prediction {
            Value::String(label) => label.clone(),
            other => other.to_string(),
        };
        let numbers: String = numbers
            .iter()
            .map(|number| format!(",{number:.6}"))
            .collect();
        text.push_str(&format!("{prediction}{numbers}\n"));
    }
    text
}
