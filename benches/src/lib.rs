#![doc = include_str!("../README.md")]

pub mod histogram;
pub mod hunt;
mod branching;
mod linear;
mod machine;

pub use branching::{BranchingCase, Shape};
pub use linear::{LinearCase, spec};
pub use machine::machine;
