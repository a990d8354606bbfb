//! Plans that are measured to be other than predicted are not taken: the next one is, and all that were refused are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::cell::Cell;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Matrix, Options, Tree, TreeNode, Verified, verify,
};
use tenebra_tfhe::Program;
use tenebra_tfhe::measure::{Defect, Measure, MeasureError, Measured};

const QUERIES: usize = 6;

fn linear() -> Verified {
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 15); 3]);
    let y = builder.linear(x, Matrix::dense(1, 3, vec![3, -2, 7]), vec![1]);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

fn stumps() -> Verified {
    let tree = |feature: u32| Tree {
        nodes: vec![
            TreeNode::Split {
                feature,
                threshold: 2 + i64::from(feature),
                left: 1,
                right: 2,
            },
            TreeNode::Leaf(vec![5 + i64::from(feature)]),
            TreeNode::Leaf(vec![0]),
        ],
    };
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 7); 3]);
    let forest = Forest {
        outputs: 1,
        trees: (0..3).map(tree).collect(),
        bias: vec![0],
    };
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// Measures with a clear evaluation that is wrong for the first of so many calls.
fn prepared(circuit: &Verified, lies: usize) -> Result<Measured, MeasureError> {
    let calls = Cell::new(0);
    let expected = |codes: &[i64]| {
        calls.set(calls.get() + 1);
        let mut outputs = tenebra_sim::run(circuit, codes).ok()?;
        if calls.get() <= lies {
            outputs[0] += 1;
        }
        Some(outputs)
    };
    let mut measure = Measure {
        queries: Some(QUERIES),
        expected: &expected,
        rng: &mut ChaCha20Rng::from_seed([9; 32]),
        progress: &mut |_, _| (),
    };
    Program::prepare_measured(circuit, &Options::default(), &mut measure)
}

#[test]
fn the_next_plan_is_taken_and_quieter() {
    for circuit in [linear(), stumps()] {
        let sound = prepared(&circuit, 0).unwrap();
        assert!(sound.refused.is_empty());
        let measured = prepared(&circuit, 1).unwrap();
        let [(Defect::Mismatch, of)] = measured.refused.as_slice() else {
            panic!("{:?}", measured.refused);
        };
        assert_eq!(of.mismatches, 1);
        assert_eq!(measured.measurements[0].mismatches, 0);
        // It was sought with twice the variance, so it has a margin of that; the first one may have had it as well.
        let p_fail = |program: &Program| program.report()[0].p_fail_log2;
        assert!(p_fail(&measured.program) <= -128.0);
        assert!(p_fail(&measured.program) <= p_fail(&sound.program));
    }
}

#[test]
fn nothing_is_taken_that_is_never_as_predicted() {
    for circuit in [linear(), stumps()] {
        let Err(MeasureError::NoneAsPredicted { refused }) = prepared(&circuit, usize::MAX) else {
            panic!("a plan was taken");
        };
        assert_eq!(refused.len(), 4);
        let all = |(defect, of): &(Defect, _)| {
            let of: &tenebra_tfhe::measure::Measurement = of;
            *defect == Defect::Mismatch && of.mismatches == QUERIES
        };
        assert!(refused.iter().all(all), "{refused:?}");
    }
}
