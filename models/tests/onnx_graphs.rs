//! Generated ONNX graphs against onnxruntime's recorded values: equal or refused, never silently different.
//!
//! `benches/peer_onnx_graphs.py` generates them, and more of them with other seeds; see `tests/data/onnx/README.md`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use serde::Deserialize;
use tenebra_models::import::onnx;
use tenebra_models::{Model, Prediction};

/// Another file of graphs than the recorded one.
const OTHER_GRAPHS: &str = "TENEBRA_ONNX_GRAPHS";

#[derive(Deserialize)]
struct Graphs {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The file in hexadecimal digits.
    onnx: String,
    /// Missing values are null.
    rows: Vec<Vec<Option<f64>>>,
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    kind: Kind,
    /// A list per row.
    values: Vec<Vec<Answer>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Half,
    Number,
    Integer,
    Word,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Answer {
    Number(f64),
    Word(String),
}

impl Answer {
    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Word(_) => f64::NAN,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

/// Arithmetic in single or half precision, through sums that may cancel.
fn near(found: f64, expected: f64, kind: Kind) -> bool {
    let relative = if kind == Kind::Half { 3e-2 } else { 5e-5 };
    (found - expected).abs() <= relative * expected.abs().max(1.0)
}

/// Whether another class is as good within rounding; sigmoids of large scores are all 1 in single precision.
fn is_tie(prediction: &Prediction) -> bool {
    if let [score] = prediction.scores[..] {
        return score.abs() < 1e-5;
    }
    [&prediction.scores, &prediction.values]
        .iter()
        .any(|scores| {
            let mut scores = (*scores).clone();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores[0] - scores[1] <= 1e-7 * scores[0].abs().max(1.0)
        })
}

/// What a model says of a row, in the forms that graphs give it: scores, values, and for one score those of both classes.
fn forms(prediction: &Prediction) -> Vec<Vec<f64>> {
    let (scores, values) = (&prediction.scores, &prediction.values);
    let mut forms = vec![values.clone(), scores.clone()];
    if let ([score], [value], Some(_)) = (&scores[..], &values[..], prediction.class) {
        forms.push(vec![-score, *score]);
        forms.push(vec![1.0 - value, *value]);
    }
    forms
}

/// Whether the output holds the same columns of one form in every row.
fn is_in_forms(output: &Output, predictions: &[Option<Prediction>]) -> bool {
    let Some(first) = predictions.iter().flatten().next() else {
        return true;
    };
    let width = output.values[0].len();
    let shapes = forms(first);
    (0..shapes.len()).any(|form| {
        let columns = shapes[form].len();
        (0..=columns.saturating_sub(width)).any(|first| {
            width <= columns
                && predictions
                    .iter()
                    .zip(&output.values)
                    .all(|(prediction, expected)| {
                        prediction.as_ref().is_none_or(|prediction| {
                            let found = &forms(prediction)[form][first..];
                            let mut pairs = found.iter().zip(expected);
                            pairs.all(|(found, expected)| {
                                near(*found, expected.number(), output.kind)
                            })
                        })
                    })
        })
    })
}

fn is_label(output: &Output, model: &Model, predictions: &[Option<Prediction>]) -> bool {
    let class = |prediction: &Prediction| model.classes().get(prediction.class?).cloned();
    predictions
        .iter()
        .zip(&output.values)
        .all(|(prediction, expected)| {
            prediction.as_ref().is_none_or(|prediction| {
                is_tie(prediction) || class(prediction) == Some(expected[0].text())
            })
        })
}

/// The first output that the model does not give, or nothing.
fn difference(case: &Case, model: &Model, notes: &[String]) -> Option<String> {
    let row = |row: &Vec<Option<f64>>| -> Vec<f64> {
        row.iter().map(|x| x.unwrap_or(f64::NAN)).collect()
    };
    let predictions: Vec<Option<Prediction>> = case
        .rows
        .iter()
        .map(|r| model.predict(&row(r)).ok())
        .collect();
    let finite = case.rows.iter().zip(&predictions);
    for (row, prediction) in finite {
        if row.iter().all(Option::is_some) && prediction.is_none() {
            return Some(format!("row {row:?} is refused"));
        }
    }
    let left_out = |name: &str| notes.iter().any(|note| note.contains(&format!("`{name}`")));
    for output in case.outputs.iter().filter(|output| !left_out(&output.name)) {
        let label =
            output.kind != Kind::Half && output.kind != Kind::Number || !model.classes().is_empty();
        let label = label && output.values[0].len() == 1 && is_label(output, model, &predictions);
        if !label && !is_in_forms(output, &predictions) {
            // The first row that differs alone, or else the first.
            let rows = 0..case.rows.len();
            let differs = |row: &usize| {
                let one = Output {
                    name: String::new(),
                    values: vec![output.values[*row].clone()],
                    ..*output
                };
                let prediction = &predictions[*row..=*row];
                !is_in_forms(&one, prediction) && !is_label(&one, model, prediction)
            };
            let row = rows.into_iter().find(differs).unwrap_or(0);
            let expected = output.values[row].iter().map(Answer::text);
            let expected: Vec<String> = expected.collect();
            return Some(format!(
                "output `{}` of row {row}, {:?}, is {expected:?} and none of {:?}",
                output.name,
                case.rows[row],
                predictions[row].as_ref().map(forms)
            ));
        }
    }
    None
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

#[test]
fn generated_graphs_are_equal_or_refused() {
    let recorded = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/onnx/graphs.json");
    let other = std::env::var_os(OTHER_GRAPHS);
    let path = other.as_ref().map_or_else(recorded, PathBuf::from);
    let graphs: Graphs = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut equal, mut refused, mut left_out, mut different) = (0, 0, 0, Vec::new());
    for case in &graphs.cases {
        match onnx::read_noting(&bytes(&case.onnx)) {
            Ok((model, notes)) => match difference(case, &model, &notes) {
                None => {
                    equal += 1;
                    left_out += usize::from(!notes.is_empty());
                    if other.is_some() {
                        println!("equal {} {notes:?}", case.name);
                    }
                }
                Some(difference) => different.push(format!("{}: {difference}", case.name)),
            },
            Err(error) => {
                refused += 1;
                if other.is_some() {
                    println!("refused {}: {error}", case.name);
                }
            }
        }
    }
    println!(
        "{} graphs: {equal} equal ({left_out} with outputs left out and named), {refused} refused, {} different",
        graphs.cases.len(),
        different.len()
    );
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(
        other.is_some() || equal >= 100,
        "only {equal} graphs were read: that tests refusals alone"
    );
}
