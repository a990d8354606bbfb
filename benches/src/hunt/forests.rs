//! Forests that are built, not drawn: what they multiply is the same where it does not look so.

use tenebra_circuit::{CircuitBuilder, Forest, Interval, Tree, TreeNode, Verified, verify};

use super::draw::{Draw, Shape, forest, split};

/// `x2 < θ ? (x0 ? (x1 ? (0, α) : (1, β)) : (x1 ? (0, α) : (0, β))) : 0`, on codes too wide for slots.
pub(super) fn equal_differences(draw: &mut Draw<'_>) -> Option<Verified> {
    let outputs = 6;
    let bits = draw.of(&[10, 12]);
    let half = 1i64 << (bits - 1);
    let count = draw.of(&[10u32, 20, 40]);
    let trees = (0..count).map(|tree| {
        let delta = |output: u32| (tree + 1) / 3u32.pow(output) % 3;
        let leaf = |first: i64, wanted: u32| {
            let others = (0..5).map(|output| i64::from(delta(output) == wanted));
            TreeNode::Leaf([first].into_iter().chain(others).collect())
        };
        let nodes = vec![
            split(2, 1 + i64::from(tree), 1, 2),
            split(0, half, 3, 4),
            TreeNode::Leaf(vec![0; outputs]),
            split(1, half, 5, 6),
            split(1, half, 7, 8),
            leaf(0, 1),
            leaf(1, 2),
            leaf(0, 1),
            leaf(0, 2),
        ];
        Tree { nodes }
    });
    let shape = Shape {
        features: 3,
        max: 2 * half - 1,
        depth: 3,
        leaves: 2,
        outputs,
    };
    forest(shape, trees.collect())
}

/// `r < 1 ? (x0 < 1 ? 0 : x_j) : 0`.
pub(super) fn own_features(draw: &mut Draw<'_>) -> Option<Verified> {
    let count = draw.of(&[20u32, 50, 100]);
    let trees = (0..count).map(|tree| Tree {
        nodes: vec![
            split(0, 1, 1, 2),
            split(1, 1, 3, 4),
            TreeNode::Leaf(vec![0]),
            TreeNode::Leaf(vec![0]),
            split(2 + tree, 1, 5, 6),
            TreeNode::Leaf(vec![0]),
            TreeNode::Leaf(vec![1]),
        ],
    });
    let shape = Shape {
        features: 2 + count,
        max: 1,
        depth: 3,
        leaves: 2,
        outputs: 1,
    };
    forest(shape, trees.collect())
}

/// `r_j < 1 ? 0 : (x < θ ? 0 : 1)`, some of them the other way round; `x` may have too many codes for slots.
pub(super) fn votes(draw: &mut Draw<'_>) -> Option<Verified> {
    let count = draw.of(&[20u32, 60, 120, 250]);
    let bits = draw.of(&[3, 11]);
    let others = draw.of(&[0u32, 2, 3]);
    let trees = (0..count).map(|tree| {
        let [nothing, one] = [0, 1].map(|value| TreeNode::Leaf(vec![value]));
        let mut nodes = vec![
            split(1 + tree, 1, 1, 2),
            nothing.clone(),
            nothing.clone(),
            nothing,
            one,
        ];
        let at = if others > 0 && tree % others == 1 {
            1
        } else {
            2
        };
        nodes[at] = split(0, 1 << (bits - 1), 3, 4);
        Tree { nodes }
    });
    let forest = Forest {
        outputs: 1,
        trees: trees.collect(),
        bias: vec![0],
    };
    let own = (0..count).map(|_| Interval::new(0, 1));
    let codes = [Interval::new(0, (1 << bits) - 1)].into_iter().chain(own);
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", codes.collect());
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).ok()
}
