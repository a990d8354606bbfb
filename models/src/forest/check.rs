//! The forest's door: [`ForestParts`] that pass it become a [`ForestModel`](super::ForestModel), and nothing behind it
//! checks again.

use std::collections::HashSet;

use tenebra_quant::{Decision, InverseLink};

use super::{Comparison, ForestError, ForestParts, Missing, Node, Split, Tree};

/// Most categories of a feature that has words for them.
const MAX_WORDS: usize = u16::MAX as usize;

/// Checks everything and brings each tree into the order that the rest relies on: finite thresholds, children after
/// their parents, no unreachable nodes.
pub(super) fn check(parts: &mut ForestParts) -> Result<(), ForestError> {
    check_head(parts)?;
    for (index, tree) in parts.trees.iter_mut().enumerate() {
        let width = check_nodes(index, tree, parts.n_features)?;
        let last = tree.first_output.saturating_add(width - 1);
        if last >= parts.bias.len() {
            let (first, outputs) = (tree.first_output, parts.bias.len());
            return Err(ForestError::OutputOutOfRange {
                tree: index,
                first,
                last,
                outputs,
            });
        }
        let order = topological_order(index, &tree.nodes)?;
        reorder(tree, &order);
    }
    Ok(())
}

fn check_head(parts: &ForestParts) -> Result<(), ForestError> {
    if parts.trees.is_empty() {
        return Err(ForestError::NoTrees);
    }
    let outputs = parts.bias.len();
    if outputs == 0 {
        return Err(ForestError::NoOutputs);
    }
    if let Some(output) = parts.bias.iter().position(|b| !b.is_finite()) {
        return Err(ForestError::BiasNotFinite {
            output,
            value: parts.bias[output],
        });
    }
    check_classes(parts)?;
    let n_features = parts.n_features;
    if n_features == 0 {
        return Err(ForestError::NoFeatures);
    }
    for (&feature, words) in &parts.categories {
        let fits = (feature as usize) < n_features && words.words.len() <= MAX_WORDS;
        if !fits || duplicate(&words.words).is_some() {
            return Err(ForestError::Categories {
                feature,
                n_features,
                limit: MAX_WORDS,
            });
        }
    }
    if let Some(names) = &parts.feature_names {
        if names.len() != n_features {
            return Err(ForestError::FeatureNameCount {
                names: names.len(),
                n_features,
            });
        }
        if let Some(name) = duplicate(names) {
            return Err(ForestError::DuplicateFeature {
                name: name.to_owned(),
            });
        }
    }
    Ok(())
}

fn check_classes(parts: &ForestParts) -> Result<(), ForestError> {
    let (classes, outputs) = (parts.classes.len(), parts.bias.len());
    let fits = match parts.decision {
        Decision::None => classes == 0,
        Decision::Threshold => classes == 2 && outputs == 1,
        Decision::ArgMax => classes == outputs && classes > 1,
    };
    if !fits {
        return Err(ForestError::ClassCount { classes, outputs });
    }
    if let Some(label) = duplicate(&parts.classes) {
        return Err(ForestError::DuplicateClass {
            label: label.to_owned(),
        });
    }
    let fits = match parts.inverse_link {
        InverseLink::Identity | InverseLink::Sigmoid => true,
        InverseLink::Exp => parts.decision == Decision::None,
        InverseLink::SigmoidNormalized | InverseLink::Softmax => parts.decision == Decision::ArgMax,
    };
    let (link, decision) = (parts.inverse_link, parts.decision);
    if fits {
        Ok(())
    } else {
        Err(ForestError::Link { link, decision })
    }
}

fn duplicate(names: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    names
        .iter()
        .map(String::as_str)
        .find(|name| !seen.insert(*name))
}

