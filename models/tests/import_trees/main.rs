//! Imported forests against the predictions that their libraries recorded in `tests/data/forest`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damaged;
mod expected;
mod lightgbm;
mod onnx;
mod quantized;
mod strangers;
mod xgboost;
