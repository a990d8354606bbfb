//! Every refusal of the verifier, and its limits on large models.

use core::time::Duration;
use std::time::Instant;

use tenebra_circuit::{
    Circuit, CircuitBuilder, Forest, Interval, Matrix, Table, Tree, TreeNode, ValueId, VerifyError,
    limits::MAX_MAGNITUDE, verify,
};

const BIT: Interval = Interval::new(0, 1);

fn split(feature: u32, threshold: i64, left: u32, right: u32) -> TreeNode {
    TreeNode::Split {
        feature,
        threshold,
        left,
        right,
    }
}

fn leaf(value: i64) -> TreeNode {
    TreeNode::Leaf(vec![value])
}

/// A circuit of two input bits and what `build` makes of them.
fn circuit(build: impl FnOnce(&mut CircuitBuilder, ValueId) -> ValueId) -> Circuit {
    let mut b = CircuitBuilder::new();
    let x = b.input("x", vec![BIT; 2]);
    let y = build(&mut b, x);
    b.output("y", y);
    b.finish()
}

fn forest_circuit(nodes: Vec<TreeNode>) -> Circuit {
    let forest = Forest {
        outputs: 1,
        trees: vec![Tree { nodes }],
        bias: vec![0],
    };
    circuit(|b, x| b.forest(x, forest))
}

