#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod builder;
#[cfg(feature = "dev")]
pub mod dev;
mod forest;
#[cfg(feature = "arbitrary")]
pub mod generate;
mod interval;
mod ir;
pub mod limits;
mod linear;
mod matrix;
pub mod passes;
mod roles;
pub mod text;
mod verify;

pub use builder::CircuitBuilder;
pub use forest::{Forest, Table, Tree, TreeNode};
pub use interval::Interval;
pub use ir::{Circuit, Op, OpKind, Output, Port, ValueId};
pub use linear::{LinearForm, linear_form};
pub use matrix::Matrix;
pub use roles::{
    Client, ErrorKind, Evaluator, Hide, Optimize, Options, Planned, Planner, QueryMode, RoleError,
};
pub use text::{ParseError, ParseErrorKind};
pub use verify::{Verified, VerifyError, VerifyErrors, verify};
