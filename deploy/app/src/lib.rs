#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod cases;
pub mod clipping;
pub mod codes;
pub mod compile;
pub mod costs;
mod error;
pub mod evaluate;
pub mod evaluation;
pub mod files;
pub mod frames;
pub mod generated;
pub mod key_folder;
pub mod keys;
pub mod local;
pub mod model_folder;
pub mod predicted;
#[cfg(feature = "remote")]
pub mod remote;
pub mod report;
pub mod retired;
pub mod rows;
pub mod search_log;
pub mod server_program;
pub mod settings;
mod times;
pub mod tune;
pub mod why;

pub use codes::Codes;
pub use compile::{CompileOptions, Compiled, compile};
pub use error::Error;
pub use key_folder::KeyFolder;
pub use keys::Keys;
pub use local::Local;
pub use report::Report;
pub use server_program::ServerProgram;
pub use settings::Settings;

/// Hears how much of a long work is done, of how much.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);
