//! Circuits with a name, and their meaning in plain Rust.

use alloc::{collections::BTreeSet, format, string::String, vec, vec::Vec};
use core::fmt::Write as _;

use crate::{Circuit, Interval, Op, OpKind, TreeNode, Verified};

/// A circuit that backends are tried on.
#[derive(Clone, Debug)]
pub struct Case {
    /// Says what is special about it.
    pub name: &'static str,
    /// What to run.
    pub circuit: Verified,
    /// What it computes, written without the IR: the known answer to every input.
    pub meaning: fn(&[i64]) -> Vec<i64>,
}

impl Case {
    fn new(name: &'static str, circuit: &str, meaning: fn(&[i64]) -> Vec<i64>) -> Self {
        let circuit: Circuit = circuit.parse().expect("the text of a case parses");
        let circuit = Verified::try_from(circuit).expect("a case verifies");
        Self {
            name,
            circuit,
            meaning,
        }
    }

    /// The kinds of operation that a backend needs for it.
    #[must_use]
    pub fn kinds(&self) -> Vec<OpKind> {
        self.circuit.circuit().kinds()
    }

    /// Whether it needs neither lookups nor forests.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        self.kinds().into_iter().all(OpKind::is_linear)
    }

    /// Whether lookups and forests read inputs alone, so that they can run on encrypted input bits.
    #[must_use]
    pub fn decides_on_inputs(&self) -> bool {
        let ops = &self.circuit.circuit().ops;
        ops.iter().all(|op| match op {
            Op::Lookup { input, .. } | Op::Forest { input, .. } => {
                matches!(ops[input.index()], Op::Input(_))
            }
            _ => true,
        })
    }

    /// Rows of codes: every range's ends, together, alternating and one by one; both sides of thresholds; and a few
    /// in between. The same rows each time, at most about forty.
    #[must_use]
    pub fn inputs(&self) -> Vec<Vec<i64>> {
        const ONE_BY_ONE: usize = 6;
        const THRESHOLDS: usize = 10;
        let ranges = self.circuit.input_ranges();
        let ends = |is_max: &dyn Fn(usize) -> bool| {
            let end =
                |(i, range): (usize, &Interval)| if is_max(i) { range.max } else { range.min };
            ranges.iter().enumerate().map(end).collect::<Vec<_>>()
        };
        let middle: Vec<_> = ranges
            .iter()
            .map(|range| i64::midpoint(range.min, range.max))
            .collect();
        let with = |i: usize, code: i64| {
            let mut row = middle.clone();
            row[i] = code;
            row
        };
        let mut rows = vec![
            ends(&|_| false),
            ends(&|_| true),
            ends(&|i| i % 2 == 0),
            ends(&|i| i % 2 == 1),
        ];
        for (i, range) in ranges.iter().enumerate().take(ONE_BY_ONE) {
            rows.extend([with(i, range.min), with(i, range.max)]);
        }
        for (i, threshold) in thresholds(&self.circuit).into_iter().take(THRESHOLDS) {
            let sides = [threshold - 1, threshold].into_iter();
            rows.extend(
                sides
                    .filter(|&code| ranges[i].contains(code))
                    .map(|code| with(i, code)),
            );
        }
        for seed in 1..=4 {
            let code = |(i, range): (usize, &Interval)| spread(seed, i, *range);
            rows.push(ranges.iter().enumerate().map(code).collect());
        }
        rows
    }
}

/// The thresholds of forests over the first input, which is where codes and features are counted alike.
fn thresholds(circuit: &Verified) -> BTreeSet<(usize, i64)> {
    let ops = &circuit.circuit().ops;
    let first = ops.iter().position(|op| matches!(op, Op::Input(_)));
    let forests = ops.iter().filter_map(|op| match op {
        Op::Forest { input, forest } if Some(input.index()) == first => Some(forest),
        _ => None,
    });
    let nodes = forests
        .flat_map(|forest| &forest.trees)
        .flat_map(|tree| &tree.nodes);
    nodes
        .filter_map(|node| match *node {
            TreeNode::Split {
                feature, threshold, ..
            } => Some((feature as usize, threshold)),
            TreeNode::Leaf(_) => None,
        })
        .collect()
}

