#![doc = include_str!("../README.md")]

mod backend;
mod error;
mod linear;
pub mod noise;
mod program;

pub use backend::{BackendError, TfheBackend};
pub use error::{EvaluateError, PlanError};
pub use program::{PlanReport, Program, SECURITY_BITS};
