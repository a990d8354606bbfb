//! The nodes of tree operators, in both notations, as nodes of a forest.

use std::collections::HashMap;

use super::super::error::OnnxError;
use super::super::graph::Node as Operator;
use super::ensemble::{numbers, tensor};
use crate::forest::{Comparison, Missing, Node, Split};

/// A tree whose leaves name the outputs they add to. Node 0 is the root.
pub(super) struct RawTree {
    nodes: Vec<RawNode>,
    /// Whether missing values have a direction.
    missing: bool,
}

enum RawNode {
    Leaf(Vec<(usize, f64)>),
    Branch(Branch),
}

struct Branch {
    feature: u32,
    mode: Mode,
    value: f64,
    yes: u32,
    no: u32,
    /// Whether a missing value goes to the true branch whatever the comparison says.
    tracks_true: bool,
}

/// The comparison with which a value goes to the true branch.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Leq,
    Lt,
    Gte,
    Gt,
    Eq,
    Neq,
}

impl RawTree {
    pub(super) fn weights(&self) -> impl Iterator<Item = (usize, f64)> {
        self.leaf_weights().flatten().copied()
    }

    pub(super) fn leaves(&self) -> usize {
        self.leaf_weights().count()
    }

    /// The weights of each leaf.
    pub(super) fn leaf_weights(&self) -> impl Iterator<Item = &[(usize, f64)]> {
        self.nodes.iter().filter_map(|node| match node {
            RawNode::Leaf(weights) => Some(weights.as_slice()),
            RawNode::Branch(_) => None,
        })
    }

    /// The nodes, with empty leaves, and the weights of each leaf in their order.
    pub(super) fn into_nodes(self) -> (Vec<Node>, Vec<Vec<(usize, f64)>>) {
        let (mut more, mut leaves) = (Vec::new(), Vec::new());
        let count = self.nodes.len();
        let mut nodes: Vec<Node> = Vec::with_capacity(count);
        for node in self.nodes {
            nodes.push(match node {
                RawNode::Leaf(weights) => {
                    leaves.push(weights);
                    Node::Leaf(Vec::new())
                }
                RawNode::Branch(branch) => Node::Split(branch.split(self.missing, |split| {
                    more.push(Node::Split(split));
                    u32::try_from(count + more.len() - 1).unwrap_or(u32::MAX)
                })),
            });
        }
        nodes.extend(more);
        (nodes, leaves)
    }
}

impl Branch {
    /// The split; one on equality takes a second, which `push` appends and gives the index of.
    fn split(&self, missing: bool, mut push: impl FnMut(Split) -> u32) -> Split {
        use Comparison::{Less, LessOrEqual};
        let Self {
            feature,
            value,
            yes,
            no,
            ..
        } = *self;
        // NaN fails every comparison but the one for difference.
        let to_yes = self.tracks_true || self.mode == Mode::Neq;
        let side = |left: bool| match (missing, left) {
            (false, _) => Missing::Refused,
            (true, true) => Missing::Left,
            (true, false) => Missing::Right,
        };
        let split = |comparison, left, right, missing_left| Split {
            feature,
            threshold: value,
            comparison,
            missing: side(missing_left),
            left,
            right,
        };
        match self.mode {
            Mode::Leq => split(LessOrEqual, yes, no, to_yes),
            Mode::Lt => split(Less, yes, no, to_yes),
            Mode::Gt => split(LessOrEqual, no, yes, !to_yes),
            Mode::Gte => split(Less, no, yes, !to_yes),
            Mode::Eq => {
                let upper = push(split(LessOrEqual, yes, no, to_yes));
                split(Less, no, upper, !to_yes)
            }
            Mode::Neq => {
                let upper = push(split(LessOrEqual, no, yes, !to_yes));
                split(Less, yes, upper, to_yes)
            }
        }
    }
}

