//! Graphs on numbers: rows are known, so that every element of every tensor is.
//!
//! Operators are the importer's, which compute with constants in the arithmetic of their type, and those beside ([`operators`]), which
//! no form of features could say: kernels, distances, the nearest of many, matrix products of results.

mod elements;
mod kernel;
mod ml;
mod neighbours;
mod operators;
mod product;
mod reduce;
mod scan;
mod tensors;

use alloc::rc::Rc;

use super::call::{Run, Value};
use super::element::Element;
use super::error::OnnxError;
use super::form::Budget;
use super::graph::{Graph, Node};
use super::tensor::Data;
use super::widths::input_widths;
use tensors::tensor;

/// Most work of one call: elements that are read, written or multiplied.
const WORK: u64 = 1 << 26;

/// A graph that takes rows of numbers.
#[derive(Debug)]
pub(crate) struct Program {
    graph: Graph,
    widths: Vec<usize>,
}

/// An output for some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) name: String,
    /// Of a row.
    pub(crate) width: usize,
    pub(crate) values: Column,
}

/// Row after row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// Integers, strings or truth values.
    Labels(Vec<String>),
    Numbers(Vec<f64>),
}

/// What rows gave, and what that took.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub(crate) outputs: Vec<Output>,
    /// Outputs that could not be evaluated, and why.
    pub(crate) failed: Vec<(String, OnnxError)>,
    /// Elements that were read, written or multiplied.
    pub(crate) work: u64,
}

impl Program {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, OnnxError> {
        let graph = Graph::decode(bytes)?;
        if let Some(input) = graph.inputs.iter().find(|i| i.element == Element::String) {
            return Err(OnnxError::Graph {
                message: format!(
                    "the input `{}` takes strings; encode them as columns of numbers before",
                    input.name
                ),
            });
        }
        let widths = input_widths(&graph)?;
        Ok(Self { graph, widths })
    }

    /// Numbers of a row: the columns of all inputs.
    pub(crate) fn columns(&self) -> usize {
        self.widths.iter().sum()
    }

    /// The operator that names the model best: a classifier or regressor.
    pub(crate) fn operator(&self) -> Option<&str> {
        let names = self.graph.nodes.iter().map(|node| node.operator.as_str());
        let mut names = names.filter_map(|name| name.strip_prefix("ai.onnx.ml."));
        names.find(|name| name.ends_with("Classifier") || name.ends_with("Regressor"))
    }

    /// Lists that may be those of the classes, more of them than are: what attributes and constants have as labels.
    pub(crate) fn labels(&self) -> Vec<Vec<String>> {
        let attributes = self.graph.nodes.iter().map(Node::class_labels);
        let vectors = self.graph.constants.values();
        let vectors = vectors.filter(|tensor| tensor.dims.len() == 1 && !tensor.element.is_float());
        let constants = vectors.filter_map(|tensor| tensor.data.labels());
        let mut lists: Vec<_> = attributes
            .chain(constants)
            .filter(|l| !l.is_empty())
            .collect();
        lists.sort();
        lists.dedup();
        lists
    }

    /// Evaluates rows, of as many numbers as the inputs have columns.
    pub(crate) fn run(&self, rows: &[Vec<f64>]) -> Result<Evaluated, OnnxError> {
        let mut run = Run::new(&self.graph, self.widths.clone(), Budget::of(WORK));
        let mut first = 0;
        for (input, &width) in self.graph.inputs.iter().zip(&self.widths) {
            let columns = rows.iter().flat_map(|row| &row[first..first + width]);
            let numbers = columns.map(|&x| input.element.round(x)).collect();
            let mut sizes = vec![rows.len()];
            match input.shape.as_slice() {
                [] => sizes.push(width),
                shape => sizes.extend(shape),
            }
            let value = Ok(Rc::new(Value::Tensor(tensor(
                input.element,
                sizes,
                numbers,
            ))));
            if run.values.insert(input.name.clone(), value).is_some() {
                let message = format!("`{}` is defined twice", input.name);
                return Err(OnnxError::Graph { message });
            }
            first += width;
        }
        run.nodes(&self.graph, operators::evaluate)?;
        let mut evaluated = Evaluated {
            outputs: Vec::new(),
            failed: Vec::new(),
            work: WORK - run.budget.left(),
        };
        for name in &self.graph.outputs {
            let output = run
                .value(name)
                .and_then(|value| output(name, &value, rows.len()));
            match output {
                Ok(output) => evaluated.outputs.push(output),
                Err(error) => evaluated.failed.push((name.clone(), error)),
            }
        }
        match evaluated.failed.first() {
            Some((_, error)) if evaluated.outputs.is_empty() => Err(error.clone()),
            _ => Ok(evaluated),
        }
    }
}

/// The rows of an output.
fn output(name: &str, value: &Value, rows: usize) -> Result<Output, OnnxError> {
    let refuse = |message: &str| OnnxError::Graph {
        message: format!("the output `{name}` {message}"),
    };
    let Value::Tensor(tensor) = value else {
        return Err(refuse("is no tensor"));
    };
    let sizes = tensor.sizes();
    let width: usize = sizes.iter().skip(1).product();
    if sizes.first() != Some(&rows) || width == 0 {
        return Err(refuse(&format!(
            "has the shape {sizes:?} for {rows} rows; it must be [rows, scores]"
        )));
    }
    let values = match &tensor.data {
        Data::Numbers(numbers) => Column::Numbers(numbers.clone()),
        data => Column::Labels(data.labels().ok_or_else(|| refuse("is no number"))?),
    };
    let name = name.to_owned();
    Ok(Output {
        name,
        width,
        values,
    })
}
