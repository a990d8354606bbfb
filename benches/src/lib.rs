#![doc = include_str!("../README.md")]

mod branching;
pub mod histogram;
pub mod hunt;
mod linear;
mod machine;

pub use branching::{BranchingCase, Shape, shapes};
pub use linear::{LinearCase, spec};
pub use machine::machine;
