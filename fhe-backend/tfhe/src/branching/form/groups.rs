//! Which trees and tables read few bits together, and are cheaper as one table of all their codes.

use alloc::collections::{BTreeMap, BTreeSet};

use tenebra_circuit::{Tree, TreeNode};
use tenebra_client::branching::Radix;

use super::BranchingForm;
use super::joint::Group;
use crate::branching::diagram::build;
use crate::branching::digits::{cut, value_bits};

/// Most bits of a joint code, and most values of a table: 2^20 codes of one output, or fewer of more.
pub(crate) const MAX_JOINT_BITS: u32 = 20;
const MAX_VALUES_LOG: u32 = 22;

/// Groups are looked for among joint codes of at most so many bits each, and the best of what is found is taken.
const LIMITS: [u32; 4] = [10, 13, 16, MAX_JOINT_BITS];

/// Sets of inputs whose unions are looked at.
const MAX_SETS: usize = 64;

/// Coefficients of a polynomial for which products are counted, and most bits of a digit.
const SIZE: usize = 2048;
const DIGIT_BITS: u8 = 12;

/// A number of products that is estimated to be so many times another is taken to be larger without counting.
const FAR_MORE: f64 = 8.0;

/// A product with a clear polynomial, in products of ciphertexts.
const CLEAR_PRODUCT: f64 = 0.5;

/// The forms that may be cheapest: `form` itself, and what it is with the groups of its trees that are estimated to be best in tables;
/// the latter first. A function of `form` alone, so that planner and server find the same.
pub(crate) fn alternatives(form: BranchingForm) -> Vec<BranchingForm> {
    let sets = Sets::new(&form);
    let mut best: Option<(f64, Vec<Group>)> = None;
    let mut seen: Vec<Vec<Group>> = Vec::new();
    for limit in LIMITS {
        let groups = sets.groups(&form, limit);
        if groups.is_empty() || seen.contains(&groups) {
            continue;
        }
        let rest = groups.iter().flat_map(|group| &group.trees).count() < form.trees.len();
        let of_rest = if rest {
            products(&form.without(&groups))
        } else {
            0.0
        };
        let of_tables = groups
            .iter()
            .map(|group| sets.table(sets.bits(&group.inputs)));
        let products = of_rest + of_tables.sum::<f64>();
        if best.as_ref().is_none_or(|(least, _)| products < *least) {
            best = Some((products, groups.clone()));
        }
        seen.push(groups);
    }
    let Some((least, groups)) = best else {
        return vec![form];
    };
    if sets.products() > FAR_MORE * least {
        return vec![form.joined(&groups)];
    }
    let alone = products(&form);
    if alone <= least {
        return vec![form];
    }
    vec![form.joined(&groups), form]
}

/// What trees and tables of one set of inputs cost as a diagram.
#[derive(Debug, Default)]
struct Members {
    trees: Vec<usize>,
    tables: Vec<usize>,
    /// Products, estimated.
    products: f64,
}

/// Trees and tables by the inputs that they read.
struct Sets<'a> {
    input_bits: &'a [u32],
    outputs: usize,
    /// Coefficients of the values of a code, about.
    coefficients: usize,
    of: BTreeMap<Vec<usize>, Members>,
}

impl<'a> Sets<'a> {
    fn new(form: &'a BranchingForm) -> Self {
        let digits = usize::from(value_bits(form).div_ceil(DIGIT_BITS));
        let mut sets = Self {
            input_bits: &form.input_bits,
            outputs: form.outputs,
            coefficients: (form.outputs * digits).max(1),
            of: BTreeMap::new(),
        };
        for (index, tree) in form.trees.iter().enumerate() {
            let (inputs, products) = sets.tree(tree);
            if inputs.is_empty() {
                continue;
            }
            // All functions of one input are one.
            let alone = inputs.len() == 1;
            let members = sets.of.entry(inputs).or_default();
            members.trees.push(index);
            members.products = if alone {
                products
            } else {
                members.products + products
            };
        }
        for (index, table) in form.tables.iter().enumerate() {
            let bits = f64::from(form.input_bits[table.input]);
            let members = sets.of.entry(vec![table.input]).or_default();
            members.tables.push(index);
            members.products = bits;
        }
        sets
    }

