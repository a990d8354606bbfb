//! Matrix products and the linear models of `ai.onnx.ml`.

use alloc::rc::Rc;

use super::lookup::class_data;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr, Group, Labels, Link};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// `x W` for a matrix of as many rows as `x` has columns.
pub(super) fn product(
    call: &Call<'_>,
    x: &[Form],
    weights: &[f64],
    columns: usize,
) -> Result<Vec<Form>, OnnxError> {
    let rows = x.len();
    if columns == 0 || rows.checked_mul(columns) != Some(weights.len()) {
        return Err(call.refuse(format!(
            "{} weights do not fit {rows} columns",
            weights.len()
        )));
    }
    call.columns(columns)?;
    call.work(columns, x.iter().map(|form| form.terms.len() + 1).sum())?;
    let column = |j: usize| {
        let mut sum = Form::constant(0.0);
        for (form, w) in x.iter().zip(weights.iter().skip(j).step_by(columns)) {
            if *w != 0.0 {
                sum.add_scaled(form, *w);
            }
        }
        sum
    };
    Ok((0..columns).map(column).collect())
}

fn affine(forms: Vec<Form>) -> impl Iterator<Item = Expr> {
    forms.into_iter().map(Expr::Affine)
}

/// The sizes and numbers of a constant matrix of the type of `x`.
fn matrix(
    call: &Call<'_>,
    at: usize,
    element: Element,
) -> Result<(usize, usize, Vec<f64>), OnnxError> {
    let weights = call.constant(at)?;
    if weights.element != element || !element.is_float() {
        return Err(call.refuse(format!(
            "it multiplies {} by {}; both must be floats of one type",
            element.name(),
            weights.element.name()
        )));
    }
    match *weights.dims.as_slice() {
        [Dim::Fixed(rows)] => Ok((rows, 1, call.numbers(at)?)),
        [Dim::Fixed(rows), Dim::Fixed(columns)] => Ok((rows, columns, call.numbers(at)?)),
        _ => Err(call.refuse(format!(
            "weights of shape {:?} are no matrix",
            weights.sizes()
        ))),
    }
}

pub(super) fn mat_mul(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let (rows, columns, weights) = matrix(call, 1, x.element)?;
    let vector = call.constant(1)?.dims.len() == 1;
    if let (Data::Numbers(values), &[Dim::Fixed(outer), Dim::Fixed(size)]) =
        (&x.data, x.dims.as_slice())
    {
        return folded(
            call,
            (outer, size, values),
            (rows, columns, &weights),
            x.element,
            vector,
        );
    }
    let forms = product(call, &call.affine_columns(x)?, &weights, columns)?;
    let mut result = if columns < rows && feeds_a_model(call) {
        reduced(call, x.element, forms)
    } else {
        Tensor::columns(x.element, affine(forms))
    };
    if vector {
        result.dims = vec![Dim::Rows];
    }
    one(result)
}

/// Fewer columns than before, which the client computes: they are what a model takes.
fn reduced(call: &Call<'_>, element: Element, forms: Vec<Form>) -> Tensor {
    let mut steps = call.run.steps.borrow_mut();
    let cell = |form: Form| match steps.value(&form) {
        Some(value) => steps.cell(value, element),
        None => Cell::new(Expr::Affine(form)),
    };
    let cells: Vec<Cell> = forms.into_iter().map(cell).collect();
    let dims = vec![Dim::Rows, Dim::Fixed(cells.len())];
    Tensor::cells(element, dims, cells)
}

/// Whether the columns are only scaled before a model or another matrix takes them, as those of PCA are. The product of a
/// network's layer is followed by a bias or an activation.
fn feeds_a_model(call: &Call<'_>) -> bool {
    let nodes = &call.run.graph.nodes;
    let mut names: Vec<&String> = call.node.outputs.iter().take(1).collect();
    // Each node is followed once at most.
    let mut followed = vec![false; nodes.len()];
    let mut found = false;
    while let Some(name) = names.pop() {
        for (at, node) in nodes.iter().enumerate() {
            if !node.inputs.contains(name) || core::mem::replace(&mut followed[at], true) {
                continue;
            }
            match node.operator.as_str() {
                "MatMul" | "Gemm" => found = true,
                "Div" | "Mul" | "Sub" | "Cast" | "Identity" | "Concat" | "ai.onnx.ml.Scaler" => {
                    names.extend(node.outputs.first());
                }
                operator if operator.starts_with("ai.onnx.ml.") => found = true,
                _ => return false,
            }
        }
        if call.run.graph.outputs.contains(name) {
            return false;
        }
    }
    found
}

