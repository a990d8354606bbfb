//! Tensors of numbers.

use crate::import::onnx::call::Call;
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::operators::typed;
use crate::import::onnx::tensor::{Dim, Tensor};

/// A tensor of numbers; integers, if its type is one of integers.
pub(super) fn tensor(element: Element, sizes: Vec<usize>, numbers: Vec<f64>) -> Tensor {
    Tensor {
        element,
        dims: sizes.into_iter().map(Dim::Fixed).collect(),
        data: typed(element, numbers),
    }
}

/// The numbers of an input.
pub(super) fn numbers(call: &Call<'_>, at: usize) -> Result<Vec<f64>, OnnxError> {
    let numbers = call.tensor(at)?.numbers();
    numbers.ok_or_else(|| call.refuse(format!("its input {} holds no numbers", at + 1)))
}
