//! The table of estimators.

use super::EstimatorInfo;
use super::{forest, linear, network};

/// Every estimator, linear ones first.
pub fn estimators() -> impl Iterator<Item = &'static EstimatorInfo> {
    let others = forest::ESTIMATORS.iter().chain(network::ESTIMATORS);
    linear::ESTIMATORS.iter().chain(others)
}
