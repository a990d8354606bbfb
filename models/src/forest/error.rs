//! What can be wrong with a forest, or with a row given to one.

use tenebra_quant::{Decision, InverseLink};

/// Why a forest was refused, or a row could not be scored by one.
///
/// `tree` and `node` count from 0, in the order of the file or of the parts they were given in.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForestError {
    /// There is no tree to evaluate.
    #[error("the forest has no trees; a model needs at least one")]
    NoTrees,
    /// A tree without a root.
    #[error("tree {tree} has no nodes; a tree needs at least a leaf")]
    EmptyTree {
        /// Which tree.
        tree: usize,
    },
    /// A tree is longer than node indices reach.
    #[error("tree {tree} has {nodes} nodes; the limit is {}", u32::MAX)]
    TooManyNodes {
        /// Which tree.
        tree: usize,
        /// Its number of nodes.
        nodes: usize,
    },
    /// A child index points outside the tree.
    #[error("tree {tree}, node {node}: child {child} does not exist; the tree has {nodes} nodes")]
    DanglingChild {
        /// Which tree.
        tree: usize,
        /// The split that names the child.
        node: usize,
        /// The child's index.
        child: u32,
        /// Number of nodes of the tree.
        nodes: usize,
    },
    /// A path from the root comes back to a node it has passed.
    #[error(
        "tree {tree}, node {node}: child {child} is also an ancestor of this node; a tree must not have cycles"
    )]
    Cycle {
        /// Which tree.
        tree: usize,
        /// The split that closes the cycle.
        node: usize,
        /// The child that was passed before.
        child: u32,
    },
    /// A threshold that compares with nothing.
    #[error("tree {tree}, node {node}: the threshold is not a number")]
    NanThreshold {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
    },
    /// A leaf value that is NaN or infinite.
    #[error("tree {tree}, node {node}: leaf value {value} is not finite")]
    LeafNotFinite {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// The value.
        value: f64,
    },
    /// A split reads a feature the model does not have.
    #[error(
        "tree {tree}, node {node}: feature {feature}, counted from 0, is out of range; the model has {n_features} features"
    )]
    FeatureOutOfRange {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// The feature's index.
        feature: u32,
        /// Number of features of the model.
        n_features: usize,
    },
    /// A leaf has another number of values than the tree's first leaf.
    #[error(
        "tree {tree}, node {node}: the leaf has {found} values, the other leaves of this tree have {expected}"
    )]
    LeafWidth {
        /// Which tree.
        tree: usize,
        /// Which node.
        node: usize,
        /// Values of this leaf.
        found: usize,
        /// Values of the tree's first leaf.
        expected: usize,
    },
    /// A tree adds to outputs the model does not have.
    #[error(
        "tree {tree} adds to outputs {first} to {last}; the model has {outputs} outputs, counted from 0"
    )]
    OutputOutOfRange {
        /// Which tree.
        tree: usize,
        /// First output it adds to.
        first: usize,
        /// Last output it adds to.
        last: usize,
        /// Number of outputs of the model.
        outputs: usize,
    },
    /// The model has no outputs at all.
    #[error("the forest has no outputs; it needs one bias per output")]
    NoOutputs,
    /// A bias that is NaN or infinite.
    #[error("the bias {value} of output {output} is not finite")]
    BiasNotFinite {
        /// Which output.
        output: usize,
        /// The value.
        value: f64,
    },
    /// The model has no features.
    #[error("the forest has no features; it needs at least one")]
    NoFeatures,
    /// The number of classes does not fit the outputs and the decision.
    #[error(
        "{classes} classes do not fit {outputs} outputs; a threshold needs 2 classes and 1 output, an arg max as many classes as outputs and at least 2, a regression none"
    )]
    ClassCount {
        /// Number of classes.
        classes: usize,
        /// Number of outputs.
        outputs: usize,
    },
    /// Two classes have one label.
    #[error("two classes have the label `{label}`")]
    DuplicateClass {
        /// The label.
        label: String,
    },
    /// A link that gives no probabilities for this kind of decision.
    #[error("the inverse link {link:?} does not go with the decision {decision:?}")]
    Link {
        /// The link.
        link: InverseLink,
        /// The decision.
        decision: Decision,
    },
    /// The number of feature names is not the number of features.
    #[error("{names} feature names for {n_features} features; give one for each or none")]
    FeatureNameCount {
        /// Number of names.
        names: usize,
        /// Number of features.
        n_features: usize,
    },
    /// Two features have one name.
    #[error("two features have the name `{name}`")]
    DuplicateFeature {
        /// The name.
        name: String,
    },
    /// Words for categories of a feature that the model does not have, more than there are codes, or one for two of them.
    #[error(
        "the categories of feature {feature} are not those of a feature: of {n_features} features, counted from 0, at most {limit} different words each"
    )]
    Categories {
        /// The feature's index.
        feature: u32,
        /// Number of features.
        n_features: usize,
        /// Most words of a feature.
        limit: usize,
    },
    /// A row has another number of features than the model.
    #[error("the row has {found} features, the model has {expected}")]
    RowLength {
        /// Features of the row.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A row lacks a feature that the model cannot do without.
    #[error(
        "feature {} is missing, and the model learned no direction for missing values of it; fill it in",
        feature + 1
    )]
    MissingValue {
        /// The feature's index, from 0; the message counts from 1.
        feature: usize,
    },
    /// A feature is infinite, or becomes so when it is rounded to single precision as the model demands.
    #[error("feature {} is {value}; features must be finite{}", feature + 1, if *.rounded { " in single precision" } else { "" })]
    InfiniteValue {
        /// The feature's index, from 0; the message counts from 1.
        feature: usize,
        /// Its value.
        value: f64,
        /// Whether the model rounds features to single precision.
        rounded: bool,
    },
}