/// A code of `range` that looks random (the multiplier is Knuth's for 64-bit linear congruential generators).
fn spread(seed: i64, i: usize, range: Interval) -> i64 {
    let i = i64::try_from(i).unwrap_or(0);
    let hash = (seed * 1_000 + i).wrapping_mul(6_364_136_223_846_793_005) >> 20;
    range.min + hash.rem_euclid(range.max - range.min + 1)
}

/// All cases, simple ones first. Values stay below 27 bits, so that common parameters hold them.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = linear_cases();
    cases.extend(structure_cases());
    cases.extend(lookup_cases());
    cases.extend(forest_cases());
    cases.extend(mixed_cases());
    cases
}

fn linear_cases() -> Vec<Case> {
    /// Weights of either sign that differ from place to place, from -127 to 127.
    fn weight(row: i64, col: i64) -> i64 {
        (row * 61 + col * 37 + 11) % 255 - 127
    }
    fn dense(rows: i64, cols: i64) -> String {
        let mut text = String::from("dense [");
        for row in 0..rows {
            let weights: Vec<_> = (0..cols).map(|col| weight(row, col)).collect();
            write!(text, "{weights:?},").expect("writing to a string succeeds");
        }
        text + "]"
    }
    fn product(x: &[i64], rows: i64, bias: impl Fn(i64) -> i64) -> Vec<i64> {
        let dot = |row| {
            (0..)
                .zip(x)
                .map(|(col, x)| weight(row, col) * x)
                .sum::<i64>()
        };
        (0..rows).map(|row| dot(row) + bias(row)).collect()
    }
    vec![
        Case::new("identity_bit", "circuit v1 %0 = input x: [0, 1] output y: %0", <[i64]>::to_vec),
        Case::new(
            "scale_one_code",
            "circuit v1 %0 = input x: [0, 15] %1 = linear %0, dense [[-3]], bias [7] output y: %1",
            |x| vec![7 - 3 * x[0]],
        ),
        Case::new(
            "codes_of_either_sign",
            "circuit v1 %0 = input x: [-128, 127], [-7, -2], [5, 9]
            %1 = linear %0, dense [[2, -3, 4], [-1, 0, 1]], bias [-10, 0] output y: %1",
            |x| vec![2 * x[0] - 3 * x[1] + 4 * x[2] - 10, x[2] - x[0]],
        ),
        Case::new(
            "logistic_30_features",
            &format!(
                "circuit v1 %0 = input x: [0, 255]^30 %1 = linear %0, {}, bias [-4321] output y: %1",
                dense(1, 30)
            ),
            |x| product(x, 1, |_| -4321),
        ),
        Case::new(
            "multinomial_64_features_10_classes",
            &format!(
                "circuit v1 %0 = input x: [0, 15]^64
                %1 = linear %0, {}, bias [0, 100, 200, 300, 400, 500, 600, 700, 800, 900] output y: %1",
                dense(10, 64)
            ),
            |x| product(x, 10, |row| 100 * row),
        ),
        Case::new(
            "codes_of_16_bits",
            &format!(
                "circuit v1 %0 = input x: [0, 65535]^4 %1 = linear %0, {}, bias [1] output y: %1",
                dense(1, 4)
            ),
            |x| product(x, 1, |_| 1),
        ),
        Case::new(
            "ranges_of_unequal_width",
            "circuit v1 %0 = input x: [0, 1], [0, 4095], [3, 3], [-1, 2]
            %1 = linear %0, dense [[1000, 1, -50, -200]], bias [0] output y: %1",
            |x| vec![1000 * x[0] + x[1] - 50 * x[2] - 200 * x[3]],
        ),
        Case::new(
            "sparse_weights",
            "circuit v1 %0 = input x: [0, 15]^100
            %1 = linear %0, sparse(3, 100) [(0, 99): 5, (0, 0): -5, (2, 50): 100], bias [1, 2, 3] output y: %1",
            |x| vec![5 * x[99] - 5 * x[0] + 1, 2, 100 * x[50] + 3],
        ),
        Case::new(
            "no_weights_at_all",
            "circuit v1 %0 = input x: [0, 15]^2 %1 = linear %0, sparse(2, 2) [], bias [-6, 6] output y: %1",
            |_| vec![-6, 6],
        ),
    ]
}

