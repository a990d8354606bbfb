//! Oracles that are asked the same question.

use arbitrary::{Result, Unstructured};
use tenebra_circuit::dev::{Limits, Oracle, Road, compare};
use tenebra_circuit::{Options, Verified, generate};
use tenebra_sim::Simulator;
use tenebra_tfhe::TfhePlanner;

use crate::tally;

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

/// A circuit and rows from a stream of choices, on which `oracle` must agree with the simulator. It is [counted](tally).
///
/// # Errors
/// Choices that make no circuit; that is no finding.
pub fn check(oracle: &dyn Oracle, rows: usize, choices: &mut Unstructured<'_>) -> Result<()> {
    let seed = choices.arbitrary()?;
    let circuit = generate::circuit(choices, &oracle.limits());
    check_circuit(oracle, circuit, seed, rows, choices)
}

/// The same of a given circuit, if the choices made one.
///
/// # Errors
/// Choices that make no circuit; that is no finding.
pub fn check_circuit(
    oracle: &dyn Oracle,
    circuit: Result<Verified>,
    seed: [u8; 32],
    rows: usize,
    choices: &mut Unstructured<'_>,
) -> Result<()> {
    let asked = circuit.and_then(|circuit| {
        let rows = (0..rows).map(|_| generate::codes(choices, &circuit));
        let rows: Vec<Vec<i64>> = rows.collect::<Result<_>>()?;
        Ok((circuit, rows))
    });
    let found = tally::count(oracle.name(), |tally| match &asked {
        Ok((circuit, rows)) => compare(&simulator(), oracle, circuit, rows, seed, tally),
        Err(_) => {
            tally.invalid();
            Ok(())
        }
    });
    if let Err(found) = found {
        panic!("{found}");
    }
    asked.map(|_| ())
}
