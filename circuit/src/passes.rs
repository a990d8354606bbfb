//! Transformations that keep the meaning: what a circuit computes from the inputs it keeps is the same before and
//! after, for every code within its range.
//!
//! [`simplify`] runs all of them.

mod constants;
mod dead;
mod forests;

pub use constants::fold_constants;
pub use dead::drop_dead;
pub use forests::prune_forests;

use alloc::vec::Vec;

use crate::{Circuit, Verified};

/// A circuit that may take fewer codes than the one it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simplified {
    /// The circuit that is left.
    pub circuit: Verified,
    /// For each code that it takes, the position of that code among those of the original circuit; increasing.
    pub kept_inputs: Vec<usize>,
}

/// Runs every pass: prunes forests, folds constants, drops what nothing depends on.
///
/// Outputs keep their names, order and lengths. Inputs that nothing depends on are dropped, whole ports included, but
/// one code always stays.
#[must_use]
pub fn simplify(circuit: &Verified) -> Simplified {
    drop_dead(&fold_constants(&prune_forests(circuit)))
}

/// Through the door again, for the ranges.
fn reverify(circuit: Circuit) -> Verified {
    Verified::try_from(circuit).expect("passes keep verified circuits verified")
}