#[test]
fn each_error_names_its_place_and_numbers() {
    let at = ValueId::new(1);
    struct Case {
        name: &'static str,
        circuit: Circuit,
        expected: Vec<VerifyError>,
    }
    let cases = [
        Case {
            name: "nothing at all",
            circuit: CircuitBuilder::new().finish(),
            expected: vec![VerifyError::NoInput, VerifyError::NoOutput],
        },
        Case {
            name: "operand of a later operation, and of itself",
            circuit: circuit(|b, _| b.add(ValueId::new(1), ValueId::new(9))),
            expected: [1, 9]
                .map(|value| VerifyError::UseBeforeDef {
                    at,
                    value: ValueId::new(value),
                })
                .to_vec(),
        },
        Case {
            name: "output of nothing",
            circuit: circuit(|_, _| ValueId::new(7)),
            expected: vec![VerifyError::OutputUndefined {
                name: "y".into(),
                value: ValueId::new(7),
                ops: 1,
            }],
        },
        Case {
            name: "no elements",
            circuit: circuit(|b, _| b.concat(vec![])),
            expected: vec![VerifyError::Empty { at }],
        },
        Case {
            name: "empty and huge ranges",
            circuit: circuit(|b, x| {
                b.input(
                    "z",
                    vec![Interval::new(1, 0), Interval::new(0, MAX_MAGNITUDE + 1)],
                );
                x
            }),
            expected: vec![
                VerifyError::EmptyRange {
                    at,
                    element: 0,
                    range: Interval::new(1, 0),
                },
                VerifyError::Magnitude {
                    at,
                    element: 1,
                    reach: (1 << 62) + 1,
                },
            ],
        },
        Case {
            name: "unequal lengths",
            circuit: circuit(|b, x| {
                let z = b.slice(x, 0, 1);
                b.sub(x, z)
            }),
            expected: vec![VerifyError::LengthMismatch {
                at: ValueId::new(2),
                left_len: 2,
                right_len: 1,
            }],
        },
        Case {
            name: "slice outside",
            circuit: circuit(|b, x| b.slice(x, usize::MAX, 1)),
            expected: vec![VerifyError::SliceOutOfBounds {
                at,
                start: usize::MAX,
                len: 1,
                input_len: 2,
            }],
        },
        Case {
            name: "everything wrong with a matrix",
            circuit: circuit(|b, x| b.linear(x, Matrix::dense(2, 3, vec![1; 5]), vec![0])),
            expected: vec![
                VerifyError::MatrixLength {
                    at,
                    rows: 2,
                    cols: 3,
                    len: 5,
                },
                VerifyError::BiasLength {
                    at,
                    len: 1,
                    expected: 2,
                },
                VerifyError::MatrixColumns {
                    at,
                    cols: 3,
                    input_len: 2,
                },
            ],
        },
        Case {
            name: "sparse entries outside and twice",
            circuit: circuit(|b, x| {
                b.linear(
                    x,
                    Matrix::sparse(1, 2, vec![(0, 1, 5), (0, 1, 6), (1, 0, 7)]),
                    vec![0],
                )
            }),
            expected: vec![
                VerifyError::MatrixEntry {
                    at,
                    rows: 1,
                    cols: 2,
                    row: 1,
                    col: 0,
                },
                VerifyError::MatrixOrder { at, row: 0, col: 1 },
            ],
        },
        Case {
            name: "too few tables",
            circuit: circuit(|b, x| b.lookup(x, vec![])),
            expected: vec![
                VerifyError::TableCount {
                    at,
                    tables: 0,
                    input_len: 2,
                },
                VerifyError::Empty { at },
            ],
        },
        Case {
            name: "short tables",
            circuit: circuit(|b, x| {
                b.lookup(
                    x,
                    vec![
                        Table {
                            min: 0,
                            values: vec![1],
                        },
                        Table {
                            min: i64::MIN,
                            values: vec![],
                        },
                    ],
                )
            }),
            expected: vec![
                VerifyError::TableTooShort {
                    at,
                    element: 0,
                    min: 0,
                    len: 1,
                    range: BIT,
                },
                VerifyError::TableTooShort {
                    at,
                    element: 1,
                    min: i64::MIN,
                    len: 0,
                    range: BIT,
                },
            ],
        },
        Case {
            name: "no nodes",
            circuit: forest_circuit(vec![]),
            expected: vec![VerifyError::EmptyTree { at, tree: 0 }],
        },
        Case {
            name: "a cycle, a dangling child, a shared one, an unreachable one, a bad feature and a bad leaf",
            circuit: forest_circuit(vec![
                split(0, 1, 1, 2),
                split(2, 1, 0, 3),
                split(1, 1, 3, 9),
                leaf(1),
                TreeNode::Leaf(vec![]),
            ]),
            expected: vec![
                VerifyError::FeatureOutOfRange {
                    at,
                    tree: 0,
                    node: 1,
                    feature: 2,
                    input_len: 2,
                },
                VerifyError::ChildBeforeParent {
                    at,
                    tree: 0,
                    node: 1,
                    child: 0,
                },
                VerifyError::SharedChild {
                    at,
                    tree: 0,
                    node: 2,
                    child: 3,
                },
                VerifyError::DanglingChild {
                    at,
                    tree: 0,
                    node: 2,
                    child: 9,
                    nodes: 5,
                },
                VerifyError::UnreachableNode {
                    at,
                    tree: 0,
                    node: 4,
                },
                VerifyError::LeafLength {
                    at,
                    tree: 0,
                    node: 4,
                    len: 0,
                    expected: 1,
                },
            ],
        },
        Case {
            name: "leaves that sum up too far",
            circuit: circuit(|b, x| {
                let tree = Tree {
                    nodes: vec![leaf(MAX_MAGNITUDE)],
                };
                b.forest(
                    x,
                    Forest {
                        outputs: 1,
                        trees: vec![tree],
                        bias: vec![-1],
                    },
                )
            }),
            expected: vec![VerifyError::Magnitude {
                at,
                element: 0,
                reach: (1 << 62) + 1,
            }],
        },
    ];
    for Case {
        name,
        circuit,
        expected,
    } in cases
    {
        let errors = verify(&circuit).expect_err(name);
        assert_eq!(errors.as_slice(), expected, "{name}");
        assert_eq!(errors.to_string().lines().count(), expected.len(), "{name}");
    }
}

