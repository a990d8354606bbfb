//! What tests of planners, clients and evaluators need: the [`conformance`] suite, [oracles](oracle) that are compared, and
//! strategies for property tests.

pub mod cases;
pub mod conformance;
pub mod oracle;

use alloc::vec::Vec;
use core::ops::Range;

use arbitrary::Unstructured;
use proptest::prelude::*;

pub use crate::generate::{HiddenLimits, Limits, NetworkLimits};
pub use cases::{Case, cases};
pub use conformance::run_conformance;
pub use oracle::{Disagreement, Oracle, Refusal, Road, Tally, compare};

use crate::{Verified, generate};

/// Verified circuits within `limits`, each with codes within its inputs' ranges.
pub fn circuits(limits: Limits) -> impl Strategy<Value = (Verified, Vec<i64>)> {
    const CHOICES: Range<usize> = 0..600;
    chosen(CHOICES, move |choices| generate::circuit(choices, &limits))
}

/// Verified networks within `limits`, each with codes within its inputs' ranges.
pub fn networks(limits: NetworkLimits) -> impl Strategy<Value = (Verified, Vec<i64>)> {
    // With fewer, layers are without weights.
    const CHOICES: Range<usize> = 500..4_000;
    chosen(CHOICES, move |choices| generate::network(choices, &limits))
}

/// What `circuit` makes of so many bytes, and codes for it.
fn chosen(
    bytes: Range<usize>,
    circuit: impl Fn(&mut Unstructured<'_>) -> arbitrary::Result<Verified>,
) -> impl Strategy<Value = (Verified, Vec<i64>)> {
    prop::collection::vec(any::<u8>(), bytes).prop_filter_map(
        "the choices do not make a circuit",
        move |bytes| {
            let mut choices = Unstructured::new(&bytes);
            let circuit = circuit(&mut choices).ok()?;
            let codes = generate::codes(&mut choices, &circuit).ok()?;
            Some((circuit, codes))
        },
    )
}
