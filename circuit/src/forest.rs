//! Decision trees over codes, and tables.

use alloc::vec::Vec;

use crate::Interval;

/// A sum of decision trees: `y = bias + sum over trees of the leaf vector that x reaches`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Forest {
    /// Length of every leaf vector, of the bias and of the result: one per class, say.
    pub outputs: usize,
    /// The trees; none is allowed, and leaves the bias alone.
    pub trees: Vec<Tree>,
    /// Added to the sum; `outputs` long.
    pub bias: Vec<i64>,
}

/// One decision tree, stored flat: node 0 is the root, children come after their parent, and every other node has
/// exactly one parent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Tree {
    /// The nodes; indices in [`TreeNode::Split`] point into this list.
    pub nodes: Vec<TreeNode>,
}

/// A node of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum TreeNode {
    /// Ends a path with its share of the result; `outputs` long.
    Leaf(Vec<i64>),
    /// Goes left if and only if `x[feature] < threshold`.
    Split {
        /// Index into the forest's operand.
        feature: u32,
        /// Compared with the code; codes equal to it go right.
        threshold: i64,
        /// Node to go to when the code is smaller.
        left: u32,
        /// Node to go to otherwise.
        right: u32,
    },
}

/// A table over a contiguous range: `y = values[x - min]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Table {
    /// The argument of the first entry.
    pub min: i64,
    /// The entries; they cover `[min, min + len - 1]`.
    pub values: Vec<i64>,
}

impl Table {
    /// The entry of `x`, or `None` where the table does not reach.
    #[must_use]
    pub fn value(&self, x: i64) -> Option<i64> {
        let offset = usize::try_from(i128::from(x) - i128::from(self.min)).ok()?;
        self.values.get(offset).copied()
    }

    /// The entries of every argument in `range`, or `None` if the table does not cover it.
    pub(crate) fn over(&self, range: Interval) -> Option<&[i64]> {
        let offset = |x: i64| usize::try_from(i128::from(x) - i128::from(self.min)).ok();
        self.values
            .get(offset(range.min)?..offset(range.max)?.checked_add(1)?)
    }
}

/// Which children of a split the ranges of its features leave reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Feasible {
    pub(crate) left: bool,
    pub(crate) right: bool,
}

/// What is left to do of a walk.
enum Step {
    /// Visit `node`, whose path holds `feature` to `range`.
    Enter {
        node: u32,
        feature: u32,
        range: Interval,
    },
    /// Both children of a split are done.
    Restore { feature: u32, range: Interval },
}

impl Tree {
    /// Calls `visit` for every node that some input within `ranges` reaches, parents first; a split comes with the
    /// children that can be reached from it.
    ///
    /// A path is infeasible when its thresholds on one feature contradict each other or the feature's range. Linear
    /// time, no recursion: depth is up to whoever wrote the tree. The tree must have a verified structure; `ranges`
    /// is as before when the walk ends.
    pub(crate) fn walk_feasible<'a>(
        &'a self,
        ranges: &mut [Interval],
        mut visit: impl FnMut(usize, &'a TreeNode, Feasible),
    ) {
        let mut steps = Vec::new();
        let mut next = Some(0_u32);
        while let Some(node) = next.take() {
            match &self.nodes[node as usize] {
                leaf @ TreeNode::Leaf(_) => {
                    visit(
                        node as usize,
                        leaf,
                        Feasible {
                            left: false,
                            right: false,
                        },
                    );
                }
                split @ &TreeNode::Split {
                    feature,
                    threshold,
                    left,
                    right,
                } => {
                    let range = ranges[feature as usize];
                    let (below, from) = (range.below(threshold), range.from(threshold));
                    let feasible = Feasible {
                        left: below.is_some(),
                        right: from.is_some(),
                    };
                    visit(node as usize, split, feasible);
                    steps.push(Step::Restore { feature, range });
                    let children = [(right, from), (left, below)];
                    steps.extend(children.into_iter().filter_map(|(node, range)| {
                        range.map(|range| Step::Enter {
                            node,
                            feature,
                            range,
                        })
                    }));
                }
            }
            while let Some(step) = steps.pop() {
                match step {
                    Step::Restore { feature, range } => ranges[feature as usize] = range,
                    Step::Enter {
                        node,
                        feature,
                        range,
                    } => {
                        ranges[feature as usize] = range;
                        next = Some(node);
                        break;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn tables_answer_only_where_they_reach() {
        let table = Table {
            min: -1,
            values: vec![10, 20, 30],
        };
        assert_eq!(
            [-2, -1, 1, 2].map(|x| table.value(x)),
            [None, Some(10), Some(30), None]
        );
        assert_eq!(table.over(Interval::new(0, 1)), Some([20, 30].as_slice()));
        assert_eq!(table.over(Interval::new(0, 2)), None);
        let edge = Table {
            min: i64::MAX,
            values: vec![7, 8],
        };
        assert_eq!(
            (edge.value(i64::MAX), edge.value(i64::MIN)),
            (Some(7), None)
        );
    }

    #[test]
    fn contradicting_thresholds_are_not_walked() {
        // x in [0, 9]; root x < 5; left child asks x < 7, which always holds: its right leaf is infeasible.
        let split = |threshold, left, right| TreeNode::Split {
            feature: 0,
            threshold,
            left,
            right,
        };
        let leaf = TreeNode::Leaf(vec![]);
        let tree = Tree {
            nodes: vec![
                split(5, 1, 2),
                split(7, 3, 4),
                leaf.clone(),
                leaf.clone(),
                leaf,
            ],
        };
        let mut ranges = [Interval::new(0, 9)];
        let mut seen = vec![];
        tree.walk_feasible(&mut ranges, |node, _, feasible| {
            seen.push((node, feasible.left, feasible.right))
        });
        assert_eq!(
            seen,
            [
                (0, true, true),
                (1, true, false),
                (3, false, false),
                (2, false, false)
            ]
        );
        assert_eq!(ranges, [Interval::new(0, 9)]);
    }
}
