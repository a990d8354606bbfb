#![doc = include_str!("../README.md")]

extern crate alloc;

mod api;
mod app;
pub mod arguments;
mod background;
mod cache;
mod config;
mod frames;
mod info;
mod listen;
mod metrics;
pub mod names;
mod pool;
mod problem;
pub mod program;
pub mod store;
pub mod tokens;

pub use api::openapi_document;
pub use app::{App, StartError};
pub use background::Background;
pub use config::Limits;
pub use info::{KeyInfo, KeyList, ModelInfo, ModelList};
pub use listen::{Server, Tls};
pub use problem::{PROBLEM_JSON, Problem};
