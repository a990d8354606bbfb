#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod bits;
pub mod branching;
mod checksum;
pub mod client;
mod cursor;
pub mod frame;
mod glwe;
pub mod hiding;
#[cfg(feature = "alloc")]
mod host;
pub mod key;
mod key_id;
mod keystream;
pub mod limits;
pub mod linear;
#[cfg(feature = "ntt")]
pub mod multiply;
pub mod packing;
pub mod params;
pub mod random;
#[cfg(feature = "roles")]
mod roles;
pub mod spec;
mod stream;

pub use client::{ClientError, ClientKey};
#[cfg(feature = "alloc")]
pub use frame::to_frame;
pub use frame::{Frame, FrameError, KeyTag, Kind, SpecId, frame_len, write_frame};
#[cfg(feature = "alloc")]
pub use host::Client;
pub use key::SecretKey;
pub use key_id::{KeyId, KeyIdError};
pub use params::{GlweParams, ParamError, ValidGlwe};
pub use spec::{ClientSpec, SpecError};
