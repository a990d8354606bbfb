//! Radix leaves: every leaf value, made non-negative, as digits that are summed apart.
//!
//! A sum over `T` trees of values of `v` bits ranges over `v + log2 T` bits, but a sum of digits of `ρ` bits only over
//! `ρ + log2 T`; the client puts the digit sums together exactly: `y = base + Σ_d 2^(ρ·d)·sum_d`. With `P` parts, each of which
//! has every `P`-th tree, they range over `log2 P` bits less, and there are `P` times as many.

use alloc::sync::Arc;

use tenebra_circuit::{Tree, TreeNode};
use tenebra_client::branching::{Digits as SpecDigits, Radix};

use super::form::BranchingForm;
use super::form::joint::JointTable;

/// Where the digits of an output lie and what they count from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputDigits {
    pub(crate) base: i64,
    /// Its first coefficient.
    pub(crate) first: usize,
    /// Its coefficients: the digits of each part.
    pub(crate) count: usize,
}

impl From<&OutputDigits> for SpecDigits {
    fn from(output: &OutputDigits) -> Self {
        Self {
            count: u8::try_from(output.count).unwrap_or(u8::MAX),
            base: output.base,
        }
    }
}

/// A form whose leaves and table rows are digit vectors.
#[derive(Debug)]
pub(crate) struct DigitForm {
    pub(crate) input_bits: Vec<u32>,
    pub(crate) radix: Radix,
    pub(crate) outputs: Vec<OutputDigits>,
    pub(crate) coefficients: usize,
    /// Bits of the largest digit sum.
    pub(crate) plaintext_bits: u32,
    pub(crate) trees: Vec<DigitTree>,
    pub(crate) tables: Vec<DigitTable>,
    pub(crate) joints: Vec<DigitJoint>,
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

/// A joint table, whose rows are cut when they are read: there are up to a million of them.
#[derive(Debug)]
pub(crate) struct DigitJoint {
    pub(crate) table: Arc<JointTable>,
    /// Of each output: its first coefficient, and its coefficients, of the part that the table belongs to.
    places: Vec<(usize, usize)>,
    log: u8,
}

impl DigitJoint {
    /// Adds the digits of a joint code to a polynomial, `at` coefficients up.
    pub(crate) fn add_digits(&self, code: usize, at: usize, plain: &mut Vec<(usize, i64)>) {
        let row = self.table.row(code).iter().zip(&self.table.spans);
        let mask = (1u64 << self.log) - 1;
        for ((value, (least, _)), (first, count)) in row.zip(&self.places) {
            let mut rest = value.abs_diff(*least);
            for coefficient in *first..first + count {
                let digit = i64::from(u32::try_from(rest & mask).unwrap_or(u32::MAX));
                if digit != 0 {
                    plain.push((at + coefficient, digit));
                }
                rest >>= self.log;
            }
        }
    }

