//! Models trained by other libraries.

pub mod lightgbm;
pub mod xgboost;
