use alloc::collections::BTreeMap;

use proptest::prelude::*;
use tenebra_quant::{BitWidth, Decision, InverseLink};

use super::*;
use crate::forest::{Comparison, ForestParts, Missing, Node, Split, Tree};
use crate::quantized::Codec;

fn split(feature: u32, threshold: f64, missing: Missing, left: u32, right: u32) -> Node {
    Node::Split(Split {
        feature,
        threshold,
        comparison: Comparison::Less,
        missing,
        left,
        right,
    })
}

fn leaf(value: f64) -> Node {
    Node::Leaf(vec![value])
}

fn forest(n_features: usize, trees: Vec<Vec<Node>>) -> ForestModel {
    let trees = trees
        .into_iter()
        .map(|nodes| Tree {
            first_output: 0,
            nodes,
        })
        .collect();
    ForestModel::new(ForestParts {
        estimator: "test".to_owned(),
        feature_names: None,
        n_features,
        round_to_f32: false,
        trees,
        bias: vec![0.0],
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        categories: BTreeMap::new(),
        params: BTreeMap::new(),
    })
    .unwrap()
}

/// One stump per split, with distinct powers of two right: the score tells every decision.
fn stumps(splits: &[(u32, f64, Missing)]) -> ForestModel {
    let stump = |(at, &(feature, threshold, missing)): (i32, &_)| {
        vec![
            split(feature, threshold, missing, 1, 2),
            leaf(0.0),
            leaf(2.0_f64.powi(at)),
        ]
    };
    forest(2, (0..).zip(splits).map(stump).collect())
}

fn options(leaf_bits: u8) -> ForestOptions {
    ForestOptions {
        leaf_bits: Some(leaf_bits),
        ..ForestOptions::default()
    }
}

fn score(quantized: &QuantizedModel, row: &[f64]) -> f64 {
    let outputs = tenebra_sim::run(quantized.circuit(), &quantized.encode(row).unwrap().codes);
    quantized.decode(&outputs.unwrap()).unwrap().scores[0]
}

fn bins(input: &InputCodec) -> (&[f64], Option<i32>) {
    let Codec::Bins { cuts, .. } = &input.codec else {
        panic!("even codes")
    };
    (cuts, input.missing)
}

const NAN: f64 = f64::NAN;

#[test]
fn two_stumps_by_hand() {
    use Missing::Refused;
    let model = stumps(&[(1, 2.5, Refused), (1, -1.0, Refused)]);
    let (quantized, report) = quantize_forest(&model, None, &options(8)).unwrap();
    // Feature 0 is no input; feature 1 has the bins (-inf, -1), [-1, 2.5), [2.5, inf).
    assert_eq!(quantized.inputs.len(), 1);
    assert_eq!(
        (quantized.inputs[0].column, bins(&quantized.inputs[0])),
        (1, (&[-1.0, 2.5][..], None))
    );
    // Leaves 0, 1 and 0, 2: the scale is 2 / 255, and 1 is 127.5 steps, which round to 128.
    assert_eq!(quantized.readout.outputs[0].scale, 2.0 / 255.0);
    assert_eq!(
        [-2.0, -1.0, 2.5].map(|x| score(&quantized, &[NAN, x])),
        [0.0, 2.0, 2.0 + 256.0 / 255.0]
    );
    assert!((report.leaf_error_bound[0] - 1.0 / 255.0).abs() < 1e-12);
    assert_eq!(
        (
            report.input_bits,
            report.cut_points,
            report.splits,
            report.depth
        ),
        (2, 2, 2, 1)
    );
    assert!(quantized.encode(&[0.0, NAN]).is_err());
}

