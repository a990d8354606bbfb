//! Circuits that are hard on the noise formula, for [`examples/noise_hunt.rs`](../examples/noise_hunt.rs) and the nightly search: their parts
//! are equal, nearly equal, many, or on few bits, so that noise adds up in amplitude where a formula may take it for independent.

mod forests;
mod networks;

use forests::{equal_differences, own_features, votes};
use networks::{Neurons, network};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Matrix, Table, Tree, TreeNode, Verified, verify,
};

/// A kind of circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Trees drawn independently.
    Random,
    /// Many copies of few trees.
    Pool,
    /// Copies of one tree with one leaf, threshold or feature changed.
    NearTwins,
    /// The same lower halves under other roots.
    SharedBottoms,
    /// One split a tree, on one to four features.
    Stumps,
    /// Deep trees on few features.
    Deep,
    /// Leaves that are all the same but for two values.
    EqualLeaves,
    /// Features of one bit.
    OneBit,
    /// A table an input, by the hundred.
    Additive,
    /// Many outputs.
    Classes,
    /// Selections whose operands differ from tree to tree, but not their differences.
    EqualDifferences,
    /// Trees that look at a feature of their own last, with leaves 0 and 1, as many as sums have room for.
    OwnFeatures,
    /// Trees that are the same function of one feature below a feature of their own: products with other bits, of one operand.
    Votes,
    /// Weights that are all the greatest, alternate, or are multiples of each other.
    Linear,
    /// Networks of one to three hidden layers, with neurons drawn independently.
    Network,
    /// The same with neurons that differ in one weight.
    NearNeurons,
    /// The same with all weights the greatest, and tables that are one table, its negative or shifted.
    ExtremeNeurons,
    /// Deep trees on few bits, which become tables of all codes, whose polynomials are equal, alike up to a constant, or all others;
    /// alone or beside trees of other features.
    JointTables,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Random,
        Self::Pool,
        Self::NearTwins,
        Self::SharedBottoms,
        Self::Stumps,
        Self::Deep,
        Self::EqualLeaves,
        Self::OneBit,
        Self::Additive,
        Self::Classes,
        Self::EqualDifferences,
        Self::OwnFeatures,
        Self::Votes,
        Self::Linear,
        Self::Network,
        Self::NearNeurons,
        Self::ExtremeNeurons,
        Self::JointTables,
    ];
}

/// What trees are drawn with.
#[derive(Clone, Copy, Debug)]
struct Shape {
    features: u32,
    /// Greatest code.
    max: i64,
    depth: u32,
    /// Leaves are below it.
    leaves: i64,
    outputs: usize,
}

struct Draw<'a>(&'a mut ChaCha20Rng);

impl Draw<'_> {
    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.0.next_u32() as usize % values.len()]
    }

    fn below(&mut self, limit: i64) -> i64 {
        i64::from(self.0.next_u32()) % limit
    }

    fn feature(&mut self, shape: Shape) -> u32 {
        self.0.next_u32() % shape.features
    }

    fn leaf(&mut self, shape: Shape) -> TreeNode {
        TreeNode::Leaf(
            (0..shape.outputs)
                .map(|_| self.below(shape.leaves))
                .collect(),
        )
    }

    /// A full tree.
    fn tree(&mut self, shape: Shape) -> Tree {
        let inner = (1u32 << shape.depth) - 1;
        let splits = (0..inner).map(|node| TreeNode::Split {
            feature: self.feature(shape),
            threshold: 1 + self.below(shape.max),
            left: 2 * node + 1,
            right: 2 * node + 2,
        });
        let mut nodes: Vec<TreeNode> = splits.collect();
        nodes.extend((0..=inner).map(|_| self.leaf(shape)));
        Tree { nodes }
    }

    /// `tree` with another leaf, threshold or feature somewhere.
    fn mutate(&mut self, tree: &Tree, shape: Shape) -> Tree {
        let mut tree = tree.clone();
        let index = self.0.next_u32() as usize % tree.nodes.len();
        match &mut tree.nodes[index] {
            TreeNode::Leaf(values) => {
                let by = self.of(&[1, 2, shape.leaves / 2]);
                values[0] = (values[0] + by) % shape.leaves;
            }
            TreeNode::Split { threshold, .. } if self.below(2) == 0 => {
                *threshold = 1 + *threshold % shape.max;
            }
            TreeNode::Split { feature, .. } => *feature = self.0.next_u32() % shape.features,
        }
        tree
    }
}