    /// The largest digit of each of its coefficients, or more.
    fn largest(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let mask = (1u64 << self.log) - 1;
        let spans = self.table.spans.iter().zip(&self.places);
        spans.flat_map(move |((least, greatest), (first, count))| {
            let span = greatest.abs_diff(*least);
            let digit = move |index: usize| {
                let above = u32::try_from(index * usize::from(self.log)).unwrap_or(u32::MAX);
                span.checked_shr(above).unwrap_or(0).min(mask)
            };
            (0..*count).map(move |index| (first + index, digit(index)))
        })
    }
}

/// Bits of the widest leaf value once made non-negative: the radix at which there is one digit.
pub(crate) fn value_bits(form: &BranchingForm) -> u8 {
    let spans = part_spans(form).into_iter().flatten();
    let spans = spans.map(|(min, max)| max.abs_diff(min));
    let bits = u64::BITS - spans.max().unwrap_or(0).leading_zeros();
    u8::try_from(bits).unwrap_or(u8::MAX).max(1)
}

/// Cuts all leaves into digits.
pub(crate) fn cut(form: &BranchingForm, radix: Radix) -> DigitForm {
    let part_spans = part_spans(form);
    let mut outputs = Vec::with_capacity(form.outputs);
    let mut first = 0;
    for output in 0..form.outputs {
        let widest = part_spans
            .iter()
            .map(|spans| spans[output].1.abs_diff(spans[output].0))
            .max()
            .unwrap_or(0);
        let bits = u64::BITS - widest.leading_zeros();
        let of_part = bits.div_ceil(u32::from(radix.log)).max(1) as usize;
        let count = of_part << radix.parts_log;
        let base = part_spans.iter().fold(form.bias[output], |base, spans| {
            base.wrapping_add(spans[output].0)
        });
        outputs.push(OutputDigits { base, first, count });
        first += count;
    }
    let digits = |vector: &[i64], index: usize| {
        let part = index % (1 << radix.parts_log);
        cut_vector(vector, &part_spans[index], &outputs, radix, part)
    };
    let tree = |(index, tree): (usize, &Tree)| DigitTree {
        nodes: tree
            .nodes
            .iter()
            .map(|node| lower_node(node, |leaf| digits(leaf, index)))
            .collect(),
    };
    let trees: Vec<DigitTree> = form.trees.iter().enumerate().map(tree).collect();
    let tables: Vec<DigitTable> = (form.trees.len()..)
        .zip(&form.tables)
        .map(|(index, table)| DigitTable {
            input: table.input,
            rows: table.rows.iter().map(|row| digits(row, index)).collect(),
        })
        .collect();
    let summed = form.trees.len() + form.tables.len();
    let joint = |(index, table): (usize, &Arc<JointTable>)| {
        let part = index % (1 << radix.parts_log);
        let place = |output: &OutputDigits| {
            let of_part = output.count >> radix.parts_log;
            (output.first + part * of_part, of_part)
        };
        DigitJoint {
            table: Arc::clone(table),
            places: outputs.iter().map(place).collect(),
            log: radix.log,
        }
    };
    let joints: Vec<DigitJoint> = (summed..).zip(&form.joints).map(joint).collect();
    let plaintext_bits = sum_bits(&trees, &tables, &joints, first);
    DigitForm {
        input_bits: form.input_bits.clone(),
        radix,
        outputs,
        coefficients: first,
        plaintext_bits,
        trees,
        tables,
        joints,
    }
}

/// The vectors that one tree or table of one input may contribute.
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

/// Least and greatest entry of each output, of each tree and table.
fn part_spans(form: &BranchingForm) -> Vec<Vec<(i64, i64)>> {
    let of_joints = form.joints.iter().map(|joint| joint.spans.clone());
    let others = parts(form).map(|part| spans(&part, form.outputs));
    others.chain(of_joints).collect()
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
    radix: Radix,
    part: usize,
) -> Digits {
    let mut digits = Digits::new();
    let mask = (1u64 << radix.log) - 1;
    for ((value, (min, _)), output) in vector.iter().zip(spans).zip(outputs) {
        let mut rest = value.abs_diff(*min);
        let of_part = output.count >> radix.parts_log;
        let first = output.first + part * of_part;
        for coefficient in first..first + of_part {
            let digit = u32::try_from(rest & mask).unwrap_or(u32::MAX);
            if digit != 0 {
                digits.push((coefficient, digit));
            }
            rest >>= radix.log;
        }
    }
    digits
}

/// Bits of the largest sum of digits: each tree and table counts with its largest digit.
fn sum_bits(
    trees: &[DigitTree],
    tables: &[DigitTable],
    joints: &[DigitJoint],
    coefficients: usize,
) -> u32 {
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
    for (coefficient, digit) in joints.iter().flat_map(DigitJoint::largest) {
        sums[coefficient] += digit;
    }
    let largest = sums.into_iter().max().unwrap_or(0);
    (u64::BITS - largest.leading_zeros()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branching::form::InputTable;

    /// Trees and a table of two outputs on one input, by a formula.
    fn form() -> BranchingForm {
        let split = TreeNode::Split {
            feature: 0,
            threshold: 3,
            left: 1,
            right: 2,
        };
        let leaf = |seed: i64| vec![seed * 37 % 101 - 50, seed * seed % 1000];
        let tree = |seed| Tree {
            nodes: vec![
                split.clone(),
                TreeNode::Leaf(leaf(seed)),
                TreeNode::Leaf(leaf(seed + 7)),
            ],
        };
        BranchingForm {
            input_bits: vec![3],
            outputs: 2,
            bias: vec![-5, 7],
            trees: (0..70).map(tree).collect(),
            tables: vec![InputTable {
                input: 0,
                rows: (0..8).map(leaf).collect(),
            }],
            joints: Vec::new(),
        }
    }

    /// What every tree and table gives for `code`.
    fn vectors(form: &BranchingForm, code: usize) -> Vec<i64> {
        let leaf = 1 + usize::from(code >= 3);
        let leaves = form.trees.iter().map(|tree| match &tree.nodes[leaf] {
            TreeNode::Leaf(values) => values,
            TreeNode::Split { .. } => unreachable!("the children of the root are leaves"),
        });
        let mut sums = form.bias.clone();
        for vector in leaves.chain([&form.tables[0].rows[code]]) {
            sums.iter_mut().zip(vector).for_each(|(sum, v)| *sum += v);
        }
        sums
    }

    fn digit_sums(digits: &DigitForm, code: usize) -> Vec<u64> {
        let leaf = 1 + usize::from(code >= 3);
        let leaves = digits.trees.iter().map(|tree| match &tree.nodes[leaf] {
            DigitNode::Leaf(digits) => digits,
            DigitNode::Split { .. } => unreachable!("the children of the root are leaves"),
        });
        let mut sums = vec![0; digits.coefficients];
        for (coefficient, digit) in leaves.chain([&digits.tables[0].rows[code]]).flatten() {
            sums[*coefficient] += u64::from(*digit);
        }
        sums
    }

    #[test]
    fn digit_sums_make_up_the_outputs() {
        let form = form();
        for (log, parts_log) in [(1, 0), (1, 1), (1, 3), (3, 0), (4, 2), (10, 0), (10, 2)] {
            let radix = Radix { log, parts_log };
            let digits = cut(&form, radix);
            for code in 0..8 {
                let sums = digit_sums(&digits, code);
                let largest = sums.iter().max().unwrap();
                assert_eq!(largest >> digits.plaintext_bits, 0, "{radix:?}: {largest}");
                let outputs = digits.outputs.iter().map(|output| {
                    let of_spec = SpecDigits {
                        count: u8::try_from(output.count).unwrap(),
                        base: output.base,
                    };
                    of_spec.value(radix, &sums[output.first..][..output.count])
                });
                let outputs: Vec<i64> = outputs.collect();
                assert_eq!(outputs, vectors(&form, code), "{radix:?}, code {code}");
            }
        }
    }

    #[test]
    fn parts_spare_bits() {
        let bits = |parts_log| cut(&form(), Radix { log: 1, parts_log }).plaintext_bits;
        assert_eq!([bits(0), bits(1), bits(2), bits(3)], [7, 6, 5, 4]);
    }
}
