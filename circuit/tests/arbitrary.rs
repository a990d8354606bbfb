//! The doors hold against circuits of any kind.
#![cfg(feature = "arbitrary")]

use arbitrary::{Arbitrary, Unstructured};
use proptest::{prelude::*, test_runner::RngSeed};
use tenebra_circuit::{Circuit, Verified, linear_form, passes, verify};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Most of these are refused, with a message; what is not refused goes through everything behind the door.
    #[test]
    fn nothing_panics_on_any_circuit(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(circuit) = Circuit::arbitrary(&mut Unstructured::new(&bytes)) {
            let _ = circuit.to_string();
            match verify(&circuit) {
                Err(errors) => prop_assert!(!errors.to_string().is_empty()),
                Ok(verified) => {
                    let _ = linear_form(&verified);
                    let _ = passes::simplify(&verified);
                }
            }
        }
    }

    #[test]
    fn generated_circuits_verify(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let verified = Verified::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
        prop_assert_eq!(verify(verified.circuit()), Ok(verified));
    }
}
