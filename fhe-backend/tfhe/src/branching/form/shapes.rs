//! Trees of one shape: the same splits, other leaves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tenebra_circuit::{Tree, TreeNode};

use super::TOO_LARGE;
use crate::error::PlanError;

/// Trees that differ in their leaves alone become one, whose leaves are the sums of theirs: it is evaluated once, and its noise is
/// that of one tree.
pub(super) fn merge(trees: Vec<Tree>) -> Result<Vec<Tree>, PlanError> {
    let mut merged: Vec<Tree> = Vec::with_capacity(trees.len());
    let mut of_shape: HashMap<Vec<Option<(u32, i64)>>, usize> = HashMap::new();
    for tree in trees {
        let order = preorder(&tree);
        let shape = order.iter().map(|node| match &tree.nodes[*node] {
            TreeNode::Split {
                feature, threshold, ..
            } => Some((*feature, *threshold)),
            TreeNode::Leaf(_) => None,
        });
        match of_shape.entry(shape.collect()) {
            Entry::Vacant(entry) => {
                entry.insert(merged.len());
                merged.push(tree);
            }
            Entry::Occupied(entry) => add_leaves(&mut merged[*entry.get()], &tree, &order)?,
        }
    }
    Ok(merged)
}

/// Adds the leaves of `tree`, whose nodes are in this order, to those of a tree of the same shape.
fn add_leaves(sum: &mut Tree, tree: &Tree, order: &[usize]) -> Result<(), PlanError> {
    for (to, from) in preorder(sum).into_iter().zip(order) {
        let (TreeNode::Leaf(sums), TreeNode::Leaf(values)) =
            (&mut sum.nodes[to], &tree.nodes[*from])
        else {
            continue;
        };
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.checked_add(*value).ok_or(TOO_LARGE)?;
        }
    }
    Ok(())
}

/// Parents before children, left before right; without recursion, for trees may be deep.
fn preorder(tree: &Tree) -> Vec<usize> {
    let (mut order, mut pending) = (Vec::with_capacity(tree.nodes.len()), vec![0]);
    while let Some(node) = pending.pop() {
        order.push(node);
        if let TreeNode::Split { left, right, .. } = &tree.nodes[node] {
            pending.extend([*right as usize, *left as usize]);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_splits_in_any_order_of_nodes_are_merged() {
        let split = |feature, threshold, left, right| TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        };
        let leaf = |value| TreeNode::Leaf(vec![value, 1]);
        let trees = [
            vec![
                split(0, 3, 1, 2),
                leaf(1),
                split(1, 2, 3, 4),
                leaf(2),
                leaf(3),
            ],
            vec![
                split(0, 3, 4, 1),
                split(1, 2, 2, 3),
                leaf(20),
                leaf(30),
                leaf(10),
            ],
            vec![split(0, 4, 1, 2), leaf(5), leaf(6)],
        ];
        let merged = merge(trees.map(|nodes| Tree { nodes }).into()).unwrap();
        let sum = |value| TreeNode::Leaf(vec![value, 2]);
        let first = vec![
            split(0, 3, 1, 2),
            sum(11),
            split(1, 2, 3, 4),
            sum(22),
            sum(33),
        ];
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].nodes, first);
        assert_eq!(merged[1].nodes.len(), 3);
    }
}
