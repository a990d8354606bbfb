//! What LightGBM counts as 0, and splits that treat 0 as missing, written as ordinary comparisons.

use crate::forest::{Comparison, Missing, Node, Split};

/// Where a missing value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Left,
    Right,
}

/// LightGBM's `kZeroThreshold`, a single-precision constant: what lies within it on either side of 0 counts as 0.
const ZERO: f64 = 1e-35_f32 as f64;

/// The comparison that `x <= threshold` amounts to: before any split, LightGBM makes a 0 of what counts as one
/// (`src/c_api.cpp`, where it reads rows).
pub(super) fn comparison(threshold: f64) -> (Comparison, f64) {
    if (-ZERO..0.0).contains(&threshold) {
        (Comparison::Less, -ZERO)
    } else if (0.0..ZERO).contains(&threshold) {
        (Comparison::LessOrEqual, ZERO)
    } else {
        (Comparison::LessOrEqual, threshold)
    }
}

/// A split `x <= threshold` in which 0 and missing values go to `default` instead; the nodes it takes beside its own are
/// appended to `nodes`.
///
/// With `L = {x <= threshold}` and `Z = [-ZERO, ZERO]` the left child gets `L ∪ Z` or `L \ Z`. That is an interval
/// unless the threshold lies on the other side of `Z` than the direction says; then it takes three comparisons that
/// share their children.
pub(super) fn split(
    feature: u32,
    threshold: f64,
    default: Direction,
    [left, right]: [u32; 2],
    nodes: &mut Vec<Node>,
) -> Split {
    use Comparison::{Less, LessOrEqual};
    let split = |comparison, threshold, left, right| Split {
        feature,
        threshold,
        comparison,
        // Missing values are 0 to LightGBM here, whichever comparison they meet.
        missing: Missing::AsZero,
        left,
        right,
    };
    let mut push = |split| {
        nodes.push(Node::Split(split));
        // A file that describes 2^32 nodes does not fit its own indices.
        u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
    };
    match default {
        Direction::Left if threshold < -ZERO => {
            let zero = push(split(LessOrEqual, ZERO, left, right));
            let above = push(split(Less, -ZERO, right, zero));
            split(LessOrEqual, threshold, left, above)
        }
        Direction::Left => split(LessOrEqual, threshold.max(ZERO), left, right),
        Direction::Right if threshold > ZERO => {
            let above = push(split(LessOrEqual, threshold, left, right));
            let zero = push(split(LessOrEqual, ZERO, right, above));
            split(Less, -ZERO, left, zero)
        }
        Direction::Right if threshold >= -ZERO => split(Less, -ZERO, left, right),
        Direction::Right => split(LessOrEqual, threshold, left, right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::Tree;

    /// LightGBM's own rule.
    fn goes_left(x: f64, threshold: f64, default: Direction) -> bool {
        let x = if x.is_nan() { 0.0 } else { x };
        if x.abs() <= ZERO {
            default == Direction::Left
        } else {
            x <= threshold
        }
    }

    #[test]
    fn what_counts_as_zero_is_compared_as_zero() {
        let borders = [-5.0, -ZERO, -1e-36, -0.0, 0.0, 1e-36, ZERO, 5.0];
        for threshold in borders {
            let (comparison, found) = comparison(threshold);
            for x in borders
                .iter()
                .flat_map(|x| [x.next_down(), *x, x.next_up()])
            {
                let got = match comparison {
                    Comparison::Less => x < found,
                    Comparison::LessOrEqual => x <= found,
                };
                let read = if x.abs() <= ZERO { 0.0 } else { x };
                assert_eq!(got, read <= threshold, "{x:e} <= {threshold:e}");
            }
        }
    }

    #[test]
    fn decides_as_lightgbm_on_both_sides_of_every_border() {
        let borders = [-5.0, -ZERO, -1e-36, 0.0, 1e-36, ZERO, 5.0];
        for default in [Direction::Left, Direction::Right] {
            for threshold in borders {
                let mut nodes = vec![
                    Node::Leaf(vec![]),
                    Node::Leaf(vec![1.0]),
                    Node::Leaf(vec![0.0]),
                ];
                let root = split(0, threshold, default, [1, 2], &mut nodes);
                nodes[0] = Node::Split(root);
                let tree = Tree {
                    first_output: 0,
                    nodes,
                };
                let xs = borders
                    .iter()
                    .flat_map(|x| [x.next_down(), *x, x.next_up()]);
                for x in xs.chain([f64::NAN]) {
                    let got = tree.leaf(&[x]) == 1;
                    let want = goes_left(x, threshold, default);
                    assert_eq!(got, want, "{x:e} <= {threshold:e}, default {default:?}");
                }
            }
        }
    }
}
