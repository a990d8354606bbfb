//! Scores of predictions, as scikit-learn's `metrics` define them.
//!
//! The functions here take slices and optional sample weights, one per row. [`Metric`] names a score; [`Outcomes`] gathers
//! what scores are computed from, in as many pieces as the rows come in.

mod classification;
mod error;
mod evaluate;
mod metric;
mod outcomes;
mod regression;
mod weights;

pub use classification::{
    Average, accuracy, f1, hinge_loss, log_loss, matthews_corrcoef, precision, recall, roc_auc,
};
pub use error::{MetricError, ScoreError};
pub use metric::{Averaging, Metric, UnknownMetric};
pub use outcomes::Outcomes;
pub use regression::{
    d2_tweedie, mean_absolute_error, mean_squared_error, mean_tweedie_deviance, r2,
};
#[cfg(feature = "train")]
pub(crate) use weights::power_of_two;
