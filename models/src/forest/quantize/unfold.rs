//! From float trees to trees over codes.

use tenebra_circuit::{Forest, Tree as CodeTree, TreeNode};

use super::inputs::{Inputs, Turn};
use super::leaves::LeafCodes;
use crate::error::QuantizeError;
use crate::forest::{ForestModel, Node, Tree};

/// A circuit's trees share no nodes, a float tree's may: the copies end here.
const MAX_NODES: usize = 1 << 24;

/// The forest over codes, with leaves as long as there are outputs.
pub(super) fn unfold(
    model: &ForestModel,
    inputs: &Inputs,
    codes: &LeafCodes,
) -> Result<Forest, QuantizeError> {
    let outputs = model.n_outputs();
    let mut room = MAX_NODES;
    let trees = model.trees.iter().zip(&codes.integers);
    let trees = trees.map(|(tree, leaves)| unfold_tree(tree, leaves, inputs, outputs, &mut room));
    Ok(Forest {
        outputs,
        trees: trees.collect::<Result<_, _>>()?,
        bias: vec![0; outputs],
    })
}

/// Copies what is reachable, depth first, without the splits that send every row to one side.
fn unfold_tree(
    tree: &Tree,
    leaves: &[Vec<i64>],
    inputs: &Inputs,
    outputs: usize,
    room: &mut usize,
) -> Result<CodeTree, QuantizeError> {
    let mut nodes: Vec<TreeNode> = Vec::new();
    // A float node to copy, and the split whose left or right child it becomes.
    let mut open: Vec<(u32, Option<(usize, bool)>)> = vec![(0, None)];
    while let Some((at, parent)) = open.pop() {
        let node = match &tree.nodes[at as usize] {
            Node::Leaf(_) => {
                let mut leaf = vec![0; outputs];
                leaf[tree.first_output..][..leaves[at as usize].len()]
                    .copy_from_slice(&leaves[at as usize]);
                *room = room.saturating_sub(outputs);
                TreeNode::Leaf(leaf)
            }
            Node::Split(split) => match inputs.turn(split) {
                Turn::Always { left } => {
                    open.push((if left { split.left } else { split.right }, parent));
                    continue;
                }
                Turn::Code { input, threshold } => {
                    open.push((split.right, Some((nodes.len(), false))));
                    open.push((split.left, Some((nodes.len(), true))));
                    let feature =
                        u32::try_from(input).expect("at most two inputs per feature of 32 bits");
                    TreeNode::Split {
                        feature,
                        threshold,
                        left: 0,
                        right: 0,
                    }
                }
            },
        };
        *room = room
            .checked_sub(1)
            .ok_or(QuantizeError::ForestSize { limit: MAX_NODES })?;
        if let Some((parent, is_left)) = parent {
            let at = u32::try_from(nodes.len()).expect("fewer nodes than the limit");
            if let TreeNode::Split { left, right, .. } = &mut nodes[parent] {
                *(if is_left { left } else { right }) = at;
            }
        }
        nodes.push(node);
    }
    Ok(CodeTree { nodes })
}
