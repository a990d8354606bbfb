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
    /// Whether features are in half precision.
    #[serde(default)]
    half: bool,
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

/// Whether another class is as good within rounding; sigmoids of large scores are all 1 in single or half precision.
fn is_tie(prediction: &Prediction, half: bool) -> bool {
    if let [score] = prediction.scores[..] {
        return score.abs() < if half { 1e-2 } else { 1e-5 };
    }
    let step = if half { 1e-3 } else { 1e-7 };
    [&prediction.scores, &prediction.values]
        .iter()
        .any(|scores| {
            let mut scores = (*scores).clone();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores[0] - scores[1] <= step * scores[0].abs().max(1.0)
        })
}

/// Whether all of several sigmoids are less than any normal number of single precision, so that nothing is left to divide by.
fn underflows(prediction: &Prediction) -> bool {
    let [_, _, ..] = prediction.scores[..] else {
        return false;
    };
    prediction.scores != prediction.values && prediction.scores.iter().all(|score| *score < -87.0)
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
                            let equal = pairs.all(|(found, expected)| {
                                near(*found, expected.number(), output.kind)
                            });
                            equal || underflows(prediction)
                        })
                    })
        })
    })
}

fn is_label(
    output: &Output,
    model: &Model,
    predictions: &[Option<Prediction>],
    half: bool,
) -> bool {
    let class = |prediction: &Prediction| model.classes().get(prediction.class?).cloned();
    predictions
        .iter()
        .zip(&output.values)
        .all(|(prediction, expected)| {
            prediction.as_ref().is_none_or(|prediction| {
                is_tie(prediction, half) || class(prediction) == Some(expected[0].text())
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
        let label = label
            && output.values[0].len() == 1
            && is_label(output, model, &predictions, case.half);
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
                !is_in_forms(&one, prediction) && !is_label(&one, model, prediction, case.half)
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

fn read(name: &str) -> Graphs {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/onnx");
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn recorded() -> Graphs {
    let mut graphs = read("graphs.json");
    graphs.cases.extend(read("networks.json").cases);
    graphs
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

#[test]
fn generated_graphs_are_equal_or_refused() {
    let other = std::env::var_os(OTHER_GRAPHS);
    let graphs = match &other {
        Some(path) => serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
        None => recorded(),
    };
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

/// Every network of `benches/onnx_torch_graphs.py`, in the words of either of PyTorch's exporters, but for two that are refused by name.
#[test]
fn what_pytorch_exports_is_equal() {
    let cases = read("torch_networks.json").cases;
    let refused = [
        ("torch log softmax of two", "LogSoftmax"),
        ("torch transposed features", "MatMul"),
    ];
    for case in &cases {
        let known = refused.iter().find(|(name, _)| *name == case.name);
        match (onnx::read_noting(&bytes(&case.onnx)), known) {
            (Ok((model, notes)), None) => {
                assert_eq!(difference(case, &model, &notes), None, "{}", case.name);
                assert_eq!(notes, [""; 0], "{}", case.name);
            }
            (Err(error), Some((name, operator))) => {
                assert!(error.to_string().contains(operator), "{name}: {error}");
            }
            (Ok(_), Some((name, _))) => panic!("{name} is read now: hold it to its values"),
            (Err(error), None) => panic!("{}: {error}", case.name),
        }
    }
    assert_eq!(cases.len(), 36);
}

#[test]
fn what_strangers_had_is_read_or_refused_by_name() {
    let graphs = recorded();
    let found = |name: &str| {
        let case = graphs.cases.iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("no case `{name}`"));
        onnx::read_noting(&bytes(&case.onnx)).map_err(|error| error.to_string())
    };
    for name in [
        "df_ridge_f64",
        "np64_logreg_bin",
        "h_logit_and_prob",
        "h_two_heads",
        "Calibrated_prefit",
        "P_Imputer",
        "P_PCA_whiten",
        "ct_drop_unused_str",
        "ct_ohe_int",
        "h_batchnorm",
        "h_constant_float",
        "h_f16",
        "h_slice_step2",
        "h_split",
        "h_sum1",
        "h_sum3",
        "h_cast_const_int",
        "h_const_div_int",
        "h_zero_add_broadcast",
        "onnx_catboost_missing_values",
        "onnx_gbc_exponential_mul",
        "onnx_lightgbm_zipmap_false",
        "onnx_imputer_before_trees",
        "onnx_message_names_concat",
        "onnx_scaler_before_trees",
        "onnx_several_tree_operators",
        "onnx_xgb_poisson_exp_mul",
        "onnx_zipmap_columns",
    ] {
        let (_, notes) = found(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(notes, [""; 0], "{name}");
    }
    for (name, parts) in [
        (
            "h_two_labels",
            [
                "`l` and `m` are different labels",
                "export a model for each",
            ],
        ),
        (
            "onnx_one_class",
            ["it knows one class", "train on data with two classes"],
        ),
    ] {
        let message = found(name).unwrap_err();
        assert!(
            parts.iter().all(|part| message.contains(part)),
            "{name}: {message}"
        );
    }
}

#[test]
fn two_outputs_are_one_model() {
    let graphs = recorded();
    let model = |name: &str| {
        let case = graphs.cases.iter().find(|case| case.name == name).unwrap();
        onnx::read(&bytes(&case.onnx)).unwrap()
    };
    let Model::Linear(heads) = model("h_two_heads") else {
        panic!("two heads are linear")
    };
    assert_eq!((heads.n_outputs(), heads.classes.len()), (2, 0));
    let Model::Linear(classifier) = model("h_logit_and_prob") else {
        panic!("a logit is linear")
    };
    assert_eq!((classifier.n_outputs(), classifier.classes.len()), (1, 2));
    // A column of strings that nothing reads is no feature.
    assert_eq!(
        model("ct_drop_unused_str").feature_names().unwrap(),
        ["age", "income", "edu"]
    );
}

#[test]
fn an_attribute_that_is_not_known_is_refused() {
    let graphs = recorded();
    let case = graphs
        .cases
        .iter()
        .find(|case| case.name == "h_split")
        .unwrap();
    let mut file = bytes(&case.onnx);
    let at = file
        .windows(11)
        .position(|window| window == b"num_outputs")
        .unwrap();
    file[at..at + 11].copy_from_slice(b"num_outsets");
    let message = onnx::read(&file).unwrap_err().to_string();
    assert!(
        message.contains("the attribute num_outsets is not supported"),
        "{message}"
    );
}
