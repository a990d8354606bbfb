//! Evaluation on clear integers.

use alloc::vec::Vec;

use tenebra_circuit::{Forest, Op, Tree, TreeNode, ValueId, Verified};

use crate::SimError;

/// What `circuit` computes from `codes`: the elements of all output ports in a row.
///
/// # Errors
/// A number of codes other than that of the inputs' elements, or a code outside of its range.
pub fn run(circuit: &Verified, codes: &[i64]) -> Result<Vec<i64>, SimError> {
    check_codes(circuit, codes)?;
    Ok(evaluate(circuit, codes))
}

/// As [`run`], and takes the magnitudes that occurred into `trace`, which must be of the same circuit.
///
/// # Errors
/// As [`run`].
pub fn run_traced(
    circuit: &Verified,
    codes: &[i64],
    trace: &mut Trace,
) -> Result<Vec<i64>, SimError> {
    check_codes(circuit, codes)?;
    let values = values(circuit, codes);
    trace.take(&values);
    Ok(outputs(circuit, &values))
}

/// The largest magnitude that each value of a circuit took, over all runs it was given to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    largest: Vec<u64>,
}

impl Trace {
    /// No runs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The largest magnitude of any element of `value`; 0 before the first run.
    #[must_use]
    pub fn largest(&self, value: ValueId) -> u64 {
        self.largest.get(value.index()).copied().unwrap_or(0)
    }

    fn take(&mut self, values: &[Vec<i64>]) {
        self.largest.resize(values.len(), 0);
        for (largest, value) in self.largest.iter_mut().zip(values) {
            *largest = value
                .iter()
                .map(|x| x.unsigned_abs())
                .fold(*largest, u64::max);
        }
    }
}

/// The outputs for codes that were checked.
pub(crate) fn evaluate(circuit: &Verified, codes: &[i64]) -> Vec<i64> {
    outputs(circuit, &values(circuit, codes))
}

pub(crate) fn check_codes(circuit: &Verified, codes: &[i64]) -> Result<(), SimError> {
    let ranges = circuit.inputs().iter().flat_map(|port| &port.ranges);
    let expected = ranges.clone().count();
    if codes.len() != expected {
        return Err(SimError::CodeCount {
            expected,
            found: codes.len(),
        });
    }
    for (index, (&value, &range)) in codes.iter().zip(ranges).enumerate() {
        if !range.contains(value) {
            return Err(SimError::CodeOutOfRange {
                index,
                value,
                range,
            });
        }
    }
    Ok(())
}

fn outputs(circuit: &Verified, values: &[Vec<i64>]) -> Vec<i64> {
    let outputs = circuit.circuit().outputs.iter();
    outputs
        .flat_map(|output| &values[output.value.index()])
        .copied()
        .collect()
}

/// Every value; the verifier has seen to it that nothing overflows and no index is out of bounds.
fn values(circuit: &Verified, mut codes: &[i64]) -> Vec<Vec<i64>> {
    let ops = &circuit.circuit().ops;
    let mut values: Vec<Vec<i64>> = Vec::with_capacity(ops.len());
    for op in ops {
        let value = |id: &ValueId| values[id.index()].as_slice();
        let result = match op {
            Op::Input(port) => {
                let (these, rest) = codes.split_at(port.ranges.len());
                codes = rest;
                these.to_vec()
            }
            Op::Linear {
                input,
                weights,
                bias,
            } => {
                let x = value(input);
                let dot = |row| {
                    weights
                        .row(row)
                        .map(|(col, weight)| weight * x[col])
                        .sum::<i64>()
                };
                bias.iter()
                    .enumerate()
                    .map(|(row, bias)| dot(row) + bias)
                    .collect()
            }
            Op::Add { left, right } => zip_with(value(left), value(right), |a, b| a + b),
            Op::Sub { left, right } => zip_with(value(left), value(right), |a, b| a - b),
            Op::Neg { input } => value(input).iter().map(|x| -x).collect(),
            Op::Concat { inputs } => inputs.iter().flat_map(value).copied().collect(),
            Op::Slice { input, start, len } => value(input)[*start..start + len].to_vec(),
            Op::Lookup { input, tables } => {
                let entry = |(table, &x): (&tenebra_circuit::Table, &i64)| {
                    table
                        .value(x)
                        .expect("a verified table covers its input's range")
                };
                tables.iter().zip(value(input)).map(entry).collect()
            }
            Op::Forest { input, forest } => sum_of_trees(forest, value(input)),
        };
        values.push(result);
    }
    values
}

fn zip_with(left: &[i64], right: &[i64], f: impl Fn(i64, i64) -> i64) -> Vec<i64> {
    left.iter().zip(right).map(|(&a, &b)| f(a, b)).collect()
}

