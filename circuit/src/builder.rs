//! Writing circuits from Rust.

use alloc::{string::String, vec::Vec};

use crate::{Circuit, Forest, Interval, Matrix, Op, Output, Port, Table, ValueId};

/// Collects operations into a [`Circuit`]. It checks nothing: [`verify`](crate::verify) reports everything at once.
#[derive(Clone, Debug, Default)]
pub struct CircuitBuilder {
    ops: Vec<Op>,
    outputs: Vec<Output>,
}

impl CircuitBuilder {
    /// An empty circuit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A port that the client sends, with the range of each element.
    pub fn input(&mut self, name: impl Into<String>, ranges: Vec<Interval>) -> ValueId {
        self.push(Op::Input(Port {
            name: name.into(),
            ranges,
        }))
    }

    /// `weights·input + bias`.
    pub fn linear(&mut self, input: ValueId, weights: Matrix, bias: Vec<i64>) -> ValueId {
        self.push(Op::Linear {
            input,
            weights,
            bias,
        })
    }

    /// The same `values` whatever `input` is: a linear map without weights.
    ///
    /// `input_len` is the length of `input`.
    pub fn constant(&mut self, input: ValueId, input_len: usize, values: Vec<i64>) -> ValueId {
        let weights = Matrix::sparse(values.len(), input_len, Vec::new());
        self.linear(input, weights, values)
    }

    /// `left + right`, element by element.
    pub fn add(&mut self, left: ValueId, right: ValueId) -> ValueId {
        self.push(Op::Add { left, right })
    }

    /// `left - right`, element by element.
    pub fn sub(&mut self, left: ValueId, right: ValueId) -> ValueId {
        self.push(Op::Sub { left, right })
    }

    /// `-input`, element by element.
    pub fn neg(&mut self, input: ValueId) -> ValueId {
        self.push(Op::Neg { input })
    }

    /// The elements of all `inputs`, in order.
    pub fn concat(&mut self, inputs: Vec<ValueId>) -> ValueId {
        self.push(Op::Concat { inputs })
    }

    /// The `len` elements of `input` from `start` on.
    pub fn slice(&mut self, input: ValueId, start: usize, len: usize) -> ValueId {
        self.push(Op::Slice { input, start, len })
    }

    /// `tables[i]` at the `i`-th element of `input`, for each `i`.
    pub fn lookup(&mut self, input: ValueId, tables: Vec<Table>) -> ValueId {
        self.push(Op::Lookup { input, tables })
    }

    /// The sum of `forest`'s trees over `input`.
    pub fn forest(&mut self, input: ValueId, forest: Forest) -> ValueId {
        self.push(Op::Forest { input, forest })
    }

    /// Makes `value` a result of the circuit. Results are returned in the order of these calls.
    pub fn output(&mut self, name: impl Into<String>, value: ValueId) {
        self.outputs.push(Output {
            name: name.into(),
            value,
        });
    }

    /// Appends any operation.
    pub fn push(&mut self, op: Op) -> ValueId {
        let id = ValueId::after(self.ops.len());
        self.ops.push(op);
        id
    }

    /// The circuit so far.
    #[must_use]
    pub fn finish(self) -> Circuit {
        Circuit {
            ops: self.ops,
            outputs: self.outputs,
        }
    }
}
