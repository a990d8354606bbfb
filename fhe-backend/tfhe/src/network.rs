//! Neural networks without a bootstrapping key: neurons are tables that encrypted bits turn, and results of hidden layers become
//! encrypted bits of the next by automorphisms and a scheme switch.
//!
//! Data flows one way: circuit → [`form`] (layers of neurons).

pub(crate) mod cost;
pub(crate) mod evaluate;
pub(crate) mod form;
pub(crate) mod layers;
pub(crate) mod noise;
pub(crate) mod plan;
pub(crate) mod program;
pub(crate) mod report;
mod turns;
