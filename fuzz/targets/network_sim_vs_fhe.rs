//! The law of this workspace for networks, at the parameters that the planner chooses, with direct and with packed queries and by the
//! bytes that travel: what decrypts is what the simulator computes.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use tenebra_circuit::dev::Limits;
use tenebra_circuit::{Options, QueryMode};
use tenebra_fuzz::{agree, neurons};

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let (name, query) =
        *choices.choose(&[("direct", QueryMode::Direct), ("packed", QueryMode::Packed)])?;
    let options = Options {
        query,
        ..Options::default()
    };
    let seed = choices.arbitrary()?;
    let circuit = neurons::circuit(choices);
    let oracle = agree::tfhe(name, options, Limits::small());
    agree::check_circuit(&oracle, circuit, seed, 1, choices)
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