/// Leaves that are a power of two as large are as exact, and as well measured.
#[test]
fn the_unit_of_scores_does_not_matter() {
    let rows = Table::from_rows(1, (0..30).map(|i| f64::from(i) / 10.0).collect()).unwrap();
    let measured = |exponent: i32| {
        let unit = 2.0_f64.powi(exponent);
        let stump = |(threshold, value): &(f64, f64)| {
            let root = split(0, *threshold, Missing::Refused, 1, 2);
            vec![root, leaf(0.0), leaf(value * unit)]
        };
        let model = forest(1, [(0.5, 1.0), (1.5, 0.3)].iter().map(stump).collect());
        let (_, report) = quantize_forest(&model, Some(&rows), &ForestOptions::default()).unwrap();
        let error = report.measured.unwrap();
        let errors = (error.max / unit, error.rms / unit, error.relative);
        (report.leaf_bits, errors)
    };
    let wanted = measured(0);
    assert!(wanted.1.2 > 0.0);
    for exponent in [-1000, -600, -300, 300, 600, 1000] {
        assert_eq!(measured(exponent), wanted, "2^{exponent}");
    }
}

#[test]
fn missing_values_take_an_existing_code_where_the_splits_agree() {
    use Missing::{AsZero, Left, Right};
    let cases = [
        (vec![(0, 1.0, Left), (0, 5.0, Left)], 0),
        (vec![(0, 1.0, Right), (0, 5.0, Right)], 2),
        // Right at 1, left at 5: like a value between.
        (vec![(0, 1.0, Right), (0, 5.0, Left)], 1),
        // 0 lies in the second of the bins around -1, 3 and 5.
        (
            vec![(0, 3.0, AsZero), (0, -1.0, AsZero), (0, 5.0, AsZero)],
            1,
        ),
    ];
    for (splits, code) in cases {
        let model = stumps(&splits);
        let (quantized, report) = quantize_forest(&model, None, &options(8)).unwrap();
        assert_eq!(quantized.inputs.len(), 1, "{splits:?}");
        assert_eq!(quantized.inputs[0].missing, Some(code), "{splits:?}");
        assert_eq!(report.split_features, 0);
        assert_exact(&model, &quantized, &[-2.0, 0.0, 1.0, 3.0, 5.0, NAN]);
    }
}

#[test]
fn splits_that_disagree_on_missing_values_share_no_input() {
    use Missing::{Left, Right};
    // Left at 1 and right at 5 cannot be one place; what is right at 0 joins the cheaper of the two.
    let model = stumps(&[(0, 1.0, Left), (0, 5.0, Right), (0, 0.0, Right)]);
    let (quantized, report) = quantize_forest(&model, None, &options(8)).unwrap();
    assert_eq!((quantized.inputs.len(), report.split_features), (2, 1));
    assert!(quantized.inputs.iter().all(|input| input.column == 0));
    assert_exact(&model, &quantized, &[-1.0, 0.0, 1.0, 2.0, 5.0, NAN]);
    // Without missing values one input does.
    let without = ForestOptions {
        missing: false,
        ..options(8)
    };
    let (quantized, _) = quantize_forest(&model, None, &without).unwrap();
    assert_eq!(
        quantized.inputs.iter().map(bins).collect::<Vec<_>>(),
        [(&[0.0, 1.0, 5.0][..], None)]
    );
}

#[test]
fn splits_on_missing_values_alone_get_a_code_beyond_the_others() {
    use Missing::{Left, Right};
    let only = |threshold, missing| stumps(&[(0, threshold, missing), (0, 1.0, missing)]);
    let (low, high) = (only(f64::NEG_INFINITY, Left), only(f64::INFINITY, Right));
    let (quantized, _) = quantize_forest(&low, None, &options(2)).unwrap();
    assert_eq!(bins(&quantized.inputs[0]), (&[1.0][..], Some(-1)));
    assert_exact(&low, &quantized, &[0.0, 1.0, f64::MIN, NAN]);
    let (quantized, _) = quantize_forest(&high, None, &options(2)).unwrap();
    assert_eq!(bins(&quantized.inputs[0]), (&[1.0][..], Some(2)));
    assert_exact(&high, &quantized, &[0.0, 1.0, f64::MAX, NAN]);
    // A constant model still has an input.
    let constant = stumps(&[(0, f64::INFINITY, Left)]);
    let (quantized, report) = quantize_forest(&constant, None, &options(1)).unwrap();
    assert_eq!((quantized.inputs.len(), report.splits), (1, 0));
    assert_exact(&constant, &quantized, &[0.0, NAN]);
}

