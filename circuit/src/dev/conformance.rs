//! What every backend must do: agree with the meaning of every circuit it can run, and refuse codes that it must.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::{Case, cases};
use crate::{Backend, BackendError, ErrorKind, Options, Verified};

/// The seed of every case's keys and encryptions.
const SEED: u64 = 0x7e9e_b4a0;

/// What was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Circuits.
    pub cases: usize,
    /// Rows of codes, over all circuits.
    pub rows: usize,
}

/// What a backend did wrong with one case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("case {case}, seed {SEED:#x}: {kind}\n{circuit}")]
pub struct Failure {
    /// The case's name.
    pub case: &'static str,
    /// What happened.
    pub kind: FailureKind,
    /// The case's circuit, as text.
    pub circuit: String,
}

/// What a backend did wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the message of each variant says what each of its fields is"
)]
pub enum FailureKind {
    /// An error where none is allowed.
    #[error("{step} failed: {message}")]
    Error { step: &'static str, message: String },
    /// A wrong result.
    #[error("codes {codes:?} gave {found:?} instead of {expected:?}")]
    Wrong {
        codes: Vec<i64>,
        expected: Vec<i64>,
        found: Vec<i64>,
    },
    /// Codes that must be refused were not, or not as such.
    #[error("{} codes {codes:?} were not refused with ErrorKind::Codes", codes.len())]
    Accepted { codes: Vec<i64> },
}

/// Every failure of a run; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures(pub Vec<Failure>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|failure| writeln!(f, "{failure}"))
    }
}

impl core::error::Error for Failures {}

/// Runs every case that `filter` lets through: fresh keys, all of its [inputs](Case::inputs) in queries of
/// [`Options::rows`] rows, and codes that must be refused: one too few, and one just outside of its range.
///
/// Each case says [what operations it needs](Case::kinds), so that a backend may choose:
/// `run_conformance(&backend, &options, Case::is_linear)`.
///
/// # Errors
/// All failures, each with its case.
pub fn run_conformance<B: Backend>(
    backend: &B,
    options: &Options,
    filter: impl Fn(&Case) -> bool,
) -> Result<Summary, Failures> {
    let mut summary = Summary::default();
    let mut failures = Vec::new();
    for case in cases().into_iter().filter(filter) {
        summary.cases += 1;
        let mut kinds = Vec::new();
        match run_case(backend, options, &case, &mut kinds) {
            Ok(rows) => summary.rows += rows,
            Err(kind) => kinds.push(kind),
        }
        let circuit = case.circuit.circuit().to_string();
        let failure = |kind| Failure {
            case: case.name,
            kind,
            circuit: circuit.clone(),
        };
        failures.extend(kinds.into_iter().map(failure));
    }
    if failures.is_empty() {
        Ok(summary)
    } else {
        Err(Failures(failures))
    }
}

/// Runs one case; wrong results are collected in `failures`, an error of the backend ends it.
fn run_case<B: Backend>(
    backend: &B,
    options: &Options,
    case: &Case,
    failures: &mut Vec<FailureKind>,
) -> Result<usize, FailureKind> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let program = step("prepare", backend.prepare(&case.circuit, options))?;
    let keys = step("generate_keys", backend.generate_keys(&program, &mut rng))?;
    let (client_key, server_key) = keys;
    let inputs = case.inputs();
    for rows in inputs.chunks(options.rows.max(1)) {
        // The last query is filled up with its last row.
        let fill = rows.last().into_iter().cycle();
        let rows: Vec<_> = rows.iter().chain(fill).take(options.rows.max(1)).collect();
        let codes: Vec<i64> = rows.iter().copied().flatten().copied().collect();
        let expected: Vec<i64> = rows.iter().flat_map(|row| (case.meaning)(row)).collect();
        let query = step(
            "encrypt",
            backend.encrypt(&program, &client_key, &codes, &mut rng),
        )?;
        let response = step("evaluate", backend.evaluate(&program, &server_key, &query))?;
        let found = step("decrypt", backend.decrypt(&program, &client_key, &response))?;
        if found != expected {
            failures.push(FailureKind::Wrong {
                codes,
                expected,
                found,
            });
        }
    }
    for row in refused(&case.circuit) {
        let codes = row.repeat(options.rows.max(1));
        match backend.encrypt(&program, &client_key, &codes, &mut rng) {
            Err(error) if error.kind() == ErrorKind::Codes => {}
            _ => failures.push(FailureKind::Accepted { codes }),
        }
    }
    Ok(inputs.len())
}

fn step<T, E: BackendError>(step: &'static str, result: Result<T, E>) -> Result<T, FailureKind> {
    result.map_err(|error| FailureKind::Error {
        step,
        message: error.to_string(),
    })
}

/// Rows that no backend may encrypt.
fn refused(circuit: &Verified) -> Vec<Vec<i64>> {
    let ranges = circuit.input_ranges();
    let valid: Vec<i64> = ranges.iter().map(|range| range.min).collect();
    let last = valid.len() - 1;
    let (mut below, mut above) = (valid.clone(), valid.clone());
    below[last] = ranges[last].min - 1;
    above[0] = ranges[0].max + 1;
    [valid[..last].to_vec(), below, above].into()
}
