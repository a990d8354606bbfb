//! How many columns the inputs of a graph have.

use super::element::Element;
use super::error::OnnxError;
use super::form::MAX_COLUMNS;
use super::graph::{Graph, Node};
use super::tensor::Dim;

/// Number of features of every graph input: as declared, or as the first operator that reads it requires. Strings that nothing reads are
/// none.
pub(super) fn input_widths(graph: &Graph) -> Result<Vec<usize>, OnnxError> {
    let mut widths = Vec::new();
    for input in &graph.inputs {
        let read = |node: &Node| node.inputs.contains(&input.name);
        let width = if input.element == Element::String && !graph.nodes.iter().any(read) {
            Some(0)
        } else {
            input.width.or_else(|| required_width(graph, &input.name))
        };
        widths.push(width.ok_or_else(|| OnnxError::Graph {
            message: format!("the input `{}` does not say how many columns it has; export it with a shape [None, columns]", input.name),
        })?);
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
    let mut name = name;
    // A path through casts is no longer than there are nodes.
    for _ in 0..=graph.nodes.len() {
        let mut readers = graph.nodes.iter();
        let reader = readers.find(|node| node.inputs.first().is_some_and(|input| input == name))?;
        let constant = |at: usize, axis: usize| {
            let name = reader.inputs.get(at)?;
            match graph.constants.get(name)?.dims.get(axis)? {
                Dim::Fixed(size) => Some(*size),
                Dim::Rows | Dim::RowsOf(_) => None,
            }
        };
        let coefficients = || reader.floats("coefficients").len();
        let width = match reader.operator.as_str() {
            "Cast" | "Identity" => {
                name = reader.outputs.first()?;
                continue;
            }
            "ai.onnx.ml.LinearRegressor" => {
                let targets = usize::try_from(reader.int("targets").unwrap_or(1)).ok()?;
                coefficients().checked_div(targets)
            }
            "ai.onnx.ml.LinearClassifier" => {
                coefficients().checked_div(reader.floats("intercepts").len())
            }
            // One offset may stand for all columns.
            "ai.onnx.ml.Scaler" => Some(reader.floats("offset").len()).filter(|&w| w > 1),
            "MatMul" => constant(1, 0),
            "Gemm" => constant(1, usize::from(reader.int("transB").unwrap_or(0) != 0)),
            "Add" | "Sub" | "Mul" | "Div" => {
                let rank = graph.constants.get(reader.inputs.get(1)?)?.dims.len();
                constant(1, rank.checked_sub(1)?)
            }
            operator if operator.starts_with("ai.onnx.ml.TreeEnsemble") => {
                let last = reader.ints("nodes_featureids").iter().max()?;
                usize::try_from(*last).ok()?.checked_add(1)
            }
            _ => None,
        };
        return width.filter(|&w| w > 0);
    }
    None
}
