use proptest::prelude::*;

use super::*;
use crate::data::Table;
use crate::forest::{ForestModel, ForestParts, Tree};
use tenebra_quant::{Decision, InverseLink};

const NAN: f64 = f64::NAN;

fn params() -> GrowParams {
    GrowParams {
        max_depth: None,
        min_samples_split: 2,
        min_samples_leaf: 1,
        min_weight: 0.0,
        lambda: 0.0,
        min_gain: f64::NEG_INFINITY,
        max_features: usize::MAX,
        stop_when_pure: true,
    }
}

/// A regression tree on weighted targets.
fn tree(
    n_columns: usize,
    x: &[f64],
    y: &[f64],
    weights: &[f64],
    params: &GrowParams,
) -> ForestModel {
    let columns = Columns::new(&Table::from_rows(n_columns, x.to_vec()).unwrap()).unwrap();
    let sums: Vec<f64> = y.iter().zip(weights).map(|(y, w)| y * w).collect();
    let targets = Targets {
        width: 1,
        sums: &sums,
        weights,
    };
    let features: Vec<usize> = (0..n_columns).collect();
    let mean = |sums: &[f64], weight: f64| vec![sums[0] / (weight + params.lambda)];
    let nodes = grow(
        &columns,
        &targets,
        &features,
        params,
        &mut Random::new(0),
        mean,
    );
    ForestModel::new(ForestParts {
        estimator: String::new(),
        feature_names: None,
        n_features: n_columns,
        round_to_f32: true,
        trees: vec![Tree {
            first_output: 0,
            nodes,
        }],
        bias: vec![0.0],
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        categories: Default::default(),
        params: alloc::collections::BTreeMap::new(),
    })
    .unwrap()
}

fn predict(model: &ForestModel, row: &[f64]) -> f64 {
    model.decision_function(row).unwrap()[0]
}

fn root(model: &ForestModel) -> Split {
    let Node::Split(split) = &model.trees[0].nodes[0] else {
        panic!("the root is a leaf")
    };
    *split
}

#[test]
fn the_best_split_lies_in_the_middle_of_the_gap() {
    let model = tree(
        1,
        &[1.0, 2.0, 5.0, 6.0],
        &[0.0, 0.0, 3.0, 3.0],
        &[1.0; 4],
        &params(),
    );
    assert_eq!(
        (root(&model).threshold, root(&model).missing),
        (3.5, Missing::Refused)
    );
    // Both sides are pure: one split is all.
    assert_eq!(model.trees[0].nodes.len(), 3);
    assert_eq!([0.0, 9.0].map(|x| predict(&model, &[x])), [0.0, 3.0]);
}

#[test]
fn weights_move_means_and_splits() {
    // Depth 1 with weights 1, 1, 1, 9: after row 3, S_left = 3, W_left = 3, S_right = 18, W_right = 9: score 3 + 36 = 39;
    // after row 2, 1/2 + 400/10 = 40.5; after row 1, 0 + 441/11 = 40.09.
    let (x, y, weights) = (
        [1.0, 2.0, 3.0, 4.0],
        [0.0, 1.0, 2.0, 2.0],
        [1.0, 1.0, 1.0, 9.0],
    );
    let stump = GrowParams {
        max_depth: Some(1),
        ..params()
    };
    let model = tree(1, &x, &y, &weights, &stump);
    assert_eq!(root(&model).threshold, 2.5);
    assert_eq!([0.0, 9.0].map(|x| predict(&model, &[x])), [0.5, 2.0]);
    // With lambda = 1 the scores are 441 / 12 = 36.75 after row 1 and 1 / 3 + 400 / 11 = 36.70 after row 2, and the leaves
    // shrink to 0 and 21 / 12.
    let penalized = GrowParams {
        lambda: 1.0,
        ..stump
    };
    let model = tree(1, &x, &y, &weights, &penalized);
    assert_eq!(root(&model).threshold, 1.5);
    assert_eq!([0.0, 9.0].map(|x| predict(&model, &[x])), [0.0, 1.75]);
}

#[test]
fn a_split_without_gain_is_made_where_later_ones_gain() {
    // Exclusive or: no single split helps.
    let x = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let y = [0.0, 1.0, 1.0, 0.0];
    let model = tree(2, &x, &y, &[1.0; 4], &params());
    for (row, y) in x.chunks_exact(2).zip(y) {
        assert_eq!(predict(&model, row), y);
    }
    // With a least gain, as boosting has, it is not made.
    let model = tree(
        2,
        &x,
        &y,
        &[1.0; 4],
        &GrowParams {
            min_gain: 1e-6,
            ..params()
        },
    );
    assert_eq!(model.trees[0].nodes, [Node::Leaf(vec![0.5])]);
}

