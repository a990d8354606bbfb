//! The simulator agrees with the plain Rust meaning of every case; and the suite notices those that do not.

use rand_core::CryptoRng;
use tenebra_circuit::{
    Client, Evaluator, Interval, Op, OpKind, Options, Planned, Planner, TreeNode, Verified,
    dev::{Case, Limits, Road, Tally, cases, compare, conformance::FailureKind, run_conformance},
};
use tenebra_sim::{ClearClient, ClearEvaluator, SimError, Simulator};

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

/// All kinds of operations, alone and behind one another: what a backend does not meet here, nobody tries on it.
#[test]
fn the_suite_has_cases_of_every_kind() {
    let with = |wanted: &dyn Fn(&Case) -> bool| cases().iter().filter(|case| wanted(case)).count();
    for kind in [
        OpKind::Input,
        OpKind::Linear,
        OpKind::Add,
        OpKind::Sub,
        OpKind::Neg,
        OpKind::Concat,
        OpKind::Slice,
        OpKind::Lookup,
        OpKind::Forest,
    ] {
        assert!(with(&|case| case.kinds().contains(&kind)) > 0, "{kind:?}");
    }
    let has = |case: &Case, kind| case.kinds().contains(&kind);
    let both = |one, other| with(&|case| has(case, one) && has(case, other));
    assert!(both(OpKind::Lookup, OpKind::Forest) > 0);
    assert!(both(OpKind::Linear, OpKind::Forest) > 0);
    assert!(both(OpKind::Linear, OpKind::Lookup) > 0);
    let of_computed = |kind| with(&|case| has(case, kind) && !case.decides_on_inputs());
    assert!(of_computed(OpKind::Forest) > 0);
    let of_inputs = |kind| with(&|case| has(case, kind) && case.decides_on_inputs());
    assert!(of_inputs(OpKind::Forest) > 0 && of_inputs(OpKind::Lookup) > 0);
    for (name, on_inputs) in [
        ("square_of_an_input", true),
        ("stump", true),
        ("forest_plus_linear", true),
        ("forest_of_a_table", false),
        ("forest_of_a_sum", false),
    ] {
        let case = cases().into_iter().find(|case| case.name == name);
        assert_eq!(case.unwrap().decides_on_inputs(), on_inputs, "{name}");
    }
}

/// The least and the greatest of every code, of the first six alone and of all together, both sides of the first ten thresholds, and
/// rows that are none of these.
#[test]
fn rows_of_the_suite_are_where_mistakes_are() {
    for case in cases() {
        let (name, rows) = (case.name, case.inputs());
        let ranges = case.circuit.input_ranges();
        assert!((8..=60).contains(&rows.len()), "{name}: {}", rows.len());
        let inside = |row: &Vec<i64>| {
            row.len() == ranges.len()
                && ranges
                    .iter()
                    .zip(row)
                    .all(|(range, code)| range.contains(*code))
        };
        assert!(rows.iter().all(inside), "{name}: {rows:?}");
        let least: Vec<i64> = ranges.iter().map(|range| range.min).collect();
        let greatest: Vec<i64> = ranges.iter().map(|range| range.max).collect();
        assert!(rows.contains(&least) && rows.contains(&greatest), "{name}");
        for (i, threshold) in thresholds(&case).into_iter().take(10) {
            for code in [threshold - 1, threshold] {
                let met = !ranges[i].contains(code) || rows.iter().any(|row| row[i] == code);
                assert!(met, "{name}: no row has {code} for input {i}");
            }
        }
        // Four rows look random: of wide codes they are all different, and seldom at the ends.
        let wide = |range: &&Interval| range.max - range.min >= 1 << 8;
        if ranges.iter().filter(wide).count() >= 2 {
            let last = &rows[rows.len() - 4..];
            let known = &rows[..rows.len() - 4];
            assert!(
                (0..4).all(|i| !known.contains(&last[i]) && !last[..i].contains(&last[i])),
                "{name}: {last:?}"
            );
        }
    }
}

