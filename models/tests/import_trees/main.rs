//! Imported forests against the predictions that their libraries recorded in `tests/data/forest`.

mod damaged;
mod expected;
mod lightgbm;
mod onnx;
mod xgboost;
