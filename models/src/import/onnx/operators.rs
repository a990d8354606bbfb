//! Runs the graph on symbols: what every operator does to affine forms.

use std::collections::HashMap;

use super::error::OnnxError;
use super::form::{Budget, Form};
use super::graph::{Graph, Node, Tensor};
use super::scores::{Labels, Link, Scores, Value, row};
use super::structure;

/// What the nodes before left behind.
pub(super) struct Run {
    values: HashMap<String, Result<Value, OnnxError>>,
    pub(super) budget: Budget,
}

/// Evaluates the graph and gives the values of its outputs, in order.
///
/// A node that cannot be evaluated matters only if an output depends on it.
pub(super) fn run(graph: &Graph) -> Result<Vec<Value>, OnnxError> {
    let run = evaluate(graph)?;
    graph.outputs.iter().map(|name| run.value(name)).collect()
}

/// Evaluates the graph and gives the value of one name.
pub(super) fn value(graph: &Graph, name: &str) -> Result<Value, OnnxError> {
    evaluate(graph)?.value(name)
}

fn evaluate(graph: &Graph) -> Result<Run, OnnxError> {
    let mut run = Run {
        values: HashMap::new(),
        budget: Budget::new(),
    };
    for (name, tensor) in &graph.constants {
        run.values
            .insert(name.clone(), Ok(Value::Constant(tensor.clone())));
    }
    let mut first = 0;
    for (input, width) in graph.inputs.iter().zip(structure::input_widths(graph)?) {
        let forms = (first..first + width).map(Form::feature).collect();
        run.values.insert(
            input.name.clone(),
            Ok(Value::Scores(Scores::identity(forms))),
        );
        first += width;
    }
    for node in &graph.nodes {
        let results = run.node(node);
        for (at, name) in node
            .outputs
            .iter()
            .enumerate()
            .filter(|(_, name)| !name.is_empty())
        {
            let result = match &results {
                Ok(values) => values
                    .get(at)
                    .cloned()
                    .ok_or_else(|| node.refuse(format!("it has no output {at}"))),
                Err(error) => Err(error.clone()),
            };
            if run.values.insert(name.clone(), result).is_some() {
                return Err(node.refuse(format!("`{name}` is already defined")));
            }
        }
    }
    Ok(run)
}

impl Run {
    fn value(&self, name: &str) -> Result<Value, OnnxError> {
        if name.is_empty() {
            return Ok(Value::Absent);
        }
        let graph = |message: String| OnnxError::Graph { message };
        let value = self
            .values
            .get(name)
            .ok_or_else(|| graph(format!("`{name}` is read but never defined")))?;
        // Every reader gets a copy, so that a small graph could ask for any amount of copying.
        let size = value.as_ref().map_or(0, Value::size);
        if !self.budget.spend(1, size) {
            return Err(graph(
                "the graph is too large to fold into one linear model".to_owned(),
            ));
        }
        value.clone()
    }

    fn node(&self, node: &Node) -> Result<Vec<Value>, OnnxError> {
        let inputs = node
            .inputs
            .iter()
            .map(|name| self.value(name))
            .collect::<Result<Vec<_>, _>>()?;
        let one = |value: Result<Value, OnnxError>| value.map(|value| vec![value]);
        match node.operator.as_str() {
            "ai.onnx.ml.LinearRegressor" => one(linear_regressor(node, &inputs, &self.budget)),
            "ai.onnx.ml.LinearClassifier" => linear_classifier(node, &inputs, &self.budget),
            "ai.onnx.ml.SVMRegressor" => one(super::structure::svm::regressor(
                node,
                &inputs,
                &self.budget,
            )),
            "ai.onnx.ml.SVMClassifier" => {
                super::structure::svm::classifier(node, &inputs, &self.budget)
            }
            "ai.onnx.ml.Scaler" => one(scaler(node, &inputs)),
            "ai.onnx.ml.Normalizer" => one(normalizer(node, &inputs)),
            "MatMul" => one(mat_mul(node, &inputs, &self.budget)),
            "Gemm" => one(gemm(node, &inputs, &self.budget)),
            "Add" | "Sub" | "Mul" | "Div" | "Sum" => one(arithmetic(node, &inputs)),
            "Neg" => one(scores(node, &inputs, 0)?.affine(node).map(|forms| {
                Value::Scores(Scores::identity(
                    forms.iter().map(|form| form.scaled(-1.0)).collect(),
                ))
            })),
            "Exp" => one(scores(node, &inputs, 0)?
                .clone()
                .linked(Link::Exp, node)
                .map(Value::Scores)),
            "Sigmoid" => one(scores(node, &inputs, 0)?
                .clone()
                .linked(Link::Sigmoid, node)
                .map(Value::Scores)),
            "Softmax" => one(softmax(node, &inputs)),
            "Reciprocal" => one(reciprocal(node, &inputs)),
            _ => structure::node(node, &inputs),
        }
    }
}