/// Checks each node by itself and returns the number of values in a leaf (at least 1).
fn check_nodes(tree: usize, parts: &mut Tree, n_features: usize) -> Result<usize, ForestError> {
    let nodes = parts.nodes.len();
    if u32::try_from(nodes).is_err() {
        return Err(ForestError::TooManyNodes { tree, nodes });
    }
    let expected = parts.leaves().map(<[f64]>::len).next();
    // Without a leaf every path is infinite, which `topological_order` reports as a cycle.
    let expected = expected.unwrap_or(1);
    if nodes == 0 || expected == 0 {
        return Err(ForestError::EmptyTree { tree });
    }
    for (node, parts) in parts.nodes.iter_mut().enumerate() {
        match parts {
            Node::Leaf(values) => {
                if values.len() != expected {
                    return Err(ForestError::LeafWidth {
                        tree,
                        node,
                        found: values.len(),
                        expected,
                    });
                }
                if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
                    return Err(ForestError::LeafNotFinite { tree, node, value });
                }
            }
            Node::Split(split) => {
                if split.threshold.is_nan() {
                    return Err(ForestError::NanThreshold { tree, node });
                }
                if split.feature as usize >= n_features {
                    let feature = split.feature;
                    return Err(ForestError::FeatureOutOfRange {
                        tree,
                        node,
                        feature,
                        n_features,
                    });
                }
                for child in [split.left, split.right] {
                    if child as usize >= nodes {
                        return Err(ForestError::DanglingChild {
                            tree,
                            node,
                            child,
                            nodes,
                        });
                    }
                }
                bound_threshold(split);
            }
        }
    }
    Ok(expected)
}

/// An infinite threshold (scikit-learn writes one where a split only tells missing values apart) decides for every
/// finite value as the largest finite one does, and JSON has no infinities.
fn bound_threshold(split: &mut Split) {
    if split.threshold.is_infinite() {
        split.comparison = if split.threshold > 0.0 {
            Comparison::LessOrEqual
        } else {
            Comparison::Less
        };
        split.threshold = split.threshold.clamp(f64::MIN, f64::MAX);
    }
}

/// The reachable nodes, parents before children; depth first with the left child before the right one.
///
/// An explicit stack: trees come from files and may be as deep as they have nodes.
fn topological_order(tree: usize, nodes: &[Node]) -> Result<Vec<u32>, ForestError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    // (node, children already entered); the right child first, because the order is reversed at the end.
    let mut stack = vec![(0_u32, 0_u8)];
    marks[0] = Mark::Open;
    while let Some((at, entered)) = stack.last_mut() {
        let at_index = *at as usize;
        let next = match (&nodes[at_index], *entered) {
            (Node::Split(split), 0) => split.right,
            (Node::Split(split), 1) => split.left,
            _ => {
                marks[at_index] = Mark::Done;
                order.push(*at);
                stack.pop();
                continue;
            }
        };
        *entered += 1;
        match marks[next as usize] {
            Mark::Done => {}
            Mark::Open => {
                return Err(ForestError::Cycle {
                    tree,
                    node: at_index,
                    child: next,
                });
            }
            Mark::New => {
                marks[next as usize] = Mark::Open;
                stack.push((next, 0));
            }
        }
    }
    order.reverse();
    Ok(order)
}

/// Renumbers the nodes to `order`, which leaves the unreachable ones out. A tree that is in order already keeps its numbers.
fn reorder(tree: &mut Tree, order: &[u32]) {
    let in_order = |(at, node): (usize, &Node)| match node {
        Node::Split(split) => split.left.min(split.right) as usize > at,
        Node::Leaf(_) => true,
    };
    if order.len() == tree.nodes.len() && tree.nodes.iter().enumerate().all(in_order) {
        return;
    }
    let mut new_index = vec![0_u32; tree.nodes.len()];
    for (new, &old) in (0..).zip(order) {
        new_index[old as usize] = new;
    }
    let mut nodes: Vec<Node> = order
        .iter()
        .map(|&old| core::mem::replace(&mut tree.nodes[old as usize], Node::Leaf(Vec::new())))
        .collect();
    for node in &mut nodes {
        if let Node::Split(split) = node {
            split.left = new_index[split.left as usize];
            split.right = new_index[split.right as usize];
        }
    }
    tree.nodes = nodes;
}

/// The features that some split reads, ascending, each with whether a split of it refuses missing values.
pub(super) fn used_features(trees: &[Tree]) -> Vec<(u32, bool)> {
    let mut used: Vec<(u32, bool)> = trees
        .iter()
        .flat_map(Tree::splits)
        .map(|split| (split.feature, split.missing == Missing::Refused))
        .collect();
    // Refusing sorts last within a feature: reversing keeps it as the entry that survives.
    used.sort_unstable_by(|a, b| b.cmp(a));
    used.dedup_by_key(|(feature, _)| *feature);
    used.reverse();
    used
}
