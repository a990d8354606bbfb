#![doc = include_str!("../README.md")]

extern crate alloc;

mod branching;
mod error;
#[cfg(feature = "dev")]
#[doc(hidden)]
pub mod floor;
mod linear;
pub mod measure;
mod modulus;
mod network;
pub mod noise;
mod objective;
mod parallel;
mod program;
mod report;
mod roles;
pub mod server_program;

pub use error::{EvaluateError, NarrowerSums, PlanError};
pub use linear::flood::Hidden;
pub use network::program::NetworkProgram;
pub use network::report::LayerReport;
pub use program::{
    BranchingProgram, EvaluateOptions, EvaluationKey, LinearProgram, Program, Scheme,
};
pub use report::{Parameter, PlanReport, SECURITY_BITS};
pub use roles::{RoadError, TfheEvaluator, TfhePlanner};
