//! From the values of a graph's outputs to scores, a link and a decision.

use alloc::rc::Rc;

use tenebra_quant::{Decision, InverseLink};

use super::call::{Run, Value};
use super::cell::{Expr, Labels, Link, linked};
use super::error::OnnxError;
use super::form::Form;
use super::tensor::Data;

/// What the outputs say of a row.
#[derive(Debug)]
pub(super) struct Meaning {
    pub(super) forms: Vec<Form>,
    pub(super) inverse_link: InverseLink,
    pub(super) decision: Decision,
    pub(super) classes: Vec<String>,
    /// What is left out, and why.
    pub(super) notes: Vec<String>,
}

/// The outputs by their kind.
#[derive(Default)]
struct Outputs {
    label: Option<(String, Rc<Labels>)>,
    scores: Vec<(String, Vec<Expr>)>,
    notes: Vec<String>,
}

/// Forms behind a link; two that only differ in sign, or only matter by their difference, are one.
#[derive(Clone, Debug, PartialEq)]
struct Scores {
    forms: Vec<Form>,
    link: Link,
}

/// A classifier if an output is a label or gives probabilities, a regression otherwise. `trees` says whether there are any.
pub(super) fn meaning(run: &Run<'_>, trees: bool) -> Result<Meaning, OnnxError> {
    let mut outputs = outputs(run)?;
    let names = run.zip_maps.borrow();
    if outputs.label.is_none() {
        outputs.label = implied(run)?.map(|labels| (String::new(), labels));
    }
    let mut meaning = match outputs.label.take() {
        Some((_, labels)) => classification(&labels, outputs)?,
        None => from_scores(outputs, trees)?,
    };
    for names in names.iter() {
        if meaning.classes.len() == names.len() && meaning.classes != *names {
            // Without a label, classes are numbered, unless columns have names.
            let numbered = (0..names.len()).map(|class| class.to_string());
            if !numbered.eq(meaning.classes.iter().cloned()) {
                let message = format!(
                    "the labels {:?} and the names {names:?} of their probabilities differ",
                    meaning.classes
                );
                return Err(OnnxError::Graph { message });
            }
            meaning.classes.clone_from(names);
        }
    }
    Ok(meaning)
}

fn outputs(run: &Run<'_>) -> Result<Outputs, OnnxError> {
    let mut outputs = Outputs::default();
    for name in &run.graph.outputs {
        let value = run.value(name)?;
        let cells = match value.as_ref() {
            Value::Tensor(tensor) => match &tensor.data {
                Data::Cells(cells) if cells.iter().any(|cell| cell.expr == Expr::Rows) => {
                    let message = format!("the output `{name}` does not depend on the features");
                    return Err(OnnxError::Graph { message });
                }
                Data::Cells(cells) => cells,
                _ => {
                    outputs.notes.push(format!(
                        "the output `{name}` is left out: it is the same for every row"
                    ));
                    continue;
                }
            },
            Value::Absent => {
                let message = format!("the output `{name}` does not depend on the features");
                return Err(OnnxError::Graph { message });
            }
        };
        let labels = cells.iter().filter_map(|cell| match &cell.expr {
            Expr::Label(labels) => Some(Rc::clone(labels)),
            _ => None,
        });
        let labels: Vec<Rc<Labels>> = labels.collect();
        match labels.as_slice() {
            [] => {
                let exprs = cells.iter().map(|cell| cell.expr.clone()).collect();
                outputs.scores.push((name.clone(), exprs));
            }
            [label] if cells.len() == 1 => match &outputs.label {
                Some((_, first))
                    if first.scores == label.scores
                        && first.classes.labels() == label.classes.labels() => {}
                Some((first, _)) => {
                    let message = format!(
                        "the outputs `{first}` and `{name}` are different labels, and a model predicts one; export a model for each"
                    );
                    return Err(OnnxError::Graph { message });
                }
                None => outputs.label = Some((name.clone(), Rc::clone(label))),
            },
            _ => {
                let message = format!(
                    "the output `{name}` has {} labels in a row, and a model predicts one; export a model for each",
                    labels.len()
                );
                return Err(OnnxError::Graph { message });
            }
        }
    }
    if outputs.label.is_none() && outputs.scores.is_empty() {
        let message = "no output depends on the inputs".to_owned();
        return Err(OnnxError::Graph { message });
    }
    Ok(outputs)
}

