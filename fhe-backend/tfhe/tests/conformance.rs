//! The conformance suite of `tenebra-circuit`, on ciphertexts at production parameters.

use tenebra_circuit::dev::run_conformance;
use tenebra_circuit::{OpKind, Optimize, Options, QueryMode};
use tenebra_tfhe::TfhePlanner;

#[test]
fn linear_and_branching_circuits_conform() {
    let runs = |case: &tenebra_circuit::dev::Case| case.is_linear() || case.decides_on_inputs();
    let summary = run_conformance(&TfhePlanner, &Options::default(), runs)
        .unwrap_or_else(|failures| panic!("{failures}"));
    assert!(summary.cases >= 20, "{summary:?}");
}

#[test]
fn branching_circuits_conform_with_packed_queries() {
    let runs = |case: &tenebra_circuit::dev::Case| case.decides_on_inputs() && !case.is_linear();
    let options = Options {
        query: QueryMode::Packed,
        ..Options::default()
    };
    let summary = run_conformance(&TfhePlanner, &options, runs)
        .unwrap_or_else(|failures| panic!("{failures}"));
    assert!(summary.cases >= 5, "{summary:?}");
}

/// Three rows a query, the last of which are fewer.
#[test]
fn packed_queries_of_several_rows_conform() {
    let runs = |case: &tenebra_circuit::dev::Case| case.decides_on_inputs() && !case.is_linear();
    let options = Options {
        query: QueryMode::Packed,
        optimize: Optimize::Throughput,
        rows: 3,
        ..Options::default()
    };
    let summary = run_conformance(&TfhePlanner, &options, runs)
        .unwrap_or_else(|failures| panic!("{failures}"));
    assert!(summary.cases >= 5, "{summary:?}");
}

/// Lookups of computed values.
#[test]
fn networks_conform() {
    let runs = |case: &tenebra_circuit::dev::Case| {
        !case.decides_on_inputs() && !case.kinds().contains(&OpKind::Forest)
    };
    let summary = run_conformance(&TfhePlanner, &Options::default(), runs)
        .unwrap_or_else(|failures| panic!("{failures}"));
    assert!(summary.cases >= 2, "{summary:?}");
}
