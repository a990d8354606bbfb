//! Smaller forests.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::reverify;
use crate::{Circuit, Forest, Interval, Op, Tree, TreeNode, Verified, forest::Feasible};

/// Makes forests smaller: branches that no code within the ranges reaches are cut off, a split whose two sides are
/// identical subtrees becomes that subtree, trees with the same splits become one tree whose leaves are their sums, and
/// trees that are a single leaf go into the bias.
///
/// A tree's nodes have one parent each, so subtrees that are identical in different places stay as they are; a backend
/// that evaluates a diagram shares them.
#[must_use]
pub fn prune_forests(circuit: &Verified) -> Verified {
    let source = circuit.circuit();
    let prune = |op: &Op| match op {
        Op::Forest { input, forest } => Op::Forest {
            input: *input,
            forest: prune_forest(forest, circuit.ranges(*input)),
        },
        other => other.clone(),
    };
    let ops = source.ops.iter().map(prune).collect();
    reverify(Circuit {
        ops,
        outputs: source.outputs.clone(),
    })
}

fn prune_forest(forest: &Forest, ranges: &[Interval]) -> Forest {
    let mut bias = forest.bias.clone();
    let mut trees: Vec<Tree> = Vec::new();
    let mut by_splits = BTreeMap::new();
    let mut ranges = ranges.to_vec();
    for tree in &forest.trees {
        let tree = prune_tree(tree, &mut ranges);
        if let [TreeNode::Leaf(leaf)] = tree.nodes.as_slice() {
            add(&mut bias, leaf);
            continue;
        }
        // Trees come out in one order of nodes, so equal splits at equal places are the same decisions.
        let splits: Vec<_> = tree.nodes.iter().map(split_of).collect();
        match by_splits.get(&splits) {
            Some(&same) => add_leaves(&mut trees[same], &tree),
            None => {
                by_splits.insert(splits, trees.len());
                trees.push(tree);
            }
        }
    }
    Forest {
        outputs: forest.outputs,
        trees,
        bias,
    }
}

fn split_of(node: &TreeNode) -> Option<(u32, i64, u32, u32)> {
    match *node {
        TreeNode::Leaf(_) => None,
        TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        } => Some((feature, threshold, left, right)),
    }
}

fn add_leaves(to: &mut Tree, tree: &Tree) {
    for pair in to.nodes.iter_mut().zip(&tree.nodes) {
        if let (TreeNode::Leaf(to), TreeNode::Leaf(leaf)) = pair {
            add(to, leaf);
        }
    }
}

fn add(to: &mut [i64], leaf: &[i64]) {
    to.iter_mut().zip(leaf).for_each(|(to, value)| *to += value);
}

/// A subtree by content; children are positions in the list of distinct subtrees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subtree<'a> {
    Leaf(&'a [i64]),
    Split {
        feature: u32,
        threshold: i64,
        left: usize,
        right: usize,
    },
}

fn prune_tree(tree: &Tree, ranges: &mut [Interval]) -> Tree {
    let mut feasible: Vec<Option<Feasible>> = vec![None; tree.nodes.len()];
    tree.walk_feasible(ranges, |node, _, children| feasible[node] = Some(children));

    let mut subtrees = Vec::new();
    let mut known = BTreeMap::new();
    let mut subtree_of = vec![0; tree.nodes.len()];
    // Children come after their parents, so backwards they come first.
    for (node, content) in tree.nodes.iter().enumerate().rev() {
        let Some(children) = feasible[node] else {
            continue;
        };
        let subtree = match *content {
            TreeNode::Leaf(ref leaf) => Subtree::Leaf(leaf),
            TreeNode::Split {
                feature,
                threshold,
                left,
                right,
            } => {
                let (left, right) = (subtree_of[left as usize], subtree_of[right as usize]);
                if !children.right || (children.left && left == right) {
                    subtree_of[node] = left;
                    continue;
                }
                if !children.left {
                    subtree_of[node] = right;
                    continue;
                }
                Subtree::Split {
                    feature,
                    threshold,
                    left,
                    right,
                }
            }
        };
        subtree_of[node] = *known.entry(subtree).or_insert_with(|| {
            subtrees.push(subtree);
            subtrees.len() - 1
        });
    }
    grow(&subtrees, subtree_of[0])
}