/// The trees of the operators that number nodes within trees. `kind` is `class` or `target`.
pub(super) fn by_ids(
    operator: &Operator,
    kind: &str,
    learned_missing: bool,
) -> Result<Vec<RawTree>, OnnxError> {
    let (tree_ids, node_ids) = (
        operator.ints("nodes_treeids"),
        operator.ints("nodes_nodeids"),
    );
    let modes = operator.strings("nodes_modes");
    let (features, yes) = (
        operator.ints("nodes_featureids"),
        operator.ints("nodes_truenodeids"),
    );
    let no = operator.ints("nodes_falsenodeids");
    let values = numbers(operator, "nodes_values")?;
    let tracks = operator.ints("nodes_missing_value_tracks_true");
    let count = tree_ids.len();
    let optional = |length: usize| if length == 0 { count } else { length };
    same_lengths(
        operator,
        count,
        &[
            ("nodes_nodeids", node_ids.len()),
            ("nodes_modes", modes.len()),
            ("nodes_featureids", features.len()),
            ("nodes_truenodeids", yes.len()),
            ("nodes_falsenodeids", no.len()),
            ("nodes_values", values.len()),
            ("nodes_missing_value_tracks_true", optional(tracks.len())),
        ],
    )?;
    // Trees in the order of their first node; nodes in the order of the list, so that the root is node 0.
    let mut trees: HashMap<i64, usize> = HashMap::new();
    let mut places: HashMap<(i64, i64), (usize, u32)> = HashMap::new();
    let mut raw: Vec<RawTree> = Vec::new();
    for (&tree, &node) in tree_ids.iter().zip(node_ids) {
        let index = *trees.entry(tree).or_insert_with(|| {
            raw.push(RawTree {
                nodes: Vec::new(),
                missing: learned_missing || tracks.iter().any(|&t| t != 0),
            });
            raw.len() - 1
        });
        let local = u32::try_from(raw[index].nodes.len()).unwrap_or(u32::MAX);
        if places.insert((tree, node), (index, local)).is_some() {
            return Err(operator.refuse(format!("tree {tree}, node {node} is there twice")));
        }
        raw[index].nodes.push(RawNode::Leaf(Vec::new()));
    }
    for at in 0..count {
        let (tree, node) = (tree_ids[at], node_ids[at]);
        if modes[at] == "LEAF" {
            continue;
        }
        let place = Place {
            operator,
            tree,
            node,
        };
        let child = |id: i64| {
            let child = places.get(&(tree, id)).map(|&(_, local)| local);
            child.ok_or_else(|| place.refuse(format!("child {id} does not exist")))
        };
        let branch = Branch {
            feature: place.feature(features[at])?,
            mode: Mode::from_name(&modes[at]).ok_or_else(|| place.mode(&modes[at]))?,
            value: values[at],
            yes: child(yes[at])?,
            no: child(no[at])?,
            tracks_true: tracks.get(at).is_some_and(|&t| t != 0),
        };
        let (index, local) = places[&(tree, node)];
        raw[index].nodes[local as usize] = RawNode::Branch(branch);
    }
    add_weights(operator, kind, &places, &mut raw)?;
    Ok(raw)
}

