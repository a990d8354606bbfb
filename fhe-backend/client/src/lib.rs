#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod checksum;
mod cursor;
mod glwe;
#[cfg(feature = "alloc")]
mod host;
mod key_id;
mod keystream;
#[cfg(feature = "roles")]
mod roles;
mod stream;

// What an integrator needs.
pub use client::{ClientError, ClientKey};
pub use frame::{Frame, FrameError, HEADER_LEN, Header, KeyTag, Kind, SpecId, TRAILER_LEN};
pub use hiding::Hiding;
#[cfg(feature = "alloc")]
pub use host::Client;
pub use key_id::{KeyId, KeyIdError};
pub use limits::MAX_MESSAGE_LEN;
pub use linear::{CipherError, LayoutError};
pub use packing::PackingError;
pub use params::{GlweParams, ParamError, ValidGlwe};
pub use spec::{ClientSpec, Codec, ColumnWords, Cuts, Input, Output, SpecError};
#[cfg(feature = "alloc")]
pub use spec::{OwnedScheme, OwnedSpec};

// What planner, evaluator, service and tests share with the client. It changes from version to version.
#[doc(hidden)]
pub mod bits;
#[doc(hidden)]
pub mod branching;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod frame;
#[doc(hidden)]
pub mod hiding;
#[doc(hidden)]
pub mod key;
#[doc(hidden)]
pub mod limits;
#[doc(hidden)]
pub mod linear;
#[cfg(feature = "ntt")]
#[doc(hidden)]
pub mod multiply;
#[doc(hidden)]
pub mod packing;
#[doc(hidden)]
pub mod params;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod spec;

#[cfg(feature = "alloc")]
#[doc(hidden)]
pub use frame::to_frame;
#[doc(hidden)]
pub use frame::{frame_len, write_frame};
#[doc(hidden)]
pub use key::SecretKey;