fn structure_cases() -> Vec<Case> {
    vec![
        Case::new(
            "sums_and_differences",
            "circuit v1 %0 = input a: [0, 15]^2 %1 = input b: [-8, 7]^2
            %2 = add %0, %1 %3 = sub %0, %1 %4 = neg %3
            output sum: %2 output difference: %3 output negated: %4",
            |x| {
                vec![
                    x[0] + x[2],
                    x[1] + x[3],
                    x[0] - x[2],
                    x[1] - x[3],
                    x[2] - x[0],
                    x[3] - x[1],
                ]
            },
        ),
        Case::new(
            "concat_and_slice",
            "circuit v1 %0 = input a: [0, 3]^3 %1 = input b: [4, 7]^2
            %2 = concat %1, %0, %1 %3 = slice %2, start 1, len 4
            %4 = linear %3, dense [[1, 10, 100, 1000]], bias [0] output y: %4 output again: %3",
            |x| {
                let (a, b) = x.split_at(3);
                let y = b[1] + 10 * a[0] + 100 * a[1] + 1000 * a[2];
                vec![y, b[1], a[0], a[1], a[2]]
            },
        ),
        Case::new(
            "linear_of_linear",
            "circuit v1 %0 = input x: [0, 15]^3
            %1 = linear %0, dense [[1, 2, 3], [-4, 5, -6]], bias [7, -8]
            %2 = linear %1, dense [[2, 3], [1, -1]], bias [1, 1]
            %3 = add %1, %2 output y: %3",
            |x| {
                let h = [
                    x[0] + 2 * x[1] + 3 * x[2] + 7,
                    -4 * x[0] + 5 * x[1] - 6 * x[2] - 8,
                ];
                vec![h[0] + 2 * h[0] + 3 * h[1] + 1, h[1] + h[0] - h[1] + 1]
            },
        ),
        Case::new(
            "a_value_that_cancels",
            "circuit v1 %0 = input x: [0, 15]^2 %1 = sub %0, %0 output zero: %1",
            |_| vec![0, 0],
        ),
        Case::new(
            "an_input_without_use",
            "circuit v1 %0 = input used: [0, 15] %1 = input unused: [0, 15]^3 %2 = neg %0 output y: %2",
            |x| vec![-x[0]],
        ),
    ]
}

fn lookup_cases() -> Vec<Case> {
    vec![
        Case::new(
            "square_of_an_input",
            "circuit v1 %0 = input x: [-3, 4] %1 = lookup %0, [-3: [9, 4, 1, 0, 1, 4, 9, 16]] output y: %1",
            |x| vec![x[0] * x[0]],
        ),
        Case::new(
            "a_table_wider_than_its_input",
            "circuit v1 %0 = input x: [1, 2] %1 = lookup %0, [-1: [99, 98, 10, -20, 97]] output y: %1",
            |x| vec![if x[0] == 1 { 10 } else { -20 }],
        ),
        Case::new(
            "additive_model",
            "circuit v1 %0 = input x: [0, 3], [0, 1], [0, 7]
            %1 = lookup %0, [0: [5, -5, 0, 7], 0: [-30, 30], 0: [0, 1, 3, 6, 10, 15, 21, 28]]
            %2 = linear %1, dense [[1, 1, 1]], bias [-4] output y: %2",
            |x| {
                let first = [5, -5, 0, 7]
                    .into_iter()
                    .zip(0..)
                    .find(|&(_, code)| code == x[0]);
                let second = if x[1] == 1 { 30 } else { -30 };
                vec![first.map_or(0, |(value, _)| value) + second + x[2] * (x[2] + 1) / 2 - 4]
            },
        ),
        Case::new(
            "rectified_neuron",
            "circuit v1 %0 = input x: [0, 3]^3 %1 = linear %0, dense [[1, -2, 1]], bias [1]
            %2 = lookup %1, [-5: [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]] output y: %2",
            |x| vec![(x[0] - 2 * x[1] + x[2] + 1).max(0)],
        ),
        Case::new(
            "table_of_a_table",
            "circuit v1 %0 = input x: [0, 3] %1 = lookup %0, [0: [3, 1, 0, 2]]
            %2 = lookup %1, [0: [10, 11, 12, 13]] output y: %2",
            |x| {
                vec![match x[0] {
                    0 => 13,
                    1 => 11,
                    2 => 10,
                    _ => 12,
                }]
            },
        ),
    ]
}

