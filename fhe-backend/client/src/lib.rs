#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(
    not(all(feature = "linear", feature = "branching", feature = "network")),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "the schemes share code that one alone may not need"
    )
)]

#[cfg(not(any(feature = "linear", feature = "branching", feature = "network")))]
compile_error!(
    "tenebra-client without default features needs a scheme: `linear`, `branching`, `network`, or several"
);

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
mod ports;
#[cfg(feature = "alloc")]
mod predict;
#[cfg(feature = "roles")]
mod roles;
mod stream;

// What an integrator needs.
pub use client::{ClientError, ClientKey};
pub use frame::{Frame, FrameError, HEADER_LEN, Header, KeyTag, Kind, SpecId, TRAILER_LEN};
#[cfg(feature = "alloc")]
pub use host::Client;
pub use key_id::{KeyId, KeyIdError};
pub use params::{GlweParams, ParamError, ValidGlwe};
pub use ports::{Cuts, Input};
#[cfg(feature = "alloc")]
pub use scheme::OwnedScheme;
pub use scheme::layout::{CipherError, LayoutError, MAX_MESSAGE_LEN, PackingError};
pub use scheme::linear::hiding::Hiding;
pub use spec::{ClientSpec, ColumnWords, SpecError};
#[cfg(feature = "alloc")]
pub use spec::{OwnedSpec, SpecFile};
#[cfg(feature = "alloc")]
pub use tenebra_quant::Prediction;
pub use tenebra_quant::{Codec, Output};

// What planner, evaluator, service and tests share with the client. It changes from version to version.
#[doc(hidden)]
pub mod bits;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod frame;
#[doc(hidden)]
pub mod key;
#[cfg(feature = "ntt")]
#[doc(hidden)]
pub mod multiply;
#[doc(hidden)]
pub mod params;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod scheme;
#[doc(hidden)]
pub mod spec;
#[doc(hidden)]
pub use scheme::branching;
#[doc(hidden)]
pub use scheme::branching::packing;
#[doc(hidden)]
pub use scheme::linear;
#[doc(hidden)]
pub use scheme::linear::hiding;
#[doc(hidden)]
pub use scheme::network;

#[cfg(feature = "alloc")]
#[doc(hidden)]
pub use frame::to_frame;
#[doc(hidden)]
pub use frame::{frame_len, write_frame};
#[doc(hidden)]
pub use key::SecretKey;
