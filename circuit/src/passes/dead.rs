//! What no output depends on, element by element.

use alloc::{vec, vec::Vec};

use super::{Simplified, reverify};
use crate::{
    Circuit, Forest, Matrix, Op, Output, Port, Tree, TreeNode, ValueId, Verified,
    matrix::small_index,
};

/// Drops the elements of every value that no output depends on: dead values, rows of linear maps, tables, outputs of
/// forests, and the input codes that are left without use.
///
/// A code counts as used where a weight of it is not zero, a tree compares it, or an operation takes it as it is. One
/// code always stays.
#[must_use]
pub fn drop_dead(circuit: &Verified) -> Simplified {
    let live = Live::of(circuit);
    let mut kept_inputs = Vec::new();
    let mut inputs_before = 0;
    for (index, op) in circuit.circuit().ops.iter().enumerate() {
        if let Op::Input(port) = op {
            kept_inputs.extend(live.elements(index).map(|element| inputs_before + element));
            inputs_before += port.ranges.len();
        }
    }
    Simplified {
        circuit: reverify(rebuild(circuit.circuit(), &live)),
        kept_inputs,
    }
}

/// Which elements of which values are needed.
///
/// Elements that an operation passes on one by one (sums, slices, tables) are kept or dropped together, which keeps
/// operands aligned; they form a class, represented by one of them.
struct Live {
    /// Where each value starts in `parent`; one more entry than there are values.
    starts: Vec<usize>,
    /// Union-find over all elements.
    parent: Vec<usize>,
    /// Whether the class that an element represents is needed.
    is_live: Vec<bool>,
}

impl Live {
    fn of(circuit: &Verified) -> Self {
        let ops = &circuit.circuit().ops;
        let mut starts = vec![0];
        for index in 0..ops.len() {
            starts.push(starts[index] + circuit.ranges(ValueId::after(index)).len());
        }
        let len = starts[ops.len()];
        let mut live = Self {
            starts,
            parent: (0..len).collect(),
            is_live: vec![false; len],
        };
        for (index, op) in ops.iter().enumerate() {
            live.tie(index, op);
        }
        // Representatives come first in their class, so one pass forwards makes each parent a representative.
        for at in 0..len {
            live.parent[at] = live.parent[live.parent[at]];
        }
        for Output { value, .. } in &circuit.circuit().outputs {
            for element in 0..circuit.ranges(*value).len() {
                live.mark(value.index(), element);
            }
        }
        // An element may come to life through a later value of its class, so go on until nothing changes.
        let mut changed = true;
        while changed {
            changed = false;
            for (index, op) in ops.iter().enumerate().rev() {
                changed |= live.spread(index, op);
            }
        }
        live
    }

    fn class(&mut self, value: usize, element: usize) -> usize {
        let mut at = self.starts[value] + element;
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn tie_elements(
        &mut self,
        (a, a_start): (usize, usize),
        (b, b_start): (usize, usize),
        len: usize,
    ) {
        for i in 0..len {
            let (a, b) = (self.class(a, a_start + i), self.class(b, b_start + i));
            self.parent[a.max(b)] = a.min(b);
        }
    }

    /// Elements that `op` passes on one by one share their operand's fate.
    fn tie(&mut self, index: usize, op: &Op) {
        let len = self.len(index);
        match op {
            Op::Input(_) | Op::Linear { .. } | Op::Forest { .. } => {}
            Op::Add { left, right } | Op::Sub { left, right } => {
                self.tie_elements((index, 0), (left.index(), 0), len);
                self.tie_elements((index, 0), (right.index(), 0), len);
            }
            Op::Neg { input } | Op::Lookup { input, .. } => {
                self.tie_elements((index, 0), (input.index(), 0), len);
            }
            Op::Slice { input, start, .. } => {
                self.tie_elements((index, 0), (input.index(), *start), len);
            }
            Op::Concat { inputs } => {
                let mut start = 0;
                for input in inputs {
                    let len = self.len(input.index());
                    self.tie_elements((index, start), (input.index(), 0), len);
                    start += len;
                }
            }
        }
    }

    /// Marks what the live elements of a linear map or a forest need; true if something came to life.
    fn spread(&mut self, index: usize, op: &Op) -> bool {
        let mut changed = false;
        let input = match op {
            Op::Linear { input, weights, .. } => {
                for row in self.live_elements(index) {
                    for (col, _) in weights.row(row) {
                        changed |= self.mark(input.index(), col);
                    }
                }
                input.index()
            }
            Op::Forest { input, forest } => {
                if !self.live_elements(index).is_empty() {
                    for node in forest.trees.iter().flat_map(|tree| &tree.nodes) {
                        if let TreeNode::Split { feature, .. } = *node {
                            changed |= self.mark(input.index(), feature as usize);
                        }
                    }
                }
                input.index()
            }
            _ => return false,
        };
        // A constant has an operand all the same.
        if !self.live_elements(index).is_empty() && self.live_elements(input).is_empty() {
            changed |= self.mark(input, 0);
        }
        changed
    }

    /// True if the element was dead before.
    fn mark(&mut self, value: usize, element: usize) -> bool {
        let class = self.class(value, element);
        !core::mem::replace(&mut self.is_live[class], true)
    }

    fn len(&self, value: usize) -> usize {
        self.starts[value + 1] - self.starts[value]
    }

    fn live_elements(&self, value: usize) -> Vec<usize> {
        self.elements(value).collect()
    }

    /// The live elements of a value.
    fn elements(&self, value: usize) -> impl Iterator<Item = usize> + '_ {
        let start = self.starts[value];
        (0..self.len(value)).filter(move |element| self.is_live[self.parent[start + element]])
    }
}

