use alloc::collections::BTreeMap;

use proptest::prelude::*;
use tenebra_circuit::Op;
use tenebra_quant::{BitWidth, Decision, InverseLink};

use super::*;
use crate::additive::AdditiveParts;

const NAN: f64 = f64::NAN;

fn model(terms: Vec<Term>, outputs: usize, round_to_f32: bool) -> AdditiveModel {
    AdditiveModel::new(AdditiveParts {
        estimator: "test".to_owned(),
        feature_names: None,
        n_features: 3,
        round_to_f32,
        terms,
        bias: vec![0.5; outputs],
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        params: BTreeMap::new(),
    })
    .unwrap()
}

fn term(feature: usize, cuts: &[f64], values: &[f64], missing: Option<f64>) -> Term {
    let values = values.iter().map(|&v| vec![v]).collect();
    Term {
        feature,
        cuts: cuts.to_vec(),
        values,
        missing: missing.map(|v| vec![v]),
    }
}

fn options(leaf_bits: u8) -> ForestOptions {
    ForestOptions {
        leaf_bits: Some(leaf_bits),
        ..ForestOptions::default()
    }
}

fn scores(quantized: &QuantizedModel, row: &[f64]) -> Vec<f64> {
    let codes = quantized.encode(row).unwrap().codes;
    let outputs = tenebra_sim::run(quantized.circuit(), &codes).unwrap();
    quantized.decode(&outputs).unwrap().scores
}

#[test]
fn two_terms_by_hand() {
    let terms = vec![
        term(0, &[1.0, 2.0], &[0.0, 3.0, 1.0], Some(3.0)),
        term(2, &[0.0], &[-2.0, 2.0], None),
    ];
    let (quantized, report) =
        quantize_additive(&model(terms, 1, false), None, &options(2)).unwrap();
    // Spreads 3 and 4: the scale is 4 / 3, and 3 and 1 are 2.25 and 0.75 steps, 2 and 1.
    assert_eq!(quantized.readout.outputs[0].scale, 4.0 / 3.0);
    // 0.5 + 0 - 2, the bias and the least values.
    assert_eq!(quantized.readout.outputs[0].offset, -1.5);
    let found = [[0.0, -1.0], [1.0, -1.0], [2.0, 0.0], [NAN, 0.0]]
        .map(|[a, b]| scores(&quantized, &[a, NAN, b])[0]);
    let want = [0.0, 8.0, 16.0, 20.0].map(|thirds| -1.5 + thirds / 3.0);
    assert!(
        found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12),
        "{found:?}"
    );
    // A missing value has the code of the interval with its value.
    assert_eq!(quantized.inputs[0].missing, Some(1));
    assert_eq!(
        (
            report.trees,
            report.splits,
            report.cut_points,
            report.input_bits
        ),
        (2, 0, 3, 3)
    );
    assert!(
        quantized
            .circuit()
            .circuit()
            .ops
            .iter()
            .any(|op| matches!(op, Op::Lookup { .. }))
    );
}

#[test]
fn steps_that_leave_no_trace_are_not_sent() {
    // At 2 bits over a spread of 90, a step of 1 vanishes, and with it all of the second term.
    let terms = vec![
        term(0, &[1.0, 2.0, 3.0], &[0.0, 1.0, 90.0, 89.0], None),
        term(1, &[5.0], &[0.0, 1.0], Some(0.5)),
    ];
    let (quantized, report) =
        quantize_additive(&model(terms, 1, false), None, &options(2)).unwrap();
    assert_eq!((quantized.inputs.len(), report.cut_points), (1, 1));
    assert_eq!(
        [1.5, 2.0].map(|x| scores(&quantized, &[x, NAN, NAN])[0]),
        [0.5, 90.5]
    );
    // A model of constants still has an input and an output.
    let constant = model(vec![term(1, &[], &[7.0], None)], 1, false);
    let (quantized, _) = quantize_additive(&constant, None, &options(2)).unwrap();
    assert_eq!(scores(&quantized, &[NAN; 3]), [7.5]);
}

