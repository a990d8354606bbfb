//! Loops over the rows of a tensor.

use alloc::collections::BTreeSet;
use alloc::rc::Rc;

use super::operators::evaluate;
use crate::import::onnx::call::{Call, Run, Value};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Budget;
use crate::import::onnx::graph::Graph;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// Names that a graph, or one within it, reads and does not define.
fn free(graph: &Graph) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in &graph.nodes {
        names.extend(node.inputs.iter().cloned());
        names.extend(node.graphs().flat_map(free));
    }
    names.extend(graph.outputs.iter().cloned());
    for node in &graph.nodes {
        for name in &node.outputs {
            names.remove(name);
        }
    }
    for input in &graph.inputs {
        names.remove(&input.name);
    }
    names.retain(|name| !graph.constants.contains_key(name));
    names
}

/// `Scan`: the body takes states and one row of each scanned input; it gives the next states and one row of each output.
pub(super) fn scan(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let body = call.node.body("body")?;
    let body = body.ok_or_else(|| call.refuse("it has no body"))?;
    let plain = [
        "scan_input_axes",
        "scan_input_directions",
        "scan_output_axes",
        "scan_output_directions",
    ];
    if plain
        .iter()
        .any(|name| call.node.ints(name).iter().any(|&x| x != 0))
    {
        return Err(call.refuse("it runs backwards, or along other axes than the first"));
    }
    let scanned = call.node.int("num_scan_inputs").unwrap_or(0);
    let states = usize::try_from(scanned)
        .ok()
        .and_then(|n| call.inputs.len().checked_sub(n));
    let states = states.filter(|&states| {
        states < call.inputs.len()
            && body.inputs.len() == call.inputs.len()
            && body.outputs.len() >= states
    });
    let states =
        states.ok_or_else(|| call.refuse("its inputs and outputs are not those of its body"))?;
    let mut lengths =
        (states..call.inputs.len()).map(|at| Ok(call.tensor(at)?.sizes().first().copied()));
    let length = lengths.next().unwrap_or(Ok(None))?;
    let Some(length) = length else {
        return Err(call.refuse("it scans a tensor without rows"));
    };
    if lengths.any(|other: Result<_, OnnxError>| other != Ok(Some(length))) || length == 0 {
        return Err(call.refuse("it scans tensors of different lengths, or none"));
    }
    let mut run = Run::new(body, vec![0], Budget::of(call.run.budget.left()));
    for name in free(body) {
        run.values.insert(name.clone(), call.run.value(&name));
    }
    let mut state: Vec<Rc<Value>> = call.inputs[..states].to_vec();
    let mut rows: Vec<Vec<Tensor>> = vec![Vec::with_capacity(length); body.outputs.len() - states];
    for step in 0..length {
        let slices = (states..call.inputs.len()).map(|at| {
            let slice = slice(call.tensor(at)?, step, length);
            Ok(Rc::new(Value::Tensor(slice)))
        });
        let inputs = state.iter().map(|value| Ok(Rc::clone(value))).chain(slices);
        for (input, value) in body.inputs.iter().zip(inputs) {
            run.values.insert(input.name.clone(), value);
        }
        for name in body.nodes.iter().flat_map(|node| &node.outputs) {
            run.values.remove(name);
        }
        run.nodes(body, evaluate)?;
        let mut outputs = body.outputs.iter().map(|name| run.value(name));
        state = outputs.by_ref().take(states).collect::<Result<_, _>>()?;
        for (rows, output) in rows.iter_mut().zip(outputs) {
            match &*output? {
                Value::Tensor(tensor) => rows.push(tensor.clone()),
                _ => return Err(call.refuse("its body gives no tensor")),
            }
        }
    }
    let spent = call.run.budget.left() - run.budget.left();
    call.work(1, usize::try_from(spent).unwrap_or(usize::MAX))?;
    let stacked = rows.into_iter().map(|rows| stacked(call, rows));
    let mut values: Vec<Value> = state.iter().map(|value| Value::clone(value)).collect();
    values.extend(stacked.collect::<Result<Vec<_>, _>>()?);
    Ok(values)
}

/// One of the rows.
fn slice(tensor: &Tensor, at: usize, rows: usize) -> Tensor {
    let size = tensor.data.len() / rows;
    let places: Vec<usize> = (at * size..(at + 1) * size).collect();
    Tensor {
        element: tensor.element,
        dims: tensor.dims[1..].to_vec(),
        data: tensor.data.gather(&places),
    }
}

/// Rows of one shape, one below the other.
fn stacked(call: &Call<'_>, rows: Vec<Tensor>) -> Result<Value, OnnxError> {
    let count = rows.len();
    let mut rows = rows.into_iter();
    let mut all = rows.next().ok_or_else(|| call.refuse("it has no steps"))?;
    for row in rows {
        if (row.element, &row.dims) != (all.element, &all.dims) {
            return Err(call.refuse("its steps give different shapes or types"));
        }
        match (&mut all.data, row.data) {
            (Data::Numbers(all), Data::Numbers(row)) => all.extend(row),
            (Data::Integers(all), Data::Integers(row)) => all.extend(row),
            (Data::Strings(all), Data::Strings(row)) => all.extend(row),
            _ => return Err(call.refuse("its steps give different types")),
        }
    }
    all.dims.insert(0, Dim::Fixed(count));
    Ok(Value::Tensor(all))
}
