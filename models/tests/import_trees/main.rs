//! Imported forests against the predictions that their libraries recorded in `tests/data/forest`.

mod expected;
mod lightgbm;
mod xgboost;
