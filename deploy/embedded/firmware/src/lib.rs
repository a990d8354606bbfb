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

/// What the build script made of `network.tnb`.
pub mod network {
    include!(concat!(env!("OUT_DIR"), "/network.rs"));
}

/// The entry of a firmware for the model in a module of this crate, with all the memory that it needs.
#[macro_export]
macro_rules! firmware {
    ($model:ident) => {
        use $crate::commands::{self, Memory, Work};
        use $crate::$model as model;

        #[cortex_m_rt::entry]
        fn main() -> ! {
            static mut SCRATCH: [u64; model::SCRATCH_WORDS] = [0; model::SCRATCH_WORDS];
            static mut QUERY: [u8; model::QUERY_BYTES] = [0; model::QUERY_BYTES];
            static mut READINGS: [i32; model::COLUMNS] = [0; model::COLUMNS];
            static mut CODES: [i64; model::INPUTS] = [0; model::INPUTS];
            static mut SECRET: [u8; model::SECRET_BYTES] = [0; model::SECRET_BYTES];
            static mut KEY: core::mem::MaybeUninit<tenebra_client::ClientKey> =
                core::mem::MaybeUninit::uninit();
            static mut INTEGERS: [i64; model::OUTPUTS] = [0; model::OUTPUTS];
            static mut SCORES: [f64; model::OUTPUTS] = [0.0; model::OUTPUTS];

            let work = Work {
                scratch: SCRATCH,
                query: QUERY,
                readings: READINGS,
                codes: CODES,
                integers: INTEGERS,
                scores: SCORES,
            };
            let memory = Memory {
                secret: SECRET,
                key: KEY,
                work,
            };
            commands::main(|| commands::run(&model::MODEL, memory))
        }
    };
}
