//! Why an ONNX file was refused.

use crate::model::ModelError;

/// Why an ONNX file was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Not a protocol buffer of an ONNX model.
    #[error("not an ONNX model: {message}")]
    Decode {
        /// What is wrong with the bytes.
        message: String,
    },
    /// An operator that has no meaning here.
    #[error(
        "{node}: the operator {operator} is not supported; supported are linear models, trees and neural networks, with the imputers, scalers and encoders of scikit-learn's pipelines before them: MatMul, Gemm, Conv, pooling, normalization, activations, arithmetic, and Softmax or ArgMax behind them"
    )]
    Operator {
        /// The node, by name and position.
        node: String,
        /// Its operator, with the domain unless that is `ai.onnx`.
        operator: String,
    },
    /// A supported operator, used in a way that is not affine or not known.
    #[error("{node} ({operator}): {message}")]
    Usage {
        /// The node, by name and position.
        node: String,
        /// Its operator.
        operator: String,
        /// What it does that is not supported, and what would be.
        message: String,
    },
    /// Something about the graph as a whole.
    #[error("{message}")]
    Graph {
        /// What, and what would do.
        message: String,
    },
    /// A tensor whose data do not fit its shape, or of a type that holds no numbers.
    #[error("tensor `{name}`: {message}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The model was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
}