    /// The inputs that a tree reads, and its products, about: its first selection is one for all trees, and functions of one input
    /// share rotations.
    fn tree(&self, tree: &Tree) -> (Vec<usize>, f64) {
        let decides = |feature: usize, threshold: i64| {
            threshold > 0 && threshold < 1 << self.input_bits[feature]
        };
        let mut inputs = BTreeSet::new();
        let mut products = 0.0;
        // Children before parents: what a subtree reads, and the products of its selections.
        let mut of: Vec<(Reads, f64)> = vec![(Reads::Nothing, 0.0); tree.nodes.len()];
        for (index, node) in tree.nodes.iter().enumerate().rev() {
            let &TreeNode::Split {
                feature,
                threshold,
                left,
                right,
            } = node
            else {
                continue;
            };
            let (feature, left, right) = (feature as usize, left as usize, right as usize);
            if !decides(feature, threshold) {
                of[index] = of[if threshold <= 0 { right } else { left }];
                continue;
            }
            let children = [of[left], of[right]];
            let one = Reads::One(feature);
            if children
                .iter()
                .all(|(reads, _)| *reads == Reads::Nothing || *reads == one)
            {
                of[index] = (one, self.function(feature));
                continue;
            }
            let zeros = threshold.trailing_zeros();
            let selection = f64::from(self.input_bits[feature].saturating_sub(zeros).max(1));
            of[index] = (
                Reads::Many,
                children.map(|(_, products)| products).iter().sum::<f64>() + selection,
            );
        }
        let mut pending = vec![0usize];
        while let Some(node) = pending.pop() {
            let &TreeNode::Split {
                feature,
                threshold,
                left,
                right,
            } = &tree.nodes[node]
            else {
                continue;
            };
            if !decides(feature as usize, threshold) {
                pending.push(if threshold <= 0 { right } else { left } as usize);
                continue;
            }
            inputs.insert(feature as usize);
            if node == 0 {
                products -= f64::from(self.input_bits[feature as usize]) - 1.0;
            }
            pending.extend([left as usize, right as usize]);
        }
        products = match of[0] {
            (Reads::One(input), _) => f64::from(self.input_bits[input]),
            (_, whole) => (whole + products).max(1.0),
        };
        (inputs.into_iter().collect(), products)
    }

    /// Products of a function of one input below other splits: a share of a rotation.
    fn function(&self, input: usize) -> f64 {
        let slots = (SIZE / self.coefficients) >> self.input_bits[input].min(31);
        f64::from(self.input_bits[input]) / slots.max(1) as f64
    }

    fn bits(&self, inputs: &[usize]) -> u32 {
        let bits = inputs.iter().map(|input| self.input_bits[*input]);
        bits.fold(0, u32::saturating_add)
    }

    /// Whether a table of these inputs is within what memory is for.
    fn fits(&self, inputs: &[usize], limit: u32) -> bool {
        let bits = self.bits(inputs);
        let of_outputs = self.outputs.max(1).next_power_of_two().ilog2();
        bits <= limit && bits + of_outputs <= MAX_VALUES_LOG
    }

    /// Products of a table of so many bits.
    fn table(&self, bits: u32) -> f64 {
        let fitting = (SIZE / self.coefficients).max(1).ilog2();
        let turned = bits.min(fitting);
        let selections = f64::from(bits - turned).exp2() - 1.0;
        // The lowest level of selections, or the first turn, is of clear polynomials.
        let clear = ((selections + 1.0) / 2.0).ceil();
        selections + f64::from(turned) - clear * (1.0 - CLEAR_PRODUCT)
    }

    /// Of everything, as a diagram.
    fn products(&self) -> f64 {
        self.of.values().map(|members| members.products).sum()
    }

    /// Of what a group takes in, less those of its table.
    fn spared(&self, inputs: &[usize]) -> f64 {
        let within = self.of.iter().filter(|(of, _)| is_within(of, inputs));
        let products = within.map(|(_, members)| members.products);
        products.sum::<f64>() - self.table(self.bits(inputs))
    }

    /// Groups of at most so many bits that are worth a table: sets of inputs are united, two at a time, as long as that spares most.
    fn groups(&self, form: &BranchingForm, limit: u32) -> Vec<Group> {
        let mut heaviest: Vec<(&Vec<usize>, f64)> = self
            .of
            .iter()
            .filter(|(inputs, _)| self.fits(inputs, limit))
            .map(|(inputs, members)| (inputs, members.products))
            .collect();
        heaviest.sort_by(|a, b| b.1.total_cmp(&a.1));
        heaviest.truncate(MAX_SETS);
        let mut united: Vec<(Vec<usize>, f64)> = heaviest
            .into_iter()
            .map(|(inputs, _)| (inputs.clone(), self.spared(inputs)))
            .collect();
        while let Some((union, spared)) = self.best_union(&united, limit) {
            united.retain(|(inputs, _)| !is_within(inputs, &union));
            united.push((union, spared));
        }
        united.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.assigned(form, united.into_iter().map(|(inputs, _)| inputs))
    }

