//! Tensors in the shape that they have in common, by ONNX's broadcasting.

use crate::import::onnx::call::Call;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Dim, Tensor};

/// Most elements of a constant.
const MAX_ELEMENTS: usize = 1 << 24;

/// The tensors in the shape that they have in common.
pub(crate) fn broadcast<const N: usize>(
    call: &Call<'_>,
    tensors: [&Tensor; N],
) -> Result<(Vec<Dim>, [Tensor; N]), OnnxError> {
    let rank = tensors.iter().map(|t| t.dims.len()).max().unwrap_or(0);
    let at = |tensor: &Tensor, axis: usize| {
        let missing = rank - tensor.dims.len();
        axis.checked_sub(missing)
            .map_or(Dim::Fixed(1), |axis| tensor.dims[axis])
    };
    let mut dims = vec![Dim::Fixed(1); rank];
    for (axis, dim) in dims.iter_mut().enumerate() {
        for tensor in tensors {
            *dim = match (*dim, at(tensor, axis)) {
                (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => other,
                (a, b) if a == b => a,
                (dim, Dim::Fixed(n)) | (Dim::Fixed(n), dim) if dim.has_rows() => {
                    return Err(call.refuse(format!("a constant of {n} rows is added to, multiplied or compared with the rows of data; it must be one row")));
                }
                (Dim::Fixed(a), Dim::Fixed(b)) => {
                    return Err(call.refuse(format!("{a} and {b} columns do not fit each other")));
                }
                _ => return Err(call.refuse("it combines rows with flattened ones")),
            };
        }
    }
    if dims.iter().filter(|dim| dim.has_rows()).count() > 1 {
        return Err(call.refuse("it combines every row with every other"));
    }
    let size = dims
        .iter()
        .try_fold(1_usize, |size, dim| size.checked_mul(dim.stored()));
    let size = size
        .filter(|&size| size <= MAX_ELEMENTS)
        .ok_or_else(|| call.refuse("its result is too large to fold"))?;
    let spread = |tensor: &Tensor| {
        if tensor.dims == dims {
            return Ok(tensor.clone());
        }
        let mut places = vec![0; size];
        let (mut stride, mut inner) = (1, 1);
        for axis in (0..rank).rev() {
            let (own, all) = (at(tensor, axis).stored(), dims[axis].stored());
            for (index, place) in places.iter_mut().enumerate() {
                *place += if own == 1 {
                    0
                } else {
                    index / inner % all * stride
                };
            }
            stride *= own;
            inner *= all;
        }
        Ok(Tensor {
            element: tensor.element,
            dims: dims.clone(),
            data: call.gather(&tensor.data, &places)?,
        })
    };
    let spread: Vec<Tensor> = tensors
        .into_iter()
        .map(spread)
        .collect::<Result<_, OnnxError>>()?;
    let spread = <[Tensor; N]>::try_from(spread).map_err(|_| call.refuse("its inputs are lost"))?;
    Ok((dims, spread))
}
