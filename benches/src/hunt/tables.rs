//! Tables, of one code or of several together.

use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Table, Tree, TreeNode, Verified, verify};

use super::draw::{Draw, Shape, forest, split};

/// A pattern of the codes of few features: full trees of every split, whose leaves repeat from one half of a code to the other, differ
/// there by a constant, change sign, or are drawn; with as many shallow trees on further features.
pub(super) fn joint_tables(draw: &mut Draw<'_>) -> Option<Verified> {
    let (features, bits) = draw.of(&[
        (2u32, 4u32),
        (2, 6),
        (3, 3),
        (3, 4),
        (3, 5),
        (4, 3),
        (12, 1),
    ]);
    let shape = Shape {
        features,
        max: (1 << bits) - 1,
        depth: features * bits,
        leaves: draw.of(&[2, 16, 4096]),
        outputs: draw.of(&[1, 1, 2, 5]),
    };
    let pattern = draw.below(4);
    let repeats = 1 + draw.below(i64::from(shape.depth) - 1);
    let drawn: Vec<Vec<i64>> = (0..1u32 << shape.depth)
        .map(|_| {
            (0..shape.outputs)
                .map(|_| draw.below(shape.leaves))
                .collect()
        })
        .collect();
    let leaf = |code: usize| {
        let (high, low) = (code >> repeats, code & ((1 << repeats) - 1));
        let sign = i64::try_from(high).unwrap_or(0);
        let values = match pattern {
            0 => drawn[low].clone(),
            1 => drawn[low].iter().map(|value| value + sign).collect(),
            2 if high % 2 == 1 => drawn[low].iter().map(|v| shape.leaves - 1 - v).collect(),
            2 => drawn[low].clone(),
            _ => drawn[code].clone(),
        };
        TreeNode::Leaf(values)
    };
    // Level by level, the highest bit of the last feature first: the node of a level tells the bits above.
    let splits = (0..shape.depth).flat_map(|level| {
        (0..1u32 << level).map(move |path| {
            let bit = features * bits - 1 - level;
            let own = bit % bits;
            let above = i64::from(path & ((1 << (bits - 1 - own)) - 1));
            let threshold = (2 * above + 1) << own;
            let node = (1u32 << level) - 1 + path;
            split(bit / bits, threshold, 2 * node + 1, 2 * node + 2)
        })
    });
    let nodes: Vec<TreeNode> = splits.chain((0..drawn.len()).map(leaf)).collect();
    let mut trees = vec![Tree { nodes }];
    let others = draw.of(&[0u32, 0, 1, 20]);
    trees.extend((0..others).map(|_| {
        let shallow = Shape {
            features: 12,
            depth: 3,
            ..shape
        };
        let mut tree = draw.tree(shallow);
        for node in &mut tree.nodes {
            if let TreeNode::Split { feature, .. } = node {
                *feature += features;
            }
        }
        tree
    }));
    let all = Shape {
        features: features + if others > 0 { 12 } else { 0 },
        ..shape
    };
    forest(all, trees)
}

/// An additive model.
pub(super) fn additive(draw: &mut Draw<'_>, shape: Shape) -> Option<Verified> {
    let max = draw.of(&[1i64, 7, 15, 63, 255]);
    let inputs = draw
        .of(&[1usize, 4, 16, 60, 150])
        .min(if max > 15 { 30 } else { 150 });
    sum_of_tables(draw, shape.leaves, max, inputs)
}

/// The sum of a table of each of so many inputs: steps, all tables the same, or all drawn.
pub(super) fn sum_of_tables(
    draw: &mut Draw<'_>,
    leaves: i64,
    max: i64,
    inputs: usize,
) -> Option<Verified> {
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, max); inputs]);
    let (same, steps) = (draw.below(2) == 0, draw.below(2) == 0);
    let first: Vec<i64> = (0..=max).map(|_| draw.below(leaves)).collect();
    let tables = (0..inputs).map(|_| {
        let at = 1 + draw.below(max);
        let values = (0..=max).map(|code| match (same, steps) {
            (_, true) => i64::from(code >= at),
            (true, _) => first[usize::try_from(code).unwrap_or(0)],
            _ => draw.below(leaves),
        });
        let values = values.collect();
        Table { min: 0, values }
    });
    let y = builder.lookup(x, tables.collect());
    let sum = builder.linear(y, Matrix::dense(1, inputs, vec![1; inputs]), vec![0]);
    builder.output("y", sum);
    verify(&builder.finish()).ok()
}
