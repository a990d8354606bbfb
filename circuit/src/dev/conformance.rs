//! What every planner, client and evaluator must do together: agree with the meaning of every circuit they can run, and refuse
//! codes that they must.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::{Case, cases};
use crate::{Client, ErrorKind, Evaluator, Options, Planned, Planner, RoleError, Verified};

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

/// What went wrong with one case.
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

/// What went wrong.
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
/// [`Options::rows`] rows where the client takes so many, and codes that must be refused: one too few, and one just outside of
/// its range.
///
/// Each case says [what operations it needs](Case::kinds), so that a planner may choose:
/// `run_conformance(&planner, &options, Case::is_linear)`.
///
/// # Errors
/// All failures, each with its case.
pub fn run_conformance<P: Planner>(
    planner: &P,
    options: &Options,
    filter: impl Fn(&Case) -> bool,
) -> Result<Summary, Failures> {
    let mut summary = Summary::default();
    let mut failures = Vec::new();
    for case in cases().into_iter().filter(filter) {
        summary.cases += 1;
        let mut kinds = Vec::new();
        match run_case(planner, options, &case, &mut kinds) {
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

/// Runs one case; wrong results are collected in `failures`, an error ends it.
fn run_case<P: Planner>(
    planner: &P,
    options: &Options,
    case: &Case,
    failures: &mut Vec<FailureKind>,
) -> Result<usize, FailureKind> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let Planned { spec, evaluator } = step("plan", planner.plan(&case.circuit, options))?;
    let client = step("open", P::Client::open(&spec, &mut rng))?;
    let key = step("evaluation_key", client.evaluation_key(&mut rng))?;
    let key = key.map(|key| step("open_key", evaluator.open_key(&key)));
    let key = key.transpose()?;
    let rows_of_query = options.rows.clamp(1, client.max_rows());
    let inputs = case.inputs();
    for rows in inputs.chunks(rows_of_query) {
        let codes: Vec<i64> = rows.iter().flatten().copied().collect();
        let expected: Vec<i64> = rows.iter().flat_map(|row| (case.meaning)(row)).collect();
        let query = step("encrypt", client.encrypt(&codes, &mut rng))?;
        let response = step("evaluate", evaluator.evaluate(key.as_ref(), &query))?;
        let found = step("decrypt", client.decrypt(&response))?;
        if found != expected {
            failures.push(FailureKind::Wrong {
                codes,
                expected,
                found,
            });
        }
    }
    for codes in refused(&case.circuit, rows_of_query) {
        match client.encrypt(&codes, &mut rng) {
            Err(error) if error.kind() == ErrorKind::Codes => {}
            _ => failures.push(FailureKind::Accepted { codes }),
        }
    }
    Ok(inputs.len())
}

fn step<T, E: RoleError>(step: &'static str, result: Result<T, E>) -> Result<T, FailureKind> {
    result.map_err(|error| FailureKind::Error {
        step,
        message: error.to_string(),
    })
}

/// Codes that no client may encrypt: the last of `rows` rows is wrong.
fn refused(circuit: &Verified, rows: usize) -> Vec<Vec<i64>> {
    let ranges = circuit.input_ranges();
    let valid: Vec<i64> = ranges.iter().map(|range| range.min).collect();
    let last = valid.len() - 1;
    let (mut below, mut above) = (valid.clone(), valid.clone());
    below[last] = ranges[last].min - 1;
    above[0] = ranges[0].max + 1;
    let short = valid[..last].to_vec();
    // Without its last code, a row of one is no row.
    let short = (last > 0 || rows == 1).then_some(short);
    let before = valid.repeat(rows - 1);
    let wrong = [below, above].into_iter().chain(short);
    wrong
        .map(|row| before.iter().copied().chain(row).collect())
        .collect()
}
