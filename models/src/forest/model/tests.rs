use alloc::collections::BTreeMap;

use super::*;
use crate::forest::{Comparison, Missing, Split, Tree};

fn split(feature: u32, threshold: f64, left: u32, right: u32) -> Node {
    Node::Split(Split {
        feature,
        threshold,
        comparison: Comparison::Less,
        missing: Missing::Right,
        left,
        right,
    })
}

fn leaf(value: f64) -> Node {
    Node::Leaf(vec![value])
}

fn regression(n_features: usize, trees: Vec<Vec<Node>>) -> ForestParts {
    ForestParts {
        estimator: "test".to_owned(),
        feature_names: None,
        n_features,
        round_to_f32: false,
        trees: trees
            .into_iter()
            .map(|nodes| Tree {
                first_output: 0,
                nodes,
            })
            .collect(),
        bias: vec![0.5],
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        categories: BTreeMap::new(),
        params: BTreeMap::new(),
    }
}

fn stump() -> ForestParts {
    regression(2, vec![vec![split(1, 2.0, 1, 2), leaf(-1.0), leaf(3.0)]])
}

#[test]
fn trees_add_to_their_outputs() {
    let mut parts = stump();
    parts.bias = vec![0.5, 10.0];
    parts.trees.push(Tree {
        first_output: 1,
        nodes: vec![leaf(7.0)],
    });
    parts.trees.push(Tree {
        first_output: 0,
        nodes: vec![Node::Leaf(vec![0.25, 100.0])],
    });
    let model = ForestModel::new(parts).unwrap();
    // 0.5 - 1 + 0.25 and 10 + 7 + 100
    assert_eq!(model.decision_function(&[0.0, 1.0]), Ok(vec![-0.25, 117.0]));
    // 0.5 + 3 + 0.25
    assert_eq!(model.decision_function(&[0.0, 2.0]), Ok(vec![3.75, 117.0]));
    assert_eq!(model.apply(&[0.0, 2.0]), Ok(vec![2, 0, 0]));
    assert_eq!(model.used_features().collect::<Vec<_>>(), [1]);
}

#[test]
fn rows_are_rounded_where_the_library_rounds() {
    // 2 - 2^-30 rounds to 2 in single precision, and so is no longer below the threshold 2.
    let just_below = 2.0 - 2.0_f64.powi(-30);
    let mut parts = stump();
    assert_eq!(
        ForestModel::new(parts.clone())
            .unwrap()
            .apply(&[0.0, just_below]),
        Ok(vec![1])
    );
    parts.round_to_f32 = true;
    assert_eq!(
        ForestModel::new(parts).unwrap().apply(&[0.0, just_below]),
        Ok(vec![2])
    );
}

#[test]
fn classifiers_decide_on_scores() {
    let mut parts = stump();
    (parts.inverse_link, parts.decision) = (InverseLink::Sigmoid, Decision::Threshold);
    parts.classes = vec!["no".to_owned(), "yes".to_owned()];
    let model = ForestModel::new(parts).unwrap();
    // The score 0.5 - 1 is not above 0: class 0; 1 / (1 + e^0.5) = 0.3775.
    let prediction = model.predict(&[0.0, 1.0]).unwrap();
    assert_eq!((prediction.class, prediction.scores), (Some(0), vec![-0.5]));
    assert!((prediction.values[0] - 0.377_540_668_798_145_4).abs() < 1e-15);
}

#[test]
fn bad_rows_are_refused_only_where_the_feature_counts() {
    let mut parts = stump();
    let Node::Split(root) = &mut parts.trees[0].nodes[0] else {
        unreachable!()
    };
    root.missing = Missing::Refused;
    let model = ForestModel::new(parts.clone()).unwrap();
    assert_eq!(
        model.decision_function(&[1.0]),
        Err(ForestError::RowLength {
            found: 1,
            expected: 2
        })
    );
    assert_eq!(
        model.decision_function(&[0.0, f64::NAN]),
        Err(ForestError::MissingValue { feature: 1 })
    );
    assert_eq!(model.decision_function(&[f64::NAN, 1.0]), Ok(vec![-0.5]));
    let infinite = |value, rounded| {
        Err(ForestError::InfiniteValue {
            feature: 1,
            value,
            rounded,
        })
    };
    assert_eq!(
        model.apply(&[0.0, f64::INFINITY]),
        infinite(f64::INFINITY, false)
    );
    assert_eq!(model.apply(&[0.0, 1e300]), Ok(vec![2]));
    parts.round_to_f32 = true;
    assert_eq!(
        ForestModel::new(parts).unwrap().apply(&[0.0, 1e300]),
        infinite(1e300, true)
    );
}

