//! One tree: splits and leaves in a flat list, walked from node 0.

use serde::{Deserialize, Serialize};

/// How a split compares a feature with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Left iff `x < threshold` (XGBoost, and the trees trained here).
    Less,
    /// Left iff `x <= threshold` (scikit-learn, LightGBM).
    LessOrEqual,
}

/// Where a split sends a missing value (NaN).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Nowhere: the model learned nothing about it, and a row that lacks this feature is refused.
    Refused,
    /// To the left child.
    Left,
    /// To the right child.
    Right,
    /// Where 0 goes (LightGBM's missing types `None` and `Zero`).
    AsZero,
}

/// A comparison of one feature with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Index of the feature, from 0.
    pub feature: u32,
    /// In the feature's unit. The checked forest holds only finite thresholds.
    pub threshold: f64,
    /// Strict or not.
    pub comparison: Comparison,
    /// What happens to a missing value.
    pub missing: Missing,
    /// Index of the node to go to when the comparison holds.
    pub left: u32,
    /// Index of the node to go to when it does not.
    pub right: u32,
}

impl Split {
    /// Whether `x` goes to the left child. A NaN goes where [`Split::missing`] says, and to the right where it is
    /// [`Missing::Refused`].
    #[must_use]
    pub fn goes_left(&self, x: f64) -> bool {
        match (x.is_nan(), self.missing) {
            (false, _) => self.compare(x),
            (true, Missing::AsZero) => self.compare(0.0),
            (true, missing) => missing == Missing::Left,
        }
    }

    fn compare(&self, x: f64) -> bool {
        match self.comparison {
            Comparison::Less => x < self.threshold,
            Comparison::LessOrEqual => x <= self.threshold,
        }
    }
}

/// A node of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// The end of a path: what the tree adds to its outputs, in the unit of the scores.
    Leaf(Vec<f64>),
    /// A decision.
    Split(Split),
}

/// A decision tree with vector leaves: adds `leaf[i]` to output `first_output + i`.
///
/// A child may have several parents (a decision diagram); a node must not be its own ancestor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The output that the first value of each leaf belongs to.
    pub first_output: usize,
    /// Node 0 is the root. In a checked forest children come after their parents and every node is reachable.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// Index of the leaf that `row` reaches. The tree must be checked and `row` hold all features, rounded as the
    /// forest demands.
    pub(crate) fn leaf(&self, row: &[f64]) -> usize {
        let mut at = 0;
        while let Node::Split(split) = &self.nodes[at] {
            let left = split.goes_left(row[split.feature as usize]);
            at = if left { split.left } else { split.right } as usize;
        }
        at
    }

    /// Number of comparisons on the longest path from the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.nodes.len()];
        let mut deepest = 0;
        // Parents come first, so a node's own depth is final when the loop reaches it.
        for (at, node) in self.nodes.iter().enumerate() {
            deepest = deepest.max(depths[at]);
            if let Node::Split(split) = node {
                let below = depths[at] + 1;
                for child in [split.left, split.right] {
                    let depth = &mut depths[child as usize];
                    *depth = below.max(*depth);
                }
            }
        }
        deepest
    }

    /// The splits, in the order of the nodes.
    pub fn splits(&self) -> impl Iterator<Item = &Split> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Split(split) => Some(split),
            Node::Leaf(_) => None,
        })
    }

    /// The splits, to change them before the forest is checked.
    #[cfg(feature = "import")]
    pub(crate) fn splits_mut(&mut self) -> impl Iterator<Item = &mut Split> {
        self.nodes.iter_mut().filter_map(|node| match node {
            Node::Split(split) => Some(split),
            Node::Leaf(_) => None,
        })
    }

    /// The leaves, in the order of the nodes.
    pub fn leaves(&self) -> impl Iterator<Item = &[f64]> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Leaf(values) => Some(values.as_slice()),
            Node::Split(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(comparison: Comparison, missing: Missing) -> Split {
        Split {
            feature: 0,
            threshold: 1.5,
            comparison,
            missing,
            left: 1,
            right: 2,
        }
    }

    #[test]
    fn the_threshold_itself_goes_left_only_when_the_comparison_is_not_strict() {
        let below = 1.5_f64.next_down();
        let strict = split(Comparison::Less, Missing::Refused);
        assert_eq!([below, 1.5].map(|x| strict.goes_left(x)), [true, false]);
        let loose = split(Comparison::LessOrEqual, Missing::Refused);
        assert_eq!(
            [1.5, 1.5_f64.next_up()].map(|x| loose.goes_left(x)),
            [true, false]
        );
    }

    #[test]
    fn missing_values_go_where_the_split_says() {
        let sides = [
            Missing::Refused,
            Missing::Left,
            Missing::Right,
            Missing::AsZero,
        ]
        .map(|missing| split(Comparison::Less, missing).goes_left(f64::NAN));
        // 0 < 1.5, so a missing value that counts as zero goes left.
        assert_eq!(sides, [false, true, false, true]);
    }
}
