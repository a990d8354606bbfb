//! How the features of the rows become codes.

use tenebra_quant::{Affine, BitWidth, Codec, Input, calibrate};

use crate::data::Table;
use crate::quantized::QuantizeError;

/// The codecs of the features that vary: `bits` bits on the range with the least squared error.
pub(crate) fn inputs(table: &Table, bits: BitWidth) -> Result<Vec<Input<Vec<f64>>>, QuantizeError> {
    let mut inputs = Vec::new();
    for column in 0..table.n_columns() {
        let of_feature = |e| QuantizeError::Quant(e).of_feature(column);
        let values: Vec<f64> = table.column(column).collect();
        let (min, max) = calibrate::min_max(values.iter().copied()).map_err(of_feature)?;
        if min >= max {
            continue;
        }
        let (low, high) = calibrate::least_squared_error(&values, bits).map_err(of_feature)?;
        // A range that holds one value would tell nothing apart.
        let (low, high) = if low < high { (low, high) } else { (min, max) };
        let affine = Affine::asymmetric(low, high, bits).map_err(of_feature)?;
        inputs.push(Input {
            column,
            codec: Codec::Affine(affine),
            missing: None,
        });
    }
    Ok(inputs)
}

/// The codes of all rows, row by row.
pub(crate) fn codes(table: &Table, inputs: &[Input<Vec<f64>>]) -> Result<Vec<f64>, QuantizeError> {
    let mut codes = Vec::with_capacity(table.n_rows() * inputs.len());
    for row in table.rows() {
        for input in inputs {
            let quantized = input
                .quantize(row[input.column])
                .map_err(|e| QuantizeError::Quant(e).of_feature(input.column))?;
            codes.push(f64::from(quantized.code));
        }
    }
    Ok(codes)
}