/// A product of two constants.
fn folded(
    call: &Call<'_>,
    (outer, size, a): (usize, usize, &[f64]),
    (rows, columns, b): (usize, usize, &[f64]),
    element: Element,
    vector: bool,
) -> Result<Vec<Value>, OnnxError> {
    if size != rows {
        return Err(call.refuse(format!("{size} columns do not fit {rows} rows")));
    }
    call.work(outer.saturating_mul(size), columns)?;
    let entry = |at: usize| {
        let (row, column) = (at / columns, at % columns);
        let sum: f64 = (0..size)
            .map(|k| a[row * size + k] * b[k * columns + column])
            .sum();
        element.round(sum)
    };
    let mut dims = vec![Dim::Fixed(outer), Dim::Fixed(columns)];
    if vector {
        dims.pop();
    }
    one(Tensor {
        element,
        dims,
        data: Data::Numbers((0..outer * columns).map(entry).collect()),
    })
}

/// `alpha * x B + beta * c`
pub(super) fn gemm(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, node) = (call.tensor(0)?, call.node);
    let (rows, columns, weights) = matrix(call, 1, x.element)?;
    if call.constant(1)?.dims.len() != 2 {
        return Err(call.refuse("its weights are no matrix"));
    }
    if node.int("transA").unwrap_or(0) != 0 {
        return Err(call.refuse("transA mixes rows; export with transA = 0"));
    }
    let alpha = node.float("alpha").unwrap_or(1.0);
    let scaled: Vec<f64> = weights.iter().map(|w| w * alpha).collect();
    let (weights, columns) = if node.int("transB").unwrap_or(0) == 0 {
        (scaled, columns)
    } else {
        (transposed(&scaled, columns), rows)
    };
    let forms = product(call, &call.affine_columns(x)?, &weights, columns)?;
    let product = Tensor::columns(x.element, affine(forms));
    if call.optional(2)?.is_none() {
        return one(product);
    }
    let (c, beta) = (call.constant(2)?, node.float("beta").unwrap_or(1.0));
    let fits = match *c.dims.as_slice() {
        [] => true,
        [Dim::Fixed(n)] | [Dim::Fixed(1), Dim::Fixed(n)] => n == 1 || n == columns,
        _ => false,
    };
    if !fits || c.element != x.element {
        return Err(call.refuse(format!(
            "its third input, of shape {:?}, is not one row of {columns}",
            c.sizes()
        )));
    }
    let c = Tensor {
        data: Data::Numbers(call.numbers(2)?.into_iter().map(|c| c * beta).collect()),
        ..c.clone()
    };
    one(super::elementwise::apply(
        call,
        super::folding::Binary::Add,
        &product,
        &c,
    )?)
}

