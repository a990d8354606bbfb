//! Tables of several inputs: what trees and tables that read few bits together add up to.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use tenebra_circuit::{Tree, TreeNode};

use super::{BranchingForm, InputTable};

/// Trees and tables of a form that read these inputs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) inputs: Vec<usize>,
    pub(crate) trees: Vec<usize>,
    pub(crate) tables: Vec<usize>,
}

/// A function of several inputs, code by code.
#[derive(Debug)]
pub(crate) struct JointTable {
    /// Inputs whose codes make up the joint code, the first in its lowest bits.
    pub(crate) inputs: Vec<usize>,
    /// Least and greatest value of each output.
    pub(crate) spans: Vec<(i64, i64)>,
    /// The output vectors of all joint codes, one behind the other.
    values: Vec<i64>,
}

impl JointTable {
    /// Bytes of memory of its values.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }

    /// The output vector of a joint code.
    pub(crate) fn row(&self, code: usize) -> &[i64] {
        let outputs = self.spans.len();
        &self.values[code * outputs..][..outputs]
    }
}

/// Codes below it, from it on: one side of a box, `[low, high)`.
type Side = (usize, usize);

/// The joint codes of some inputs, each code a coordinate.
struct Grid {
    /// By input of the circuit; `None` of those that it has no axis for.
    axes: Vec<Option<usize>>,
    /// Bits below those of each axis, and the axis's own.
    shifts: Vec<(u32, u32)>,
    outputs: usize,
}

impl Grid {
    fn new(inputs: &[usize], input_bits: &[u32], outputs: usize) -> Self {
        let mut axes = vec![None; input_bits.len()];
        let mut shifts = Vec::with_capacity(inputs.len());
        let mut below = 0;
        for (axis, input) in inputs.iter().enumerate() {
            axes[*input] = Some(axis);
            shifts.push((below, input_bits[*input]));
            below += input_bits[*input];
        }
        Self {
            axes,
            shifts,
            outputs,
        }
    }

    fn codes(&self) -> usize {
        self.shifts
            .last()
            .map_or(1, |(below, bits)| 1 << (below + bits))
    }

    fn coordinate(&self, axis: usize, code: usize) -> usize {
        let (below, bits) = self.shifts[axis];
        code >> below & ((1 << bits) - 1)
    }

    /// Every leaf with the codes that reach it; without recursion, for trees may be deep.
    fn boxes<'t>(&self, tree: &'t Tree, mut visit: impl FnMut(&[Side], &'t [i64])) {
        let whole: Vec<Side> = self.shifts.iter().map(|(_, bits)| (0, 1 << bits)).collect();
        let mut pending = vec![(0usize, whole)];
        while let Some((node, sides)) = pending.pop() {
            let (axis, threshold, left, right) = match &tree.nodes[node] {
                TreeNode::Leaf(values) => {
                    visit(&sides, values);
                    continue;
                }
                TreeNode::Split {
                    feature,
                    threshold,
                    left,
                    right,
                } => (self.axes[*feature as usize], threshold, left, right),
            };
            // A split by an input that has no axis decides for all codes alike.
            let (low, high) = axis.map_or((0, 1), |axis| sides[axis]);
            let cut = usize::try_from(*threshold).unwrap_or(0).clamp(low, high);
            for (child, (from, to)) in [(right, (cut, high)), (left, (low, cut))] {
                if from < to {
                    let mut of_child = sides.clone();
                    if let Some(axis) = axis {
                        of_child[axis] = (from, to);
                    }
                    pending.push((*child as usize, of_child));
                }
            }
        }
    }

    /// Adds `values` at every code of a box.
    fn fill(&self, sides: &[Side], values: &[i64], sums: &mut [i64]) {
        let mut codes = vec![0usize];
        for ((low, high), (below, _)) in sides.iter().zip(&self.shifts) {
            let along = |code: usize| (*low..*high).map(move |at| code | at << below);
            codes = codes.into_iter().flat_map(along).collect();
        }
        for code in codes {
            self.add(code, values, 1, sums);
        }
    }