/// A circuit of this kind; `None` where it has no decisions or weights.
#[must_use]
pub fn circuit(kind: Kind, rng: &mut ChaCha20Rng) -> Option<Verified> {
    let mut draw = Draw(rng);
    let small = Shape {
        features: draw.of(&[2, 3, 4, 6, 10, 20, 30]),
        max: draw.of(&[1, 3, 7, 15, 63, 255]),
        depth: draw.of(&[2, 3, 3, 4]),
        leaves: draw.of(&[2, 4, 16, 256, 4096]),
        outputs: draw.of(&[1, 1, 1, 2, 3]),
    };
    let count = draw.of(&[4usize, 10, 25, 50, 100, 200, 400]);
    let (shape, trees) = match kind {
        Kind::Random => (small, (0..count).map(|_| draw.tree(small)).collect()),
        Kind::Pool => {
            let distinct = draw.of(&[1usize, 2, 4, 15, 27]);
            let of: Vec<Tree> = (0..distinct).map(|_| draw.tree(small)).collect();
            let pick = |_| of[draw.0.next_u32() as usize % distinct].clone();
            (small, (0..count).map(pick).collect())
        }
        Kind::NearTwins => {
            let base = draw.tree(small);
            (
                small,
                (0..count).map(|_| draw.mutate(&base, small)).collect(),
            )
        }
        Kind::SharedBottoms => {
            let shape = Shape { depth: 3, ..small };
            let base = draw.tree(shape);
            let trees = (0..count).map(|_| {
                let mut tree = base.clone();
                for node in 0..draw.of(&[1, 3]) {
                    if let TreeNode::Split {
                        threshold, feature, ..
                    } = &mut tree.nodes[node]
                    {
                        (*threshold, *feature) = (1 + draw.below(shape.max), draw.feature(shape));
                    }
                }
                tree
            });
            (shape, trees.collect())
        }
        Kind::Stumps => {
            let shape = Shape {
                features: draw.of(&[1, 2, 3, 4]),
                depth: draw.of(&[1, 2]),
                ..small
            };
            (shape, (0..count).map(|_| draw.tree(shape)).collect())
        }
        Kind::Deep => {
            let shape = Shape {
                features: draw.of(&[1, 2, 3]),
                depth: draw.of(&[6, 7, 8]),
                ..small
            };
            let count = count.min(25);
            (shape, (0..count).map(|_| draw.tree(shape)).collect())
        }
        Kind::EqualLeaves => {
            let top = draw.of(&[1, 7, 255]);
            let shape = Shape { leaves: 2, ..small };
            let mut trees: Vec<Tree> = (0..count).map(|_| draw.tree(shape)).collect();
            for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                if let TreeNode::Leaf(values) = node {
                    values.iter_mut().for_each(|value| *value *= top);
                }
            }
            (shape, trees)
        }
        Kind::OneBit => {
            let shape = Shape {
                max: 1,
                depth: draw.of(&[2, 3, 4, 5]),
                ..small
            };
            (shape, (0..count).map(|_| draw.tree(shape)).collect())
        }
        Kind::Classes => {
            let shape = Shape {
                outputs: draw.of(&[10, 20, 50]),
                ..small
            };
            let count = count.min(100);
            (shape, (0..count).map(|_| draw.tree(shape)).collect())
        }
        Kind::EqualDifferences => return equal_differences(&mut draw),
        Kind::OwnFeatures => return own_features(&mut draw),
        Kind::Votes => return votes(&mut draw),
        Kind::JointTables => return joint_tables(&mut draw),
        Kind::Additive => return additive(&mut draw, small),
        Kind::Linear => return linear(&mut draw),
        Kind::Network => return network(&mut draw, Neurons::Independent),
        Kind::NearNeurons => return network(&mut draw, Neurons::NearEqual),
        Kind::ExtremeNeurons => return network(&mut draw, Neurons::Extreme),
    };
    forest(shape, trees)
}

