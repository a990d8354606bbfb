#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod additive;
pub mod data;
pub mod forest;
#[cfg(feature = "import")]
pub mod import;
pub mod linear;
mod listing;
pub mod model;
pub mod network;
pub mod pipeline;
mod quantize;
pub mod quantized;
mod random;
pub mod scores;
#[cfg(feature = "train")]
pub mod search;
#[cfg(feature = "train")]
mod train;

pub use additive::{AdditiveModel, AdditiveParts};
pub use data::DataError;
pub use forest::{ForestModel, ForestParts};
pub use linear::{CalibrationNote, LinearModel, LinearParts, calibration_notes};
pub use model::{Model, ModelError, Task};
pub use network::{CostModel, NetworkModel, NetworkParts};
pub use pipeline::PipelineModel;
#[cfg(feature = "train")]
pub use pipeline::{Pipeline, PipelineError};
pub use quantize::{QuantizeReport, quantize, quantize_with_report};
pub use quantized::{QuantizeError, QuantizeOptions, QuantizedModel};
pub use scores::MetricError;
pub use tenebra_quant::Prediction;
#[cfg(feature = "train")]
pub use train::{
    Epoch, Estimator, EstimatorInfo, EstimatorName, FAMILIES, Family, Kind, List, MAX_LIST, Param,
    Params, TrainError, Trained, Unwatched, Value, Watch, estimators,
};