/// Input `at`, which must depend on the features.
pub(super) fn scores<'a>(
    node: &Node,
    inputs: &'a [Value],
    at: usize,
) -> Result<&'a Scores, OnnxError> {
    match inputs.get(at) {
        Some(Value::Scores(scores)) => Ok(scores),
        Some(Value::Labels(_)) => Err(node.refuse("it computes with predicted labels")),
        _ => Err(node.refuse(format!("input {at} is not computed from the features"))),
    }
}

/// Input `at`, which must be a constant.
pub(super) fn constant<'a>(
    node: &Node,
    inputs: &'a [Value],
    at: usize,
) -> Result<&'a Tensor, OnnxError> {
    match inputs.get(at) {
        Some(Value::Constant(tensor)) => Ok(tensor),
        _ => Err(node.refuse(format!("input {at} is not a constant"))),
    }
}

/// `x W^T + b` with the rows of `W` in `coefficients`.
fn affine(
    node: &Node,
    inputs: &[Value],
    outputs: usize,
    budget: &Budget,
) -> Result<Vec<Form>, OnnxError> {
    let x = scores(node, inputs, 0)?;
    let (n, coefficients, intercepts) = (
        x.forms.len(),
        node.floats("coefficients"),
        node.floats("intercepts"),
    );
    if outputs == 0 || coefficients.len() != outputs * n {
        return Err(node.refuse(format!(
            "{} coefficients for {n} features and {outputs} outputs",
            coefficients.len()
        )));
    }
    if !intercepts.is_empty() && intercepts.len() != outputs {
        return Err(node.refuse(format!(
            "{} intercepts for {outputs} outputs",
            intercepts.len()
        )));
    }
    let transposed: Vec<f64> = (0..n)
        .flat_map(|j| coefficients.iter().skip(j).step_by(n).copied())
        .collect();
    let product = x.product(&transposed, outputs, budget, node)?;
    let intercepts = intercepts.into_iter().chain(core::iter::repeat(0.0));
    Ok(product
        .forms
        .into_iter()
        .zip(intercepts)
        .map(|(form, b)| form.shifted(b))
        .collect())
}

/// The link of a `post_transform`.
pub(super) fn post_transform(node: &Node, columns: usize) -> Result<Link, OnnxError> {
    match node.string("post_transform").as_deref() {
        None | Some("" | "NONE") => Ok(Link::Identity),
        Some("LOGISTIC") => Ok(Link::Sigmoid),
        Some("SOFTMAX") if columns > 1 => Ok(Link::Softmax),
        Some(other) => Err(node.refuse(format!(
            "post_transform {other} of {columns} columns is not supported; NONE, LOGISTIC and SOFTMAX of several are"
        ))),
    }
}

fn linear_regressor(node: &Node, inputs: &[Value], budget: &Budget) -> Result<Value, OnnxError> {
    let targets = usize::try_from(node.int("targets").unwrap_or(1)).unwrap_or(0);
    let forms = affine(node, inputs, targets, budget)?;
    Ok(Value::Scores(Scores {
        link: post_transform(node, forms.len())?,
        forms,
    }))
}

/// Label and scores. With one row of coefficients for two classes, the second is predicted above 0.
fn linear_classifier(
    node: &Node,
    inputs: &[Value],
    budget: &Budget,
) -> Result<Vec<Value>, OnnxError> {
    let classes = node.class_labels();
    let features = scores(node, inputs, 0)?.forms.len();
    let outputs = node.floats("coefficients").len() / features.max(1);
    let forms = affine(node, inputs, outputs, budget)?;
    classifier(node, forms, classes)
}

/// Label and scores of a classifier with these scores.
pub(super) fn classifier(
    node: &Node,
    mut forms: Vec<Form>,
    classes: Vec<String>,
) -> Result<Vec<Value>, OnnxError> {
    if classes.len() < 2 || (forms.len() != classes.len() && (forms.len(), classes.len()) != (1, 2))
    {
        return Err(node.refuse(format!(
            "{} classes for {} rows of coefficients",
            classes.len(),
            forms.len()
        )));
    }
    if let [only] = forms.as_slice() {
        forms = vec![only.scaled(-1.0), only.clone()];
    }
    let scores = Scores {
        link: post_transform(node, forms.len())?,
        forms,
    };
    Ok(vec![
        Value::Labels(Labels {
            scores: scores.clone(),
            classes,
            indices: false,
        }),
        Value::Scores(scores),
    ])
}

