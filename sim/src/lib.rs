#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod error;
mod roles;
mod run;

pub use error::SimError;
pub use roles::{ClearClient, ClearEvaluator, Simulator};
pub use run::{Trace, run, run_traced};
