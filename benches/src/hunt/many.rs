//! A thousand trees and more: what adds up in amplitude is largest there, beside what is predicted of independent parts.

use tenebra_circuit::{Tree, TreeNode, Verified};

use super::draw::{Draw, Shape, forest, split};
use super::tables::sum_of_tables;

/// A forest of 1,000 to 1,500 trees, drawn or grown; one of 500 trees that are few, or one; or an additive model of hundreds of tables.
pub(super) fn many(draw: &mut Draw<'_>) -> Option<Verified> {
    let shape = Shape {
        features: draw.of(&[4, 10, 30]),
        max: draw.of(&[1, 7, 15]),
        depth: 3,
        leaves: draw.of(&[2, 16, 64]),
        outputs: draw.of(&[1, 1, 3]),
    };
    let count = draw.of(&[1000, 1200, 1500]);
    let trees: Vec<Tree> = match draw.below(5) {
        0 => (0..count).map(|_| draw.tree(shape)).collect(),
        1 => {
            let targets: Vec<Vec<i64>> = (0..shape.outputs)
                .map(|_| (0..shape.features).map(|_| draw.below(8)).collect())
                .collect();
            (0..count).map(|_| grown(draw, shape, &targets)).collect()
        }
        2 => {
            let distinct = [(); 4].map(|()| draw.tree(shape));
            (0..500).map(|_| distinct[index(draw, 4)].clone()).collect()
        }
        3 => {
            let shape = Shape { max: 63, ..shape };
            return forest(shape, vec![draw.tree(shape); 500]);
        }
        _ => {
            let (inputs, max) = draw.of(&[(250, 7), (250, 1), (500, 3), (500, 1)]);
            return sum_of_tables(draw, shape.leaves, max, inputs);
        }
    };
    forest(shape, trees)
}

fn index(draw: &mut Draw<'_>, limit: i64) -> usize {
    usize::try_from(draw.below(limit)).unwrap_or(0)
}

/// A tree as `ExtraTreesRegressor` grows it: a threshold lies anywhere between the codes that reach its node, and a leaf is what the
/// weighted sum of the codes, one for each output, comes to in the middle of those that reach it. Trees are alike, though no two splits are.
fn grown(draw: &mut Draw<'_>, shape: Shape, targets: &[Vec<i64>]) -> Tree {
    let inner = (1u32 << shape.depth) - 1;
    let mut nodes = Vec::new();
    // Least and greatest code of each feature, node by node.
    let mut reach = vec![vec![(0i64, shape.max); shape.features as usize]];
    for node in 0..inner {
        let mut left = reach[node as usize].clone();
        let open: Vec<u32> = (0..shape.features)
            .filter(|feature| left[*feature as usize].0 < left[*feature as usize].1)
            .collect();
        let feature = draw.of(&open);
        let (least, greatest) = left[feature as usize];
        let threshold = least + 1 + draw.below(greatest - least);
        let mut right = left.clone();
        left[feature as usize].1 = threshold - 1;
        right[feature as usize].0 = threshold;
        reach.extend([left, right]);
        nodes.push(split(feature, threshold, 2 * node + 1, 2 * node + 2));
    }
    let leaf = |reach: &Vec<(i64, i64)>| {
        let value = |weights: &Vec<i64>| {
            let terms = weights.iter().zip(reach);
            let sum: i64 = terms
                .map(|(weight, (least, most))| weight * (least + most))
                .sum();
            let most = 2 * shape.max * weights.iter().sum::<i64>();
            (shape.leaves - 1) * sum / most.max(1)
        };
        TreeNode::Leaf(targets.iter().map(value).collect())
    };
    nodes.extend(reach[inner as usize..].iter().map(leaf));
    Tree { nodes }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use tenebra_circuit::Op;

    use super::*;

    /// Trees and tables of what is drawn: no forest is smaller, and every sort comes up.
    #[test]
    fn there_are_many() {
        let mut sizes: Vec<usize> = Vec::new();
        for seed in 0..100 {
            let circuit = many(&mut Draw(&mut ChaCha20Rng::seed_from_u64(seed))).unwrap();
            let size = |op: &Op| match op {
                Op::Forest { forest, .. } => forest.trees.len(),
                Op::Lookup { tables, .. } => tables.len(),
                _ => 0,
            };
            let found = circuit.circuit().ops.iter().map(size);
            sizes.extend(found.filter(|size| *size > 0));
        }
        assert_eq!(sizes.len(), 100);
        sizes.sort_unstable();
        sizes.dedup();
        assert_eq!(sizes, [250, 500, 1000, 1200, 1500]);
    }

    #[test]
    fn grown_trees_send_codes_to_leaves_that_are_like_them() {
        let shape = Shape {
            features: 4,
            max: 15,
            depth: 3,
            leaves: 64,
            outputs: 1,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut draw = Draw(&mut rng);
        let trees = (0..200).map(|_| grown(&mut draw, shape, &[vec![7, 1, 0, 0]]));
        let circuit = forest(shape, trees.collect()).unwrap();
        let of = |codes: [i64; 4]| tenebra_sim::run(&circuit, &codes).unwrap()[0];
        assert!(of([0; 4]) < of([8, 0, 0, 0]));
        assert!(of([8, 0, 0, 0]) < of([15, 15, 0, 0]));
    }
}