/// The labels of the only classifier of the graph: a graph may give its probabilities alone.
fn implied(run: &Run<'_>) -> Result<Option<Rc<Labels>>, OnnxError> {
    let mut found = None;
    for name in run
        .graph
        .nodes
        .iter()
        .filter_map(|node| node.outputs.first())
    {
        let Ok(value) = run.value(name) else { continue };
        let Value::Tensor(tensor) = value.as_ref() else {
            continue;
        };
        if let Data::Cells(cells) = &tensor.data
            && let [cell] = cells.as_slice()
            && let Expr::Label(labels) = &cell.expr
            && labels.classifier
        {
            if found.as_ref().is_some_and(|other| other != labels) {
                return Ok(None);
            }
            found = Some(Rc::clone(labels));
        }
    }
    Ok(found)
}

fn classification(labels: &Labels, outputs: Outputs) -> Result<Meaning, OnnxError> {
    let graph = |message: &str| OnnxError::Graph {
        message: message.to_owned(),
    };
    let decided = Scores::new(&labels.scores).ok_or_else(|| {
        graph("the label is decided on columns that went through different functions, which is not supported")
    })?;
    let mut notes = outputs.notes;
    // Columns may come one by one.
    let all: Vec<Expr> = outputs
        .scores
        .iter()
        .flat_map(|(_, exprs)| exprs.clone())
        .collect();
    let names: Vec<&str> = outputs
        .scores
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let together = Scores::new(&all).filter(|scores| decided.same(scores));
    let groups = if together.is_some() {
        vec![(names.join("`, `"), all)]
    } else {
        outputs.scores
    };
    let mut best: Option<Scores> = None;
    for (name, exprs) in groups {
        let scores = Scores::new(&exprs).filter(|scores| decided.same(scores));
        match scores {
            Some(scores) if !matches!(scores.link, Link::Proportion | Link::Exp) => {
                if best.as_ref().is_none_or(|best| best.link == Link::Identity) {
                    best = Some(scores);
                }
            }
            scores => {
                let reason = match exprs.iter().find_map(opaque) {
                    Some(error) => error.to_string(),
                    None if scores.is_some() => {
                        "exponentials of scores, or scores divided by their sum, which the label does not need".to_owned()
                    }
                    None => "it is no function of the label's scores that a model has".to_owned(),
                };
                let left_out = if name.contains('`') {
                    format!("the outputs `{name}` are left out")
                } else {
                    format!("the output `{name}` is left out")
                };
                notes.push(format!("{left_out}: {reason}"));
            }
        }
    }
    let Scores { forms, link } = best.unwrap_or(decided);
    let classes = labels.classes.labels().unwrap_or_default();
    let inverse_link = match link {
        Link::Identity | Link::Exp | Link::Proportion => InverseLink::Identity,
        Link::Sigmoid => InverseLink::Sigmoid,
        Link::SigmoidNormalized => InverseLink::SigmoidNormalized,
        Link::Softmax => InverseLink::Softmax,
    };
    let decision = if forms.len() == 1 {
        Decision::Threshold
    } else {
        Decision::ArgMax
    };
    Ok(Meaning {
        forms,
        inverse_link,
        decision,
        classes,
        notes,
    })
}

fn opaque(expr: &Expr) -> Option<&OnnxError> {
    match expr {
        Expr::Opaque(error) => Some(error),
        _ => None,
    }
}

