//! Runs the graph on symbols.

use alloc::rc::Rc;
use core::cell::RefCell;

use super::call::{Call, Run, Value};
use super::cell::{Cell, Expr};
use super::element::Element;
use super::error::OnnxError;
use super::form::Budget;
use super::graph::{Graph, Node};
use super::leaves::Leaves;
use super::operators;
use super::steps::Steps;
use super::tensor::{Dim, Tensor};
use super::widths::input_widths;

/// Evaluates the graph. A node that cannot be evaluated matters only if an output depends on it.
pub(super) fn run(graph: &Graph) -> Result<Run<'_>, OnnxError> {
    let mut run = Run::new(graph, input_widths(graph)?, Budget::new());
    let mut first = 0;
    for (input, &width) in graph.inputs.iter().zip(&run.widths) {
        let cell = |column: usize| match input.element {
            Element::String => Cell::new(Expr::Word(column)),
            element => Cell::feature(column, element),
        };
        let dims = match input.shape.as_slice() {
            [] => vec![Dim::Fixed(width)],
            sizes => sizes.iter().map(|&size| Dim::Fixed(size)).collect(),
        };
        let dims = core::iter::once(Dim::Rows).chain(dims).collect();
        let cells = (first..first + width).map(cell).collect();
        let tensor = Tensor::cells(input.element, dims, cells);
        let value = Ok(Rc::new(Value::Tensor(tensor)));
        if run.values.insert(input.name.clone(), value).is_some() {
            let message = format!("`{}` is defined twice", input.name);
            return Err(OnnxError::Graph { message });
        }
        first += width;
    }
    run.nodes(graph, operators::evaluate)?;
    Ok(run)
}

impl<'a> Run<'a> {
    /// With the constants of the graph.
    pub(super) fn new(graph: &'a Graph, widths: Vec<usize>, budget: Budget) -> Self {
        let constants = graph.constants.iter().map(|(name, tensor)| {
            let value = Value::Tensor(tensor.clone());
            (name.clone(), Ok(Rc::new(value)))
        });
        Self {
            graph,
            values: constants.collect(),
            budget,
            leaves: RefCell::new(Leaves::new(widths.iter().sum())),
            neurons: RefCell::default(),
            steps: RefCell::new(Steps::new(widths.iter().sum())),
            trace: RefCell::default(),
            notes: RefCell::default(),
            zip_maps: RefCell::default(),
            widths,
        }
    }

    /// Evaluates the nodes of a graph, one after the other.
    pub(super) fn nodes(
        &mut self,
        graph: &Graph,
        with: operators::Evaluate,
    ) -> Result<(), OnnxError> {
        for node in &graph.nodes {
            self.node(node, with)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, with: operators::Evaluate) -> Result<(), OnnxError> {
        let results = evaluate(self, node, with);
        let names = node.outputs.iter().enumerate();
        for (at, name) in names.filter(|(_, name)| !name.is_empty()) {
            let result = match &results {
                Ok(values) => values
                    .get(at)
                    .cloned()
                    .ok_or_else(|| node.refuse(format!("its output {} is not supported", at + 1))),
                Err(error) => Err(error.clone()),
            };
            if self.values.insert(name.clone(), result).is_some() {
                return Err(node.refuse(format!("`{name}` is already defined")));
            }
        }
        Ok(())
    }
}

fn evaluate(
    run: &Run<'_>,
    node: &Node,
    with: operators::Evaluate,
) -> Result<Vec<Rc<Value>>, OnnxError> {
    let inputs = node
        .inputs
        .iter()
        .map(|name| run.value(name))
        .collect::<Result<Vec<_>, _>>()?;
    let call = Call {
        node,
        inputs: &inputs,
        run,
    };
    // What a node reads and gives is bounded, so that a small graph cannot ask for any amount of copying.
    inputs.iter().try_for_each(|value| call.spend(value))?;
    let outputs = with(&call)?;
    outputs.iter().try_for_each(|value| call.spend(value))?;
    let settled = outputs.into_iter().map(|value| match value {
        Value::Tensor(tensor) => Value::Tensor(tensor.settled()),
        Value::Absent => Value::Absent,
    });
    Ok(settled.map(Rc::new).collect())
}
