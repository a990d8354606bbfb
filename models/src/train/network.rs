//! Training of networks: quantized while they learn, and pruned to what their encrypted evaluation may cost.

#[cfg_attr(
    not(feature = "networks"),
    allow(
        dead_code,
        reason = "the registry names the hyper-parameters of what another build trains"
    )
)]
mod estimators;

#[cfg(feature = "networks")]
mod budget;
#[cfg(feature = "networks")]
mod descent;
#[cfg(feature = "networks")]
mod fit;
#[cfg(feature = "networks")]
mod graph;
#[cfg(feature = "networks")]
mod problem;
#[cfg(feature = "networks")]
mod settings;
#[cfg(feature = "networks")]
mod state;
#[cfg(feature = "networks")]
mod weights;

pub(super) use estimators::ESTIMATORS;
#[cfg(feature = "networks")]
use fit::fit;

/// Says that this build cannot.
#[cfg(not(feature = "networks"))]
fn fit(
    estimator: &'static str,
    _: &super::Params,
    _: &super::TrainingData<'_>,
) -> Result<super::Trained, super::TrainError> {
    Err(super::TrainError::WithoutNetworks { estimator })
}