/// Every decision on feature 0 as in the float model: the leaves of `stumps` are exact in enough bits.
fn assert_exact(model: &ForestModel, quantized: &QuantizedModel, values: &[f64]) {
    for &value in values {
        let row = [value, 0.0];
        let want = model.decision_function(&row).unwrap()[0];
        let got = score(quantized, &row);
        assert!((got - want).abs() < 0.4, "{value}: {got} instead of {want}");
    }
}

#[test]
fn what_leaves_no_trace_is_not_sent() {
    use Missing::Refused;
    // Below x < 1, the question x < 3 is settled; the split of feature 1 has two equal leaves.
    let nodes = vec![
        split(0, 1.0, Refused, 1, 2),
        split(0, 3.0, Refused, 3, 4),
        split(1, 9.0, Refused, 5, 6),
        leaf(1.0),
        leaf(50.0),
        leaf(3.0),
        leaf(3.0),
    ];
    let (quantized, report) = quantize_forest(&forest(2, vec![nodes]), None, &options(8)).unwrap();
    assert_eq!(
        quantized.inputs.iter().map(bins).collect::<Vec<_>>(),
        [(&[1.0][..], None)]
    );
    assert_eq!(
        (report.splits, report.cut_points, report.input_bits),
        (1, 1, 1)
    );
    assert_eq!(
        quantized.circuit().input_ranges(),
        [tenebra_circuit::Interval::new(0, 1)]
    );
}

#[test]
fn decoys_fill_the_codes_and_change_nothing() {
    use Missing::{Left, Right};
    let model = stumps(&[(0, 1.0, Right), (0, 5.0, Left), (1, 2.0, Right)]);
    let values: Vec<f64> = (0..100)
        .flat_map(|i| [f64::from(i) / 10.0, f64::from(i % 7)])
        .collect();
    let table = Table::from_rows(2, values).unwrap();
    for (bits, cuts) in [(0, 3 + 1), (1, 7 + 3)] {
        for calibration in [None, Some(&table)] {
            let decoys = Some(Decoys { bits, seed: 1 });
            let with = ForestOptions {
                decoys,
                ..options(4)
            };
            let (quantized, report) = quantize_forest(&model, calibration, &with).unwrap();
            assert_eq!((report.cut_points, report.unused_cuts), (cuts, cuts - 3));
            assert_eq!(report.input_bits, 3 + 2 * u32::from(bits));
            for x in [-1.0, 0.0, 0.5, 1.0, 2.0, 3.7, 5.0, 9.0, NAN] {
                let row = [x, 2.0 - x];
                let (got, want) = (
                    score(&quantized, &row),
                    model.decision_function(&row).unwrap()[0],
                );
                assert!((got - want).abs() < 0.4, "{row:?}: {got} instead of {want}");
            }
        }
    }
}

#[test]
fn even_codes_decide_to_half_a_step() {
    let model = stumps(&[(0, 1.0, Missing::Left), (0, 5.0, Missing::Left)]);
    let table = Table::from_rows(2, vec![0.0, 0.0, 15.0, 0.0, NAN, 0.0]).unwrap();
    let uniform = ForestOptions {
        bins: BinsMode::Uniform(BitWidth::new(4).unwrap()),
        ..options(8)
    };
    let (quantized, report) = quantize_forest(&model, Some(&table), &uniform).unwrap();
    // Codes 0 to 15 stand for 0 to 15: x < 1 iff round(x) < 1, x < 5 iff round(x) < 5.
    let scores = [0.4, 0.6, 4.4, 4.6, NAN, 99.0].map(|x| score(&quantized, &[x, 0.0]).round());
    assert_eq!(scores, [0.0, 1.0, 1.0, 3.0, 0.0, 3.0]);
    assert_eq!((report.cut_points, report.input_bits), (0, 4));
    // Without calibration data, the codes lie where the cuts are.
    let (quantized, _) = quantize_forest(&model, None, &uniform).unwrap();
    let scores = [-9.0, 0.6, 1.2, 4.8, 5.2].map(|x| score(&quantized, &[x, 0.0]).round());
    assert_eq!(scores, [0.0, 0.0, 1.0, 1.0, 3.0]);
}

