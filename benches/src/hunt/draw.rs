//! What circuits are drawn from: numbers, trees, and forests of them.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use tenebra_circuit::{CircuitBuilder, Forest, Interval, Tree, TreeNode, Verified, verify};

/// What trees are drawn with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) features: u32,
    /// Greatest code.
    pub(super) max: i64,
    pub(super) depth: u32,
    /// Leaves are below it.
    pub(super) leaves: i64,
    pub(super) outputs: usize,
}

pub(super) struct Draw<'a>(pub(super) &'a mut ChaCha20Rng);

impl Draw<'_> {
    pub(super) fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.0.next_u32() as usize % values.len()]
    }

    pub(super) fn below(&mut self, limit: i64) -> i64 {
        i64::from(self.0.next_u32()) % limit
    }

    pub(super) fn feature(&mut self, shape: Shape) -> u32 {
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
    pub(super) fn tree(&mut self, shape: Shape) -> Tree {
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
    pub(super) fn mutate(&mut self, tree: &Tree, shape: Shape) -> Tree {
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

    /// The full `tree` with the threshold of one split, or those of all splits of its feature, shifted by one, up or down.
    pub(super) fn shift(&mut self, tree: &Tree, shape: Shape) -> Tree {
        let mut tree = tree.clone();
        let at = self.0.next_u32() as usize % ((1usize << shape.depth) - 1);
        let (all, by) = (self.below(2) == 0, self.of(&[-1, 1]));
        let of = match tree.nodes[at] {
            TreeNode::Split { feature, .. } => Some(feature),
            TreeNode::Leaf(_) => None,
        };
        for (index, node) in tree.nodes.iter_mut().enumerate() {
            if let TreeNode::Split {
                feature, threshold, ..
            } = node
                && (index == at || (all && Some(*feature) == of))
            {
                *threshold = (*threshold + by).clamp(1, shape.max);
            }
        }
        tree
    }
}

pub(super) fn forest(shape: Shape, trees: Vec<Tree>) -> Option<Verified> {
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

pub(super) fn split(feature: u32, threshold: i64, left: u32, right: u32) -> TreeNode {
    TreeNode::Split {
        feature,
        threshold,
        left,
        right,
    }
}
