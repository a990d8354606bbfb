//! The law of this workspace for trees and tables, at the parameters that the planner chooses, with direct and with packed
//! queries and by the bytes that travel: what decrypts is what the simulator computes.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use tenebra_circuit::{Options, QueryMode};
use tenebra_fuzz::{agree, decisions};

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let (name, query) =
        *choices.choose(&[("direct", QueryMode::Direct), ("packed", QueryMode::Packed)])?;
    let options = Options {
        query,
        ..Options::default()
    };
    let limits = decisions::limits(choices)?;
    agree::check(&agree::tfhe(name, options, limits), 1, choices)
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
