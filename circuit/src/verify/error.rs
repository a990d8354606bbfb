//! What the verifier has to say.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{
    Interval, ValueId,
    limits::{MAX_MAGNITUDE, MAX_NAME_LEN, MAX_TOTAL_LEN, MAX_VALUE_LEN},
};

/// Why [`verify`](crate::verify) refused a circuit; all reasons are reported, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the message of each variant says what each of its fields is"
)]
pub enum VerifyError {
    /// There is nothing to encrypt.
    #[error("the circuit has no input; add one")]
    NoInput,
    /// There is nothing to decrypt.
    #[error("the circuit has no output; name the value it computes")]
    NoOutput,
    /// An operand is not defined before its use.
    #[error(
        "{at} reads {value}, which is defined later or not at all; operations read only earlier values"
    )]
    UseBeforeDef { at: ValueId, value: ValueId },
    /// An output names no value.
    #[error(
        "output `{name}` is {value}, but the circuit defines only {ops} values; name one of them"
    )]
    OutputUndefined {
        name: String,
        value: ValueId,
        ops: usize,
    },
    /// A port's name is not an identifier.
    #[error(
        "port name {name:?} is not an identifier: a letter or _, then letters, digits and _, {MAX_NAME_LEN} bytes at most"
    )]
    Name { name: String },
    /// Two inputs or two outputs have one name.
    #[error("two {ports} are named `{name}`; rename one")]
    DuplicateName { ports: &'static str, name: String },
    /// A value without elements.
    #[error("{at} has no elements; values have at least one")]
    Empty { at: ValueId },
    /// A value is too long.
    #[error("{at} has {len} elements, the limit is {MAX_VALUE_LEN}; split it")]
    TooLong { at: ValueId, len: usize },
    /// The values, or the values and outputs, are too long together; what follows was not checked.
    #[error(
        "the values and outputs up to {at} have more than {MAX_TOTAL_LEN} elements together; split the circuit"
    )]
    TooLarge { at: ValueId },
    /// An input's range holds nothing.
    #[error("element {element} of {at} ranges over {range}, which is empty; swap its ends")]
    EmptyRange {
        at: ValueId,
        element: usize,
        range: Interval,
    },
    /// An element, or a partial sum on the way to it, may be too large.
    #[error(
        "element {element} of {at} sums terms of up to {reach} in magnitude, the limit is {MAX_MAGNITUDE} (2^62); use fewer bits for weights or inputs"
    )]
    Magnitude {
        at: ValueId,
        element: usize,
        reach: i128,
    },
    /// Operands of unequal length.
    #[error(
        "{at} combines {left_len} elements with {right_len}; both operands need the same length"
    )]
    LengthMismatch {
        at: ValueId,
        left_len: usize,
        right_len: usize,
    },
    /// A slice reaches outside.
    #[error("{at} takes {len} elements from element {start} on, but its operand has {input_len}")]
    SliceOutOfBounds {
        at: ValueId,
        start: usize,
        len: usize,
        input_len: usize,
    },
    /// A dense matrix with too few or too many weights.
    #[error("the {rows} x {cols} matrix of {at} holds {len} weights; it needs rows times columns")]
    MatrixLength {
        at: ValueId,
        rows: usize,
        cols: usize,
        len: usize,
    },
    /// A sparse matrix with an entry outside.
    #[error("the {rows} x {cols} matrix of {at} has an entry at ({row}, {col}), outside of it")]
    MatrixEntry {
        at: ValueId,
        rows: usize,
        cols: usize,
        row: u32,
        col: u32,
    },
    /// A sparse matrix names a place twice, or not in order.
    #[error(
        "the matrix of {at} names entry ({row}, {col}) twice or out of order; sort by row, then column, and add up duplicates"
    )]
    MatrixOrder { at: ValueId, row: u32, col: u32 },
    /// A matrix does not fit its operand.
    #[error("the matrix of {at} has {cols} columns, but its operand has {input_len} elements")]
    MatrixColumns {
        at: ValueId,
        cols: usize,
        input_len: usize,
    },
    /// A bias does not fit its matrix or forest.
    #[error("the bias of {at} has {len} elements, its result has {expected}")]
    BiasLength {
        at: ValueId,
        len: usize,
        expected: usize,
    },
    /// Not one table per element.
    #[error("{at} has {tables} tables for {input_len} elements; give one for each")]
    TableCount {
        at: ValueId,
        tables: usize,
        input_len: usize,
    },
    /// A table does not cover the range of its input.
    #[error(
        "table {element} of {at} has {len} entries from {min} on, but its input ranges over {range}; extend the table or clip the input"
    )]
    TableTooShort {
        at: ValueId,
        element: usize,
        min: i64,
        len: usize,
        range: Interval,
    },
    /// A tree without nodes.
    #[error("tree {tree} of {at} has no nodes; a constant tree is one leaf")]
    EmptyTree { at: ValueId, tree: usize },
    /// A split points to a node that does not exist.
    #[error("node {node} of tree {tree} of {at} has child {child}, but the tree has {nodes} nodes")]
    DanglingChild {
        at: ValueId,
        tree: usize,
        node: usize,
        child: u32,
        nodes: usize,
    },
    /// A split points to itself or backwards: possibly a cycle.
    #[error(
        "node {node} of tree {tree} of {at} has child {child}, which does not come after it; order nodes parents first, without cycles"
    )]
    ChildBeforeParent {
        at: ValueId,
        tree: usize,
        node: usize,
        child: u32,
    },
    /// A node with two parents.
    #[error(
        "node {child} of tree {tree} of {at} is a child twice, the second time of node {node}; copy the subtree"
    )]
    SharedChild {
        at: ValueId,
        tree: usize,
        node: usize,
        child: u32,
    },
    /// A node that no split points to.
    #[error("node {node} of tree {tree} of {at} is no node's child; remove it")]
    UnreachableNode {
        at: ValueId,
        tree: usize,
        node: usize,
    },
    /// A split compares a feature that the operand does not have.
    #[error(
        "node {node} of tree {tree} of {at} compares feature {feature}, but its operand has {input_len} elements"
    )]
    FeatureOutOfRange {
        at: ValueId,
        tree: usize,
        node: usize,
        feature: u32,
        input_len: usize,
    },
    /// A leaf of the wrong length.
    #[error(
        "leaf {node} of tree {tree} of {at} has {len} elements, the forest has {expected} outputs"
    )]
    LeafLength {
        at: ValueId,
        tree: usize,
        node: usize,
        len: usize,
        expected: usize,
    },
}

/// Everything that is wrong with a circuit; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyErrors(pub(super) Vec<VerifyError>);

impl VerifyErrors {
    /// All of them, in the order of the circuit.
    #[must_use]
    pub fn as_slice(&self) -> &[VerifyError] {
        &self.0
    }
}

impl fmt::Display for VerifyErrors {
    /// One error a line; after the first few, how many there are besides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for (i, error) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{error}", if i == 0 { "" } else { "\n" })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl core::error::Error for VerifyErrors {}
