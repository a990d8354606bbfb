#![doc = include_str!("../README.md")]

extern crate alloc;

mod error;
mod info;
mod service;
mod tls;

pub use error::{Problem, ServiceError};
pub use info::{DeploymentInfo, Evaluated, History, KeyInfo, ModelInfo};
pub use service::Service;
pub use tls::Certificates;