/// The transpose of a matrix with rows of `columns`.
fn transposed(weights: &[f64], columns: usize) -> Vec<f64> {
    let column = |j: usize| weights.iter().skip(j).step_by(columns.max(1)).copied();
    (0..columns).flat_map(column).collect()
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + shift`, column by column.
pub(super) fn batch_normalization(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    if call.node.int("training_mode").unwrap_or(0) != 0 {
        return Err(call.refuse("it is in training mode; export the model for inference"));
    }
    let x = call.tensor(0)?;
    let forms = call.affine_columns(x)?;
    let row = |at: usize| {
        let values = call.numbers(at)?;
        if values.len() == forms.len() {
            Ok(values)
        } else {
            Err(call.refuse(format!(
                "{} numbers for {} columns",
                values.len(),
                forms.len()
            )))
        }
    };
    let (scale, shift, mean, variance) = (row(1)?, row(2)?, row(3)?, row(4)?);
    let epsilon = call.node.float("epsilon").unwrap_or(f64::from(1e-5_f32));
    let column = |(j, form): (usize, &Form)| {
        let factor = scale[j] / (variance[j] + epsilon).sqrt();
        form.scaled(factor).shifted(shift[j] - mean[j] * factor)
    };
    let forms = forms.iter().enumerate().map(column).collect();
    one(Tensor::columns(x.element, affine(forms)))
}

/// `x W^T + b` with the rows of `W` in `coefficients`.
fn scores(call: &Call<'_>, outputs: usize) -> Result<Vec<Form>, OnnxError> {
    let x = call.affine_columns(call.tensor(0)?)?;
    let (n, coefficients, intercepts) = (
        x.len(),
        call.node.floats("coefficients"),
        call.node.floats("intercepts"),
    );
    if outputs == 0 || outputs.checked_mul(n) != Some(coefficients.len()) {
        return Err(call.refuse(format!(
            "{} coefficients for {n} features and {outputs} outputs",
            coefficients.len()
        )));
    }
    if !intercepts.is_empty() && intercepts.len() != outputs {
        return Err(call.refuse(format!(
            "{} intercepts for {outputs} outputs",
            intercepts.len()
        )));
    }
    let product = product(call, &x, &transposed(&coefficients, n), outputs)?;
    let intercepts = intercepts.into_iter().chain(core::iter::repeat(0.0));
    Ok(product
        .into_iter()
        .zip(intercepts)
        .map(|(form, b)| form.shifted(b))
        .collect())
}

/// Scores with a `post_transform` applied to them. One column stays as it is whatever the transform, in onnxruntime, which
/// no model means.
pub(crate) fn transformed(
    call: &Call<'_>,
    transform: &str,
    forms: Vec<Form>,
) -> Result<Tensor, OnnxError> {
    let columns = forms.len();
    let exprs: Vec<Expr> = match transform {
        "" | "NONE" => affine(forms).collect(),
        "LOGISTIC" if columns > 1 => forms.into_iter().map(Expr::sigmoid).collect(),
        "SOFTMAX" if columns > 1 => {
            let group = Rc::new(Group {
                link: Link::Softmax,
                forms,
            });
            (0..columns)
                .map(|at| Expr::Share(Rc::clone(&group), at))
                .collect()
        }
        "LOGISTIC" | "SOFTMAX" => {
            return Err(call.refuse(format!("onnxruntime leaves post_transform {transform} out for a single column; export the model without it, and with a Sigmoid behind")));
        }
        other => {
            return Err(call.refuse(format!(
                "post_transform {other} is not supported; NONE, LOGISTIC and SOFTMAX of several are"
            )));
        }
    };
    Ok(Tensor::columns(Element::Float32, exprs))
}

pub(super) fn linear_regressor(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let targets = usize::try_from(call.node.int("targets").unwrap_or(1)).unwrap_or(0);
    one(transformed(call, &transform(call), scores(call, targets)?)?)
}

/// Label and scores. With one row of coefficients for two classes, the second is predicted above 0.
pub(super) fn linear_classifier(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let rows = call.node.floats("intercepts").len();
    let forms = scores(call, rows)?;
    let transform = transform(call);
    if let [only] = forms.as_slice() {
        let own = match transform.as_str() {
            "LOGISTIC" => vec![
                Expr::sigmoid(only.scaled(-1.0)),
                Expr::sigmoid(only.clone()),
            ],
            "" | "NONE" => affine(vec![only.scaled(-1.0).shifted(1.0), only.clone()]).collect(),
            other => {
                return Err(call.refuse(format!("post_transform {other} of a single row of coefficients is not supported; NONE and LOGISTIC are")));
            }
        };
        let label = vec![Expr::Affine(only.clone())];
        return classifier(call, label, Tensor::columns(Element::Float32, own));
    }
    let label = affine(forms.clone()).collect();
    classifier(call, label, transformed(call, &transform, forms)?)
}

/// The `post_transform`.
pub(super) fn transform(call: &Call<'_>) -> String {
    call.node.string("post_transform").unwrap_or_default()
}

/// The outputs of a classifier: the label that scores decide on, and a tensor of scores.
pub(crate) fn classifier(
    call: &Call<'_>,
    label: Vec<Expr>,
    scores: Tensor,
) -> Result<Vec<Value>, OnnxError> {
    let (element, classes) = class_data(call);
    if classes.len() == 1 {
        return Err(call.refuse("it knows one class, which it would predict for every row; train on data with two classes or more"));
    }
    if classes.len() < 2 || (label.len() != classes.len() && (label.len(), classes.len()) != (1, 2))
    {
        return Err(call.refuse(format!(
            "{} classes for {} rows of scores",
            classes.len(),
            label.len()
        )));
    }
    let labels = Labels {
        scores: label,
        classes,
        element: scores.element,
        classifier: true,
    };
    let cell = Cell::new(Expr::Label(Rc::new(labels)));
    Ok(vec![
        Value::Tensor(Tensor::cells(element, vec![Dim::Rows], vec![cell])),
        Value::Tensor(scores),
    ])
}
