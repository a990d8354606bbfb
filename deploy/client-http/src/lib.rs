#![doc = include_str!("../README.md")]

extern crate alloc;

mod error;
mod service;

pub use error::{Error, Problem};
pub use service::{Evaluated, KeyInfo, ModelInfo, Service};