fn forest_cases() -> Vec<Case> {
    vec![
        Case::new(
            "stump",
            "circuit v1 %0 = input x: [0, 7] %1 = forest %0, outputs 1, bias [0], [
            [0: if x[0] < 5 then 1 else 2, 1: [3], 2: [11]]] output y: %1",
            |x| vec![if x[0] < 5 { 3 } else { 11 }],
        ),
        Case::new(
            "stump_on_a_bit",
            "circuit v1 %0 = input x: [0, 1] %1 = forest %0, outputs 1, bias [0], [
            [0: if x[0] < 1 then 1 else 2, 1: [-1], 2: [1]]] output y: %1",
            |x| vec![2 * x[0] - 1],
        ),
        Case::new(
            "stump_on_codes_of_either_sign",
            "circuit v1 %0 = input x: [-6, 5] %1 = forest %0, outputs 1, bias [2], [
            [0: if x[0] < -3 then 1 else 2, 1: [-8], 2: [6]]] output y: %1",
            |x| vec![if x[0] < -3 { -6 } else { 8 }],
        ),
        Case::new(
            "bias_without_trees",
            "circuit v1 %0 = input x: [0, 7] %1 = forest %0, outputs 2, bias [4, -4], [] output y: %1",
            |_| vec![4, -4],
        ),
        Case::new(
            "trees_that_are_leaves",
            "circuit v1 %0 = input x: [0, 7] %1 = forest %0, outputs 1, bias [1], [[0: [2]], [0: [3]]] output y: %1",
            |_| vec![6],
        ),
        Case::new(
            "thresholds_beyond_the_range",
            "circuit v1 %0 = input x: [0, 7] %1 = forest %0, outputs 1, bias [0], [
            [0: if x[0] < 0 then 1 else 2, 1: [100], 2: [1]],
            [0: if x[0] < 8 then 1 else 2, 1: [2], 2: [100]],
            [0: if x[0] < 1000 then 1 else 2, 1: [4], 2: [100]],
            [0: if x[0] < 3 then 1 else 2, 1: if x[0] < 5 then 3 else 4, 2: [8], 3: [16], 4: [100]]] output y: %1",
            |x| vec![7 + if x[0] < 3 { 16 } else { 8 }],
        ),
        Case::new(
            "leaf_vectors",
            "circuit v1 %0 = input x: [0, 15]^2 %1 = forest %0, outputs 3, bias [0, 0, 10], [[
            0: if x[0] < 9 then 1 else 2, 1: if x[1] < 4 then 3 else 4,
            2: [0, 0, 7], 3: [5, 0, 0], 4: [0, 6, 0]]] output y: %1",
            |x| match (x[0] < 9, x[1] < 4) {
                (true, true) => vec![5, 0, 10],
                (true, false) => vec![0, 6, 10],
                (false, _) => vec![0, 0, 17],
            },
        ),
        Case::new(
            "one_feature_asked_again_and_again",
            "circuit v1 %0 = input x: [0, 15] %1 = forest %0, outputs 1, bias [0], [[
            0: if x[0] < 8 then 1 else 2, 1: if x[0] < 4 then 3 else 4, 2: if x[0] < 12 then 5 else 6,
            3: if x[0] < 2 then 7 else 8, 4: if x[0] < 6 then 9 else 10,
            5: if x[0] < 10 then 11 else 12, 6: if x[0] < 14 then 13 else 14,
            7: [0], 8: [1], 9: [2], 10: [3], 11: [4], 12: [5], 13: [6], 14: [7]]] output y: %1",
            |x| vec![x[0] / 2],
        ),
        Case::new("deep_chain", &deep_chain(), |x| vec![x[0].min(40) - if x[0] < 40 { 0 } else { x[1] }]),
        Case::new("boosted_50_trees", &boosted(), |x| {
            let x = |feature: i64| usize::try_from(feature % 8).map_or(0, |feature| x[feature]);
            let tree = |t: i64| match (x(t) < t % 15 + 1, x(t + 1) < 8, x(t + 3) < t % 7 + 4) {
                (true, true, _) => -t,
                (true, false, _) => t % 9,
                (false, _, true) => 2 * t,
                (false, _, false) => 3 - t,
            };
            vec![(0..50).map(tree).sum()]
        }),
    ]
}

