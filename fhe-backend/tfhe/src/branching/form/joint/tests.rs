use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::Options;

use super::*;
use crate::branching::form::groups::alternatives;
use crate::branching::goal::Goal;
use crate::branching::plan::plan;

/// A number below `limit`.
fn below(rng: &mut ChaCha20Rng, limit: u32) -> u32 {
    rng.next_u32() % limit
}

/// A tree of `splits` splits on these inputs, of which some decide nothing.
fn tree(rng: &mut ChaCha20Rng, inputs: &[usize], bits: &[u32], splits: u32) -> Tree {
    let mut nodes = vec![TreeNode::Leaf(vec![1, -1])];
    let mut leaves = vec![0usize];
    for _ in 0..splits {
        let at = below(rng, u32::try_from(leaves.len()).unwrap()) as usize;
        let node = leaves.swap_remove(at);
        let input = inputs[below(rng, u32::try_from(inputs.len()).unwrap()) as usize];
        let child = nodes.len();
        nodes[node] = TreeNode::Split {
            feature: u32::try_from(input).unwrap(),
            threshold: i64::from(below(rng, (1 << bits[input]) + 2)) - 1,
            left: u32::try_from(child).unwrap(),
            right: u32::try_from(child + 1).unwrap(),
        };
        for index in [child, child + 1] {
            let value = i64::from(below(rng, 2001)) - 1000;
            nodes.push(TreeNode::Leaf(vec![value, 3 - value * value]));
            leaves.push(index);
        }
    }
    Tree { nodes }
}

fn form(input_bits: &[u32], trees: Vec<Tree>) -> BranchingForm {
    BranchingForm {
        input_bits: input_bits.to_vec(),
        outputs: 2,
        bias: vec![5, -7],
        trees,
        tables: Vec::new(),
        joints: Vec::new(),
    }
}

/// The output of a form without joint tables, by its definition.
fn value(form: &BranchingForm, codes: &[i64]) -> Vec<i64> {
    let mut sums = form.bias.clone();
    let mut add = |values: &[i64]| sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
    for tree in &form.trees {
        let mut node = 0;
        while let TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        } = &tree.nodes[node]
        {
            let goes_left = codes[*feature as usize] < *threshold;
            node = if goes_left { *left } else { *right } as usize;
        }
        if let TreeNode::Leaf(values) = &tree.nodes[node] {
            add(values);
        }
    }
    for table in &form.tables {
        let code = usize::try_from(codes[table.input]).unwrap();
        add(&table.rows[code.min(table.rows.len() - 1)]);
    }
    sums
}

/// What a table of all inputs has for some codes, its bias added.
fn looked_up(joined: &BranchingForm, codes: &[i64]) -> Vec<i64> {
    let mut sums = value(joined, codes);
    for joint in &joined.joints {
        let mut code = 0;
        for input in joint.inputs.iter().rev() {
            code = code << joined.input_bits[*input] | usize::try_from(codes[*input]).unwrap();
        }
        let row = joint.row(code);
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
    }
    sums
}

/// Boxes that are filled, boxes that are marked, splits that decide nothing, inputs of one bit and of none, tables of fewer codes.
#[test]
fn joint_tables_have_the_sums_of_their_trees() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for input_bits in [vec![3, 2, 4], vec![1; 9], vec![5, 0, 1, 2], vec![7]] {
        let all: Vec<usize> = (0..input_bits.len()).collect();
        for splits in [0, 1, 4, 60] {
            let trees = (0..5).map(|_| tree(&mut rng, &all, &input_bits, splits));
            let mut form = form(&input_bits, trees.collect());
            let rows =
                (0..(1 << input_bits[0]) - i64::from(input_bits[0] > 1)).map(|row| vec![row, -row]);
            form.tables.push(InputTable {
                input: 0,
                rows: rows.collect(),
            });
            let group = Group {
                inputs: all.clone(),
                trees: (0..5).collect(),
                tables: vec![0],
            };
            let joined = form.joined(&[group]);
            assert!(joined.trees.is_empty() && joined.tables.is_empty());
            let bits: u32 = input_bits.iter().sum();
            let (mut least, mut greatest) = (vec![i64::MAX; 2], vec![i64::MIN; 2]);
            for code in 0..1i64 << bits {
                let mut rest = code;
                let codes = input_bits.iter().map(|bits| {
                    let code = rest & ((1 << bits) - 1);
                    rest >>= bits;
                    code
                });
                let codes: Vec<i64> = codes.collect();
                let wanted = value(&form, &codes);
                assert_eq!(
                    looked_up(&joined, &codes),
                    wanted,
                    "{input_bits:?} {codes:?}"
                );
                for (output, value) in wanted.iter().enumerate() {
                    let value = value - form.bias[output];
                    least[output] = least[output].min(value);
                    greatest[output] = greatest[output].max(value);
                }
            }
            let spans: Vec<(i64, i64)> = least.into_iter().zip(greatest).collect();
            assert_eq!(joined.joints[0].spans, spans);
        }
    }
}

