//! Radix leaves: every leaf value, made non-negative, as digits that are summed apart.
//!
//! A sum over `T` trees of values of `v` bits ranges over `v + log2 T` bits, but a sum of digits of `ρ` bits only over
//! `ρ + log2 T`; the client puts the digit sums together exactly: `y = base + Σ_d 2^(ρ·d)·sum_d`.

use tenebra_circuit::TreeNode;

use super::form::BranchingForm;

/// Where the digits of an output lie and what they count from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputDigits {
    pub(crate) base: i64,
    /// Its first coefficient.
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// A form whose leaves and table rows are digit vectors.
#[derive(Debug)]
pub(crate) struct DigitForm {
    pub(crate) input_bits: Vec<u32>,
    pub(crate) radix_log: u32,
    pub(crate) outputs: Vec<OutputDigits>,
    pub(crate) coefficients: usize,
    /// Bits of the largest digit sum.
    pub(crate) plaintext_bits: u32,
    pub(crate) trees: Vec<DigitTree>,
    pub(crate) tables: Vec<DigitTable>,
}

/// A tree with digit vectors as leaves, children behind their parents.
#[derive(Debug)]
pub(crate) struct DigitTree {
    pub(crate) nodes: Vec<DigitNode>,
}

#[derive(Clone, Debug)]
pub(crate) enum DigitNode {
    Leaf(Digits),
    Split {
        input: usize,
        threshold: i64,
        left: usize,
        right: usize,
    },
}

/// Non-zero digits, `(coefficient, digit)`, coefficients increasing.
pub(crate) type Digits = Vec<(usize, u32)>;

#[derive(Debug)]
pub(crate) struct DigitTable {
    pub(crate) input: usize,
    pub(crate) rows: Vec<Digits>,
}

/// Bits of the widest leaf value once made non-negative: the radix at which there is one digit.
pub(crate) fn value_bits(form: &BranchingForm) -> u32 {
    let spans = parts(form)
        .flat_map(|part| spans(&part, form.outputs))
        .map(|(min, max)| max.abs_diff(min));
    (u64::BITS - spans.max().unwrap_or(0).leading_zeros()).max(1)
}

/// Cuts all leaves into digits of `radix_log` bits.
pub(crate) fn cut(form: &BranchingForm, radix_log: u32) -> DigitForm {
    let part_spans: Vec<Vec<(i64, i64)>> =
        parts(form).map(|part| spans(&part, form.outputs)).collect();
    let mut outputs = Vec::with_capacity(form.outputs);
    let mut first = 0;
    for output in 0..form.outputs {
        let widest = part_spans
            .iter()
            .map(|spans| spans[output].1.abs_diff(spans[output].0))
            .max()
            .unwrap_or(0);
        let bits = u64::BITS - widest.leading_zeros();
        let count = bits.div_ceil(radix_log).max(1) as usize;
        let base = part_spans.iter().fold(form.bias[output], |base, spans| {
            base.wrapping_add(spans[output].0)
        });
        outputs.push(OutputDigits { base, first, count });
        first += count;
    }
    let digits =
        |vector: &[i64], spans: &[(i64, i64)]| cut_vector(vector, spans, &outputs, radix_log);
    let trees: Vec<DigitTree> = form
        .trees
        .iter()
        .zip(&part_spans)
        .map(|(tree, spans)| DigitTree {
            nodes: tree
                .nodes
                .iter()
                .map(|node| lower_node(node, |leaf| digits(leaf, spans)))
                .collect(),
        })
        .collect();
    let tables: Vec<DigitTable> = form
        .tables
        .iter()
        .zip(&part_spans[form.trees.len()..])
        .map(|(table, spans)| DigitTable {
            input: table.input,
            rows: table.rows.iter().map(|row| digits(row, spans)).collect(),
        })
        .collect();
    let plaintext_bits = sum_bits(&trees, &tables, first);
    DigitForm {
        input_bits: form.input_bits.clone(),
        radix_log,
        outputs,
        coefficients: first,
        plaintext_bits,
        trees,
        tables,
    }
}

/// The vectors that one tree or table may contribute.
fn parts(form: &BranchingForm) -> impl Iterator<Item = Vec<&Vec<i64>>> {
    let trees = form.trees.iter().map(|tree| {
        let leaves = tree.nodes.iter().filter_map(|node| match node {
            TreeNode::Leaf(values) => Some(values),
            TreeNode::Split { .. } => None,
        });
        leaves.collect()
    });
    trees.chain(form.tables.iter().map(|table| table.rows.iter().collect()))
}

/// Least and greatest entry of each output over the vectors of a part.
fn spans(part: &[&Vec<i64>], outputs: usize) -> Vec<(i64, i64)> {
    let span = |output: usize| {
        let values = || part.iter().map(|vector| vector[output]);
        (values().min().unwrap_or(0), values().max().unwrap_or(0))
    };
    (0..outputs).map(span).collect()
}

fn lower_node(node: &TreeNode, digits: impl Fn(&[i64]) -> Digits) -> DigitNode {
    match node {
        TreeNode::Leaf(values) => DigitNode::Leaf(digits(values)),
        TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        } => DigitNode::Split {
            input: *feature as usize,
            threshold: *threshold,
            left: *left as usize,
            right: *right as usize,
        },
    }
}

fn cut_vector(
    vector: &[i64],
    spans: &[(i64, i64)],
    outputs: &[OutputDigits],
    radix_log: u32,
) -> Digits {
    let mut digits = Digits::new();
    let mask = (1u64 << radix_log) - 1;
    for ((value, (min, _)), output) in vector.iter().zip(spans).zip(outputs) {
        let mut rest = value.abs_diff(*min);
        for coefficient in output.first..output.first + output.count {
            let digit = u32::try_from(rest & mask).unwrap_or(u32::MAX);
            if digit != 0 {
                digits.push((coefficient, digit));
            }
            rest >>= radix_log;
        }
    }
    digits
}

/// Bits of the largest sum of digits: each tree and table counts with its largest digit.
fn sum_bits(trees: &[DigitTree], tables: &[DigitTable], coefficients: usize) -> u32 {
    let mut sums = vec![0u64; coefficients];
    let mut largest = vec![0u32; coefficients];
    let mut add = |vectors: &mut dyn Iterator<Item = &Digits>| {
        largest.fill(0);
        for (coefficient, digit) in vectors.flatten() {
            largest[*coefficient] = largest[*coefficient].max(*digit);
        }
        sums.iter_mut()
            .zip(&largest)
            .for_each(|(sum, digit)| *sum += u64::from(*digit));
    };
    for tree in trees {
        add(&mut tree.nodes.iter().filter_map(|node| match node {
            DigitNode::Leaf(digits) => Some(digits),
            DigitNode::Split { .. } => None,
        }));
    }
    for table in tables {
        add(&mut table.rows.iter());
    }
    let largest = sums.into_iter().max().unwrap_or(0);
    (u64::BITS - largest.leading_zeros()).max(1)
}
