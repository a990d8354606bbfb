//! A verified circuit as one sum of trees and tables over its inputs.

pub(crate) mod groups;
pub(crate) mod joint;
mod shapes;

use alloc::sync::Arc;

use joint::JointTable;
use tenebra_circuit::{
    Circuit, Interval, LinearForm, Matrix, Op, Port, Tree, TreeNode, Verified, linear_form, verify,
};

use crate::error::PlanError;

/// `outputs = bias + Σ trees + Σ tables + Σ joints`, on codes counted from 0.
#[derive(Debug)]
pub(crate) struct BranchingForm {
    /// Bits of each input's code; inputs that nothing reads included.
    pub(crate) input_bits: Vec<u32>,
    pub(crate) outputs: usize,
    pub(crate) bias: Vec<i64>,
    /// Leaf vectors have one entry an output; thresholds are relative to the least code of their feature.
    pub(crate) trees: Vec<Tree>,
    pub(crate) tables: Vec<InputTable>,
    pub(crate) joints: Vec<Arc<JointTable>>,
}

/// A function of one input.
#[derive(Clone, Debug)]
pub(crate) struct InputTable {
    pub(crate) input: usize,
    /// The output vector of each code, from 0.
    pub(crate) rows: Vec<Vec<i64>>,
}

/// Most bits of an input's code, as of what quantizes features: whoever makes tables of a feature's codes may make all of them.
const MAX_INPUT_BITS: u32 = 16;

/// Most codes of an input that enters outputs directly or through a table.
const MAX_TABLE: u64 = 1 << 16;

/// A lookup whose operands are not inputs: the circuit is a network.
pub(crate) const COMPUTED_LOOKUP: PlanError = PlanError::Unsupported {
    op: "a lookup of computed values",
};

/// A forest whose operands are not inputs.
pub(crate) const COMPUTED_FOREST: PlanError = PlanError::Unsupported {
    op: "a forest over computed values",
};

/// The form of `circuit`; the operands of forests and lookups must be inputs.
pub(crate) fn branching_form(circuit: &Verified) -> Result<BranchingForm, PlanError> {
    let sources = input_sources(circuit);
    let linear = linear_part(circuit).ok_or(PlanError::Unsupported {
        op: "weights that do not fit 64 bits",
    })?;
    let ranges = circuit.input_ranges();
    if ranges.iter().any(|range| range.bits() > MAX_INPUT_BITS) {
        return Err(PlanError::Unsupported {
            op: "inputs of more than 16 bits",
        });
    }
    let outputs = linear.bias.len();
    let mut form = BranchingForm {
        input_bits: ranges.iter().map(|range| range.bits()).collect(),
        outputs,
        bias: linear.bias.clone(),
        trees: Vec::new(),
        tables: Vec::new(),
        joints: Vec::new(),
    };
    let columns = Columns::new(&linear.weights, outputs);
    let (mut column, mut flat_input) = (0, 0);
    for (index, op) in circuit.circuit().ops.iter().enumerate() {
        match op {
            Op::Input(port) => {
                for range in &port.ranges {
                    form.add_input(flat_input, *range, &columns.of[column])?;
                    (column, flat_input) = (column + 1, flat_input + 1);
                }
            }
            Op::Lookup { input, tables } => {
                let source = source_of(&sources, input.index(), COMPUTED_LOOKUP)?;
                for (table, input) in tables.iter().zip(source) {
                    let value = |code: i64| table.value(code).unwrap_or(0);
                    form.add_table(*input, ranges[*input], value, &columns.of[column])?;
                    column += 1;
                }
            }
            Op::Forest { input, forest } => {
                let source = source_of(&sources, input.index(), COMPUTED_FOREST)?;
                let weights = &columns.of[column..column + forest.outputs];
                form.add_vector(&forest.bias, weights)?;
                for tree in &forest.trees {
                    let tree = lower_tree(tree, source, &ranges, weights, outputs)?;
                    form.trees.push(tree);
                }
                column += forest.outputs;
            }
            _ => debug_assert!(index > 0),
        }
    }
    form.trees = shapes::merge(form.trees)?;
    Ok(form)
}

impl BranchingForm {
    /// An input that enters outputs with weights is a table of its multiples.
    fn add_input(
        &mut self,
        input: usize,
        range: Interval,
        weights: &[(usize, i64)],
    ) -> Result<(), PlanError> {
        self.add_table(input, range, |code| code, weights)
    }

    fn add_table(
        &mut self,
        input: usize,
        range: Interval,
        value: impl Fn(i64) -> i64,
        weights: &[(usize, i64)],
    ) -> Result<(), PlanError> {
        if weights.is_empty() {
            return Ok(());
        }
        if range.max.abs_diff(range.min) >= MAX_TABLE {
            return Err(PlanError::Unsupported {
                op: "a table of more than 65536 entries",
            });
        }
        let rows = (range.min..=range.max).map(|code| {
            let mut row = vec![0; self.outputs];
            for (output, weight) in weights {
                row[*output] = product(value(code), *weight)?;
            }
            Ok(row)
        });
        let rows = rows.collect::<Result<_, _>>()?;
        self.tables.push(InputTable { input, rows });
        Ok(())
    }