/// `(x - offset) * scale`
fn scaler(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    x.affine(node)?;
    let or = |values: Vec<f64>, default: f64| {
        Tensor::vector(if values.is_empty() {
            vec![default]
        } else {
            values
        })
    };
    let centred = x.with_constant(&or(node.floats("offset"), 0.0), node, |form, c| {
        form.clone().shifted(-c)
    })?;
    Ok(Value::Scores(centred.with_constant(
        &or(node.floats("scale"), 1.0),
        node,
        Form::scaled,
    )?))
}

/// Division of each row by its norm, which is affine in nothing: allowed on positive scores only, where the L1 norm is
/// their sum.
fn normalizer(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    let norm = node.string("norm").unwrap_or_else(|| "MAX".to_owned());
    if norm != "L1" {
        return Err(node.refuse(format!("the {norm} norm of a row is not affine; only L1 behind a sigmoid or softmax is supported")));
    }
    normalized(node, x)
}

/// Scores divided by their sum.
pub(super) fn normalized(node: &Node, x: &Scores) -> Result<Value, OnnxError> {
    let link = match x.link {
        Link::Exp | Link::Softmax => Link::Softmax,
        Link::Sigmoid | Link::SigmoidNormalized => Link::SigmoidNormalized,
        Link::Identity | Link::OnePlusExp => {
            return Err(node.refuse("dividing a row by its sum is not affine; it is supported behind Exp, Sigmoid and Softmax"));
        }
    };
    Ok(Value::Scores(Scores { link, ..x.clone() }))
}

fn mat_mul(node: &Node, inputs: &[Value], budget: &Budget) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    let weights = constant(node, inputs, 1)?;
    let columns = match *weights.shape.as_slice() {
        [_] => 1,
        [_, columns] => columns,
        _ => {
            return Err(node.refuse(format!(
                "weights of shape {:?} are no matrix",
                weights.shape
            )));
        }
    };
    let numbers = weights
        .numbers()
        .ok_or_else(|| node.refuse("its weights are strings"))?;
    x.product(numbers, columns, budget, node).map(Value::Scores)
}

/// `alpha * x B + beta * c`
fn gemm(node: &Node, inputs: &[Value], budget: &Budget) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    let b = constant(node, inputs, 1)?;
    let &[rows, columns] = b.shape.as_slice() else {
        return Err(node.refuse(format!("weights of shape {:?} are no matrix", b.shape)));
    };
    if node.int("transA").unwrap_or(0) != 0 {
        return Err(node.refuse("transA mixes rows; export with transA = 0"));
    }
    let alpha = node.float("alpha").unwrap_or(1.0);
    let numbers = b
        .numbers()
        .ok_or_else(|| node.refuse("its weights are strings"))?;
    let scaled = numbers.iter().map(|w| w * alpha);
    let (weights, columns): (Vec<f64>, usize) = if node.int("transB").unwrap_or(0) == 0 {
        (scaled.collect(), columns)
    } else {
        let scaled: Vec<f64> = scaled.collect();
        (
            (0..columns)
                .flat_map(|j| scaled.iter().skip(j).step_by(columns.max(1)).copied())
                .collect(),
            rows,
        )
    };
    let product = x.product(&weights, columns, budget, node)?;
    match inputs.get(2) {
        None | Some(Value::Absent) => Ok(Value::Scores(product)),
        Some(_) => {
            let beta = node.float("beta").unwrap_or(1.0);
            let c = constant(node, inputs, 2)?;
            product
                .with_constant(c, node, |form, c| form.clone().shifted(c * beta))
                .map(Value::Scores)
        }
    }
}

fn arithmetic(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let [left, right] = inputs else {
        return Err(node.refuse(format!("{} operands; two are supported", inputs.len())));
    };
    match (left, right) {
        (Value::Constant(left), Value::Constant(right)) => constants(node, left, right),
        (Value::Scores(x), Value::Constant(c)) => {
            scores_and_constant(node, x, c).map(Value::Scores)
        }
        (Value::Constant(c), Value::Scores(x)) => {
            constant_and_scores(node, c, x).map(Value::Scores)
        }
        (Value::Scores(x), Value::Scores(y)) => both_scores(node, x, y).map(Value::Scores),
        // A guard against a sum of 0, which positive scores do not have.
        (Value::Sum(_), Value::Constant(c)) | (Value::Constant(c), Value::Sum(_))
            if node.operator == "Add" && is_zero(c) =>
        {
            Ok(if matches!(left, Value::Sum(_)) {
                left.clone()
            } else {
                right.clone()
            })
        }
        (Value::Scores(x), Value::Sum(sum)) if node.operator == "Div" && x == sum => {
            normalized(node, x)
        }
        _ => Err(node.refuse("its operands are not affine in the features")),
    }
}

