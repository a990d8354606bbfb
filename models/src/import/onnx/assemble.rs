//! From the values of a graph's outputs to a model.

use alloc::collections::BTreeMap;

use tenebra_quant::{Decision, InverseLink};

use super::error::OnnxError;
use super::form::Form;
use super::graph::Graph;
use super::scores::{Labels, Link, Scores, Value};
use super::structure::input_widths;
use crate::linear::{LinearModel, LinearParts};
use crate::model::Model;

/// The model that the outputs describe: a classifier if one is a label, or the last function gives probabilities.
pub(super) fn model(graph: &Graph, outputs: Vec<Value>) -> Result<Model, OnnxError> {
    let mut labels = None;
    let mut scores = None;
    for output in outputs {
        match output {
            Value::Labels(value) => labels = labels.or(Some(value)),
            Value::Scores(value) => scores = scores.or(Some(value)),
            _ => {}
        }
    }
    let meaning = match (labels, scores) {
        (Some(labels), scores) => classification(labels, scores),
        (None, Some(scores)) => from_scores(scores)?,
        (None, None) => {
            return Err(OnnxError::Graph {
                message: "no output depends linearly on the inputs".to_owned(),
            });
        }
    };
    let widths = input_widths(graph)?;
    let n_features: usize = widths.iter().sum();
    if meaning.forms.len().saturating_mul(n_features) > MAX_COEFFICIENTS {
        let message = format!(
            "{} outputs of {n_features} features are more than {MAX_COEFFICIENTS} coefficients",
            meaning.forms.len()
        );
        return Err(OnnxError::Graph { message });
    }
    let parts = LinearParts {
        estimator: estimator(graph),
        feature_names: feature_names(graph, &widths),
        n_features,
        coef: meaning
            .forms
            .iter()
            .map(|form| form.dense(n_features))
            .collect(),
        intercept: meaning.forms.iter().map(|form| form.intercept).collect(),
        inverse_link: meaning.inverse_link,
        decision: meaning.decision,
        classes: meaning.classes,
        target_names: None,
        feature_stats: None,
        params: BTreeMap::new(),
    };
    Ok(Model::Linear(LinearModel::new(parts)?))
}

/// 512 MiB of coefficients.
const MAX_COEFFICIENTS: usize = 1 << 26;

struct Meaning {
    forms: Vec<Form>,
    inverse_link: InverseLink,
    decision: Decision,
    classes: Vec<String>,
}

/// A classifier; two scores that only differ in sign, or only matter by their difference, become one.
fn classification(labels: Labels, probabilities: Option<Scores>) -> Meaning {
    let Labels {
        scores, classes, ..
    } = labels;
    // Probabilities say more than the label's scores; of the same forms, or they are not the label's.
    let link = match &probabilities {
        Some(given) if given.forms == scores.forms => given.link,
        Some(Scores {
            forms,
            link: link @ Link::Sigmoid,
        }) if scores.forms.last() == forms.last() => *link,
        _ => scores.link,
    };
    if let [first, second] = scores.forms.as_slice() {
        let opposite = second.is_negative_of(first);
        let one = |form: Form, inverse_link| Meaning {
            forms: vec![form],
            inverse_link,
            decision: Decision::Threshold,
            classes: classes.clone(),
        };
        match link {
            Link::Softmax => return one(second.plus(&first.scaled(-1.0)), InverseLink::Sigmoid),
            Link::Sigmoid | Link::SigmoidNormalized if opposite => {
                return one(second.clone(), InverseLink::Sigmoid);
            }
            Link::Identity if opposite => return one(second.clone(), InverseLink::Identity),
            _ => {}
        }
    }
    let inverse_link = match link {
        Link::Identity | Link::Exp | Link::OnePlusExp => InverseLink::Identity,
        Link::Sigmoid => InverseLink::Sigmoid,
        Link::SigmoidNormalized => InverseLink::SigmoidNormalized,
        Link::Softmax => InverseLink::Softmax,
    };
    Meaning {
        forms: scores.forms,
        inverse_link,
        decision: Decision::ArgMax,
        classes,
    }
}

/// A graph without labels, as neural-network libraries export them: probabilities mean classes 0, 1, ….
fn from_scores(scores: Scores) -> Result<Meaning, OnnxError> {
    let regression = |forms, inverse_link| Meaning {
        forms,
        inverse_link,
        decision: Decision::None,
        classes: Vec::new(),
    };
    let indices = |n: usize| (0..n).map(|class| class.to_string()).collect();
    Ok(match (scores.link, scores.forms.len()) {
        (Link::Identity, _) => regression(scores.forms, InverseLink::Identity),
        (Link::Exp, _) => regression(scores.forms, InverseLink::Exp),
        (Link::Sigmoid, 1) => Meaning {
            forms: scores.forms,
            inverse_link: InverseLink::Sigmoid,
            decision: Decision::Threshold,
            classes: indices(2),
        },
        (Link::Sigmoid, _) => regression(scores.forms, InverseLink::Sigmoid),
        (Link::Softmax | Link::SigmoidNormalized, n) => {
            let labels = Labels {
                classes: indices(n),
                scores,
                indices: false,
            };
            classification(labels, None)
        }
        (Link::OnePlusExp, _) => {
            return Err(OnnxError::Graph {
                message: "the output is 1 + exp(x), which is no link here".to_owned(),
            });
        }
    })
}

/// The operator that carries the coefficients.
fn estimator(graph: &Graph) -> String {
    let operators = || graph.nodes.iter().map(|node| node.operator.as_str());
    let model = operators().find(|name| name.contains("Linear") || name.contains("SVM"));
    let operator = model
        .or_else(|| operators().find(|name| matches!(*name, "MatMul" | "Gemm")))
        .unwrap_or("affine");
    operator.trim_start_matches("ai.onnx.ml.").to_owned()
}

/// Names of the inputs, where each is one feature of its own.
pub(super) fn feature_names(graph: &Graph, widths: &[usize]) -> Option<Vec<String>> {
    let single = widths.len() > 1 && widths.iter().all(|&w| w == 1);
    single.then(|| {
        graph
            .inputs
            .iter()
            .map(|input| input.name.clone())
            .collect()
    })
}