    /// Adds a constant vector that enters the outputs with weights.
    fn add_vector(
        &mut self,
        values: &[i64],
        weights: &[Vec<(usize, i64)>],
    ) -> Result<(), PlanError> {
        for (value, weights) in values.iter().zip(weights) {
            for (output, weight) in weights {
                let sum = self.bias[*output].checked_add(product(*value, *weight)?);
                self.bias[*output] = sum.ok_or(TOO_LARGE)?;
            }
        }
        Ok(())
    }
}

const TOO_LARGE: PlanError = PlanError::Unsupported {
    op: "leaves that do not fit 64 bits",
};

fn product(value: i64, weight: i64) -> Result<i64, PlanError> {
    value.checked_mul(weight).ok_or(TOO_LARGE)
}

/// The non-zero weights of each column, `(output, weight)`.
struct Columns {
    of: Vec<Vec<(usize, i64)>>,
}

impl Columns {
    fn new(weights: &Matrix, outputs: usize) -> Self {
        let mut of = vec![Vec::new(); weights.cols()];
        for output in 0..outputs {
            for (column, weight) in weights.row(output) {
                of[column].push((output, weight));
            }
        }
        Self { of }
    }
}

/// For each value that only rearranges inputs: the flat index of each element's input.
fn input_sources(circuit: &Verified) -> Vec<Option<Vec<usize>>> {
    let mut sources: Vec<Option<Vec<usize>>> = Vec::new();
    let mut next = 0;
    for op in &circuit.circuit().ops {
        let source = match op {
            Op::Input(port) => {
                let first = next;
                next += port.ranges.len();
                Some((first..next).collect())
            }
            Op::Concat { inputs } => {
                let parts = inputs.iter().map(|value| sources[value.index()].clone());
                parts
                    .collect::<Option<Vec<_>>>()
                    .map(|parts| parts.concat())
            }
            Op::Slice { input, start, len } => {
                let whole = sources[input.index()].as_ref();
                whole.map(|whole| whole[*start..*start + *len].to_vec())
            }
            _ => None,
        };
        sources.push(source);
    }
    sources
}

fn source_of(
    sources: &[Option<Vec<usize>>],
    value: usize,
    otherwise: PlanError,
) -> Result<&[usize], PlanError> {
    sources[value].as_deref().ok_or(otherwise)
}

/// The circuit with every forest and lookup replaced by an input of its range, as a linear form.
fn linear_part(circuit: &Verified) -> Option<LinearForm> {
    let ops = circuit
        .circuit()
        .ops
        .iter()
        .enumerate()
        .map(|(index, op)| match op {
            Op::Forest { .. } | Op::Lookup { .. } => {
                let id = u32::try_from(index).unwrap_or(u32::MAX);
                let ranges = circuit.ranges(tenebra_circuit::ValueId::new(id)).to_vec();
                let name = format!("value_{index}_");
                Op::Input(Port { name, ranges })
            }
            Op::Input(port) => {
                let name = format!("input_{index}_");
                let ranges = port.ranges.clone();
                Op::Input(Port { name, ranges })
            }
            other => other.clone(),
        });
    let replaced = Circuit {
        ops: ops.collect(),
        outputs: circuit.circuit().outputs.clone(),
    };
    linear_form(&verify(&replaced).ok()?)
}

/// A tree over flat inputs with leaves that are output vectors.
fn lower_tree(
    tree: &Tree,
    source: &[usize],
    ranges: &[Interval],
    weights: &[Vec<(usize, i64)>],
    outputs: usize,
) -> Result<Tree, PlanError> {
    let nodes = tree.nodes.iter().map(|node| match node {
        TreeNode::Leaf(values) => {
            let mut leaf = vec![0i64; outputs];
            for (value, weights) in values.iter().zip(weights) {
                for (output, weight) in weights {
                    let sum = leaf[*output].checked_add(product(*value, *weight)?);
                    leaf[*output] = sum.ok_or(TOO_LARGE)?;
                }
            }
            Ok(TreeNode::Leaf(leaf))
        }
        TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        } => {
            let input = source[*feature as usize];
            let flat = u32::try_from(input).map_err(|_| TOO_LARGE)?;
            Ok(TreeNode::Split {
                feature: flat,
                threshold: threshold.saturating_sub(ranges[input].min),
                left: *left,
                right: *right,
            })
        }
    });
    Ok(Tree {
        nodes: nodes.collect::<Result<_, _>>()?,
    })
}