#[test]
fn limits_hold() {
    let (x, y): (Vec<f64>, Vec<f64>) = (0..32)
        .map(|i| (f64::from(i), f64::from(i * i % 7)))
        .unzip();
    let count = |params: &GrowParams| {
        let model = tree(1, &x, &y, &[1.0; 32], params);
        let mut rows = vec![0; model.trees[0].nodes.len()];
        x.iter()
            .for_each(|&x| rows[model.apply(&[x]).unwrap()[0]] += 1);
        (
            model.trees[0].depth(),
            rows.into_iter().filter(|&n| n > 0).min().unwrap(),
        )
    };
    assert_eq!(
        count(&GrowParams {
            max_depth: Some(3),
            ..params()
        })
        .0,
        3
    );
    assert_eq!(
        count(&GrowParams {
            min_samples_leaf: 5,
            ..params()
        })
        .1,
        5
    );
    assert!(
        count(&GrowParams {
            min_weight: 4.5,
            ..params()
        })
        .1 >= 5
    );
    assert_eq!(
        count(&GrowParams {
            min_samples_split: 33,
            ..params()
        }),
        (0, 32)
    );
}

#[test]
fn missing_values_go_where_they_gain() {
    let x = [1.0, 2.0, 8.0, 9.0, NAN, NAN];
    let stump = GrowParams {
        max_depth: Some(1),
        ..params()
    };
    let with = |y_missing: f64| {
        let y = [0.0, 0.0, 4.0, 4.0, y_missing, y_missing];
        root(&tree(1, &x, &y, &[1.0; 6], &stump))
    };
    assert_eq!(
        (with(0.0).threshold, with(0.0).missing),
        (5.0, Missing::Left)
    );
    assert_eq!(
        (with(4.0).threshold, with(4.0).missing),
        (5.0, Missing::Right)
    );
    // Unlike all others, they are split off alone: every real goes left.
    let alone = with(99.0);
    assert_eq!(
        (alone.threshold, alone.comparison, alone.missing),
        (f64::MAX, Comparison::LessOrEqual, Missing::Right)
    );
}

#[test]
fn neighbouring_numbers_are_told_apart() {
    let high = 1.0_f32.next_up();
    let model = tree(
        1,
        &[1.0, f64::from(high)],
        &[0.0, 1.0],
        &[1.0; 2],
        &params(),
    );
    // There is no single-precision number between: the threshold is the upper one.
    assert_eq!(root(&model).threshold, f64::from(high));
    assert_eq!(predict(&model, &[1.0]), 0.0);
    for (low, high) in [
        (f32::MIN, f32::MAX),
        (-0.0, 1e-45),
        (1e-45, 3e-45),
        (f32::MAX.next_down(), f32::MAX),
    ] {
        let middle = middle(low, high);
        assert!(
            f64::from(low) < middle && middle <= f64::from(high),
            "{low} {high} {middle}"
        );
    }
}

#[test]
fn features_beyond_single_precision_are_refused_with_row_and_column() {
    let table = Table::from_rows(2, vec![0.0, 0.0, 0.0, 1e39]).unwrap();
    let error = Columns::new(&table).err().unwrap();
    assert_eq!(
        error.to_string(),
        "row 2, column `f1`: 1e39 is too large to train on; divide the column by a constant"
    );
}

fn data() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let cell = prop_oneof![9 => (-8_i8..8).prop_map(f64::from), 1 => Just(NAN)];
    (2_usize..40).prop_flat_map(move |rows| {
        (
            prop::collection::vec(cell.clone(), 2 * rows),
            prop::collection::vec((0_i8..4).prop_map(f64::from), rows),
        )
    })
}

proptest! {
    /// A full tree gives every row the mean of the rows that are equal to it.
    #[test]
    fn full_trees_memorize((x, y) in data()) {
        let model = tree(2, &x, &y, &vec![1.0; y.len()], &params());
        let key = |row: &[f64]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        for row in x.chunks_exact(2) {
            let equal: Vec<f64> = x.chunks_exact(2).zip(&y).filter(|(r, _)| key(r) == key(row)).map(|(_, y)| *y).collect();
            let mean = equal.iter().sum::<f64>() / equal.len() as f64;
            prop_assert!((predict(&model, row) - mean).abs() < 1e-9);
        }
    }

    /// A row of weight n is n rows; one of weight 0 is none.
    #[test]
    fn weights_are_repetitions((x, y) in data(), weights in prop::collection::vec(0_u8..3, 40)) {
        let weights = &weights[..y.len()];
        prop_assume!(weights.iter().any(|&w| w > 0));
        let (mut more_x, mut more_y) = (Vec::new(), Vec::new());
        for ((row, y), &w) in x.chunks_exact(2).zip(&y).zip(weights) {
            for _ in 0..w {
                more_x.extend_from_slice(row);
                more_y.push(*y);
            }
        }
        // Counts of rows differ, so nothing may depend on them; features that are never missing are then refused when they are.
        let limited = GrowParams { max_depth: Some(3), ..params() };
        let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w)).collect();
        let weighted = tree(2, &x, &y, &weights, &limited);
        let repeated = tree(2, &more_x, &more_y, &vec![1.0; more_y.len()], &limited);
        for row in more_x.chunks_exact(2) {
            prop_assert!((predict(&weighted, row) - predict(&repeated, row)).abs() < 1e-9);
        }
    }
}
