//! Operators that move, rename or pick columns, and those that turn scores into labels.

pub(super) mod svm;

use super::error::OnnxError;
use super::form::MAX_COLUMNS;
use super::graph::{Graph, Node, Tensor};
use super::operators::{constant, scores};
use super::scores::{Labels, Link, Scores, Value};
use super::trees::is_trees;

/// Number of columns of every graph input: as declared, or as the first operator that reads it requires.
pub(super) fn input_widths(graph: &Graph) -> Result<Vec<usize>, OnnxError> {
    let mut widths = Vec::new();
    for input in &graph.inputs {
        let width = input.width.or_else(|| required_width(graph, &input.name)).ok_or_else(|| OnnxError::Graph {
            message: format!("the input `{}` does not say how many columns it has; export it with a shape [None, columns]", input.name),
        })?;
        widths.push(width);
    }
    match widths
        .iter()
        .try_fold(0_usize, |sum, &w| sum.checked_add(w))
    {
        Some(1..=MAX_COLUMNS) => Ok(widths),
        _ => Err(OnnxError::Graph {
            message: format!(
                "the inputs have {widths:?} columns; 1 to {MAX_COLUMNS} in total are supported"
            ),
        }),
    }
}

fn required_width(graph: &Graph, name: &str) -> Option<usize> {
    let reader = graph
        .nodes
        .iter()
        .find(|node| node.inputs.first().is_some_and(|input| input == name))?;
    let constant = |at: usize| {
        reader
            .inputs
            .get(at)
            .and_then(|name| graph.constants.get(name))
    };
    let (coefficients, targets) = (
        reader.floats("coefficients").len(),
        reader.int("targets").unwrap_or(1),
    );
    let width = match reader.operator.as_str() {
        "ai.onnx.ml.LinearRegressor" => coefficients.checked_div(usize::try_from(targets).ok()?)?,
        "ai.onnx.ml.LinearClassifier" => {
            coefficients.checked_div(reader.floats("intercepts").len())?
        }
        "ai.onnx.ml.Scaler" => reader
            .floats("offset")
            .len()
            .max(reader.floats("scale").len()),
        "MatMul" => *constant(1)?.shape.first()?,
        "Gemm" => *constant(1)?
            .shape
            .get(usize::from(reader.int("transB").unwrap_or(0) != 0))?,
        "Add" | "Sub" | "Mul" | "Div" => *constant(1)?.shape.last()?,
        "Cast" | "Identity" => {
            return required_width(
                graph,
                reader.outputs.first().filter(|output| *output != name)?,
            );
        }
        _ if is_trees(reader) => {
            let last = reader.ints("nodes_featureids").iter().max()?;
            usize::try_from(*last).ok()?.checked_add(1)?
        }
        _ => 0,
    };
    (width > 1 || reader.operator != "ai.onnx.ml.Scaler")
        .then_some(width)
        .filter(|&w| w > 0)
}

/// Evaluates one node.
pub(super) fn node(node: &Node, inputs: &[Value]) -> Result<Vec<Value>, OnnxError> {
    let one = |value: Result<Value, OnnxError>| value.map(|value| vec![value]);
    match node.operator.as_str() {
        // Dropout does nothing when a model is used.
        "Identity" | "Dropout" | "ai.onnx.ml.ZipMap" => one(inputs
            .first()
            .cloned()
            .ok_or_else(|| node.refuse("it has no input"))),
        "Transpose" => one(transpose(node, inputs)),
        "Cast" => one(cast(node, inputs)),
        "Constant" => one(node
            .tensor("value")?
            .map(Value::Constant)
            .ok_or_else(|| node.refuse("only tensors are supported"))),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => one(reshape(node, inputs)),
        "Concat" | "ai.onnx.ml.FeatureVectorizer" => one(concat(node, inputs)),
        "Slice" => one(slice(node, inputs)),
        "Gather" => one(pick(node, inputs, &[1, -1])),
        "ai.onnx.ml.ArrayFeatureExtractor" => one(pick(node, inputs, &[])),
        "ArgMax" => one(arg_max(node, inputs)),
        "ReduceSum" => one(reduce_sum(node, inputs)),
        "Not" => one(match inputs {
            [Value::True] => Ok(Value::Constant(Tensor::vector(vec![0.0]))),
            _ => Err(node.unsupported()),
        }),
        _ => Err(node.unsupported()),
    }
}

/// Type numbers are those of `TensorProto.DataType`.
fn cast(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    const BOOL: i64 = 9;
    let input = inputs
        .first()
        .ok_or_else(|| node.refuse("it has no input"))?;
    let to = node.int("to").unwrap_or(0);
    match (input, to) {
        (Value::Labels(_) | Value::Constant(_), _) | (Value::Scores(_) | Value::Sum(_), 1 | 11) => {
            Ok(input.clone())
        }
        // Sums of exponentials and sigmoids are positive.
        (Value::Sum(sum), BOOL) if sum.link != Link::Identity => Ok(Value::True),
        _ => Err(node.refuse(format!(
            "casting scores to type {to} rounds them; float and double are supported"
        ))),
    }
}

/// Weights alone: rows of features stay rows.
fn transpose(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let tensor = constant(node, inputs, 0)?;
    let (rows, columns) = match *tensor.shape.as_slice() {
        [rows, columns] => (rows, columns),
        [] | [_] => return Ok(Value::Constant(tensor.clone())),
        _ => return Err(node.refuse("only matrices are supported")),
    };
    if !matches!(node.ints("perm"), [] | [1, 0]) {
        let order = node.ints("perm");
        return Err(node.refuse(format!("perm = {order:?} is no transposition")));
    }
    let Some(values) = tensor.numbers() else {
        return Err(node.refuse("only numbers are supported"));
    };
    if rows.checked_mul(columns) != Some(values.len()) {
        return Err(node.refuse("its shape does not fit its values"));
    }
    let entry = |at: usize| values[at % rows * columns + at / rows];
    let mut transposed = Tensor::vector((0..values.len()).map(entry).collect());
    transposed.shape = vec![columns, rows];
    Ok(Value::Constant(transposed))
}

