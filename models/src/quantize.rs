//! From models on reals to models on codes.

use crate::data::Table;
use crate::forest::{ForestReport, quantize_additive, quantize_forest};
use crate::linear::quantize_linear;
use crate::model::Model;
use crate::network::quantize_network;
use crate::pipeline::quantize_pipeline;
use crate::quantized::{QuantizeError, QuantizeOptions, QuantizedModel};

/// Quantizes a model and builds its circuit.
///
/// `calibration` are rows like those that will be scored; without them the ranges that the model learned in training are
/// taken.
///
/// # Errors
/// [`QuantizeError`].
pub fn quantize(
    model: &Model,
    calibration: Option<&Table>,
    options: &QuantizeOptions,
) -> Result<QuantizedModel, QuantizeError> {
    quantize_with_report(model, calibration, options).map(|(quantized, _)| quantized)
}

/// As [`quantize()`], with what became of the trees or terms; `None` for a linear model and a network.
///
/// # Errors
/// [`QuantizeError`].
pub fn quantize_with_report(
    model: &Model,
    calibration: Option<&Table>,
    options: &QuantizeOptions,
) -> Result<(QuantizedModel, Option<ForestReport>), QuantizeError> {
    let (quantized, report) = match model {
        Model::Linear(model) => return Ok((quantize_linear(model, calibration, options)?, None)),
        Model::Network(model) => return Ok((quantize_network(model)?, None)),
        Model::Pipeline(model) => return quantize_pipeline(model, calibration, options),
        Model::Forest(model) => quantize_forest(model, calibration, &options.forest)?,
        Model::Additive(model) => quantize_additive(model, calibration, &options.forest)?,
    };
    Ok((quantized, Some(report)))
}