/// A few trees with hundreds of outputs: many integers to compare in one query.
#[must_use]
pub fn wide(rng: &mut ChaCha20Rng) -> Option<Verified> {
    let mut draw = Draw(rng);
    let shape = Shape {
        features: draw.of(&[2, 4, 8]),
        max: draw.of(&[1, 3, 7, 15]),
        depth: draw.of(&[1, 2, 3]),
        leaves: draw.of(&[2, 4]),
        outputs: draw.of(&[100, 200, 400]),
    };
    let count = draw.of(&[1, 3, 8]);
    let trees = (0..count).map(|_| draw.tree(shape)).collect();
    forest(shape, trees)
}

fn forest(shape: Shape, trees: Vec<Tree>) -> Option<Verified> {
    let mut builder = CircuitBuilder::new();
    let codes = vec![Interval::new(0, shape.max); shape.features as usize];
    let x = builder.input("x", codes);
    let forest = Forest {
        outputs: shape.outputs,
        trees,
        bias: vec![0; shape.outputs],
    };
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).ok()
}

fn split(feature: u32, threshold: i64, left: u32, right: u32) -> TreeNode {
    TreeNode::Split {
        feature,
        threshold,
        left,
        right,
    }
}

/// A pattern of the codes of few features: full trees of every split, whose leaves repeat from one half of a code to the other, differ
/// there by a constant, change sign, or are drawn; with as many shallow trees on further features.
fn joint_tables(draw: &mut Draw<'_>) -> Option<Verified> {
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

fn additive(draw: &mut Draw<'_>, shape: Shape) -> Option<Verified> {
    let max = draw.of(&[1i64, 7, 15, 63, 255]);
    let inputs = draw
        .of(&[1usize, 4, 16, 60, 150])
        .min(if max > 15 { 30 } else { 150 });
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, max); inputs]);
    let (same, steps) = (draw.below(2) == 0, draw.below(2) == 0);
    let first: Vec<i64> = (0..=max).map(|_| draw.below(shape.leaves)).collect();
    let tables = (0..inputs).map(|_| {
        let at = 1 + draw.below(max);
        let values = (0..=max).map(|code| match (same, steps) {
            (_, true) => i64::from(code >= at),
            (true, _) => first[usize::try_from(code).unwrap_or(0)],
            _ => draw.below(shape.leaves),
        });
        let values = values.collect();
        Table { min: 0, values }
    });
    let y = builder.lookup(x, tables.collect());
    let sum = builder.linear(y, Matrix::dense(1, inputs, vec![1; inputs]), vec![0]);
    builder.output("y", sum);
    verify(&builder.finish()).ok()
}

fn linear(draw: &mut Draw<'_>) -> Option<Verified> {
    let inputs = draw.of(&[1usize, 2, 10, 30, 75, 300]);
    let outputs = draw.of(&[1usize, 1, 3, 10]);
    let top = draw.of(&[1i64, 127, 2047, 1 << 20]);
    let max = draw.of(&[1i64, 15, 255, 2047]);
    let pattern = draw.below(4);
    let weight = |index: usize| {
        let (row, column) = (index / inputs, index % inputs);
        match pattern {
            0 => top,
            1 if column % 2 == 0 => top,
            1 => -top,
            2 => top / (1 + i64::try_from(row).unwrap_or(0)),
            _ => draw.below(2 * top + 1) - top,
        }
    };
    let weights: Vec<i64> = (0..inputs * outputs).map(weight).collect();
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, max); inputs]);
    let y = builder.linear(x, Matrix::dense(outputs, inputs, weights), vec![0; outputs]);
    builder.output("y", y);
    verify(&builder.finish()).ok()
}
