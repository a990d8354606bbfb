//! From float trees to trees over codes.

use tenebra_circuit::{Forest, Interval, Tree as CodeTree, TreeNode};

use super::inputs::{Inputs, Turn};
use super::leaves::LeafCodes;
use crate::forest::{ForestModel, Node, Tree};
use crate::quantized::QuantizeError;
use crate::quantized::code_interval;

/// A circuit's trees share no nodes, a float tree's may: the copies end here, and much earlier where there are that many more
/// copies than nodes.
const MAX_NODES: usize = 1 << 24;
const MAX_COPIES: usize = 1 << 20;

/// The forest over codes, with leaves as long as there are outputs.
pub(super) fn unfold(
    model: &ForestModel,
    inputs: &Inputs,
    codes: &LeafCodes,
) -> Result<Forest, QuantizeError> {
    let outputs = model.n_outputs();
    let own: usize = model.trees.iter().map(|tree| tree.nodes.len()).sum();
    let limit = own.saturating_mul(outputs + 1).saturating_add(MAX_COPIES);
    let limit = limit.min(MAX_NODES);
    let mut room = limit;
    let trees = model.trees.iter().zip(&codes.integers);
    let trees = trees.map(|(tree, leaves)| {
        unfold_tree(tree, leaves, inputs, outputs, &mut room)
            .ok_or(QuantizeError::ForestSize { limit })
    });
    Ok(Forest {
        outputs,
        trees: trees.collect::<Result<_, _>>()?,
        bias: vec![0; outputs],
    })
}

/// What is left to do.
enum Step {
    /// Copy a float node, for the left or right child of a split that was copied.
    Copy {
        at: u32,
        parent: Option<(usize, bool)>,
        /// What the split above leaves of the codes of its input.
        narrowed: Option<(usize, Interval)>,
    },
    /// Both sides of a split are copied.
    Widen(usize, Interval),
}

/// Copies what is reachable, depth first, without the splits that send every row that comes there to one side;
/// `None` if there is no room for all.
fn unfold_tree(
    tree: &Tree,
    leaves: &[Vec<i64>],
    inputs: &Inputs,
    outputs: usize,
    room: &mut usize,
) -> Option<CodeTree> {
    let mut nodes: Vec<TreeNode> = Vec::new();
    let mut ranges: Vec<Interval> = inputs.codecs.iter().map(code_interval).collect();
    let copy = |at, parent, narrowed| Step::Copy {
        at,
        parent,
        narrowed,
    };
    let mut open = vec![copy(0, None, None)];
    while let Some(step) = open.pop() {
        let (at, parent) = match step {
            Step::Widen(input, range) => {
                ranges[input] = range;
                continue;
            }
            Step::Copy {
                at,
                parent,
                narrowed,
            } => {
                if let Some((input, range)) = narrowed {
                    ranges[input] = range;
                }
                (at, parent)
            }
        };
        let node = match &tree.nodes[at as usize] {
            Node::Leaf(_) => {
                let mut leaf = vec![0; outputs];
                leaf[tree.first_output..][..leaves[at as usize].len()]
                    .copy_from_slice(&leaves[at as usize]);
                *room = room.saturating_sub(outputs);
                TreeNode::Leaf(leaf)
            }
            Node::Split(split) => match Side::of(inputs.turn(split), &ranges) {
                Side::One { left } => {
                    let child = if left { split.left } else { split.right };
                    open.push(copy(child, parent, None));
                    continue;
                }
                Side::Both { input, threshold } => {
                    let range = ranges[input];
                    let below = Interval::new(range.min, threshold - 1);
                    let above = Interval::new(threshold, range.max);
                    let side = |left| Some((nodes.len(), left));
                    open.push(Step::Widen(input, range));
                    open.push(copy(split.right, side(false), Some((input, above))));
                    open.push(copy(split.left, side(true), Some((input, below))));
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
        *room = room.checked_sub(1)?;
        if let Some((parent, is_left)) = parent {
            let at = u32::try_from(nodes.len()).expect("fewer nodes than the limit");
            if let TreeNode::Split { left, right, .. } = &mut nodes[parent] {
                *(if is_left { left } else { right }) = at;
            }
        }
        nodes.push(node);
    }
    Some(CodeTree { nodes })
}

/// Where a split sends the codes within ranges.
enum Side {
    One { left: bool },
    Both { input: usize, threshold: i64 },
}

impl Side {
    fn of(turn: Turn, ranges: &[Interval]) -> Self {
        match turn {
            Turn::Always { left } => Self::One { left },
            Turn::Code { input, threshold } if ranges[input].max < threshold => {
                Self::One { left: true }
            }
            Turn::Code { input, threshold } if ranges[input].min >= threshold => {
                Self::One { left: false }
            }
            Turn::Code { input, threshold } => Self::Both { input, threshold },
        }
    }
}
