//! Oracles that are asked the same question.

use std::sync::Mutex;

use arbitrary::{Result, Unstructured};
use tenebra_circuit::dev::{Limits, Oracle, Road, Tally, compare};
use tenebra_circuit::{Options, Verified, generate};
use tenebra_sim::Simulator;
use tenebra_tfhe::TfhePlanner;

/// What all others are compared with.
#[must_use]
pub fn simulator() -> Road<Simulator> {
    Road {
        name: "simulator",
        planner: Simulator,
        options: Options {
            rows: usize::MAX,
            ..Options::default()
        },
        limits: Limits::small(),
    }
}

/// The deployed road.
#[must_use]
pub fn tfhe(name: &'static str, options: Options, limits: Limits) -> Road<TfhePlanner> {
    Road {
        name,
        planner: TfhePlanner,
        options,
        limits,
    }
}

/// A circuit and rows from a stream of choices, on which `oracle` must agree with the simulator. What was tried, declined and
/// compared is reported now and then.
///
/// # Errors
/// Choices that make no circuit; that is no finding.
pub fn check(oracle: &dyn Oracle, rows: usize, choices: &mut Unstructured<'_>) -> Result<()> {
    let seed = choices.arbitrary()?;
    let circuit = generate::circuit(choices, &oracle.limits())?;
    check_circuit(oracle, &circuit, seed, rows, choices)
}

/// The same of a given circuit.
///
/// # Errors
/// No more choices; that is no finding.
pub fn check_circuit(
    oracle: &dyn Oracle,
    circuit: &Verified,
    seed: [u8; 32],
    rows: usize,
    choices: &mut Unstructured<'_>,
) -> Result<()> {
    static TALLY: Mutex<Tally> = Mutex::new(Tally {
        tried: 0,
        declined: 0,
        compared: 0,
    });
    const REPORTED: u64 = 500;
    let rows = (0..rows).map(|_| generate::codes(choices, circuit));
    let rows: Vec<Vec<i64>> = rows.collect::<Result<_>>()?;
    let mut tally = TALLY.lock().expect("a finding ends the process");
    let found = compare(&simulator(), oracle, circuit, &rows, seed, &mut tally);
    if tally.tried.is_multiple_of(REPORTED) {
        eprintln!("{}: {tally}", oracle.name());
    }
    if let Err(found) = found {
        panic!("{found}");
    }
    Ok(())
}