#[test]
fn leaf_bits_are_as_few_as_keep_every_decision() {
    // Four leaves; class 1 iff the score is above 0, and 0.001 is a close call beside a spread of 3.
    let nodes = vec![
        split(0, 1.0, Missing::Refused, 1, 2),
        split(0, 0.0, Missing::Refused, 3, 4),
        split(0, 2.0, Missing::Refused, 5, 6),
        leaf(-1.0),
        leaf(0.001),
        leaf(-0.001),
        leaf(2.0),
    ];
    let mut parts = forest(1, vec![nodes]).parts().clone();
    (parts.decision, parts.inverse_link) = (Decision::Threshold, InverseLink::Sigmoid);
    parts.classes = vec!["0".to_owned(), "1".to_owned()];
    let model = ForestModel::new(parts).unwrap();
    let table = Table::from_rows(1, vec![-1.0, 0.5, 1.5, 3.0]).unwrap();
    for calibration in [None, Some(&table)] {
        let (quantized, report) =
            quantize_forest(&model, calibration, &ForestOptions::default()).unwrap();
        for row in table.rows() {
            let want = model.predict(row).unwrap().class;
            let outputs =
                tenebra_sim::run(quantized.circuit(), &quantized.encode(row).unwrap().codes);
            assert_eq!(quantized.decode(&outputs.unwrap()).unwrap().class, want);
        }
        // +-0.001 is (1 +- 0.001) (2^b - 1) / 3 steps above -1, and 0 is k = (2^b - 1) / 3. For even b this is an
        // integer: both round to it until k >= 500, at b = 12. For odd b it is a third more than one: 1.001 k rounds up
        // from k >= 167, at b = 9. Without data 10 bits are the least, so it is 11.
        assert_eq!(report.leaf_bits, if calibration.is_some() { 9 } else { 11 });
        assert_eq!(
            report.measured.map(|error| (error.rows, error.changed)),
            calibration.map(|_| (4, 0))
        );
    }
    assert_eq!(
        quantize_forest(&model, None, &options(0)).unwrap_err(),
        QuantizeError::LeafBits { found: 0 }
    );
}

#[test]
fn tied_classes_stay_tied() {
    let nodes = vec![
        split(0, 0.0, Missing::Refused, 1, 2),
        Node::Leaf(vec![0.5, 0.5]),
        Node::Leaf(vec![0.1, 0.9]),
    ];
    let mut parts = forest(1, vec![vec![leaf(0.0)]]).parts().clone();
    parts.trees = vec![Tree {
        first_output: 0,
        nodes,
    }];
    (parts.bias, parts.decision) = (vec![0.0; 2], Decision::ArgMax);
    parts.classes = vec!["0".to_owned(), "1".to_owned()];
    let model = ForestModel::new(parts).unwrap();
    for bits in 1..=12 {
        let (quantized, _) = quantize_forest(&model, None, &options(bits)).unwrap();
        let outputs = tenebra_sim::run(
            quantized.circuit(),
            &quantized.encode(&[-1.0]).unwrap().codes,
        );
        // The first of equal classes, as in the float model.
        assert_eq!(
            quantized.decode(&outputs.unwrap()).unwrap().class,
            Some(0),
            "{bits} bits"
        );
    }
}

#[test]
fn shared_nodes_are_copied_up_to_a_limit() {
    // Each level asks another feature and goes on to one shared node: 2^60 paths.
    let mut nodes: Vec<Node> = (0..60)
        .map(|level| {
            split(
                level,
                f64::from(level),
                Missing::Refused,
                level + 1,
                level + 1,
            )
        })
        .collect();
    nodes.push(leaf(1.0));
    let error = quantize_forest(&forest(60, vec![nodes]), None, &options(1)).unwrap_err();
    assert!(matches!(error, QuantizeError::ForestSize { .. }), "{error}");
}