#[test]
fn the_door_names_tree_and_node() {
    struct Case {
        spoil: fn(&mut ForestParts),
        expected: ForestError,
    }
    fn nodes(parts: &mut ForestParts) -> &mut Vec<Node> {
        &mut parts.trees[0].nodes
    }
    let cases = [
        Case {
            spoil: |p| p.trees.clear(),
            expected: ForestError::NoTrees,
        },
        Case {
            spoil: |p| nodes(p).clear(),
            expected: ForestError::EmptyTree { tree: 0 },
        },
        Case {
            spoil: |p| nodes(p)[1] = Node::Leaf(vec![]),
            expected: ForestError::EmptyTree { tree: 0 },
        },
        Case {
            spoil: |p| nodes(p)[0] = split(1, 2.0, 1, 3),
            expected: ForestError::DanglingChild {
                tree: 0,
                node: 0,
                child: 3,
                nodes: 3,
            },
        },
        Case {
            spoil: |p| nodes(p)[1] = split(0, 2.0, 2, 0),
            expected: ForestError::Cycle {
                tree: 0,
                node: 1,
                child: 0,
            },
        },
        Case {
            spoil: |p| *nodes(p) = vec![split(0, 1.0, 0, 0)],
            expected: ForestError::Cycle {
                tree: 0,
                node: 0,
                child: 0,
            },
        },
        Case {
            spoil: |p| nodes(p)[0] = split(1, f64::NAN, 1, 2),
            expected: ForestError::NanThreshold { tree: 0, node: 0 },
        },
        Case {
            spoil: |p| nodes(p)[2] = leaf(f64::INFINITY),
            expected: ForestError::LeafNotFinite {
                tree: 0,
                node: 2,
                value: f64::INFINITY,
            },
        },
        Case {
            spoil: |p| nodes(p)[0] = split(2, 2.0, 1, 2),
            expected: ForestError::FeatureOutOfRange {
                tree: 0,
                node: 0,
                feature: 2,
                n_features: 2,
            },
        },
        Case {
            spoil: |p| nodes(p)[2] = Node::Leaf(vec![1.0, 2.0]),
            expected: ForestError::LeafWidth {
                tree: 0,
                node: 2,
                found: 2,
                expected: 1,
            },
        },
        Case {
            spoil: |p| p.trees[0].first_output = 1,
            expected: ForestError::OutputOutOfRange {
                tree: 0,
                first: 1,
                last: 1,
                outputs: 1,
            },
        },
        Case {
            spoil: |p| p.trees[0].first_output = usize::MAX,
            expected: ForestError::OutputOutOfRange {
                tree: 0,
                first: usize::MAX,
                last: usize::MAX,
                outputs: 1,
            },
        },
        Case {
            spoil: |p| p.bias.clear(),
            expected: ForestError::NoOutputs,
        },
        Case {
            spoil: |p| p.bias = vec![f64::NEG_INFINITY],
            expected: ForestError::BiasNotFinite {
                output: 0,
                value: f64::NEG_INFINITY,
            },
        },
        Case {
            spoil: |p| p.decision = Decision::Threshold,
            expected: ForestError::ClassCount {
                classes: 0,
                outputs: 1,
            },
        },
        Case {
            spoil: |p| {
                p.decision = Decision::Threshold;
                p.classes = vec!["a".to_owned(); 2];
            },
            expected: ForestError::DuplicateClass {
                label: "a".to_owned(),
            },
        },
        Case {
            spoil: |p| p.inverse_link = InverseLink::Softmax,
            expected: ForestError::Link {
                link: InverseLink::Softmax,
                decision: Decision::None,
            },
        },
        Case {
            spoil: |p| p.n_features = 0,
            expected: ForestError::NoFeatures,
        },
        Case {
            spoil: |p| p.feature_names = Some(vec!["a".to_owned()]),
            expected: ForestError::FeatureNameCount {
                names: 1,
                n_features: 2,
            },
        },
        Case {
            spoil: |p| p.feature_names = Some(vec!["a".to_owned(); 2]),
            expected: ForestError::DuplicateFeature {
                name: "a".to_owned(),
            },
        },
    ];
    for Case { spoil, expected } in cases {
        let mut parts = stump();
        spoil(&mut parts);
        // With NaN inside, errors compare by their text.
        let found = ForestModel::new(parts).map(|_| ()).unwrap_err().to_string();
        assert_eq!(found, expected.to_string());
    }
}

