//! What tests of planners, clients and evaluators need: the [`conformance`] suite, [oracles](oracle) that are compared, and
//! strategies for property tests.

pub mod cases;
pub mod conformance;
pub mod oracle;

use alloc::vec::Vec;

use arbitrary::Unstructured;
use proptest::prelude::*;

pub use crate::generate::Limits;
pub use cases::{Case, cases};
pub use conformance::run_conformance;
pub use oracle::{Disagreement, Oracle, Refusal, Road, Tally, compare};

use crate::{Verified, generate};

/// Verified circuits within `limits`, each with codes within its inputs' ranges.
pub fn circuits(limits: Limits) -> impl Strategy<Value = (Verified, Vec<i64>)> {
    const CHOICES: usize = 600;
    prop::collection::vec(any::<u8>(), 0..CHOICES).prop_filter_map(
        "the choices do not make a circuit",
        move |bytes| {
            let mut choices = Unstructured::new(&bytes);
            let circuit = generate::circuit(&mut choices, &limits).ok()?;
            let codes = generate::codes(&mut choices, &circuit).ok()?;
            Some((circuit, codes))
        },
    )
}
