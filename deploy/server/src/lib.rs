#![doc = include_str!("../README.md")]

extern crate alloc;

mod api;
mod app;
pub mod arguments;
mod audit;
mod background;
mod batch;
mod cache;
mod config;
mod frames;
mod info;
mod listen;
mod memory;
mod metrics;
mod model;
pub mod names;
mod pool;
mod problem;
mod shares;
pub mod store;
pub mod tokens;
mod trial;

pub use api::openapi_document;
pub use app::{App, StartError};
pub use background::Background;
pub use config::Limits;
pub use info::{DeploymentInfo, History, KeyInfo, KeyList, ModelInfo, ModelList, Purged};
pub use listen::{Server, Tls};
pub use problem::{PROBLEM_JSON, Problem};
pub use trial::Trial;
