//! What each subtree computes: a function of one input, or more.

use super::piecewise::Piecewise;
use crate::branching::digits::{DigitNode, DigitTree, Digits};

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

/// What each node of a tree computes, children before parents; infeasible branches disappear. What was put into a parent's
/// function is gone.
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
                let (left, right) = (*left, *right);
                // A threshold outside of the codes decides for all of them.
                if *threshold <= 0 || *threshold >= 1 << input_bits[*input] {
                    let side = if *threshold <= 0 { right } else { left };
                    core::mem::replace(&mut functions[side], Function::Node)
                } else if functions[left].reads_only(*input) && functions[right].reads_only(*input)
                {
                    let mut take = |child: usize| match core::mem::replace(
                        &mut functions[child],
                        Function::Node,
                    ) {
                        Function::Univariate { pieces, .. } => pieces,
                        Function::Node => Piecewise::constant(Digits::new()),
                    };
                    let (left, right) = (take(left), take(right));
                    Function::Univariate {
                        input: Some(*input),
                        pieces: Piecewise::split(*threshold, left, right),
                    }
                } else {
                    Function::Node
                }
            }
        };
    }
    functions
}

impl Function {
    /// Whether it is a function of this input alone, or a constant.
    fn reads_only(&self, wanted: usize) -> bool {
        match self {
            Self::Univariate { input, .. } => input.is_none_or(|input| input == wanted),
            Self::Node => false,
        }
    }
}
