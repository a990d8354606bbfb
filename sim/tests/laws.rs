//! Laws that tie the parts of `tenebra-circuit` to what circuits compute.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngSeed, TestRunner},
};
use tenebra_circuit::{
    Circuit, Interval, OpKind, ValueId, Verified,
    dev::{Limits, circuits},
    linear_form, passes,
};
use tenebra_sim::{Trace, run, run_traced};

/// The codes that are left after a pass.
fn kept(codes: &[i64], positions: &[usize]) -> Vec<i64> {
    positions.iter().map(|&position| codes[position]).collect()
}

fn nodes(circuit: &Verified) -> usize {
    let trees = circuit.circuit().ops.iter().filter_map(|op| match op {
        tenebra_circuit::Op::Forest { forest, .. } => Some(&forest.trees),
        _ => None,
    });
    trees.flatten().map(|tree| tree.nodes.len()).sum()
}

#[test]
fn generated_circuits_have_every_operation_often() {
    const CIRCUITS: usize = 500;
    let mut runner = TestRunner::new(config());
    let mut found = vec![];
    for _ in 0..CIRCUITS {
        let (circuit, _) = circuits(Limits::small())
            .new_tree(&mut runner)
            .unwrap()
            .current();
        found.extend(circuit.circuit().kinds());
    }
    for kind in Limits::small().kinds {
        let circuits = found.iter().filter(|&&found| found == kind).count();
        assert!(
            circuits >= CIRCUITS / 10,
            "only {circuits} of {CIRCUITS} have {kind}"
        );
    }
}

/// Many cases, the same each time.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(4),
        // The seed is enough to run a failure again.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Few enough codes to try all of them.
fn one_tree() -> Limits {
    Limits {
        ops: 1,
        len: 3,
        input_bits: 2,
        trees: 1,
        kinds: vec![OpKind::Forest],
        ..Limits::small()
    }
}

fn with(row: &[i64], i: usize, code: i64) -> Vec<i64> {
    let mut row = row.to_vec();
    row[i] = code;
    row
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_value_stays_within_its_range((circuit, codes) in circuits(Limits::small())) {
        let mut trace = Trace::new();
        let outputs = run_traced(&circuit, &codes, &mut trace).unwrap();
        for (output, range) in outputs.iter().zip(circuit.output_ranges()) {
            prop_assert!(range.contains(*output), "{output} not in {range}\n{}", circuit.circuit());
        }
        for index in 0..u32::try_from(circuit.circuit().ops.len()).unwrap() {
            let value = ValueId::new(index);
            let bound = circuit.ranges(value).iter().map(|range| range.magnitude()).max();
            prop_assert!(Some(trace.largest(value)) <= bound, "{value}\n{}", circuit.circuit());
        }
    }

    #[test]
    fn passes_keep_the_meaning((circuit, codes) in circuits(Limits::small())) {
        let want = run(&circuit, &codes).unwrap();
        let pruned = passes::prune_forests(&circuit);
        prop_assert_eq!(run(&pruned, &codes).unwrap(), want.as_slice(), "{}", circuit.circuit());
        prop_assert!(nodes(&pruned) <= nodes(&circuit));
        let folded = passes::fold_constants(&circuit);
        prop_assert_eq!(run(&folded, &codes).unwrap(), want.as_slice(), "{}", circuit.circuit());
        for left in [passes::drop_dead(&circuit), passes::simplify(&circuit)] {
            let codes = kept(&codes, &left.kept_inputs);
            let got = run(&left.circuit, &codes).unwrap();
            prop_assert_eq!(got, want.as_slice(), "{}", circuit.circuit());
            prop_assert!(left.kept_inputs.is_sorted());
            // Nothing grows, and what an output may be is known at least as well as before.
            prop_assert!(left.circuit.circuit().ops.len() <= circuit.circuit().ops.len());
            for (after, before) in left.circuit.output_ranges().iter().zip(circuit.output_ranges()) {
                prop_assert!(before.min <= after.min && after.max <= before.max);
            }
        }
    }

    #[test]
    fn a_linear_circuit_is_its_linear_form((circuit, codes) in circuits(Limits::linear())) {
        let form = linear_form(&circuit).unwrap();
        let row = |(row, bias): (usize, &i64)| {
            bias + form.weights.row(row).map(|(col, weight)| weight * codes[col]).sum::<i64>()
        };
        let outputs: Vec<_> = form.bias.iter().enumerate().map(row).collect();
        prop_assert_eq!(form.weights.cols(), codes.len());
        prop_assert_eq!(outputs, run(&circuit, &codes).unwrap(), "{}", circuit.circuit());
    }

    #[test]
    fn the_text_form_is_the_circuit((circuit, _) in circuits(Limits::small())) {
        let text = circuit.circuit().to_string();
        let parsed = text.parse::<Circuit>();
        prop_assert_eq!(parsed.as_ref(), Ok(circuit.circuit()), "{}", text);
    }

    /// Of one tree, the range is not a bound but what there is.
    #[test]
    fn the_range_of_a_tree_is_reached_at_both_ends((circuit, codes) in circuits(one_tree())) {
        let mut reached = vec![];
        let mut rows = vec![codes];
        for (i, range) in circuit.input_ranges().into_iter().enumerate() {
            let all = rows.iter().flat_map(|row| (range.min..=range.max).map(|code| with(row, i, code)));
            rows = all.collect();
        }
        for codes in rows {
            let outputs = run(&circuit, &codes).unwrap();
            reached.resize(outputs.len(), Interval::new(i64::MAX, i64::MIN));
            for (reached, output) in reached.iter_mut().zip(outputs) {
                *reached = Interval::new(reached.min.min(output), reached.max.max(output));
            }
        }
        prop_assert_eq!(reached, circuit.output_ranges(), "{}", circuit.circuit());
    }
}
