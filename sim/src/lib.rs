#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod backend;
mod error;
mod run;

pub use backend::{Program, Simulator};
pub use error::SimError;
pub use run::{Trace, run, run_traced};
