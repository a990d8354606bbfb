#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod additive;
pub mod data;
mod estimator;
pub mod forest;
pub mod import;
pub mod linear;
mod listing;
pub mod model;
pub mod quantized;
pub mod scores;

pub use additive::{AdditiveModel, AdditiveParts};
pub use data::DataError;
pub use estimator::{
    Estimator, EstimatorInfo, EstimatorName, FAMILIES, Family, Kind, Param, Params, Task,
    TrainError, Trained, Value, estimators,
};
pub use forest::{ForestModel, ForestParts};
pub use linear::{CalibrationNote, LinearModel, LinearParts, calibration_notes};
pub use model::{Model, ModelError, Prediction};
pub use quantized::{
    QuantizeError, QuantizeOptions, QuantizedModel, quantize, quantize_with_report,
};
pub use scores::MetricError;
