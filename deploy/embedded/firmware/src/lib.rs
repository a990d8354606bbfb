//! The commands of the firmware: `encrypt` a reading, `decrypt` the answer, and `keygen`.
//!
//! Everything a product replaces lies in [`host`]: its files stand for the device's TRNG, its key storage and its radio.
#![no_std]

pub mod commands;
mod device;
pub mod host;
pub mod measure;
pub mod quantize;

pub use quantize::{Input, Map, Sensor};

/// A compiled model: its public spec, and how the sensors feed it. Lies in flash.
#[derive(Debug)]
pub struct Model {
    /// A framed client spec.
    pub spec: &'static [u8],
    /// In the order of the spec's inputs.
    pub inputs: &'static [Input],
}

/// What the build script made of `linear.tnb`.
pub mod linear {
    include!(concat!(env!("OUT_DIR"), "/linear.rs"));
}

/// What the build script made of `packed.tnb`.
pub mod packed {
    include!(concat!(env!("OUT_DIR"), "/packed.rs"));
}