/// The circuit of the live elements alone.
fn rebuild(source: &Circuit, live: &Live) -> Circuit {
    let mut ops: Vec<Op> = Vec::new();
    // The values that are left have new names.
    let mut renamed = vec![ValueId::new(0); source.ops.len()];
    for (index, op) in source.ops.iter().enumerate() {
        let kept: Vec<usize> = live.elements(index).collect();
        if kept.is_empty() {
            continue;
        }
        renamed[index] = ValueId::after(ops.len());
        ops.push(rebuild_op(op, &kept, live, &renamed));
    }
    let rename = |output: &Output| Output {
        name: output.name.clone(),
        value: renamed[output.value.index()],
    };
    Circuit {
        ops,
        outputs: source.outputs.iter().map(rename).collect(),
    }
}

fn rebuild_op(op: &Op, kept: &[usize], live: &Live, renamed: &[ValueId]) -> Op {
    let rename = |value: &ValueId| renamed[value.index()];
    match op {
        Op::Input(Port { name, ranges }) => Op::Input(Port {
            name: name.clone(),
            ranges: pick(ranges, kept),
        }),
        Op::Linear {
            input,
            weights,
            bias,
        } => {
            let position = positions(live, *input);
            let mut entries = Vec::new();
            for (new_row, &row) in kept.iter().enumerate() {
                let weights = weights
                    .row(row)
                    .map(|(col, weight)| (new_row, position[col], weight));
                entries.extend(weights);
            }
            let cols = live.elements(input.index()).count();
            let weights = Matrix::from_entries(kept.len(), cols, entries);
            Op::Linear {
                input: rename(input),
                weights,
                bias: pick(bias, kept),
            }
        }
        Op::Add { left, right } => Op::Add {
            left: rename(left),
            right: rename(right),
        },
        Op::Sub { left, right } => Op::Sub {
            left: rename(left),
            right: rename(right),
        },
        Op::Neg { input } => Op::Neg {
            input: rename(input),
        },
        Op::Concat { inputs } => {
            let is_live = |value: &&ValueId| live.elements(value.index()).next().is_some();
            Op::Concat {
                inputs: inputs.iter().filter(is_live).map(rename).collect(),
            }
        }
        Op::Slice { input, start, .. } => {
            let before = live
                .elements(input.index())
                .take_while(|element| element < start);
            Op::Slice {
                input: rename(input),
                start: before.count(),
                len: kept.len(),
            }
        }
        Op::Lookup { input, tables } => Op::Lookup {
            input: rename(input),
            tables: pick(tables, kept),
        },
        Op::Forest { input, forest } => {
            let position = positions(live, *input);
            let forest = rebuild_forest(forest, kept, &position);
            Op::Forest {
                input: rename(input),
                forest,
            }
        }
    }
}

fn rebuild_forest(forest: &Forest, kept: &[usize], position: &[usize]) -> Forest {
    let node = |node: &TreeNode| match *node {
        TreeNode::Leaf(ref leaf) => TreeNode::Leaf(pick(leaf, kept)),
        TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        } => {
            let feature = small_index(position[feature as usize]);
            TreeNode::Split {
                feature,
                threshold,
                left,
                right,
            }
        }
    };
    let tree = |tree: &Tree| Tree {
        nodes: tree.nodes.iter().map(node).collect(),
    };
    Forest {
        outputs: kept.len(),
        trees: forest.trees.iter().map(tree).collect(),
        bias: pick(&forest.bias, kept),
    }
}

/// The position of each live element among the live ones of its value; what is dead has none that is used.
fn positions(live: &Live, value: ValueId) -> Vec<usize> {
    let mut position = vec![0; live.len(value.index())];
    for (new, element) in live.elements(value.index()).enumerate() {
        position[element] = new;
    }
    position
}

