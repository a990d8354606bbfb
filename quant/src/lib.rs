#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod affine;
mod bins;
mod bit_width;
pub mod calibrate;
mod codec;
mod error;
mod fixed_point;
#[cfg(feature = "alloc")]
mod interface;
mod link;
#[cfg(feature = "alloc")]
mod readout;
mod row_step;
mod steps;

pub use affine::Affine;
pub use bins::{Bins, HeaplessBins};
pub use bit_width::BitWidth;
pub use codec::{Codec, CutPoints, Input, Output};
pub use error::QuantError;
pub use fixed_point::FixedPoint;
#[cfg(feature = "alloc")]
pub use interface::{Interface, Words};
pub use link::{Decision, InverseLink};
#[cfg(feature = "alloc")]
pub use readout::{Prediction, Readout};
pub use row_step::{Numbers, Other, RowStep, run_steps};

/// The code of a real value, and whether the value lay outside the representable range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quantized {
    /// The code, always within the quantizer's code range.
    pub code: i32,
    /// Whether the value lay outside the representable range and was clipped to its end.
    pub clipped: bool,
}