#[test]
fn a_missing_value_unlike_any_other_has_its_own_code() {
    let steps = model(vec![term(0, &[1.0], &[0.0, 1.0], Some(9.0))], 1, false);
    let (quantized, _) = quantize_additive(&steps, None, &options(8)).unwrap();
    assert_eq!(quantized.inputs[0].missing, Some(2));
    assert_eq!(scores(&quantized, &[NAN, 0.0, 0.0]), [9.5]);
    let without = ForestOptions {
        missing: false,
        ..options(8)
    };
    let (quantized, _) = quantize_additive(&steps, None, &without).unwrap();
    assert!(quantized.encode(&[NAN, 0.0, 0.0]).is_err());
    let uniform = ForestOptions {
        bins: BinsMode::Uniform(BitWidth::new(3).unwrap()),
        ..options(8)
    };
    let table = Table::from_rows(3, vec![0.0, 0.0, 0.0, 7.0, 0.0, 0.0, NAN, 0.0, 0.0]).unwrap();
    let (quantized, report) = quantize_additive(&steps, Some(&table), &uniform).unwrap();
    assert_eq!(
        (quantized.inputs[0].missing, report.input_bits),
        (Some(8), 4)
    );
    assert_eq!(
        [0.4, 0.6, NAN].map(|x| scores(&quantized, &[x, 0.0, 0.0])[0].floor()),
        [0.0, 1.0, 9.0]
    );
    assert_eq!(report.measured.map(|error| error.rows), Some(3));
}

prop_compose! {
    fn models()(
        cuts in prop::collection::vec(prop::collection::btree_set(-20_i32..20, 0..6), 3),
        values in prop::collection::vec(-50_i32..50, 3 * 8 * 2),
        missing in prop::collection::vec(any::<bool>(), 3),
        outputs in 1_usize..3, round_to_f32 in any::<bool>(),
    ) -> AdditiveModel {
        let mut values = values.chunks_exact(2).map(|v| v[..outputs].iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
        let mut next = || values.next().unwrap();
        let terms = cuts.iter().enumerate().map(|(feature, cuts)| Term {
            feature,
            cuts: cuts.iter().map(|&c| f64::from(c) / 4.0).collect(),
            values: (0..=cuts.len()).map(|_| next()).collect(),
            missing: missing[feature].then(&mut next),
        });
        model(terms.collect(), outputs, round_to_f32)
    }
}

proptest! {
    /// Whatever the terms: on the model's own cut points, scores differ by the rounding of values alone.
    #[test]
    fn tables_are_the_steps(
        model in models(), decoys in prop::option::of(0_u8..2), bits in 4_u8..16,
        rows in prop::collection::vec(prop::array::uniform3(prop_oneof![(-24_i32..24).prop_map(|x| f64::from(x) / 4.0), Just(NAN)]), 20),
    ) {
        let options = ForestOptions { decoys: decoys.map(|bits| Decoys { bits, seed: 3 }), ..options(bits) };
        let (quantized, report) = quantize_additive(&model, None, &options).unwrap();
        for row in rows {
            if let Ok(want) = model.decision_function(&row) {
                for ((got, want), bound) in scores(&quantized, &row).iter().zip(want).zip(&report.leaf_error_bound) {
                    prop_assert!((got - want).abs() <= bound + 1e-9, "{row:?}: {got} instead of {want}");
                }
            }
        }
    }
}

#[test]
fn a_cut_point_at_minus_zero_is_one_at_zero() {
    let zeros = model(
        vec![term(
            0,
            &[-0.0, 2.0, 3.0, 4.0],
            &[0.0, 1.0, 0.0, 1.0, 0.0],
            None,
        )],
        1,
        true,
    );
    let values = (0..9).flat_map(|x| [f64::from(x), 0.0, 0.0]).collect();
    let table = Table::from_rows(3, values).unwrap();
    // The decoys are values of the calibration data, zero among them.
    let options = ForestOptions {
        decoys: Some(Decoys { bits: 1, seed: 0 }),
        ..options(4)
    };
    let (quantized, report) = quantize_additive(&zeros, Some(&table), &options).unwrap();
    assert_eq!((report.cut_points, report.unused_cuts), (9, 5));
    for x in [-1.0, -0.0, 0.0, 1.5, 2.0] {
        let row = [x, 0.0, 0.0];
        assert_eq!(
            scores(&quantized, &row),
            zeros.decision_function(&row).unwrap()
        );
    }
}