/// Writes a subtree out as a tree, which has at most as many nodes as the tree it was found in.
fn grow(subtrees: &[Subtree<'_>], root: usize) -> Tree {
    let mut nodes = Vec::new();
    // Which subtree to write, and whose left or right child it is.
    let mut todo = vec![(root, None)];
    while let Some((subtree, parent)) = todo.pop() {
        let index = nodes.len();
        if let Some((parent, is_right)) = parent
            && let TreeNode::Split { left, right, .. } = &mut nodes[parent]
        {
            let child = if is_right { right } else { left };
            *child = u32::try_from(index).expect("a tree does not grow when it is pruned");
        }
        nodes.push(match subtrees[subtree] {
            Subtree::Leaf(leaf) => TreeNode::Leaf(leaf.to_vec()),
            Subtree::Split {
                feature,
                threshold,
                left,
                right,
            } => {
                todo.push((right, Some((index, true))));
                todo.push((left, Some((index, false))));
                TreeNode::Split {
                    feature,
                    threshold,
                    left: 0,
                    right: 0,
                }
            }
        });
    }
    Tree { nodes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;
    use alloc::format;

    fn pruned(forest: &str) -> alloc::string::String {
        let text =
            format!("circuit v1\n%0 = input x: [0, 7]^2\n%1 = forest %0, {forest}\noutput y: %1\n");
        format!(
            "{}",
            prune_forests(&verify(&text.parse::<Circuit>().unwrap()).unwrap()).circuit()
        )
    }

    fn printed(forest: &str) -> alloc::string::String {
        let text =
            format!("circuit v1\n%0 = input x: [0, 7]^2\n%1 = forest %0, {forest}\noutput y: %1\n");
        format!("{}", text.parse::<Circuit>().unwrap())
    }

    #[test]
    fn infeasible_branches_go() {
        // x_0 < 8 always holds; below it x_0 < 3, whose right side asks x_0 < 3 again, which never holds.
        let before = "outputs 1, bias [0], [[
            0: if x[0] < 8 then 1 else 2,
            1: if x[0] < 3 then 3 else 4,
            2: [100],
            3: [1],
            4: if x[0] < 3 then 5 else 6,
            5: [200],
            6: [2],
        ]]";
        let after = "outputs 1, bias [0], [[0: if x[0] < 3 then 1 else 2, 1: [1], 2: [2]]]";
        assert_eq!(pruned(before), printed(after));
    }

    #[test]
    fn identical_sides_collapse_upwards_and_constant_trees_go_into_the_bias() {
        // Both sides of node 0 ask x_1 < 4 for the same leaves; the second tree then is all 5.
        let before = "outputs 1, bias [10], [[
            0: if x[0] < 2 then 1 else 2,
            1: if x[1] < 4 then 3 else 4,
            2: if x[1] < 4 then 5 else 6,
            3: [1], 4: [2], 5: [1], 6: [2],
        ], [
            0: if x[0] < 2 then 1 else 2,
            1: [5], 2: if x[1] < 1 then 3 else 4,
            3: [5], 4: [5],
        ]]";
        let after = "outputs 1, bias [15], [[0: if x[1] < 4 then 1 else 2, 1: [1], 2: [2]]]";
        assert_eq!(pruned(before), printed(after));
    }

    #[test]
    fn trees_with_the_same_splits_become_one() {
        // The second tree has its nodes in another order.
        let before = "outputs 2, bias [0, 0], [[
            0: if x[0] < 2 then 1 else 2,
            1: if x[1] < 4 then 3 else 4,
            2: [1, 0], 3: [2, 0], 4: [3, 0],
        ], [
            0: if x[0] < 2 then 2 else 1,
            1: [0, 10],
            2: if x[1] < 4 then 4 else 3,
            3: [0, 30], 4: [0, 20],
        ]]";
        let after = "outputs 2, bias [0, 0], [[
            0: if x[0] < 2 then 1 else 4,
            1: if x[1] < 4 then 2 else 3,
            2: [2, 20], 3: [3, 30], 4: [1, 10],
        ]]";
        assert_eq!(pruned(before), printed(after));
    }
}
