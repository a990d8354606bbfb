#![doc = include_str!("../README.md")]

mod linear;
mod machine;

pub use linear::LinearCase;
pub use machine::machine;
