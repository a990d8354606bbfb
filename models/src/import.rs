//! Models trained by other libraries.

pub mod xgboost;