fn pick<T: Clone>(items: &[T], kept: &[usize]) -> Vec<T> {
    kept.iter().map(|&index| items[index].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;
    use alloc::format;

    fn check(before: &str, after: &str, kept_inputs: &[usize]) {
        let circuit = verify(&before.parse::<Circuit>().unwrap()).unwrap();
        let left = drop_dead(&circuit);
        let after: Circuit = after.parse().unwrap();
        assert_eq!(format!("{}", left.circuit.circuit()), format!("{after}"));
        assert_eq!(left.kept_inputs, kept_inputs);
    }

    #[test]
    fn unused_features_and_values_go() {
        // Column 1 of the weights is zero, feature 3 is compared by no tree; %2 and port b feed nothing.
        check(
            "circuit v1
            %0 = input b: [0, 1]^2
            %1 = input x: [0, 7]^4
            %2 = neg %0
            %3 = linear %1, dense [[1, 0, 2, 0]], bias [3]
            %4 = forest %1, outputs 1, bias [0], [[0: if x[2] < 3 then 1 else 2, 1: [1], 2: [2]]]
            %5 = add %3, %4
            output y: %5",
            "circuit v1
            %0 = input x: [0, 7]^2
            %1 = linear %0, dense [[1, 2]], bias [3]
            %2 = forest %0, outputs 1, bias [0], [[0: if x[1] < 3 then 1 else 2, 1: [1], 2: [2]]]
            %3 = add %1, %2
            output y: %3",
            &[2, 4],
        );
    }

    #[test]
    fn rows_tables_and_parts_that_are_sliced_away_go() {
        // Of (t_0, t_1, r_0, r_1) the slice takes t_1 and r_0; r_0 reads x_2, t_1 reads x_1.
        check(
            "circuit v1
            %0 = input x: [0, 1]^3
            %1 = slice %0, start 0, len 2
            %2 = lookup %1, [0: [5, 6], 0: [7, 8]]
            %3 = linear %0, dense [[0, 0, 4], [9, 0, 0]], bias [1, 2]
            %4 = concat %2, %3
            %5 = slice %4, start 1, len 2
            output y: %5",
            "circuit v1
            %0 = input x: [0, 1]^2
            %1 = slice %0, start 0, len 1
            %2 = lookup %1, [0: [7, 8]]
            %3 = linear %0, dense [[0, 4]], bias [1]
            %4 = concat %2, %3
            %5 = slice %4, start 0, len 2
            output y: %5",
            &[1, 2],
        );
    }

    #[test]
    fn a_constant_keeps_one_code() {
        check(
            "circuit v1 %0 = input x: [0, 1]^3 %1 = linear %0, sparse(1, 3) [], bias [4] output y: %1",
            "circuit v1 %0 = input x: [0, 1] %1 = linear %0, sparse(1, 1) [], bias [4] output y: %1",
            &[0],
        );
    }

    /// %4 = x + r keeps r and what it reads, but only once %2, which comes before r, has brought x to life.
    #[test]
    fn life_comes_back_to_values_that_were_looked_at() {
        let reads_x = [
            "linear %0, dense [[2]], bias [0]",
            "forest %0, outputs 1, bias [0], [[0: if x[0] < 1 then 1 else 2, 1: [1], 2: [2]]]",
            "linear %0, sparse(1, 1) [], bias [4]",
        ];
        for reads_x in reads_x {
            let circuit = |z: &str, weights: &str| {
                format!(
                    "circuit v1
                    %0 = input x: [0, 1]
                    %1 = input z: {z}
                    %2 = {reads_x}
                    %3 = linear %1, dense [[{weights}]], bias [0]
                    %4 = add %0, %3
                    output y: %2"
                )
            };
            let (before, after) = (circuit("[0, 1]^2", "0, 1"), circuit("[0, 1]", "1"));
            check(&before, &after, &[0, 2]);
        }
    }

    #[test]
    fn life_spreads_through_later_values_of_a_class() {
        // The output needs x_0 of %0 alone, but %3 = x + r is needed for it, and r_0 needs z_1.
        check(
            "circuit v1
            %0 = input x: [0, 1]^2
            %1 = input z: [0, 1]^2
            %2 = linear %1, dense [[0, 1], [1, 0]], bias [0, 0]
            %3 = add %0, %2
            %4 = linear %3, dense [[1, 0]], bias [0]
            output y: %4",
            "circuit v1
            %0 = input x: [0, 1]
            %1 = input z: [0, 1]
            %2 = linear %1, dense [[1]], bias [0]
            %3 = add %0, %2
            %4 = linear %3, dense [[1]], bias [0]
            output y: %4",
            &[0, 3],
        );
    }
}