    /// The union of two that spares most besides what all that are within it spare alone.
    fn best_union(&self, united: &[(Vec<usize>, f64)], limit: u32) -> Option<(Vec<usize>, f64)> {
        let mut best: Option<(f64, Vec<usize>)> = None;
        for (one, (inputs, _)) in united.iter().enumerate() {
            for (others, _) in &united[one + 1..] {
                let union: BTreeSet<usize> = inputs.iter().chain(others).copied().collect();
                let union: Vec<usize> = union.into_iter().collect();
                if !self.fits(&union, limit) {
                    continue;
                }
                let spared = self.spared(&union);
                // Unions that are worth nothing are most.
                if spared <= best.as_ref().map_or(0.0, |(most, _)| *most) {
                    continue;
                }
                let gain = spared - self.spared_within(united, &union);
                if gain > 0.0 && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, union));
                }
            }
        }
        best.map(|(_, union)| {
            let spared = self.spared(&union);
            (union, spared)
        })
    }

    /// What the groups within `inputs` spare that are worth a table; what several of them take in counts once.
    fn spared_within(&self, united: &[(Vec<usize>, f64)], inputs: &[usize]) -> f64 {
        let worth = united.iter().filter(|(_, spared)| *spared > 0.0);
        let within: Vec<&Vec<usize>> = worth
            .map(|(of, _)| of)
            .filter(|of| is_within(of, inputs))
            .collect();
        let largest = |of: &&&Vec<usize>| {
            let mut others = within.iter().filter(|other| *other != *of);
            !others.any(|other| is_within(of, other))
        };
        let largest: Vec<&&Vec<usize>> = within.iter().filter(largest).collect();
        let taken = self
            .of
            .iter()
            .filter(|(of, _)| largest.iter().any(|group| is_within(of, group)));
        let products: f64 = taken.map(|(_, members)| members.products).sum();
        let tables = largest.iter().map(|group| self.table(self.bits(group)));
        (products - tables.sum::<f64>()).max(0.0)
    }

    /// Each set of inputs in the first group that has all of them, and groups that are not worth it left out.
    fn assigned(
        &self,
        form: &BranchingForm,
        groups: impl Iterator<Item = Vec<usize>>,
    ) -> Vec<Group> {
        let mut taken: BTreeSet<&Vec<usize>> = BTreeSet::new();
        let mut assigned = Vec::new();
        for inputs in groups {
            let within: Vec<(&Vec<usize>, &Members)> = self
                .of
                .iter()
                .filter(|(of, _)| is_within(of, &inputs) && !taken.contains(of))
                .collect();
            let estimated: f64 = within.iter().map(|(_, members)| members.products).sum();
            let table = self.table(self.bits(&inputs));
            if estimated <= table {
                continue;
            }
            let trees = within.iter().flat_map(|(_, members)| &members.trees);
            let tables = within.iter().flat_map(|(_, members)| &members.tables);
            let group = Group {
                inputs,
                trees: trees.copied().collect(),
                tables: tables.copied().collect(),
            };
            if estimated > FAR_MORE * table || products(&only(form, &group)) > table {
                taken.extend(within.iter().map(|(of, _)| *of));
                assigned.push(group);
            }
        }
        assigned
    }
}

/// What a subtree reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Nothing,
    One(usize),
    Many,
}

/// Both increasing.
fn is_within(inputs: &[usize], of: &[usize]) -> bool {
    let mut of = of.iter();
    inputs.iter().all(|input| of.any(|other| other == input))
}

/// Products of the diagram of a form.
fn products(form: &BranchingForm) -> f64 {
    let log = value_bits(form).min(DIGIT_BITS);
    let digits = cut(form, Radix { log, parts_log: 0 });
    if digits.coefficients > SIZE {
        return f64::INFINITY;
    }
    let diagram = build(&digits, SIZE);
    diagram.cmuxes as f64 + CLEAR_PRODUCT * diagram.clear_cmuxes as f64
}

/// What a group has of a form.
fn only(form: &BranchingForm, group: &Group) -> BranchingForm {
    let pick = |index: &usize| form.trees[*index].clone();
    let tables = group.tables.iter().map(|index| form.tables[*index].clone());
    BranchingForm {
        input_bits: form.input_bits.clone(),
        outputs: form.outputs,
        bias: form.bias.clone(),
        trees: group.trees.iter().map(pick).collect(),
        tables: tables.collect(),
        joints: Vec::new(),
    }
}