/// Adds the weights of the leaves.
fn add_weights(
    operator: &Operator,
    kind: &str,
    places: &HashMap<(i64, i64), (usize, u32)>,
    raw: &mut [RawTree],
) -> Result<(), OnnxError> {
    let ints = |name: &str| operator.ints(&format!("{kind}_{name}"));
    let (tree_ids, node_ids, targets) = (ints("treeids"), ints("nodeids"), ints("ids"));
    let weights = numbers(operator, &format!("{kind}_weights"))?;
    let (nodes, ids) = (format!("{kind}_nodeids"), format!("{kind}_ids"));
    same_lengths(
        operator,
        weights.len(),
        &[
            (&format!("{kind}_treeids"), tree_ids.len()),
            (&nodes, node_ids.len()),
            (&ids, targets.len()),
        ],
    )?;
    for (((&tree, &node), &target), &weight) in
        tree_ids.iter().zip(node_ids).zip(targets).zip(&weights)
    {
        let place = Place {
            operator,
            tree,
            node,
        };
        let target = usize::try_from(target)
            .ok()
            .filter(|&target| target < u32::MAX as usize);
        let target = target
            .ok_or_else(|| place.refuse(format!("it adds to a {kind} that does not exist")))?;
        let leaf = places
            .get(&(tree, node))
            .map(|&(index, local)| &mut raw[index].nodes[local as usize]);
        match leaf {
            Some(RawNode::Leaf(weights)) => weights.push((target, weight)),
            Some(RawNode::Branch(_)) => {
                return Err(place.refuse("it has a weight and is no leaf".to_owned()));
            }
            None => return Err(place.refuse("it has a weight and does not exist".to_owned())),
        }
    }
    Ok(())
}

/// The trees of the operator that numbers nodes and leaves through all trees.
pub(super) fn by_roots(
    operator: &Operator,
    learned_missing: bool,
) -> Result<Vec<RawTree>, OnnxError> {
    let lists = Lists::new(operator, learned_missing)?;
    let mut room = lists.modes.len() + lists.targets.len();
    let tree = |(index, &root): (usize, &i64)| lists.tree(index, root, &mut room);
    operator
        .ints("tree_roots")
        .iter()
        .enumerate()
        .map(tree)
        .collect()
}

/// The attributes of `TreeEnsemble`.
struct Lists<'a> {
    operator: &'a Operator,
    modes: Vec<f64>,
    features: &'a [i64],
    splits: Vec<f64>,
    /// Per node, the child and whether it is a leaf.
    yes: (&'a [i64], &'a [i64]),
    no: (&'a [i64], &'a [i64]),
    tracks: &'a [i64],
    missing: bool,
    targets: &'a [i64],
    weights: Vec<f64>,
}

impl<'a> Lists<'a> {
    fn new(operator: &'a Operator, learned_missing: bool) -> Result<Self, OnnxError> {
        let numbers = |name: &str| tensor(operator, name).map(Option::unwrap_or_default);
        let lists = Self {
            operator,
            modes: numbers("nodes_modes")?,
            features: operator.ints("nodes_featureids"),
            splits: numbers("nodes_splits")?,
            yes: (
                operator.ints("nodes_truenodeids"),
                operator.ints("nodes_trueleafs"),
            ),
            no: (
                operator.ints("nodes_falsenodeids"),
                operator.ints("nodes_falseleafs"),
            ),
            tracks: operator.ints("nodes_missing_value_tracks_true"),
            missing: learned_missing,
            targets: operator.ints("leaf_targetids"),
            weights: numbers("leaf_weights")?,
        };
        let count = lists.modes.len();
        let tracks = if lists.tracks.is_empty() {
            count
        } else {
            lists.tracks.len()
        };
        same_lengths(
            operator,
            count,
            &[
                ("nodes_featureids", lists.features.len()),
                ("nodes_splits", lists.splits.len()),
                ("nodes_truenodeids", lists.yes.0.len()),
                ("nodes_trueleafs", lists.yes.1.len()),
                ("nodes_falsenodeids", lists.no.0.len()),
                ("nodes_falseleafs", lists.no.1.len()),
                ("nodes_missing_value_tracks_true", tracks),
            ],
        )?;
        same_lengths(
            operator,
            lists.targets.len(),
            &[("leaf_weights", lists.weights.len())],
        )?;
        Ok(lists)
    }

