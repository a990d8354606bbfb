//! The law of this workspace for the linear scheme, at the parameters that the planner chooses and by the bytes that travel: what
//! decrypts is what the simulator computes.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use tenebra_circuit::Options;
use tenebra_circuit::dev::Limits;
use tenebra_fuzz::agree;

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let limits = Limits {
        len: 12,
        input_bits: 8,
        bits: 30,
        ..Limits::linear()
    };
    let rows = choices.int_in_range(1..=4)?;
    let options = Options {
        rows,
        ..Options::default()
    };
    agree::check(&agree::tfhe("linear", options, limits), rows, choices)
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
