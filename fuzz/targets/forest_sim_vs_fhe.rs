//! The law of this workspace for trees and tables, at the parameters that the planner chooses, with direct and with packed
//! queries: what decrypts is what the simulator computes.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::generate::{self, Limits};
use tenebra_circuit::{Backend, BackendError, OpKind, Options, QueryMode, Verified, linear_form};
use tenebra_tfhe::{PlanError, TfheBackend};

/// A forest of a few trees, a sum of tables (an additive model), or both between other operations.
fn circuit(choices: &mut Unstructured<'_>) -> arbitrary::Result<Verified> {
    use OpKind::{Add, Concat, Forest, Linear, Lookup, Neg, Slice, Sub};
    let (ops, kinds, input_bits) = match choices.int_in_range(0_u8..=2)? {
        0 => (1, vec![Forest], 8),
        1 => (2, vec![Lookup, Linear], 8),
        _ => (
            6,
            vec![Forest, Lookup, Linear, Add, Sub, Neg, Concat, Slice],
            4,
        ),
    };
    let limits = Limits {
        ops,
        kinds,
        input_bits,
        trees: 12,
        splits: 12,
        ..Limits::decisions_on_inputs()
    };
    generate::circuit(choices, &limits)
}

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let query = *choices.choose(&[QueryMode::Direct, QueryMode::Packed])?;
    let seed = choices.arbitrary()?;
    let circuit = circuit(choices)?;
    let codes = generate::codes(choices, &circuit)?;
    if linear_form(&circuit).is_some() {
        return Ok(());
    }
    let options = Options {
        query,
        ..Options::default()
    };
    let program = match TfheBackend.prepare(&circuit, &options) {
        Ok(program) => program,
        Err(tenebra_tfhe::BackendError::Plan(
            PlanError::OutputTooWide { .. }
            | PlanError::TooManyDigits { .. }
            | PlanError::NotPackable { .. }
            | PlanError::Empty { .. },
        )) => return Ok(()),
        Err(error) => panic!("{error} ({:?})\n{}", error.kind(), circuit.circuit()),
    };
    let want = tenebra_sim::run(&circuit, &codes).expect("codes are within their ranges");
    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut encrypted = || {
        let (key, server_key) = TfheBackend.generate_keys(&program, &mut rng)?;
        let query = TfheBackend.encrypt(&program, &key, &codes, &mut rng)?;
        let response = TfheBackend.evaluate(&program, &server_key, &query)?;
        TfheBackend.decrypt(&program, &key, &response)
    };
    let got = encrypted().map_err(|error: <TfheBackend as Backend>::Error| error.to_string());
    assert_eq!(
        got,
        Ok(want),
        "{query:?}, codes {codes:?} of\n{}",
        circuit.circuit()
    );
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