/// Which inputs each table of the first alternative has, how many trees it leaves, and whether the form itself is planned, too.
fn grouped(form: BranchingForm) -> (Vec<Vec<usize>>, usize, bool) {
    let forms = alternatives(form);
    let joints = forms[0].joints.iter().map(|joint| joint.inputs.clone());
    let alone = forms.iter().any(|form| form.joints.is_empty());
    (joints.collect(), forms[0].trees.len(), alone)
}

#[test]
fn trees_are_grouped_by_what_they_read() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut draw = |inputs: &[usize], count: usize, splits: u32| -> Vec<Tree> {
        let trees = (0..count).map(|_| tree(&mut rng, inputs, &[5; 12], splits));
        trees.collect()
    };
    let bits = [5; 12];
    // Far more trees than a table needs products: the diagram is not even counted.
    let two = draw(&[3, 7], 60, 40);
    assert_eq!(
        grouped(form(&bits, two.clone())),
        (vec![vec![3, 7]], 0, false)
    );
    // Two groups, and trees of many inputs, which stay.
    let mut mixed = two;
    mixed.extend(draw(&[0, 1, 2], 80, 40));
    let wide = draw(&[4, 5, 6, 8, 9, 10], 6, 40);
    mixed.extend(wide.clone());
    let (mut joints, left, _) = grouped(form(&bits, mixed));
    joints.sort();
    assert_eq!((joints, left), (vec![vec![0, 1, 2], vec![3, 7]], 6));
    // One small tree is cheaper as it is, and so are trees of too many bits.
    assert_eq!(
        grouped(form(&bits, draw(&[0, 1, 2], 1, 3))),
        (Vec::new(), 1, true)
    );
    assert_eq!(grouped(form(&bits, wide)), (Vec::new(), 6, true));
}

/// Pairs of three inputs: three tables of two polynomials and less, but one table where all of it is one polynomial.
#[test]
fn groups_are_united_where_that_spares_products() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut pairs = |bits: u32| {
        let input_bits = [bits; 3];
        let pairs = [[0, 1], [1, 2], [0, 2]];
        let trees = pairs.iter().flat_map(|pair| (0..30).map(move |_| pair));
        let trees = trees.map(|pair| tree(&mut rng, pair, &input_bits, 20));
        let mut joints = grouped(form(&input_bits, trees.collect())).0;
        joints.sort();
        joints
    };
    assert_eq!(pairs(3), [[0, 1, 2]]);
    assert_eq!(pairs(6), [[0, 1], [0, 2], [1, 2]]);
}

/// The planner takes the cheaper of the two: a table of two inputs for trees of unlimited depth.
#[test]
fn the_cheaper_form_is_planned() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut products = |count: usize, splits: u32| {
        let trees = (0..count).map(|_| tree(&mut rng, &[0, 1], &[6, 6], splits));
        let form = form(&[6, 6], trees.collect());
        let goal = Goal {
            p_fail_log2: -128.0,
            variance_factor: 1.0,
        };
        let plan = plan(&alternatives(form), &Options::default(), goal).unwrap();
        let products = plan.diagram.cmuxes + plan.diagram.clear_cmuxes;
        (plan.digits.joints.len(), products)
    };
    let (joints, of_forest) = products(300, 200);
    assert_eq!(joints, 1);
    // Up to three digits of two outputs, 12 bits: 64 polynomials of 64 codes in the smallest ring, or fewer.
    assert!(of_forest <= 63 + 6, "{of_forest} products");
    assert_eq!(products(1, 2).0, 0);
}
