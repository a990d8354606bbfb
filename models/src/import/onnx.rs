//! ONNX files: linear models, tree ensembles, and what exporters wrap around them.
//!
//! The graph is run on symbols: every tensor is a set of affine forms of the features behind one link, so that scalers,
//! matrix products and additions fold into one coefficient matrix and a `Sigmoid`, `Softmax`, `Exp` or `ArgMax` at the end
//! becomes the model's link and decision. What cannot be said that way is refused with the operator and the node.
//!
//! Operators are those of `ai.onnx` and `ai.onnx.ml` (<https://onnx.ai/onnx/operators/>).

mod assemble;
mod error;
mod form;
mod graph;
mod operators;
mod proto;
mod scores;
mod structure;
mod trees;

pub use error::OnnxError;

use crate::model::Model;
use graph::Graph;

/// Reads an ONNX file.
///
/// # Errors
/// [`OnnxError`]: not ONNX, an operator that is not supported, or weights that do not fit together. Never panics.
pub fn read(bytes: &[u8]) -> Result<Model, OnnxError> {
    let graph = Graph::decode(bytes)?;
    if let Some(forest) = trees::model(&graph)? {
        return Ok(Model::Forest(forest));
    }
    let outputs = operators::run(&graph)?;
    assemble::model(&graph, outputs)
}
