#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod additive;
pub mod data;
mod error;
mod estimator;
pub mod forest;
pub mod import;
pub mod linear;
pub mod model;
pub mod quantized;
pub mod scores;

pub use additive::{AdditiveModel, AdditiveParts};
pub use error::{DataError, MetricError, ModelError, QuantizeError, TrainError};
pub use estimator::{
    Estimator, EstimatorInfo, EstimatorName, FAMILIES, Family, Kind, Param, Params, Task, Trained,
    Value, estimators,
};
pub use forest::{ForestModel, ForestParts};
pub use linear::{CalibrationNote, LinearModel, LinearParts, calibration_notes};
pub use model::{Model, Prediction};
pub use quantized::{QuantizeOptions, QuantizedModel, quantize, quantize_with_report};
