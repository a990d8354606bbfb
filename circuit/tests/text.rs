//! The text form: goldens, errors, and laws over damaged text.

use proptest::{prelude::*, test_runner::RngSeed};
use tenebra_circuit::{
    Circuit, CircuitBuilder, Forest, Interval, Matrix, ParseErrorKind, Tree, TreeNode,
    limits::MAX_TOTAL_LEN, verify,
};

const LINEAR: &str = include_str!("data/linear.txt");
const FOREST: &str = include_str!("data/forest.txt");
const ALL_OPS: &str = include_str!("data/all_ops.txt");

#[test]
fn goldens_print_as_they_were_read_and_verify() {
    struct Case {
        text: &'static str,
        expected: Vec<Interval>,
    }
    let cases = [
        Case {
            text: LINEAR,
            // 3*[0,255] - 2*[0,255] + 7*[-128,127] + 100*[0,1] - 1000: [-510-896-1000, 765+889+100-1000]
            // -[0,255] + 4*[0,255] + 5*[0,255] - 100*[0,1] + 250: [-255-100+250, 1020+1275+250]
            expected: vec![Interval::new(-2406, 754), Interval::new(-105, 2545)],
        },
        Case {
            text: FOREST,
            // [0, 5] + 10 + 1 and [-5, 2] + 20 - 1
            expected: vec![Interval::new(11, 16), Interval::new(14, 21)],
        },
        Case {
            text: ALL_OPS,
            expected: vec![
                Interval::new(-1, 1),
                Interval::constant(3),
                Interval::constant(4),
                // %4: [0 + 0 - 3 + 5, 3 + 6 + 3 + 5] = [2, 17]; %3: 7 -+ 9223372036854
                Interval::new(2 - 9_223_372_036_861, 17 + 9_223_372_036_847),
            ],
        },
    ];
    for Case { text, expected } in cases {
        let circuit: Circuit = text.parse().unwrap();
        assert_eq!(circuit.to_string(), text);
        assert_eq!(
            verify(&circuit).unwrap().output_ranges(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_builder_makes_the_golden_circuits() {
    let mut b = CircuitBuilder::new();
    let byte = Interval::new(0, 255);
    let x = b.input(
        "x",
        vec![
            byte,
            byte,
            byte,
            Interval::new(-128, 127),
            Interval::new(0, 1),
        ],
    );
    let weights = Matrix::dense(2, 5, vec![3, -2, 0, 7, 100, -1, 4, 5, 0, -100]);
    let y = b.linear(x, weights, vec![-1000, 250]);
    b.output("y", y);
    assert_eq!(b.finish().to_string(), LINEAR);

    let split = |feature, threshold, left, right| TreeNode::Split {
        feature,
        threshold,
        left,
        right,
    };
    let leaf = |a, b| TreeNode::Leaf(vec![a, b]);
    let first = vec![
        split(0, 4, 1, 2),
        leaf(5, 0),
        split(2, 2, 3, 4),
        leaf(0, -5),
        leaf(2, 2),
    ];
    let trees = [first, vec![leaf(10, 20)]]
        .map(|nodes| Tree { nodes })
        .to_vec();
    let mut b = CircuitBuilder::new();
    let code = Interval::new(0, 7);
    let x = b.input("x", vec![code, code, Interval::new(0, 3)]);
    let y = b.forest(
        x,
        Forest {
            outputs: 2,
            trees,
            bias: vec![1, -1],
        },
    );
    b.output("scores", y);
    assert_eq!(b.finish().to_string(), FOREST);
}

#[test]
fn layout_comments_and_trailing_commas_do_not_matter() {
    let text = "circuit v1 %0=input x:[0,1],[0,1] # bits\n%1=linear %0,sparse(1,2)[(0,1):-2,(0,0):3]\n,bias[1,]output y:%1";
    let circuit: Circuit = text.parse().unwrap();
    let expected = "circuit v1\n%0 = input x: [0, 1]^2\n%1 = linear %0, sparse(1, 2) [\n  (0, 0): 3, (0, 1): -2,\n], bias [1]\noutput y: %1\n";
    assert_eq!(circuit.to_string(), expected);
}

#[test]
fn errors_name_line_and_column() {
    struct Case {
        text: &'static str,
        expected: &'static str,
    }
    let cases = [
        Case {
            text: "",
            expected: "line 1, column 1: expected `circuit v1`, found the end",
        },
        Case {
            text: "circuit v2",
            expected: "line 1, column 9: expected `v1`, the only version there is, found `v2`",
        },
        Case {
            text: "circuit v1\n%0 = mul %1",
            expected: "line 2, column 6: expected one of input, linear, add, sub, neg, concat, slice, lookup and forest, found `mul`",
        },
        Case {
            text: "circuit v1\n%1 = neg %0",
            expected: "line 2, column 1: expected number 0, found 1; values and nodes are numbered in order, from 0",
        },
        Case {
            text: "circuit v1\n# é\n%0 = input é: [0, 1]",
            expected: "line 3, column 12: expected a name, found `é`",
        },
        Case {
            text: "circuit v1\n%0 = input x: [0, 9223372036854775808]",
            expected: "line 2, column 19: 9223372036854775808 is out of range; expected an integer from -9223372036854775808 to 9223372036854775807",
        },
        Case {
            text: "circuit v1\n%0 = input x: [0, 255]^1000000000",
            expected: "line 2, column 23: the inputs have more than 4194304 elements together; split the circuit",
        },
        Case {
            text: "circuit v1\n%0 = input x: [0, 255]^0",
            expected: "line 2, column 24: expected a count of at least 1, found `0`",
        },
        Case {
            text: "circuit v1\n%0 = linear %0, dense [[1, 2], [3]], bias []",
            expected: "line 2, column 32: this row has 1 weights, the first row has 2",
        },
        Case {
            text: "circuit v1\n%0 = forest %0, outputs 1, bias [0], [[0: if x[-1] < 0 then 1 else 2]]",
            expected: "line 2, column 48: -1 is out of range; expected an integer from 0 to 4294967295",
        },
        Case {
            text: "circuit v1\n%0 = lookup %0, [0: [1 2]]",
            expected: "line 2, column 24: expected `,` or `]`, found `2`",
        },
        Case {
            text: "circuit v1\noutput yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
            expected: "line 2, column 58: expected `:`, found `yyyyyyyyyyyyyyyyyyyyyyyy...`",
        },
    ];
    for Case { text, expected } in cases {
        let error = text.parse::<Circuit>().expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn repeated_ranges_are_limited_over_all_inputs() {
    let half = MAX_TOTAL_LEN / 2;
    let text = |more: &str| {
        format!("circuit v1\n%0 = input a: [0, 1]^{half}\n%1 = input b: [0, 1]^{half}{more}")
    };
    assert!(text("").parse::<Circuit>().is_ok());
    let error = text(", [0, 1]").parse::<Circuit>().unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::TooLarge);
}

/// Pieces that a circuit is made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "circuit v1",
        "%0 =",
        "%1 =",
        "%0",
        "%1",
        "input x:",
        "[0, 1]",
        "^2",
        "linear",
        "dense",
        "sparse(1, 2)",
        "[",
        "]",
        ",",
        "(0, 1): 5",
        "bias",
        "[1]",
        "[[1, 2]]",
        "add",
        "neg",
        "concat",
        "slice",
        "start 0",
        "len 1",
        "lookup",
        "0:",
        "forest",
        "outputs 1",
        "if x[0] < 1 then 1 else 2",
        "output y:",
        "-",
        "é",
        "99999999999999999999",
        "\n",
    ]);
    prop::collection::vec(piece, 0..30)
        .prop_map(|pieces| format!("circuit v1 {}", pieces.join(" ")))
}

/// A golden with one range of bytes replaced.
fn damaged() -> impl Strategy<Value = String> {
    let golden = prop::sample::select(vec![LINEAR, FOREST, ALL_OPS]);
    (
        golden,
        any::<prop::sample::Index>(),
        0_usize..12,
        "[-%x0-9,\\[\\]:^ ]{0,4}",
    )
        .prop_map(|(text, start, len, new)| {
            let start = start.index(text.len());
            let end = (start + len).min(text.len());
            format!("{}{new}{}", &text[..start], &text[end..])
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(5),
        // The seed is enough to run a failure again.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever parses prints to a text that parses to the same; nothing panics, the verifier and the printer of
    /// circuits that are not verified included.
    #[test]
    fn parsing_and_printing_are_inverse(text in prop_oneof![pieces(), damaged(), any::<String>()]) {
        if let Ok(circuit) = text.parse::<Circuit>() {
            let printed = circuit.to_string();
            let again = printed.parse::<Circuit>();
            prop_assert_eq!(again.as_ref(), Ok(&circuit), "{}", printed);
            if let Err(errors) = verify(&circuit) {
                prop_assert!(!errors.to_string().is_empty());
            }
        }
    }
}