    /// Notes where a box begins and where it ends along every axis, so that running sums along all of them fill it.
    fn mark(&self, sides: &[Side], values: &[i64], changes: &mut [i64]) {
        let mut corners = vec![(0usize, 1i64)];
        for ((low, high), (below, bits)) in sides.iter().zip(&self.shifts) {
            let ends = (*high < 1 << bits).then_some((*high, -1));
            let ends = [Some((*low, 1)), ends];
            let along = |(code, sign): (usize, i64)| {
                let ends = ends.into_iter().flatten();
                ends.map(move |(at, change)| (code | at << below, sign * change))
            };
            corners = corners.into_iter().flat_map(along).collect();
        }
        for (code, sign) in corners {
            self.add(code, values, sign, changes);
        }
    }

    /// Sums of changes wrap round and come back.
    fn add(&self, code: usize, values: &[i64], sign: i64, sums: &mut [i64]) {
        let row = &mut sums[code * self.outputs..][..self.outputs];
        for (sum, value) in row.iter_mut().zip(values) {
            *sum = sum.wrapping_add(value.wrapping_mul(sign));
        }
    }

    /// Running sums of changes along every axis.
    fn accumulate(&self, changes: &mut [i64]) {
        for axis in 0..self.shifts.len() {
            let step = self.outputs << self.shifts[axis].0;
            for code in 0..self.codes() {
                if self.coordinate(axis, code) > 0 {
                    for at in code * self.outputs..(code + 1) * self.outputs {
                        changes[at] = changes[at].wrapping_add(changes[at - step]);
                    }
                }
            }
        }
    }
}

/// The sum of trees and tables that read no other inputs. A box takes as many steps as it has corners, or codes, whichever are fewer.
fn sum(inputs: &[usize], form: &BranchingForm, trees: &[usize], tables: &[usize]) -> JointTable {
    let grid = Grid::new(inputs, &form.input_bits, form.outputs);
    let mut values = vec![0i64; grid.codes() * form.outputs];
    let mut changes = values.clone();
    for tree in trees {
        grid.boxes(&form.trees[*tree], |sides, leaf| {
            let ends = sides.iter().zip(&grid.shifts);
            let ends = ends.filter(|((_, high), (_, bits))| *high < 1 << bits);
            let volume: usize = sides.iter().map(|(low, high)| high - low).product();
            if 1 << ends.count() <= volume {
                grid.mark(sides, leaf, &mut changes);
            } else {
                grid.fill(sides, leaf, &mut values);
            }
        });
    }
    grid.accumulate(&mut changes);
    for (value, change) in values.iter_mut().zip(&changes) {
        *value = value.wrapping_add(*change);
    }
    for InputTable { input, rows } in tables.iter().map(|table| &form.tables[*table]) {
        let Some((axis, last)) = grid.axes[*input].zip(rows.len().checked_sub(1)) else {
            continue;
        };
        for code in 0..grid.codes() {
            let row = &rows[grid.coordinate(axis, code).min(last)];
            grid.add(code, row, 1, &mut values);
        }
    }
    let span = |output: usize| {
        let values = || values.iter().skip(output).step_by(form.outputs).copied();
        (values().min().unwrap_or(0), values().max().unwrap_or(0))
    };
    JointTable {
        inputs: inputs.to_vec(),
        spans: (0..form.outputs).map(span).collect(),
        values,
    }
}

impl BranchingForm {
    /// The same with a table for each of these groups, instead of its trees and tables.
    pub(crate) fn joined(&self, groups: &[Group]) -> Self {
        let joints = groups.iter().map(|group| {
            let table = sum(&group.inputs, self, &group.trees, &group.tables);
            Arc::new(table)
        });
        Self {
            joints: joints.collect(),
            ..self.without(groups)
        }
    }

    /// What is left of it without these groups.
    pub(super) fn without(&self, groups: &[Group]) -> Self {
        let in_groups = |of: fn(&Group) -> &[usize]| groups.iter().flat_map(of).copied().collect();
        let (trees, tables) = (
            in_groups(|group| &group.trees),
            in_groups(|group| &group.tables),
        );
        Self {
            input_bits: self.input_bits.clone(),
            outputs: self.outputs,
            bias: self.bias.clone(),
            trees: others(&self.trees, &trees),
            tables: others(&self.tables, &tables),
            joints: Vec::new(),
        }
    }
}

/// All but those at these places.
fn others<T: Clone>(all: &[T], taken: &BTreeSet<usize>) -> Vec<T> {
    let left = all
        .iter()
        .enumerate()
        .filter(|(index, _)| !taken.contains(index));
    left.map(|(_, one)| one.clone()).collect()
}

#[cfg(test)]
mod tests;
