//! The simulator agrees with the plain Rust meaning of every case; and the suite notices backends that do not.

use tenebra_circuit::{
    Backend, Options, Verified,
    dev::{Case, cases, conformance::FailureKind, run_conformance},
};
use tenebra_sim::{Program, SimError, Simulator};

#[test]
fn the_simulator_passes() {
    for rows in [1, 3] {
        let options = Options {
            rows,
            ..Options::default()
        };
        let summary =
            run_conformance(&Simulator, &options, |_| true).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(summary.cases, cases().len());
        assert!(summary.rows > 4 * summary.cases);
    }
}

#[test]
fn a_filter_leaves_the_linear_cases() {
    let summary = run_conformance(&Simulator, &Options::default(), Case::is_linear).unwrap();
    assert!((10..cases().len()).contains(&summary.cases), "{summary:?}");
    // Whatever is linear decides on nothing.
    assert!(
        cases()
            .iter()
            .all(|case| case.decides_on_inputs() || !case.is_linear())
    );
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

/// Adds `wrong` to every result, and perhaps takes any codes.
struct Broken {
    wrong: i64,
    takes_any_codes: bool,
}

impl Backend for Broken {
    type Program = Program;
    type ClientKey = ();
    type ServerKey = ();
    type Query = Vec<i64>;
    type Response = Vec<i64>;
    type Error = SimError;

    fn prepare(&self, circuit: &Verified, options: &Options) -> Result<Program, SimError> {
        Simulator.prepare(circuit, options)
    }

    fn generate_keys(
        &self,
        _: &Program,
        _: &mut impl rand_core::CryptoRng,
    ) -> Result<((), ()), SimError> {
        Ok(((), ()))
    }

    fn encrypt(
        &self,
        program: &Program,
        key: &(),
        codes: &[i64],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Vec<i64>, SimError> {
        if self.takes_any_codes {
            return Ok(codes.to_vec());
        }
        Simulator.encrypt(program, key, codes, rng)
    }

    fn evaluate(
        &self,
        program: &Program,
        key: &(),
        query: &Vec<i64>,
    ) -> Result<Vec<i64>, SimError> {
        let response = Simulator.evaluate(program, key, query)?;
        Ok(response.into_iter().map(|x| x + self.wrong).collect())
    }

    fn decrypt(&self, _: &Program, (): &(), response: &Vec<i64>) -> Result<Vec<i64>, SimError> {
        Ok(response.clone())
    }
}

#[test]
fn the_suite_finds_wrong_results_and_codes_that_should_be_refused() {
    let only_stump = |case: &Case| case.name == "stump";
    let run = |wrong, takes_any_codes| {
        let backend = Broken {
            wrong,
            takes_any_codes,
        };
        run_conformance(&backend, &Options::default(), only_stump)
    };
    assert_eq!(run(0, false).unwrap().cases, 1);
    let failures = run(1, false).unwrap_err().0;
    let is_wrong = |kind: &FailureKind| matches!(kind, FailureKind::Wrong { .. });
    assert!(failures.len() > 4 && failures.iter().all(|failure| is_wrong(&failure.kind)));
    let failures = run(0, true).unwrap_err().0;
    let is_accepted = |kind: &FailureKind| matches!(kind, FailureKind::Accepted { .. });
    assert!(failures.len() == 3 && failures.iter().all(|failure| is_accepted(&failure.kind)));
    let no_rows = Options {
        rows: 0,
        ..Options::default()
    };
    let failures = run_conformance(&Simulator, &no_rows, only_stump)
        .unwrap_err()
        .0;
    assert!(matches!(
        failures[0].kind,
        FailureKind::Error {
            step: "prepare",
            ..
        }
    ));
}
