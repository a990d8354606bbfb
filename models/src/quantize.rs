//! From models on reals to models on codes.

use crate::data::Table;
use crate::forest::{ForestReport, quantize_additive, quantize_forest};
use crate::linear::quantize_linear;
use crate::model::Model;
use crate::network::{NetworkReport, quantize_float_network, quantize_network};
use crate::pipeline::quantize_pipeline;
use crate::quantized::{QuantizeError, QuantizeOptions, QuantizedModel};

/// What became of a model.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct QuantizeReport {
    /// Of trees, or of the terms of an additive model.
    pub forest: Option<ForestReport>,
    /// Of a float network; one that was trained with codes keeps them.
    pub network: Option<NetworkReport>,
}

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

/// As [`quantize()`], with what became of the model.
///
/// # Errors
/// [`QuantizeError`].
pub fn quantize_with_report(
    model: &Model,
    calibration: Option<&Table>,
    options: &QuantizeOptions,
) -> Result<(QuantizedModel, QuantizeReport), QuantizeError> {
    let mut report = QuantizeReport::default();
    let quantized = match model {
        Model::Linear(model) => quantize_linear(model, calibration, options)?,
        Model::Network(model) => match calibration {
            Some(calibration) if !model.is_quantized() => {
                let (model, of_network) =
                    quantize_float_network(model, calibration, &options.network)?;
                report.network = Some(of_network);
                quantize_network(&model)?
            }
            _ => quantize_network(model)?,
        },
        Model::Pipeline(model) => return quantize_pipeline(model, calibration, options),
        Model::Forest(model) => {
            let (quantized, forest) = quantize_forest(model, calibration, &options.forest)?;
            report.forest = Some(forest);
            quantized
        }
        Model::Additive(model) => {
            let (quantized, forest) = quantize_additive(model, calibration, &options.forest)?;
            report.forest = Some(forest);
            quantized
        }
    };
    Ok((quantized, report))
}
