//! The conformance suite of `tenebra-circuit`, on ciphertexts at production parameters.

use tenebra_circuit::Options;
use tenebra_circuit::dev::run_conformance;
use tenebra_tfhe::TfheBackend;

#[test]
fn linear_and_branching_circuits_conform() {
    let runs = |case: &tenebra_circuit::dev::Case| case.is_linear() || case.decides_on_inputs();
    let summary = run_conformance(&TfheBackend, &Options::default(), runs).unwrap_or_else(|failures| panic!("{failures}"));
    assert!(summary.cases >= 20, "{summary:?}");
}
