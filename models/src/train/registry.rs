//! The table of estimators.

use super::EstimatorInfo;
use super::{forest, linear};

/// Every estimator, linear ones first.
pub fn estimators() -> impl Iterator<Item = &'static EstimatorInfo> {
    linear::ESTIMATORS.iter().chain(forest::ESTIMATORS)
}
