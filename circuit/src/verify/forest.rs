//! The structure of trees, and the exact range of a forest.

use alloc::{vec, vec::Vec};

use super::{
    Checked, VerifyError,
    ops::{Sum, bounded},
};
use crate::{Forest, Interval, TreeNode, ValueId};

/// Checks a forest over `input`; its ranges are known only if nothing is wrong with it.
pub(super) fn check(
    at: ValueId,
    input: &Checked,
    forest: &Forest,
    errors: &mut Vec<VerifyError>,
) -> Checked {
    let before = errors.len();
    if forest.bias.len() != forest.outputs {
        errors.push(VerifyError::BiasLength {
            at,
            len: forest.bias.len(),
            expected: forest.outputs,
        });
    }
    for (index, tree) in forest.trees.iter().enumerate() {
        check_tree((at, index), &tree.nodes, input.len, forest.outputs, errors);
    }
    let sound = errors.len() == before;
    match &input.ranges {
        Some(ranges) if sound => bounded(at, forest_ranges(forest, ranges), errors),
        _ => Checked::of_len(forest.outputs),
    }
}

/// Children after their parents and one parent for every node but the root: together they make the nodes a tree, all
/// of it reachable from the root.
fn check_tree(
    (at, tree): (ValueId, usize),
    nodes: &[TreeNode],
    input_len: Option<usize>,
    outputs: usize,
    errors: &mut Vec<VerifyError>,
) {
    if nodes.is_empty() {
        errors.push(VerifyError::EmptyTree { at, tree });
    }
    let mut has_parent = vec![false; nodes.len()];
    for (node, content) in nodes.iter().enumerate() {
        if node > 0 && !has_parent[node] {
            errors.push(VerifyError::UnreachableNode { at, tree, node });
        }
        match *content {
            TreeNode::Leaf(ref leaf) => {
                let (len, expected) = (leaf.len(), outputs);
                if len != expected {
                    errors.push(VerifyError::LeafLength {
                        at,
                        tree,
                        node,
                        len,
                        expected,
                    });
                }
            }
            TreeNode::Split {
                feature,
                left,
                right,
                ..
            } => {
                if let Some(input_len) = input_len.filter(|&len| feature as usize >= len) {
                    errors.push(VerifyError::FeatureOutOfRange {
                        at,
                        tree,
                        node,
                        feature,
                        input_len,
                    });
                }
                let check = |child| check_child((at, tree, node), child, &mut has_parent);
                errors.extend([left, right].into_iter().filter_map(check));
            }
        }
    }
}

/// What is wrong with a child of `node`; marks it as having a parent.
fn check_child(
    (at, tree, node): (ValueId, usize, usize),
    child: u32,
    has_parent: &mut [bool],
) -> Option<VerifyError> {
    let nodes = has_parent.len();
    match has_parent.get_mut(child as usize) {
        None => Some(VerifyError::DanglingChild {
            at,
            tree,
            node,
            child,
            nodes,
        }),
        Some(_) if child as usize <= node => Some(VerifyError::ChildBeforeParent {
            at,
            tree,
            node,
            child,
        }),
        Some(true) => Some(VerifyError::SharedChild {
            at,
            tree,
            node,
            child,
        }),
        Some(free) => {
            *free = true;
            None
        }
    }
}

/// Per output, the sum over trees of the extremes of the leaves that a feasible path leads to.
fn forest_ranges(forest: &Forest, input: &[Interval]) -> Vec<Sum> {
    let mut sums: Vec<_> = forest
        .bias
        .iter()
        .map(|&bias| Sum::constant(bias))
        .collect();
    let mut input = input.to_vec();
    let mut leaves: Vec<Interval> = Vec::with_capacity(forest.outputs);
    for tree in &forest.trees {
        leaves.clear();
        tree.walk_feasible(&mut input, |_, node, _| {
            let TreeNode::Leaf(leaf) = node else { return };
            if leaves.is_empty() {
                leaves.extend(leaf.iter().copied().map(Interval::constant));
            }
            for (range, &value) in leaves.iter_mut().zip(leaf) {
                range.min = range.min.min(value);
                range.max = range.max.max(value);
            }
        });
        for (sum, &range) in sums.iter_mut().zip(&leaves) {
            sum.add(range, 1);
        }
    }
    sums
}
