//! The law of this workspace for the linear scheme, at the parameters that the planner chooses: what decrypts is what the
//! simulator computes.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::generate::{self, Limits};
use tenebra_circuit::{Backend, BackendError, ErrorKind, Options};
use tenebra_tfhe::TfheBackend;

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let limits = Limits {
        len: 12,
        input_bits: 8,
        bits: 30,
        ..Limits::linear()
    };
    let rows = choices.int_in_range(1..=4)?;
    let seed = choices.arbitrary()?;
    let circuit = generate::circuit(choices, &limits)?;
    let options = Options {
        rows,
        ..Options::default()
    };
    let program = match TfheBackend.prepare(&circuit, &options) {
        Ok(program) => program,
        Err(error) => {
            assert_eq!(
                error.kind(),
                ErrorKind::DoesNotFit,
                "{error}\n{}",
                circuit.circuit()
            );
            return Ok(());
        }
    };
    let (mut codes, mut want) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let row = generate::codes(choices, &circuit)?;
        want.extend(tenebra_sim::run(&circuit, &row).expect("codes are within their ranges"));
        codes.extend(row);
    }

    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut encrypted = || {
        let (key, server_key) = TfheBackend.generate_keys(&program, &mut rng)?;
        let query = TfheBackend.encrypt(&program, &key, &codes, &mut rng)?;
        let response = TfheBackend.evaluate(&program, &server_key, &query)?;
        TfheBackend.decrypt(&program, &key, &response)
    };
    let got = encrypted().map_err(|error: <TfheBackend as Backend>::Error| error.to_string());
    assert_eq!(got, Ok(want), "codes {codes:?} of\n{}", circuit.circuit());
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
