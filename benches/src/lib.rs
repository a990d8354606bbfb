#![doc = include_str!("../README.md")]

pub mod hunt;
mod branching;
mod linear;
mod machine;

pub use branching::{BranchingCase, Shape};
pub use linear::LinearCase;
pub use machine::machine;
