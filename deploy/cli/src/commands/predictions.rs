//! Predictions as `decrypt` and `predict` print them.

use serde::Serialize;
use serde_json::Value;
use tenebra::evaluate::Scored;
use tenebra_client::ClientSpec;

use crate::commands::prediction_value;
use crate::output::{self, Failure};

/// What `--json` prints: one entry a row.
#[derive(Debug, Serialize)]
pub(crate) struct Predictions {
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

impl Predictions {
    /// What the integers of rows say.
    pub(crate) fn new(spec: &ClientSpec<'_>, scored: Scored) -> Self {
        let classes: Vec<String> = spec.classes().map(str::to_owned).collect();
        let predictions = &scored.predictions;
        let probabilities = predictions
            .iter()
            .map(|p| p.probabilities(spec.inverse_link()))
            .collect();
        Self {
            model: spec.estimator().to_owned(),
            rows: predictions.len(),
            predictions: predictions
                .iter()
                .map(|p| prediction_value(p, &classes))
                .collect(),
            probabilities,
            scores: scored.predictions.into_iter().map(|p| p.scores).collect(),
            classes,
            raw: scored.integers,
        }
    }

    /// To stdout, as JSON or as CSV.
    pub(crate) fn print(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            output::json(self)
        } else {
            output::data(&csv(self))
        }
    }
}

/// A header and a line a row: predicted numbers, or the label and its probabilities or scores.
fn csv(rows: &Predictions) -> String {
    let numbered = |name: &str, count: usize| -> Vec<String> {
        match count {
            1 => vec![name.to_owned()],
            _ => (0..count).map(|at| format!("{name}_{at}")).collect(),
        }
    };
    let numbers = rows.probabilities.as_ref().unwrap_or(&rows.scores);
    let count = numbers.first().map_or(0, Vec::len);
    let header = if rows.classes.is_empty() {
        numbered("prediction", count)
    } else if rows.probabilities.is_some() {
        let names = rows.classes.iter().map(|class| format!("p({class})"));
        core::iter::once("prediction".to_owned())
            .chain(names)
            .collect()
    } else {
        core::iter::once("prediction".to_owned())
            .chain(numbered("score", count))
            .collect()
    };
    let mut text = line(header);
    for (prediction, numbers) in rows.predictions.iter().zip(numbers) {
        let mut cells = match prediction {
            Value::String(label) => vec![label.clone()],
            Value::Array(values) => values.iter().map(Value::to_string).collect(),
            value => vec![value.to_string()],
        };
        if !rows.classes.is_empty() {
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