#[test]
fn trees_in_any_order_are_sorted_and_unreachable_nodes_dropped() {
    // Root 0 -> (3, 1), node 3 -> (2, 4); node 5 is unreachable.
    let nodes = vec![
        split(0, 5.0, 3, 1),
        leaf(1.0),
        leaf(2.0),
        split(0, 2.0, 2, 4),
        leaf(4.0),
        leaf(f64::MAX),
    ];
    let model = ForestModel::new(regression(1, vec![nodes])).unwrap();
    let expected = vec![
        split(0, 5.0, 1, 4),
        split(0, 2.0, 2, 3),
        leaf(2.0),
        leaf(4.0),
        leaf(1.0),
    ];
    assert_eq!(model.trees[0].nodes, expected);
    let scores = [1.0, 3.0, 6.0].map(|x| model.decision_function(&[x]).unwrap()[0]);
    assert_eq!(scores, [2.5, 4.5, 1.5]);
}

#[test]
fn shared_children_are_allowed() {
    // x in [2, 5) -> 1, else 9; both splits share the leaf 9.
    let nodes = vec![
        split(0, 2.0, 2, 1),
        split(0, 5.0, 3, 2),
        leaf(9.0),
        leaf(1.0),
    ];
    let model = ForestModel::new(regression(1, vec![nodes])).unwrap();
    let scores = [1.0, 2.0, 5.0].map(|x| model.decision_function(&[x]).unwrap()[0]);
    assert_eq!(scores, [9.5, 1.5, 9.5]);
}

#[test]
fn infinite_thresholds_decide_by_missing_alone() {
    let bounded = |threshold, comparison| {
        let root = Split {
            feature: 0,
            threshold,
            comparison,
            missing: Missing::Right,
            left: 1,
            right: 2,
        };
        let nodes = vec![Node::Split(root), leaf(0.0), leaf(1.0)];
        let model = ForestModel::new(regression(1, vec![nodes])).unwrap();
        [f64::MIN, f64::MAX].map(|x| model.apply(&[x]).unwrap()[0])
    };
    for comparison in [Comparison::Less, Comparison::LessOrEqual] {
        assert_eq!(bounded(f64::INFINITY, comparison), [1, 1]);
        assert_eq!(bounded(f64::NEG_INFINITY, comparison), [2, 2]);
    }
}

#[test]
fn depth_is_no_limit() {
    const DEPTH: u32 = 100_000;
    // A chain to the right, listed from its end, so that it has to be reordered as well.
    let mut nodes = vec![split(0, 0.0, 1, 2 * DEPTH), leaf(-1.0)];
    for level in 1..DEPTH {
        let right = if level == 1 { 1 } else { 2 * (level - 1) };
        nodes.push(split(0, f64::from(DEPTH - level), 2 * level + 1, right));
        nodes.push(leaf(f64::from(level)));
    }
    nodes.push(split(0, 0.5, 1, 2 * (DEPTH - 1)));
    let model = ForestModel::new(regression(1, vec![nodes])).unwrap();
    assert_eq!(model.trees[0].depth(), DEPTH as usize + 1);
    assert_eq!(model.decision_function(&[1e9]).unwrap(), [-0.5]);
}
