//! The integer program: values in single assignment, one operation each.

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{Forest, Interval, Matrix, Table};

/// Names a value: the result of the operation at the same position. Printed as `%3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct ValueId(u32);

impl ValueId {
    /// The value of the operation at position `index`.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The position of the operation that defines the value.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The value of the operation that would be pushed after `len` others.
    pub(crate) fn after(len: usize) -> Self {
        Self(u32::try_from(len).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// A named vector that enters or leaves a circuit, with the range of each element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Port {
    /// An identifier: a letter or `_`, then letters, digits and `_`; at most
    /// [`MAX_NAME_LEN`](crate::limits::MAX_NAME_LEN) bytes.
    pub name: String,
    /// The range of each element.
    pub ranges: Vec<Interval>,
}

/// Names a value as a result of the circuit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Output {
    /// An identifier, as for [`Port::name`].
    pub name: String,
    /// The value that leaves the circuit.
    pub value: ValueId,
}

/// An operation; it defines one value, an integer vector.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Op {
    /// Codes that the client sends.
    Input(Port),
    /// `y = W·x + b`.
    Linear {
        /// `x`, as long as `weights` has columns.
        input: ValueId,
        /// `W`.
        weights: Matrix,
        /// `b`, as long as `weights` has rows.
        bias: Vec<i64>,
    },
    /// `y_i = left_i + right_i`.
    Add {
        /// Left operand.
        left: ValueId,
        /// Right operand, of the same length.
        right: ValueId,
    },
    /// `y_i = left_i - right_i`.
    Sub {
        /// Left operand.
        left: ValueId,
        /// Right operand, of the same length.
        right: ValueId,
    },
    /// `y_i = -x_i`.
    Neg {
        /// `x`.
        input: ValueId,
    },
    /// The elements of all inputs, in order.
    Concat {
        /// At least one value.
        inputs: Vec<ValueId>,
    },
    /// `y_i = x_(start + i)` for `i < len`.
    Slice {
        /// `x`.
        input: ValueId,
        /// First element taken.
        start: usize,
        /// Number of elements taken.
        len: usize,
    },
    /// `y_i = tables_i[x_i]`.
    Lookup {
        /// `x`.
        input: ValueId,
        /// One table per element, each covering that element's range.
        tables: Vec<Table>,
    },
    /// A sum of decision trees over the elements of `input`.
    Forest {
        /// `x`: what the trees call features.
        input: ValueId,
        /// The trees.
        forest: Forest,
    },
}

/// The kinds of [`Op`], to say what a circuit needs and what a backend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each kind is documented at the `Op` of its name"
)]
pub enum OpKind {
    Input,
    Linear,
    Add,
    Sub,
    Neg,
    Concat,
    Slice,
    Lookup,
    Forest,
}

impl OpKind {
    /// The name in the text form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Linear => "linear",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Neg => "neg",
            Self::Concat => "concat",
            Self::Slice => "slice",
            Self::Lookup => "lookup",
            Self::Forest => "forest",
        }
    }

    /// Whether the result is an integer affine function of the operands: everything but lookups and forests.
    #[must_use]
    pub const fn is_linear(self) -> bool {
        !matches!(self, Self::Lookup | Self::Forest)
    }
}

impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Op {
    /// Which operation this is.
    #[must_use]
    pub const fn kind(&self) -> OpKind {
        match self {
            Self::Input(_) => OpKind::Input,
            Self::Linear { .. } => OpKind::Linear,
            Self::Add { .. } => OpKind::Add,
            Self::Sub { .. } => OpKind::Sub,
            Self::Neg { .. } => OpKind::Neg,
            Self::Concat { .. } => OpKind::Concat,
            Self::Slice { .. } => OpKind::Slice,
            Self::Lookup { .. } => OpKind::Lookup,
            Self::Forest { .. } => OpKind::Forest,
        }
    }
}

/// An integer program that nobody has checked yet; [`verify`](crate::verify) is the door to everything that runs it.
///
/// Build one with [`CircuitBuilder`](crate::CircuitBuilder), or parse the text form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Circuit {
    /// The operations; the one at position `i` defines the value `%i` and reads only earlier ones.
    pub ops: Vec<Op>,
    /// The results, in the order in which backends return them.
    pub outputs: Vec<Output>,
}

impl Circuit {
    /// The kinds of operation that occur, in the order of [`OpKind`].
    #[must_use]
    pub fn kinds(&self) -> Vec<OpKind> {
        let mut kinds: Vec<_> = self.ops.iter().map(Op::kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}
