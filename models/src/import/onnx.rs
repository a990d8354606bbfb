//! ONNX files: linear models, tree ensembles, neural networks, and what exporters wrap around them.
//!
//! The graph is run on symbols: every element of a tensor is a constant, in the arithmetic of its type, or a function of a
//! row, so that scalers, matrix products and additions fold into one coefficient matrix and a `Sigmoid`, `Softmax`, `Exp` or
//! `ArgMax` at the end becomes the model's link and decision. Trees add variables of their own, columns of leaves; several
//! tree operators add up to one forest, and a function of a single tree is taken leaf by leaf. A function of an affine form that is no link at the end, as `Relu` or `Tanh`, adds a variable as well: a neuron. What is done to
//! features before the model (numbers for missing values, codes of categories, bins, products, fewer columns) becomes steps, values of a row that the client computes: then the
//! model is a pipeline. What cannot be said that way
//! is refused with the operator and the node: what is read predicts what onnxruntime does, but for rounding.
//!
//! Operators are those of `ai.onnx` and `ai.onnx.ml` (<https://onnx.ai/onnx/operators/>).

mod assemble;
mod before;
mod call;
mod cell;
mod chain;
mod coded;
mod compared;
pub(super) mod dense;
mod element;
mod error;
mod form;
mod graph;
mod layers;
mod leaves;
mod meaning;
mod neurons;
mod operators;
mod pieces;
mod proto;
mod quantized;
mod run;
mod steps;
mod tensor;
mod trace;
mod trees;
mod widths;

pub use error::OnnxError;

use crate::model::Model;
use graph::Graph;

/// Reads an ONNX file.
///
/// # Errors
/// As [`read_noting`].
pub fn read(bytes: &[u8]) -> Result<Model, OnnxError> {
    read_noting(bytes).map(|(model, _)| model)
}

/// Reads an ONNX file, and says what of its outputs the model leaves out: a sentence each, without a full stop.
///
/// # Errors
/// [`OnnxError`]: not ONNX, an operator that is not supported, or weights that do not fit together. Never panics.
pub fn read_noting(bytes: &[u8]) -> Result<(Model, Vec<String>), OnnxError> {
    let graph = Graph::decode(bytes)?;
    let run = run::run(&graph)?;
    assemble::model(&run)
}