/// Forty splits one below the other: counts `x_0` up to 40, and takes `x_1`, a bit, off in the end.
fn deep_chain() -> String {
    let mut nodes = String::new();
    for i in 0..40 {
        let (leaf, next) = (2 * i + 1, 2 * i + 2);
        write!(
            nodes,
            "{}: if x[0] < {} then {leaf} else {next}, {leaf}: [{i}],",
            2 * i,
            i + 1
        )
        .expect("writing to a string succeeds");
    }
    format!(
        "circuit v1 %0 = input x: [0, 63], [0, 1] %1 = forest %0, outputs 1, bias [0], [
        [{nodes} 80: if x[1] < 1 then 81 else 82, 81: [40], 82: [39]]] output y: %1"
    )
}

/// Fifty trees of depth two over eight features of four bits.
fn boosted() -> String {
    let mut trees = String::new();
    for t in 0..50 {
        write!(
            trees,
            "[0: if x[{}] < {} then 1 else 2, 1: if x[{}] < 8 then 3 else 4, 2: if x[{}] < {} then 5 else 6,
            3: [{}], 4: [{}], 5: [{}], 6: [{}]],",
            t % 8, t % 15 + 1, (t + 1) % 8, (t + 3) % 8, t % 7 + 4, -t, t % 9, 2 * t, 3 - t
        )
        .expect("writing to a string succeeds");
    }
    format!(
        "circuit v1 %0 = input x: [0, 15]^8 %1 = forest %0, outputs 1, bias [0], [{trees}] output y: %1"
    )
}

fn mixed_cases() -> Vec<Case> {
    vec![
        Case::new(
            "forest_plus_linear",
            "circuit v1 %0 = input x: [0, 15]^2
            %1 = forest %0, outputs 1, bias [0], [[0: if x[1] < 6 then 1 else 2, 1: [-9], 2: [9]]]
            %2 = linear %0, dense [[3, 1]], bias [0] %3 = add %1, %2 output y: %3",
            |x| vec![3 * x[0] + x[1] + if x[1] < 6 { -9 } else { 9 }],
        ),
        Case::new(
            "linear_of_a_forest",
            "circuit v1 %0 = input x: [0, 7]^2
            %1 = forest %0, outputs 2, bias [0, 1], [[0: if x[0] < 3 then 1 else 2, 1: [1, 0], 2: [0, 5]]]
            %2 = linear %1, dense [[2, -1]], bias [0] output y: %2",
            |x| vec![if x[0] < 3 { 1 } else { -6 }],
        ),
        Case::new(
            "forest_of_a_table",
            "circuit v1 %0 = input x: [0, 3] %1 = lookup %0, [0: [2, 0, 3, 1]]
            %2 = forest %1, outputs 1, bias [0], [[0: if x[0] < 2 then 1 else 2, 1: [10], 2: [20]]] output y: %2",
            |x| vec![if x[0] % 2 == 1 { 10 } else { 20 }],
        ),
        Case::new(
            "forest_of_a_sum",
            "circuit v1 %0 = input x: [0, 3]^2 %1 = linear %0, dense [[1, 1]], bias [0]
            %2 = forest %1, outputs 1, bias [0], [[0: if x[0] < 4 then 1 else 2, 1: [0], 2: [1]]] output y: %2",
            |x| vec![i64::from(x[0] + x[1] >= 4)],
        ),
    ]
}
