//! Predictions as they are printed: gathered piece by piece, in little memory.

use serde::Serialize;
use serde_json::Value;
use tenebra_app::evaluate::Scored;
use tenebra_client::ClientSpec;
use tenebra_models::Prediction;
use tenebra_quant::InverseLink;

use crate::commands::prediction_value;
use crate::output::Failure;
use crate::spool::{self, JsonList, Spool};

/// Predictions of rows, for JSON or for CSV.
pub(crate) struct Predictions<'a> {
    spec: &'a ClientSpec<'a>,
    classes: Vec<String>,
    rows: usize,
    form: Form,
}

enum Form {
    /// A header and a line a row.
    Csv(Spool),
    Json(Box<Lists>),
}

#[derive(Serialize)]
struct Head {
    model: String,
    rows: usize,
}

#[derive(Serialize)]
struct Tail {}

impl<'a> Predictions<'a> {
    /// None yet.
    pub(crate) fn new(spec: &'a ClientSpec<'a>, as_json: bool) -> Self {
        Self {
            spec,
            classes: spec.classes().map(str::to_owned).collect(),
            rows: 0,
            form: if as_json {
                Form::Json(Box::new(Lists::new()))
            } else {
                Form::Csv(Spool::new())
            },
        }
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, scored: &Scored) -> Result<(), Failure> {
        let link = self.spec.inverse_link();
        for (prediction, integers) in scored.predictions.iter().zip(&scored.integers) {
            let value = prediction_value(prediction, &self.classes);
            match &mut self.form {
                Form::Csv(text) => {
                    let probabilities = prediction.probabilities(link);
                    let numbers = probabilities.as_ref().unwrap_or(&prediction.scores);
                    if self.rows == 0 {
                        let probable = probabilities.is_some();
                        text.push(&line(header(&self.classes, probable, numbers.len())))?;
                    }
                    text.push(&line(cells(value, !self.classes.is_empty(), numbers)))?;
                }
                Form::Json(lists) => lists.push(&value, prediction, link, Some(integers))?,
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// To stdout.
    pub(crate) fn print(self) -> Result<(), Failure> {
        let lists = match self.form {
            Form::Csv(text) => return spool::print("", text),
            Form::Json(lists) => lists,
        };
        let head = Head {
            model: self.spec.estimator().to_owned(),
            rows: self.rows,
        };
        spool::print_json(&head, lists.into_lists(&self.classes)?, &Tail {})
    }
}

/// Lists of a JSON object with an entry a row. Those that stay empty are left out, but for the predictions.
pub(crate) struct Lists {
    predictions: JsonList,
    /// Before the inverse link.
    scores: JsonList,
    probabilities: JsonList,
    /// The integers that the circuit computed.
    raw: JsonList,
}

impl Lists {
    pub(crate) fn new() -> Self {
        Self {
            predictions: JsonList::new("predictions"),
            scores: JsonList::new("scores"),
            probabilities: JsonList::new("probabilities"),
            raw: JsonList::new("raw"),
        }
    }

    /// Adds a row; `value` is its prediction.
    pub(crate) fn push(
        &mut self,
        value: &Value,
        prediction: &Prediction,
        link: InverseLink,
        integers: Option<&[i64]>,
    ) -> Result<(), Failure> {
        self.predictions.push(value)?;
        self.scores.push(&prediction.scores)?;
        if let Some(probabilities) = prediction.probabilities(link) {
            self.probabilities.push(&probabilities)?;
        }
        if let Some(integers) = integers {
            self.raw.push(&integers)?;
        }
        Ok(())
    }

    /// In the order in which they are printed; `classes` are what the probabilities are of, in this order.
    pub(crate) fn into_lists(self, classes: &[String]) -> Result<Vec<JsonList>, Failure> {
        let mut names = JsonList::new("classes");
        for class in classes {
            names.push(class)?;
        }
        let rest = [self.scores, names, self.probabilities, self.raw];
        let rest = rest.into_iter().filter(|list| !list.is_empty());
        Ok(core::iter::once(self.predictions).chain(rest).collect())
    }
}

/// Names of the columns: predicted numbers, or the label and its `count` probabilities or scores.
fn header(classes: &[String], probable: bool, count: usize) -> Vec<String> {
    let numbered = |name: &str| -> Vec<String> {
        match count {
            1 => vec![name.to_owned()],
            _ => (0..count).map(|at| format!("{name}_{at}")).collect(),
        }
    };
    let label = core::iter::once("prediction".to_owned());
    if classes.is_empty() {
        numbered("prediction")
    } else if probable {
        let names = classes.iter().map(|class| format!("p({class})"));
        label.chain(names).collect()
    } else {
        label.chain(numbered("score")).collect()
    }
}

fn cells(prediction: Value, is_class: bool, numbers: &[f64]) -> Vec<String> {
    let mut cells = match prediction {
        Value::String(label) => vec![label],
        Value::Array(values) => values.iter().map(Value::to_string).collect(),
        value => vec![value.to_string()],
    };
    if is_class {
        cells.extend(numbers.iter().map(|number| format!("{number:.6}")));
    }
    cells
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