/// Of forests over the first input, as features are counted.
fn thresholds(case: &Case) -> Vec<(usize, i64)> {
    let ops = &case.circuit.circuit().ops;
    let first = ops.iter().position(|op| matches!(op, Op::Input(_)));
    let mut found = Vec::new();
    for op in ops {
        let Op::Forest { input, forest } = op else {
            continue;
        };
        if Some(input.index()) != first {
            continue;
        }
        for node in forest.trees.iter().flat_map(|tree| &tree.nodes) {
            if let TreeNode::Split {
                feature, threshold, ..
            } = node
            {
                found.push((*feature as usize, *threshold));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

/// Adds `wrong` to every result, and perhaps takes any codes.
#[derive(Clone, Copy)]
struct Broken {
    wrong: i64,
    takes_any_codes: bool,
}

struct BrokenClient {
    of: ClearClient,
    takes_any_codes: bool,
}

struct BrokenEvaluator {
    of: ClearEvaluator,
    wrong: i64,
}

impl Planner for Broken {
    type Client = BrokenClient;
    type Evaluator = BrokenEvaluator;
    type Error = SimError;

    fn plan(
        &self,
        circuit: &Verified,
        options: &Options,
    ) -> Result<Planned<BrokenEvaluator>, SimError> {
        let Planned {
            mut spec,
            evaluator,
        } = Simulator.plan(circuit, options)?;
        spec.push(u8::from(self.takes_any_codes));
        let evaluator = BrokenEvaluator {
            of: evaluator,
            wrong: self.wrong,
        };
        Ok(Planned { spec, evaluator })
    }
}

impl Client for BrokenClient {
    type Error = SimError;

    fn open(spec: &[u8], rng: &mut impl CryptoRng) -> Result<Self, SimError> {
        let (any, spec) = spec.split_last().ok_or(SimError::Bytes)?;
        Ok(Self {
            of: ClearClient::open(spec, rng)?,
            takes_any_codes: *any == 1,
        })
    }

    fn max_rows(&self) -> usize {
        self.of.max_rows()
    }

    fn evaluation_key(&self, rng: &mut impl CryptoRng) -> Result<Option<Vec<u8>>, SimError> {
        self.of.evaluation_key(rng)
    }

    fn encrypt(&self, codes: &[i64], rng: &mut impl CryptoRng) -> Result<Vec<u8>, SimError> {
        if self.takes_any_codes {
            return Ok(codes.iter().flat_map(|code| code.to_le_bytes()).collect());
        }
        self.of.encrypt(codes, rng)
    }

    fn decrypt(&self, response: &[u8]) -> Result<Vec<i64>, SimError> {
        self.of.decrypt(response)
    }
}

impl Evaluator for BrokenEvaluator {
    type Key = <ClearEvaluator as Evaluator>::Key;
    type Error = SimError;

    fn open_key(&self, bytes: &[u8]) -> Result<Self::Key, SimError> {
        self.of.open_key(bytes)
    }

    fn evaluate(&self, key: Option<&Self::Key>, query: &[u8]) -> Result<Vec<u8>, SimError> {
        let response = self.of.evaluate(key, query)?;
        let (numbers, _) = response.as_chunks::<8>();
        let numbers = numbers.iter().copied().map(i64::from_le_bytes);
        Ok(numbers
            .flat_map(|number| (number + self.wrong).to_le_bytes())
            .collect())
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
    // The last row of three is the one that is wrong: below, above, or a code too short where a row has several.
    let several = |case: &Case| case.circuit.input_ranges().len() > 1;
    let backend = Broken {
        wrong: 0,
        takes_any_codes: true,
    };
    let options = Options {
        rows: 3,
        ..Options::default()
    };
    let failures = run_conformance(&backend, &options, several).unwrap_err();
    for case in cases().iter().filter(|case| several(case)) {
        let ranges = case.circuit.input_ranges();
        let of_case = failures
            .0
            .iter()
            .filter(|failure| failure.case == case.name);
        let lens = of_case.map(|failure| match &failure.kind {
            FailureKind::Accepted { codes } => codes.len(),
            other => panic!("{other}"),
        });
        let mut lens: Vec<usize> = lens.collect();
        lens.sort_unstable();
        let whole = 3 * ranges.len();
        assert_eq!(lens, [whole - 1, whole, whole], "{}", case.name);
    }
    let text = failures.to_string();
    assert!(
        text.lines().count() >= failures.0.len() && text.contains("were not refused"),
        "{text}"
    );
    let no_rows = Options {
        rows: 0,
        ..Options::default()
    };
    let failures = run_conformance(&Simulator, &no_rows, only_stump)
        .unwrap_err()
        .0;
    assert!(matches!(
        failures[0].kind,
        FailureKind::Error { step: "plan", .. }
    ));
}

#[test]
fn oracles_that_disagree_are_found_and_what_is_declined_is_counted() {
    let road = |wrong| Road {
        name: "broken",
        planner: Broken {
            wrong,
            takes_any_codes: false,
        },
        options: Options::default(),
        limits: Limits::small(),
    };
    let truth = Road {
        name: "simulator",
        planner: Simulator,
        options: Options::default(),
        limits: Limits::small(),
    };
    let case = cases().into_iter().find(|case| case.name == "stump");
    let case = case.unwrap();
    let mut tally = Tally::default();
    let rows = case.inputs();
    let mut compare = |wrong| {
        let oracle = road(wrong);
        compare(&truth, &oracle, &case.circuit, &rows, [1; 32], &mut tally)
    };
    assert_eq!(compare(0), Ok(()));
    let found = compare(1).unwrap_err();
    assert_eq!(found.oracle, "broken");
    assert!(found.what.contains("instead of"), "{found}");
    let compared = rows.len() as u64;
    assert_eq!(
        (tally.tried, tally.declined, tally.compared),
        (2, 0, compared)
    );
}
