//! Circuits that are hard on the noise formula, for [`examples/noise_hunt.rs`](../examples/noise_hunt.rs) and through it `.ci/nightly`: their
//! parts are equal, nearly equal, many, or on few bits, so that noise adds up in amplitude where a formula may take it for independent.

pub mod cases;
mod draw;
mod forests;
mod many;
mod networks;
mod tables;

use draw::{Draw, Shape, forest};
use forests::{equal_differences, own_features, votes};
use many::many;
use networks::{Neurons, network};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use tables::{additive, joint_tables};
use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Tree, TreeNode, Verified, verify};

/// A kind of circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Trees drawn independently.
    Random,
    /// Many copies of few trees.
    Pool,
    /// Copies of one tree with one leaf, threshold or feature changed.
    NearTwins,
    /// Copies of one tree with one threshold, or all of one feature, shifted by one.
    OneApart,
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
    /// 1,000 to 1,500 trees of depth 3, or hundreds that are few or one, or hundreds of tables: slow, and the most that can add up.
    Many,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 20] = [
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
        Self::OneApart,
        Self::Many,
    ];
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
        Kind::OneApart => {
            let base = draw.tree(small);
            (
                small,
                (0..count).map(|_| draw.shift(&base, small)).collect(),
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
        Kind::Many => return many(&mut draw),
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