impl Scores {
    fn new(exprs: &[Expr]) -> Option<Self> {
        let (forms, link) = linked(exprs)?;
        if let [first, second] = forms.as_slice() {
            let opposite = second.is_negative_of(first);
            let one = |form: Form, link| {
                let forms = vec![form];
                Some(Self { forms, link })
            };
            match link {
                Link::Softmax => return one(second.plus(&first.scaled(-1.0)), Link::Sigmoid),
                Link::Sigmoid | Link::SigmoidNormalized if opposite => {
                    return one(second.clone(), Link::Sigmoid);
                }
                Link::Identity if opposite => return one(second.clone(), Link::Identity),
                _ => {}
            }
        }
        Some(Self { forms, link })
    }

    /// Whether both decide alike: equal forms, or one form of each that differs by a positive factor.
    fn same(&self, other: &Self) -> bool {
        match (self.forms.as_slice(), other.forms.as_slice()) {
            ([a], [b]) => a == b || is_multiple(a, b),
            (a, b) => a == b,
        }
    }
}

/// Whether `b` is `a` times a positive factor, to within single precision.
fn is_multiple(a: &Form, b: &Form) -> bool {
    let largest = a
        .terms
        .iter()
        .max_by(|(_, x), (_, y)| x.abs().total_cmp(&y.abs()));
    let Some((variable, w)) = largest.filter(|(_, w)| **w != 0.0) else {
        return false;
    };
    let factor = b.terms.get(variable).copied().unwrap_or(0.0) / w;
    let scaled = a.scaled(-factor);
    factor > 0.0 && a.terms.len() == b.terms.len() && b.is_negative_of(&scaled)
}

/// A graph without labels, as neural-network libraries export them: probabilities mean classes 0, 1, ….
fn from_scores(outputs: Outputs, trees: bool) -> Result<Meaning, OnnxError> {
    let exprs: Vec<Expr> = outputs
        .scores
        .iter()
        .flat_map(|(_, exprs)| exprs.clone())
        .collect();
    if let Some(error) = exprs.iter().find_map(opaque) {
        return Err(error.clone());
    }
    let (forms, link) = match linked(&exprs) {
        Some(found) => found,
        None => functions_of_one(&outputs.scores)?,
    };
    let meaning = |forms, inverse_link, decision, classes: usize| Meaning {
        forms,
        inverse_link,
        decision,
        classes: (0..classes).map(|class| class.to_string()).collect(),
        notes: outputs.notes.clone(),
    };
    Ok(match (link, forms.len()) {
        (Link::Identity, _) => meaning(forms, InverseLink::Identity, Decision::None, 0),
        (Link::Exp, _) => meaning(forms, InverseLink::Exp, Decision::None, 0),
        (Link::Sigmoid, 1) if !trees => {
            meaning(forms, InverseLink::Sigmoid, Decision::Threshold, 2)
        }
        (Link::Sigmoid, _) => meaning(forms, InverseLink::Sigmoid, Decision::None, 0),
        (Link::Softmax | Link::SigmoidNormalized | Link::Proportion, n) => {
            let labels = Labels {
                scores: exprs,
                classes: Data::Integers((0_i64..).take(n).collect()),
                element: super::element::Element::Float32,
                classifier: false,
            };
            classification(&labels, outputs)?
        }
    })
}

/// Outputs of which one is a link of the others, as logits and probabilities are: a model gives both.
fn functions_of_one(outputs: &[(String, Vec<Expr>)]) -> Result<(Vec<Form>, Link), OnnxError> {
    let refuse = |name: &str| OnnxError::Graph {
        message: format!(
            "the output `{name}` does not go together with the others in one model; export a model for each"
        ),
    };
    let mut found: Option<(Vec<Form>, Link)> = None;
    for (name, exprs) in outputs {
        let (forms, link) = linked(exprs).ok_or_else(|| match exprs.first() {
            Some(Expr::Curve(_)) => OnnxError::Graph {
                message: format!(
                    "the output `{name}` is a nonlinear function that is no link here"
                ),
            },
            _ => refuse(name),
        })?;
        found = Some(match found {
            None => (forms, link),
            Some((first, Link::Identity)) if first == forms => (forms, link),
            Some((first, other)) if first == forms && (link == Link::Identity || link == other) => {
                (first, other)
            }
            Some(_) => return Err(refuse(name)),
        });
    }
    found.ok_or_else(|| refuse(""))
}
