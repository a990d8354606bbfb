//! The structure of trees, and the exact range of a forest.

use alloc::{vec, vec::Vec};

use super::{
    Checked, VerifyError,
    ops::{Sum, bounded},
};
use crate::{Forest, Interval, Tree, TreeNode, ValueId};

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
        check_tree(
            TreePlace { at, tree: index },
            tree,
            input.len,
            forest.outputs,
            errors,
        );
    }
    let sound = errors.len() == before;
    match &input.ranges {
        Some(ranges) if sound => bounded(at, forest_ranges(forest, ranges), errors),
        _ => Checked::of_len(forest.outputs),
    }
}

#[derive(Clone, Copy)]
struct TreePlace {
    at: ValueId,
    tree: usize,
}

/// Children after their parents and one parent for every node but the root: together they make the nodes a tree, all
/// of it reachable from the root.
fn check_tree(
    TreePlace { at, tree: index }: TreePlace,
    tree: &Tree,
    input_len: Option<usize>,
    outputs: usize,
    errors: &mut Vec<VerifyError>,
) {
    let nodes = tree.nodes.len();
    if nodes == 0 {
        errors.push(VerifyError::EmptyTree { at, tree: index });
    }
    let mut has_parent = vec![false; nodes];
    for (node, content) in tree.nodes.iter().enumerate() {
        if node > 0 && !has_parent[node] {
            errors.push(VerifyError::UnreachableNode {
                at,
                tree: index,
                node,
            });
        }
        match *content {
            TreeNode::Leaf(ref leaf) if leaf.len() != outputs => {
                let len = leaf.len();
                errors.push(VerifyError::LeafLength {
                    at,
                    tree: index,
                    node,
                    len,
                    expected: outputs,
                });
            }
            TreeNode::Leaf(_) => {}
            TreeNode::Split {
                feature,
                left,
                right,
                ..
            } => {
                if let Some(input_len) = input_len.filter(|&len| feature as usize >= len) {
                    errors.push(VerifyError::FeatureOutOfRange {
                        at,
                        tree: index,
                        node,
                        feature,
                        input_len,
                    });
                }
                for child in [left, right] {
                    if child as usize >= nodes {
                        errors.push(VerifyError::DanglingChild {
                            at,
                            tree: index,
                            node,
                            child,
                            nodes,
                        });
                    } else if child as usize <= node {
                        errors.push(VerifyError::ChildBeforeParent {
                            at,
                            tree: index,
                            node,
                            child,
                        });
                    } else if core::mem::replace(&mut has_parent[child as usize], true) {
                        errors.push(VerifyError::SharedChild {
                            at,
                            tree: index,
                            node,
                            child,
                        });
                    }
                }
            }
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
