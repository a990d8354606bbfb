//! Linear models: `score = coef · x + intercept`, per output, and what their scores mean.

mod calibration;
mod model;
mod notes;
mod quantize;

pub use calibration::FeatureStats;
pub use model::{LinearModel, LinearParts};
pub use notes::{CalibrationNote, calibration_notes};
pub use quantize::quantize_linear;
