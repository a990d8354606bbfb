//! `tenebra decrypt`.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use tenebra::evaluate::predict;
use tenebra::files;

use crate::commands::{parse_client, prediction_value, read_client, read_key};
use crate::output::{self, Failure};

/// Decrypt a response into predictions
///
/// Needs client.tnb and the secret key. Prints CSV: a row's prediction and, for classes, their probabilities or scores.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra decrypt model/ --keys keys/ response.tnb
  tenebra decrypt model/ --keys keys/ response.tnb --json")]
pub(crate) struct Arguments {
    /// Folder with the model's client.tnb
    #[arg(value_name = "DIR")]
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

/// A header and a line a row: predicted numbers, or the label and its probabilities or scores.
fn csv(decrypted: &Decrypted) -> String {
    let numbered = |name: &str, count: usize| -> Vec<String> {
        match count {
            1 => vec![name.to_owned()],
            _ => (0..count).map(|at| format!("{name}_{at}")).collect(),
        }
    };
    let numbers = decrypted
        .probabilities
        .as_ref()
        .unwrap_or(&decrypted.scores);
    let count = numbers.first().map_or(0, Vec::len);
    let header = if decrypted.classes.is_empty() {
        numbered("prediction", count)
    } else if decrypted.probabilities.is_some() {
        let names = decrypted.classes.iter().map(|class| format!("p({class})"));
        core::iter::once("prediction".to_owned())
            .chain(names)
            .collect()
    } else {
        core::iter::once("prediction".to_owned())
            .chain(numbered("score", count))
            .collect()
    };
    let mut text = line(header);
    for (prediction, numbers) in decrypted.predictions.iter().zip(numbers) {
        let mut cells = match prediction {
            Value::String(label) => vec![label.clone()],
            Value::Array(values) => values.iter().map(Value::to_string).collect(),
            value => vec![value.to_string()],
        };
        if !decrypted.classes.is_empty() {
            cells.extend(numbers.iter().map(|number| format!("{number:.6}")));
        }
        text.push_str(&line(cells));
    }
    text
}

/// A line of CSV; labels may hold anything.
fn line(cells: Vec<String>) -> String {
    let quoted = cells.into_iter().map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_commas_and_quotes_stay_one_cell() {
        let cells = ["a,b", "say \"no\"", "c"].map(str::to_owned).to_vec();
        assert_eq!(line(cells), "\"a,b\",\"say \"\"no\"\"\",c\n");
    }
}
