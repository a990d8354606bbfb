//! The text form: no panic on any text, and what parses prints to what parses to the same.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use tenebra_circuit::{Circuit, verify};

fuzz_target!(|text: &str| -> Corpus {
    let Ok(circuit) = text.parse::<Circuit>() else {
        return Corpus::Keep;
    };
    let printed = circuit.to_string();
    let again: Circuit = printed.parse().expect("what is printed parses");
    assert_eq!(again, circuit, "printed as\n{printed}");
    assert_eq!(again.to_string(), printed);
    let _ = verify(&circuit);
    Corpus::Keep
});
