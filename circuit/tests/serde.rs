//! Circuits survive a file, and what a file says is not trusted.
#![cfg(feature = "serde")]

use tenebra_circuit::{Circuit, VerifyError, verify};

#[test]
fn a_circuit_survives_json() {
    let circuit: Circuit = include_str!("data/all_ops.txt").parse().unwrap();
    let json = serde_json::to_string(&circuit).unwrap();
    assert_eq!(serde_json::from_str::<Circuit>(&json).unwrap(), circuit);
}

#[test]
fn a_matrix_that_claims_too_much_is_refused_without_panic() {
    let circuit: Circuit = include_str!("data/linear.txt").parse().unwrap();
    let json = serde_json::to_string(&circuit).unwrap();
    let huge = json.replace("\"rows\":2", "\"rows\":18446744073709551615");
    assert_ne!(huge, json);
    let circuit: Circuit = serde_json::from_str(&huge).unwrap();
    assert_eq!(circuit.to_string(), include_str!("data/linear.txt"));
    let errors = verify(&circuit).unwrap_err();
    assert!(matches!(
        errors.as_slice()[0],
        VerifyError::MatrixLength {
            rows: usize::MAX,
            cols: 5,
            len: 10,
            ..
        }
    ));
}