#[test]
fn shared_nodes_are_copied_only_where_their_path_leaves_both_sides() {
    // A set of 20 of 40 categories takes 40 comparisons, and so does the same set below it on either side; but a path has
    // been told one category by then.
    let below = |first: u32, inside: u32, outside: u32| -> Vec<Node> {
        let last = first + 39;
        let next = |at: u32| if at == last { outside } else { at + 1 };
        let side = |at: u32| {
            if (at - first).is_multiple_of(2) {
                inside
            } else {
                outside
            }
        };
        (first..=last)
            .map(|at| split(0, f64::from(at - first), Missing::Right, side(at), next(at)))
            .collect()
    };
    let mut nodes = Vec::new();
    for level in 0..10 {
        let next = 40 * (level + 1);
        nodes.extend(below(40 * level, next, next));
    }
    nodes.extend(below(400, 440, 441));
    nodes.extend([leaf(1.0), leaf(2.0)]);
    let model = forest(2, vec![nodes]);
    let (quantized, report) = quantize_forest(&model, None, &options(4)).unwrap();
    assert!(report.splits <= 40, "{} splits", report.splits);
    let values: Vec<f64> = (-2..84)
        .map(|half| f64::from(half) / 2.0)
        .chain([NAN])
        .collect();
    assert_exact(&model, &quantized, &values);
}

#[test]
fn depth_is_no_limit() {
    let deep = 10_000;
    let mut nodes = Vec::new();
    for level in 0..deep {
        nodes.push(split(
            0,
            f64::from(level),
            Missing::Refused,
            2 * level + 1,
            2 * level + 2,
        ));
        nodes.push(leaf(f64::from(level)));
    }
    nodes.push(leaf(f64::from(deep)));
    let model = forest(1, vec![nodes]);
    let (quantized, report) = quantize_forest(&model, None, &options(24)).unwrap();
    assert_eq!((report.depth, report.input_bits), (10_000, 14));
    for x in [-1.0, 0.0, 4999.5, 9999.0] {
        assert!((score(&quantized, &[x]) - model.decision_function(&[x]).unwrap()[0]).abs() < 0.01);
    }
}

prop_compose! {
    /// Splits of two features with few distinct thresholds, so that they meet, and every kind of comparison.
    fn splits()(
        splits in prop::collection::vec((
            0_u32..2,
            prop::sample::select(vec![-1.5, -0.1, -0.0, 0.0, 5e-324, 0.1, 1.0, 1.0 + 1e-12, 3e38, 1e39, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY]),
            prop::sample::select(vec![Comparison::Less, Comparison::LessOrEqual]),
            prop::sample::select(vec![Missing::Left, Missing::Right, Missing::AsZero]),
        ), 15),
        refused in any::<bool>(), round_to_f32 in any::<bool>(),
    ) -> ForestModel {
        // A complete tree of depth 4, whose leaves tell where a row ends up.
        let inner = (0_u32..).zip(splits).map(|(at, (feature, threshold, comparison, missing))| {
            let missing = if refused { Missing::Refused } else { missing };
            Node::Split(Split { feature, threshold, comparison, missing, left: 2 * at + 1, right: 2 * at + 2 })
        });
        let nodes = inner.chain((0..16).map(|at| leaf(f64::from(at)))).collect();
        let mut parts = forest(2, vec![nodes]).parts().clone();
        parts.round_to_f32 = round_to_f32;
        ForestModel::new(parts).unwrap()
    }
}

proptest! {
    /// The law of threshold bins: the same leaf for every row that the float model takes.
    #[test]
    fn every_decision_is_the_float_models(
        model in splits(), decoys in prop::option::of(0_u8..2),
        rows in prop::collection::vec(prop::array::uniform2(prop::sample::select(vec![
            -2.0, -1.5, -0.1, -1e-300, -0.0, 0.0, 5e-324, 1e-310, 0.1, 0.1_f32.into(), 1.0, 1.0 + 1e-12, 1.1, 3e38, 1e39, 1e300, f64::MAX, f64::MIN, NAN,
        ])), 20),
    ) {
        let decoys = decoys.map(|bits| Decoys { bits, seed: 7 });
        let (quantized, _) = quantize_forest(&model, None, &ForestOptions { decoys, ..options(8) }).unwrap();
        for row in rows {
            if let Ok(want) = model.decision_function(&row) {
                let got = score(&quantized, &row);
                prop_assert!((got - want[0]).abs() < 0.1, "{row:?}: {got} instead of {}", want[0]);
            }
        }
    }
}