#[test]
fn names_are_identifiers_and_unique() {
    let mut b = CircuitBuilder::new();
    let x = b.input("x", vec![BIT]);
    b.input("x", vec![BIT]);
    b.input("mean radius", vec![BIT]);
    b.output("1y", x);
    b.output("_y1", x);
    b.output(format!("y{}", "1".repeat(64)), x);
    let errors = verify(&b.finish()).unwrap_err();
    let name = |name: &str| VerifyError::Name { name: name.into() };
    assert_eq!(
        errors.as_slice(),
        [
            VerifyError::DuplicateName {
                ports: "inputs",
                name: "x".into()
            },
            name("mean radius"),
            name("1y"),
            name(&format!("y{}", "1".repeat(64)))
        ]
    );
}

#[test]
fn a_forest_sums_only_leaves_that_a_feasible_path_reaches() {
    // x in [0, 1]: "x < 1, then x < 0" is infeasible, and so is leaf -100 on "x >= 1, then x < 1".
    let contradicting = vec![
        split(0, 1, 1, 2),
        split(0, 0, 3, 4),
        split(0, 1, 5, 6),
        leaf(100),
        leaf(3),
        leaf(-100),
        leaf(7),
    ];
    let other = vec![split(1, 1, 1, 2), leaf(-2), leaf(10)];
    let trees = [contradicting, other].map(|nodes| Tree { nodes }).to_vec();
    let circuit = circuit(|b, x| {
        b.forest(
            x,
            Forest {
                outputs: 1,
                trees,
                bias: vec![1],
            },
        )
    });
    // [3, 7] + [-2, 10] + 1
    assert_eq!(
        verify(&circuit).unwrap().output_ranges(),
        [Interval::new(2, 18)]
    );
}

/// The best of three runs, since the machine is shared.
fn fastest(run: impl Fn()) -> Duration {
    let time = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    time().min(time()).min(time())
}

#[test]
fn a_chain_of_depth_ten_thousand_and_a_hundred_thousand_nodes_verify_at_once() {
    // Node 2i asks whether x < depth - i; leaf 2i + 1 to its right, and so on down to the left: the leaf reached is i
    // such that x = depth - i at least, so exactly x trues.
    let depth = 10_000;
    let mut nodes = vec![];
    for i in 0..depth {
        nodes.push(split(0, i64::from(depth - i), 2 * i + 2, 2 * i + 1));
        nodes.push(leaf(i64::from(depth - i)));
    }
    nodes.push(leaf(0));
    let trees = vec![Tree { nodes }; 5];
    let mut b = CircuitBuilder::new();
    let x = b.input("x", vec![Interval::new(17, 9_000)]);
    let y = b.forest(
        x,
        Forest {
            outputs: 1,
            trees,
            bias: vec![0],
        },
    );
    b.output("y", y);
    let circuit = b.finish();
    let ranges = verify(&circuit).unwrap().output_ranges();
    assert_eq!(ranges, [Interval::new(5 * 17, 5 * 9_000)]);
    let time = fastest(|| drop(verify(&circuit)));
    assert!(
        time < Duration::from_millis(100),
        "100,005 nodes took {time:?}"
    );
}

#[test]
fn ten_thousand_features_verify_at_once() {
    let cols = 10_000;
    let mut b = CircuitBuilder::new();
    let x = b.input("x", vec![Interval::new(0, 255); cols]);
    let y = b.linear(x, Matrix::dense(10, cols, vec![-3; 10 * cols]), vec![5; 10]);
    b.output("y", y);
    let circuit = b.finish();
    // -3 * 255 * 10,000 + 5 = -7,649,995
    assert_eq!(
        verify(&circuit).unwrap().output_ranges(),
        [Interval::new(-7_649_995, 5); 10]
    );
    let time = fastest(|| drop(verify(&circuit)));
    assert!(
        time < Duration::from_millis(100),
        "100,000 weights took {time:?}"
    );
}
