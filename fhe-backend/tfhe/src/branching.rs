//! Branching circuits: forests and tables on the encrypted bits of the codes, without a bootstrapping key
//! (Chillotti et al. 2020, §5: levelled evaluation of look-up tables by CMUX).
//!
//! Data flows one way: circuit → [`form`] (trees and tables over inputs) → [`digits`] (leaves as small digits) →
//! [`diagram`] (a list of CMUX steps) → [`plan`] (parameters whose noise fits) → [`evaluate`] (query bytes to response
//! bytes, [`steps`] on the [`kernel`]).

pub(crate) mod automorphism;
pub(crate) mod bits;
pub(crate) mod bodies;
pub(crate) mod cost;
pub(crate) mod crew;
pub(crate) mod diagram;
pub(crate) mod digits;
pub(crate) mod direct;
pub(crate) mod evaluate;
pub(crate) mod form;
pub(crate) mod goal;
pub(crate) mod kernel;
pub(crate) mod memory;
pub(crate) mod order;
pub(crate) mod packed;
pub(crate) mod plan;
pub(crate) mod ramp;
pub(crate) mod select;
pub(crate) mod selections;
pub(crate) mod steps;
pub(crate) mod switches;
pub(crate) mod unpack;
pub(crate) mod variance;
pub(crate) mod words;