fn is_zero(constant: &Tensor) -> bool {
    constant
        .numbers()
        .is_some_and(|values| values.iter().all(|&x| x == 0.0))
}

fn constants(node: &Node, left: &Tensor, right: &Tensor) -> Result<Value, OnnxError> {
    let (a, b) = (row(left, node)?, row(right, node)?);
    let len = a.len().max(b.len());
    if [a.len(), b.len()].iter().any(|&n| n != 1 && n != len) {
        return Err(node.refuse(format!(
            "constants of shapes {:?} and {:?}",
            left.shape, right.shape
        )));
    }
    let f = |(a, b): (&f64, &f64)| match node.operator.as_str() {
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        _ => a + b,
    };
    Ok(Value::Constant(Tensor::vector(
        a.iter()
            .cycle()
            .zip(b.iter().cycle())
            .take(len)
            .map(f)
            .collect(),
    )))
}

fn scores_and_constant(node: &Node, x: &Scores, c: &Tensor) -> Result<Scores, OnnxError> {
    let adds = matches!(node.operator.as_str(), "Add" | "Sum" | "Sub");
    if adds && is_zero(c) {
        return Ok(x.clone());
    }
    if node.operator == "Add" && x.link == Link::Exp && row(c, node)? == [1.0] {
        return Ok(Scores {
            link: Link::OnePlusExp,
            ..x.clone()
        });
    }
    x.affine(node)?;
    x.with_constant(c, node, |form, c| match node.operator.as_str() {
        "Sub" => form.clone().shifted(-c),
        "Mul" => form.scaled(c),
        "Div" => form.scaled(1.0 / c),
        _ => form.clone().shifted(c),
    })
}

fn constant_and_scores(node: &Node, c: &Tensor, x: &Scores) -> Result<Scores, OnnxError> {
    let ones = row(c, node)?.iter().all(|&c| c == 1.0);
    match (node.operator.as_str(), x.link) {
        ("Add" | "Sum" | "Mul", _) => scores_and_constant(node, x, c),
        ("Sub", Link::Identity) => x.with_constant(c, node, |form, c| form.scaled(-1.0).shifted(c)),
        // 1 - sigmoid(z) = sigmoid(-z)
        ("Sub", Link::Sigmoid) if ones => Ok(Scores {
            forms: x.forms.iter().map(|form| form.scaled(-1.0)).collect(),
            link: Link::Sigmoid,
        }),
        ("Div", Link::OnePlusExp) if ones => Ok(one_over(x)),
        ("Div", Link::Identity) => Err(node.refuse("dividing by features is not linear")),
        _ => Err(node.refuse(
            "a constant minus or over a nonlinear function is supported for sigmoids only",
        )),
    }
}

fn both_scores(node: &Node, x: &Scores, y: &Scores) -> Result<Scores, OnnxError> {
    let sign = match node.operator.as_str() {
        "Add" | "Sum" => 1.0,
        "Sub" => -1.0,
        _ => return Err(node.refuse("products and quotients of features are not linear")),
    };
    let (a, b) = (x.affine(node)?, y.affine(node)?);
    if a.len() != b.len() {
        return Err(node.refuse(format!("{} and {} columns", a.len(), b.len())));
    }
    Ok(Scores::identity(
        a.iter()
            .zip(b)
            .map(|(a, b)| a.plus(&b.scaled(sign)))
            .collect(),
    ))
}

/// `1 / (1 + exp(z)) = sigmoid(-z)`
fn one_over(x: &Scores) -> Scores {
    Scores {
        forms: x.forms.iter().map(|form| form.scaled(-1.0)).collect(),
        link: Link::Sigmoid,
    }
}

fn reciprocal(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    if x.link == Link::OnePlusExp {
        return Ok(Value::Scores(one_over(x)));
    }
    Err(node.refuse("it is supported for 1 + exp(x) only"))
}

fn softmax(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?.clone();
    if !matches!(node.int("axis"), None | Some(1 | -1)) || x.forms.len() < 2 {
        return Err(node.refuse("it must run over the columns, of which there must be several"));
    }
    x.linked(Link::Softmax, node).map(Value::Scores)
}
