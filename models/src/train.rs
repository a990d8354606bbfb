//! The estimators that can be trained here, and their hyper-parameters.
//!
//! A registry of plain data: [`estimators`] lists what there is, [`Estimator`] carries chosen parameters and trains.

mod data;
mod error;
mod estimator;
mod forest;
mod info;
mod linear;
mod names;
mod network;
pub(crate) mod params;
mod registry;
mod watch;

pub(crate) use data::{TargetValues, TrainingData};
pub use error::TrainError;
pub use estimator::Estimator;
pub use info::{EstimatorInfo, Trained};
pub use names::{EstimatorName, FAMILIES, Family};
pub use params::{Kind, List, MAX_LIST, Param, Params, Value};
pub use registry::estimators;
pub use watch::{Epoch, Unwatched, Watch};