/// Shapes that keep one row per row.
fn reshape(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let input = inputs
        .first()
        .ok_or_else(|| node.refuse("it has no input"))?;
    let Value::Scores(x) = input else {
        return Ok(input.clone());
    };
    let columns = x.forms.len();
    let keeps = match node.operator.as_str() {
        "Reshape" => {
            let shape = constant(node, inputs, 1)?.integers().unwrap_or_default();
            match *shape.as_slice() {
                [-1] => columns == 1,
                [-1 | 0, width] => width == -1 || usize::try_from(width) == Ok(columns),
                _ => false,
            }
        }
        "Flatten" => node.int("axis").unwrap_or(1) == 1,
        _ => columns == 1,
    };
    if keeps {
        Ok(input.clone())
    } else {
        Err(node.refuse(format!("it does not keep {columns} columns per row")))
    }
}

fn concat(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    if node.operator == "Concat" && !matches!(node.int("axis"), Some(1 | -1)) {
        return Err(node.refuse("it must put columns side by side, axis 1"));
    }
    let mut parts = (0..inputs.len()).map(|at| scores(node, inputs, at));
    let mut all = parts
        .next()
        .ok_or_else(|| node.refuse("it has no input"))??
        .clone();
    for part in parts {
        let part = part?;
        if part.link != all.link || matches!(all.link, Link::Softmax | Link::SigmoidNormalized) {
            return Err(node.refuse("the columns went through different functions"));
        }
        if all.forms.len() + part.forms.len() > MAX_COLUMNS {
            return Err(node.refuse(format!(
                "more than {MAX_COLUMNS} columns are too large to fold"
            )));
        }
        all.forms.extend(part.forms.iter().cloned());
    }
    Ok(Value::Scores(all))
}

/// Columns `starts..ends` along axis 1, by steps of 1.
fn slice(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    let one = |at: usize, name: &str| {
        let values = match inputs.get(at) {
            None | Some(Value::Absent) => node.ints(name).to_vec(),
            Some(_) => constant(node, inputs, at)?.integers().unwrap_or_default(),
        };
        match *values.as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(node.refuse("it slices several axes; columns alone are supported")),
        }
    };
    let (start, end, axis, step) = (
        one(1, "starts")?,
        one(2, "ends")?,
        one(3, "axes")?,
        one(4, "steps")?,
    );
    let (Some(start), Some(end), Some(1 | -1), None | Some(1)) = (start, end, axis, step) else {
        return Err(node.refuse("it must take consecutive columns, axis 1"));
    };
    let n = i64::try_from(x.forms.len()).unwrap_or(i64::MAX);
    let place = |at: i64| (if at < 0 { at.saturating_add(n) } else { at }).clamp(0, n);
    let columns: Vec<i64> = (place(start)..place(end)).collect();
    if columns.is_empty() {
        return Err(node.refuse("no column is left"));
    }
    x.select(&columns, node).map(Value::Scores)
}

/// Columns by index, or labels by the index of the largest column.
fn pick(node: &Node, inputs: &[Value], axes: &[i64]) -> Result<Value, OnnxError> {
    let by_label = matches!(inputs, [Value::Constant(_), Value::Labels(_)]);
    if !by_label && !axes.is_empty() && !node.int("axis").is_some_and(|axis| axes.contains(&axis)) {
        return Err(node.refuse("it must pick columns, axis 1"));
    }
    match inputs {
        [Value::Constant(classes), Value::Labels(labels)] if labels.indices => {
            let classes = classes
                .labels()
                .ok_or_else(|| node.refuse("class labels must be integers or strings"))?;
            if classes.len() != labels.classes.len() {
                return Err(node.refuse(format!(
                    "{} labels for {} classes",
                    classes.len(),
                    labels.classes.len()
                )));
            }
            Ok(Value::Labels(Labels {
                classes,
                indices: false,
                scores: labels.scores.clone(),
            }))
        }
        _ => {
            let indices = constant(node, inputs, 1)?
                .integers()
                .ok_or_else(|| node.refuse("its indices are no integers"))?;
            scores(node, inputs, 0)?
                .select(&indices, node)
                .map(Value::Scores)
        }
    }
}

fn arg_max(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let x = scores(node, inputs, 0)?;
    if !matches!(node.int("axis"), Some(1 | -1)) || node.int("select_last_index").unwrap_or(0) != 0
    {
        return Err(node.refuse("it must take the first of the largest columns, axis 1"));
    }
    let classes = (0..x.forms.len()).map(|class| class.to_string()).collect();
    Ok(Value::Labels(Labels {
        scores: x.clone(),
        classes,
        indices: true,
    }))
}

/// The sum over the columns, which only a division by it can use.
fn reduce_sum(node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let axes = match inputs.get(1) {
        None | Some(Value::Absent) => node.ints("axes").to_vec(),
        Some(_) => constant(node, inputs, 1)?.integers().unwrap_or_default(),
    };
    let x: &Scores = scores(node, inputs, 0)?;
    match axes.as_slice() {
        [1 | -1] => Ok(Value::Sum(x.clone())),
        _ => Err(node.refuse("it must sum the columns, axis 1")),
    }
}