fn sum_of_trees(forest: &Forest, x: &[i64]) -> Vec<i64> {
    let mut sum = forest.bias.clone();
    for tree in &forest.trees {
        for (sum, value) in sum.iter_mut().zip(leaf(tree, x)) {
            *sum += value;
        }
    }
    sum
}

/// The leaf that `x` reaches.
fn leaf<'a>(tree: &'a Tree, x: &[i64]) -> &'a [i64] {
    let mut node = 0;
    loop {
        match &tree.nodes[node as usize] {
            TreeNode::Leaf(leaf) => return leaf,
            &TreeNode::Split {
                feature,
                threshold,
                left,
                right,
            } => {
                node = if x[feature as usize] < threshold {
                    left
                } else {
                    right
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use tenebra_circuit::{Circuit, Interval, verify};

    const ALL_OPS: &str = include_str!("../../circuit/tests/data/all_ops.txt");

    fn all_ops() -> Verified {
        verify(&ALL_OPS.parse::<Circuit>().unwrap()).unwrap()
    }

    #[test]
    fn runs_every_operation() {
        // x = (1, 3, -1), bias = 5
        // %2 = 1 + 6 - 3 = 4; %3 = 9223372036854 + 7; %4 = 9; %5 = 9 - 9223372036861 = -9223372036852
        // %8 = (%2, x_0) = (4, 1); %9 = (table from -3 at 4 = 7, table from 0 at 1 = 4)
        // %10: 4 < 4 is false, so right: 1
        let outputs = run(&all_ops(), &[1, 3, -1, 5]).unwrap();
        assert_eq!(outputs, [1, 3, 4, -9_223_372_036_852]);
    }

    #[test]
    fn the_trace_keeps_the_largest_of_all_runs() {
        let circuit = all_ops();
        let mut trace = Trace::new();
        for codes in [[1, 3, -1, 5], [0, 0, 0, 5]] {
            assert_eq!(
                run_traced(&circuit, &codes, &mut trace),
                run(&circuit, &codes)
            );
        }
        // The largest elements: x_1 = 3; the bias 5; %2 = 4 and 0; %5 = -9223372036852 and 5 - 7.
        let largest = [0, 1, 2, 5].map(|index| trace.largest(ValueId::new(index)));
        assert_eq!(largest, [3, 5, 4, 9_223_372_036_852]);
        assert_eq!(trace.largest(ValueId::new(99)), 0);
    }

    #[test]
    fn codes_are_refused_by_number_and_range() {
        let circuit = all_ops();
        let count = |found| Err(SimError::CodeCount { expected: 4, found });
        assert_eq!(run(&circuit, &[]), count(0));
        assert_eq!(run(&circuit, &[0; 5]), count(5));
        let range = Interval::new(-1, 1);
        let out = Err(SimError::CodeOutOfRange {
            index: 2,
            value: 2,
            range,
        });
        assert_eq!(run(&circuit, &[0, 0, 2, 5]), out);
    }

    #[test]
    fn sums_at_the_limit_do_not_overflow() {
        let text = "circuit v1
            %0 = input x: [-4611686018427387904, 4611686018427387904]
            %1 = linear %0, dense [[-1]], bias [0]
            %2 = forest %0, outputs 1, bias [1], [[0: if x[0] < 1 then 1 else 2,
                1: [-4611686018427387903], 2: [4611686018427387903]]]
            output y: %1 output z: %2";
        let circuit = verify(&text.parse::<Circuit>().unwrap()).unwrap();
        let max = 1 << 62;
        assert_eq!(run(&circuit, &[max]).unwrap(), [-max, max]);
        assert_eq!(run(&circuit, &[-max]).unwrap(), [max, 2 - max]);
    }

    #[test]
    fn a_chain_of_depth_ten_thousand_runs() {
        // Node 2i asks whether x < 10,000 - i; to its right is leaf 2i + 1, worth 10,000 - i: the leaf reached is x.
        let depth: u32 = 10_000;
        let mut nodes = vec![];
        for i in 0..depth {
            let threshold = i64::from(depth - i);
            let (left, right) = (2 * i + 2, 2 * i + 1);
            nodes.push(TreeNode::Split {
                feature: 0,
                threshold,
                left,
                right,
            });
            nodes.push(TreeNode::Leaf(vec![threshold]));
        }
        nodes.push(TreeNode::Leaf(vec![0]));
        let forest = Forest {
            outputs: 1,
            trees: vec![Tree { nodes }],
            bias: vec![0],
        };
        for x in [0, 1, 5_000, 10_000] {
            assert_eq!(sum_of_trees(&forest, &[x]), [x]);
        }
    }
}