    /// The nodes that `root` leads to, each once; `room` is what all trees together may have.
    fn tree(&self, index: usize, root: i64, room: &mut usize) -> Result<RawTree, OnnxError> {
        let tree = i64::try_from(index).unwrap_or(i64::MAX);
        // (index, whether it is a leaf) in the file, in the order of the tree's own nodes.
        let mut found = vec![(root, false)];
        let mut local: HashMap<(i64, bool), u32> = HashMap::from([((root, false), 0)]);
        let mut nodes = Vec::new();
        while let Some(&(at, is_leaf)) = found.get(nodes.len()) {
            let place = Place {
                operator: self.operator,
                tree,
                node: at,
            };
            *room = room
                .checked_sub(1)
                .ok_or_else(|| place.refuse("several trees share nodes".to_owned()))?;
            let mut child = |(children, leaves): (&[i64], &[i64]), at: usize| {
                let key = (children[at], leaves[at] != 0);
                *local.entry(key).or_insert_with(|| {
                    found.push(key);
                    u32::try_from(found.len() - 1).unwrap_or(u32::MAX)
                })
            };
            let within = usize::try_from(at).ok();
            let missing = || place.refuse("it does not exist".to_owned());
            nodes.push(if is_leaf {
                let at = within
                    .filter(|&at| at < self.targets.len())
                    .ok_or_else(missing)?;
                let target = usize::try_from(self.targets[at])
                    .ok()
                    .filter(|&t| t < u32::MAX as usize);
                let target = target.ok_or_else(|| {
                    place.refuse(format!("its leaf adds to target {}", self.targets[at]))
                })?;
                RawNode::Leaf(vec![(target, self.weights[at])])
            } else {
                let at = within
                    .filter(|&at| at < self.modes.len())
                    .ok_or_else(missing)?;
                RawNode::Branch(Branch {
                    feature: place.feature(self.features[at])?,
                    mode: Mode::from_number(self.modes[at])
                        .ok_or_else(|| place.mode(self.modes[at]))?,
                    value: self.splits[at],
                    yes: child(self.yes, at),
                    no: child(self.no, at),
                    tracks_true: self.tracks.get(at).is_some_and(|&t| t != 0),
                })
            });
        }
        Ok(RawTree {
            nodes,
            missing: self.missing || self.tracks.iter().any(|&t| t != 0),
        })
    }
}

impl Mode {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "BRANCH_LEQ" => Self::Leq,
            "BRANCH_LT" => Self::Lt,
            "BRANCH_GTE" => Self::Gte,
            "BRANCH_GT" => Self::Gt,
            "BRANCH_EQ" => Self::Eq,
            "BRANCH_NEQ" => Self::Neq,
            _ => return None,
        })
    }

    fn from_number(number: f64) -> Option<Self> {
        let modes = [
            Self::Leq,
            Self::Lt,
            Self::Gte,
            Self::Gt,
            Self::Eq,
            Self::Neq,
        ];
        (0_u32..)
            .zip(modes)
            .find(|(known, _)| f64::from(*known) == number)
            .map(|(_, mode)| mode)
    }
}

/// A node, for errors.
struct Place<'a> {
    operator: &'a Operator,
    tree: i64,
    node: i64,
}

impl Place<'_> {
    fn refuse(&self, message: String) -> OnnxError {
        self.operator
            .refuse(format!("tree {}, node {}: {message}", self.tree, self.node))
    }

    fn feature(&self, feature: i64) -> Result<u32, OnnxError> {
        u32::try_from(feature).map_err(|_| self.refuse(format!("column {feature} does not exist")))
    }

    fn mode(&self, mode: impl core::fmt::Display) -> OnnxError {
        self.refuse(format!("mode {mode} is not supported; for categories, one-hot encode the feature and train again"))
    }
}

fn same_lengths(
    operator: &Operator,
    expected: usize,
    lengths: &[(&str, usize)],
) -> Result<(), OnnxError> {
    match lengths.iter().find(|(_, found)| *found != expected) {
        None => Ok(()),
        Some((name, found)) => Err(operator.refuse(format!(
            "{name} has {found} entries, {expected} are expected"
        ))),
    }
}
