//! The law of this workspace, by the bytes that travel: whatever the simulator computes, a client decrypts from what a server
//! made of its query; and so it is by external products that we did not write.
#![allow(missing_docs, reason = "a test has no users")]

#[path = "common/ciphertexts.rs"]
mod ciphertexts;
#[path = "common/foreign.rs"]
mod foreign;
#[path = "common/roads.rs"]
mod roads;

use core::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tenebra_circuit::dev::{Limits, Oracle, Tally, circuits, compare};
use tenebra_circuit::{Options, QueryMode};

/// Compares an oracle with the simulator on circuits within its limits, of which at least a third must be compared.
fn agrees(oracle: &dyn Oracle, cases: u32) {
    let tally = RefCell::new(Tally::default());
    let truth = roads::simulator();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let result = runner.run(&circuits(oracle.limits()), |(circuit, codes)| {
        let tally = &mut tally.borrow_mut();
        let seed = [tally.tried.to_le_bytes()[0]; 32];
        compare(&truth, oracle, &circuit, &[codes], seed, tally)
            .map_err(|error| TestCaseError::fail(error.to_string()))
    });
    let tally = tally.into_inner();
    assert!(result.is_ok(), "{tally}: {result:?}");
    assert!(3 * tally.compared >= tally.tried, "{tally}");
}

#[test]
fn linear_circuits() {
    let oracle = roads::tfhe("linear", Options::default(), Limits::linear());
    agrees(&oracle, 48);
}

#[test]
fn decisions_by_direct_and_packed_queries() {
    for (name, query) in [("direct", QueryMode::Direct), ("packed", QueryMode::Packed)] {
        let options = Options {
            query,
            ..Options::default()
        };
        let oracle = roads::tfhe(name, options, Limits::decisions_on_inputs());
        agrees(&oracle, 48);
    }
}

#[test]
fn decisions_by_products_that_we_did_not_write() {
    agrees(&foreign::Foreign, 24);
}
