//! What each subtree computes: a function of one input, or more.

use super::piecewise::Piecewise;
use crate::branching::digits::{DigitNode, DigitTree};

/// What a subtree computes.
#[derive(Clone, Debug)]
pub(super) enum Function {
    /// A function of one input, or a constant (then `input` is `None`).
    Univariate {
        input: Option<usize>,
        pieces: Piecewise,
    },
    /// Anything else: node of the tree.
    Node,
}

/// What each node of a tree computes, children before parents; infeasible branches disappear.
pub(super) fn tree_functions(tree: &DigitTree, input_bits: &[u32]) -> Vec<Function> {
    let mut functions = vec![Function::Node; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate().rev() {
        functions[index] = match node {
            DigitNode::Leaf(digits) => Function::Univariate {
                input: None,
                pieces: Piecewise::constant(digits.clone()),
            },
            DigitNode::Split {
                input,
                threshold,
                left,
                right,
            } => {
                let (left, right) = (&functions[*left], &functions[*right]);
                split_function(*input, input_bits[*input], *threshold, left, right)
            }
        };
    }
    functions
}

fn split_function(
    input: usize,
    bits: u32,
    threshold: i64,
    left: &Function,
    right: &Function,
) -> Function {
    // A threshold outside of the codes decides for all of them.
    let side = (threshold <= 0)
        .then_some(right)
        .or((threshold >= 1 << bits).then_some(left));
    if let Some(Function::Univariate { input, pieces }) = side {
        return Function::Univariate {
            input: *input,
            pieces: pieces.clone(),
        };
    }
    match (side, left, right) {
        (
            None,
            Function::Univariate {
                input: left_input,
                pieces: left,
            },
            Function::Univariate {
                input: right_input,
                pieces: right,
            },
        ) if [left_input, right_input]
            .into_iter()
            .flatten()
            .all(|read| *read == input) =>
        {
            Function::Univariate {
                input: Some(input),
                pieces: Piecewise::split(threshold, left, right),
            }
        }
        _ => Function::Node,
    }
}
