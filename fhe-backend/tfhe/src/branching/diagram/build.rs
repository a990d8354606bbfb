//! From trees and tables to a [`Diagram`].

use alloc::collections::{BTreeMap, BTreeSet};

use super::functions::{Function, tree_functions};
use super::noise::{DiagramNoise, NoiseBook, NoiseId};
use super::piecewise::{Piecewise, add_digits};
use super::schedule::{Emitter, Value};
use super::{Diagram, Operand, Plain, Rotation, Sign};
use crate::branching::digits::{DigitForm, DigitNode, Digits};

/// A subtree that a selection reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subtree {
    tree: usize,
    node: usize,
}

/// Trees whose children are summed at a time.
const BATCH: usize = 8;

/// A clear part, and encrypted terms.
type Terms = (Plain, Vec<(Sign, Value)>);

/// The sum of what is selected in an interval of codes.
struct IntervalSum {
    /// What it has more than that of the interval before.
    change: Terms,
    /// What it is a sum of.
    noise: Vec<NoiseId>,
}

/// A tree whose root is not univariate: `code < threshold ? left : right`.
#[derive(Debug)]
struct Root {
    threshold: i64,
    left: Subtree,
    right: Subtree,
}

/// Schedules `form` for polynomials of `size` coefficients.
pub(crate) fn build(form: &DigitForm, size: usize) -> Diagram {
    let functions: Vec<Vec<Function>> = form
        .trees
        .iter()
        .map(|tree| tree_functions(tree, &form.input_bits))
        .collect();
    let mut parts: BTreeMap<usize, Vec<&Piecewise>> = BTreeMap::new();
    let mut roots: BTreeMap<usize, Vec<Root>> = BTreeMap::new();
    let mut constant = Digits::new();
    for (tree, functions) in functions.iter().enumerate() {
        match (&functions[0], &form.trees[tree].nodes[0]) {
            (Function::Univariate { input, pieces }, _) => match input {
                None => constant = add_digits(&constant, pieces.value(0)),
                Some(input) => parts.entry(*input).or_default().push(pieces),
            },
            (
                Function::Node,
                DigitNode::Split {
                    input,
                    threshold,
                    left,
                    right,
                },
            ) => {
                let (left, right) = (
                    Subtree { tree, node: *left },
                    Subtree { tree, node: *right },
                );
                roots.entry(*input).or_default().push(Root {
                    threshold: *threshold,
                    left,
                    right,
                });
            }
            (Function::Node, DigitNode::Leaf(_)) => {}
        }
    }
    let tables: Vec<Piecewise> = form.tables.iter().map(Piecewise::of_table).collect();
    for (table, pieces) in form.tables.iter().zip(&tables) {
        parts.entry(table.input).or_default().push(pieces);
    }
    let sums: BTreeMap<usize, Piecewise> = parts
        .into_iter()
        .map(|(input, parts)| (input, Piecewise::sum(parts.into_iter())))
        .collect();
    let mut book = NoiseBook::new(size);
    let mut builder = Builder::new(form, &functions, size);
    builder.place_slots(&mut book, &roots);
    let inputs: BTreeSet<usize> = sums.keys().chain(roots.keys()).copied().collect();
    for input in inputs {
        let zero = Piecewise::constant(Digits::new());
        builder.group(
            &mut book,
            input,
            roots.get(&input).map_or(&[], Vec::as_slice),
            sums.get(&input).unwrap_or(&zero),
        );
    }
    for index in 0..form.joints.len() {
        builder.joint(&mut book, index);
    }
    builder.finish(constant, book)
}

pub(super) struct Builder<'a> {
    pub(super) form: &'a DigitForm,
    functions: &'a [Vec<Function>],
    pub(super) size: usize,
    /// Where univariate subtrees were placed: rotation, shift and sign.
    slots: BTreeMap<Subtree, (usize, usize, Sign)>,
    results: Vec<NoiseId>,
    pub(super) diagram: Diagram,
}

impl<'a> Builder<'a> {
    fn new(form: &'a DigitForm, functions: &'a [Vec<Function>], size: usize) -> Self {
        let mut next = 0;
        let first_bits = form.input_bits.iter().map(|bits| {
            next += *bits as usize;
            next - *bits as usize
        });
        let first_bits = first_bits.collect();
        let diagram = Diagram {
            first_bits,
            input_bits: next,
            rotations: Vec::new(),
            groups: Vec::new(),
            constant: Plain::new(),
            clear_cmuxes: 0,
            cmuxes: 0,
            clear_values: 0,
            noise: DiagramNoise::default(),
        };
        Self {
            form,
            functions,
            size,
            slots: BTreeMap::new(),
            results: Vec::new(),
            diagram,
        }
    }

    pub(super) fn bits(&self, input: usize) -> usize {
        self.form.input_bits[input] as usize
    }

    /// The bits of an input's code in the query, the lowest first.
    pub(super) fn code_bits(&self, input: usize) -> Vec<usize> {
        let first = self.diagram.first_bits[input];
        (first..first + self.bits(input)).collect()
    }

    /// Puts univariate subtrees under multivariate nodes into shared rotations, where two or more of one input fit a
    /// polynomial.
    fn place_slots(&mut self, book: &mut NoiseBook, roots: &BTreeMap<usize, Vec<Root>>) {
        let mut by_input: BTreeMap<usize, Vec<(Subtree, &Piecewise)>> = BTreeMap::new();
        for root in roots.values().flatten() {
            let mut pending = vec![root.left, root.right];
            while let Some(subtree) = pending.pop() {
                match &self.functions[subtree.tree][subtree.node] {
                    Function::Univariate {
                        input: Some(input),
                        pieces,
                    } => {
                        by_input.entry(*input).or_default().push((subtree, pieces));
                    }
                    Function::Univariate { input: None, .. } => {}
                    Function::Node => pending.extend(self.children(subtree)),
                }
            }
        }
        for (input, subtrees) in by_input {
            let width = self.form.coefficients << self.bits(input);
            let slots = self.size / width.max(1);
            if slots < 2 || subtrees.len() < 2 {
                continue;
            }
            for (pattern, chunk) in subtrees.chunks(slots).enumerate() {
                let index = self.diagram.rotations.len();
                let signs = signs(chunk, pattern);
                let mut table = Plain::new();
                for (slot, ((subtree, pieces), sign)) in chunk.iter().zip(signs).enumerate() {
                    let values = self.tabulate(pieces, 0, self.bits(input), slot * width);
                    table.extend(values.into_iter().map(|(at, value)| match sign {
                        Sign::Plus => (at, value),
                        Sign::Minus => (at, -value),
                    }));
                    self.slots.insert(*subtree, (index, slot * width, sign));
                }
                let first_bit = self.diagram.first_bits[input];
                let bits = self.bits(input);
                let rotation = Rotation::by_code(table, first_bit, bits, self.form.coefficients);
                book.rotation(&rotation);
                self.diagram.clear_cmuxes += 1;
                self.diagram.cmuxes += rotation.turns.len() - 1;
                self.diagram.rotations.push(rotation);
            }
        }
    }

    fn children(&self, subtree: Subtree) -> [Subtree; 2] {
        match self.form.trees[subtree.tree].nodes[subtree.node] {
            DigitNode::Split { left, right, .. } => [left, right].map(|node| Subtree {
                tree: subtree.tree,
                node,
            }),
            DigitNode::Leaf(_) => [subtree; 2],
        }
    }

    /// One selection by `input` for all trees whose roots read it, and for the sum of functions of it.
    fn group(&mut self, book: &mut NoiseBook, input: usize, roots: &[Root], sum: &Piecewise) {
        let mut emitter = Emitter::new(book);
        let bits = self.code_bits(input);
        if roots.is_empty() {
            emitter.book.start_tree(self.form.trees.len() + input);
            let value = self.table(&mut emitter, input, sum);
            self.push_group(emitter, value);
            return;
        }
        let mut starts: Vec<i64> = roots
            .iter()
            .map(|root| root.threshold)
            .chain(sum.boundaries())
            .filter(|start| (1..1i64 << bits.len()).contains(start))
            .collect();
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        let sums = self.interval_sums(&mut emitter, input, roots, sum, &starts);
        let mut last: Option<Value> = None;
        let value = emitter.select_made(&bits, &starts, |emitter, index| {
            let IntervalSum { change, noise } = &sums[index];
            let (mut plain, mut terms) = change.clone();
            if let Some(last) = &last {
                push_term(&mut plain, &mut terms, Sign::Plus, last);
            }
            let value = emitter.sum(plain, terms, noise.clone());
            last = Some(value.clone());
            value
        });
        self.push_group(emitter, value);
    }

    /// For each interval of codes, how the sum of the selected children differs from that of the interval before; the
    /// first is the sum itself. Children are summed as they are computed, `BATCH` trees at a time.
    fn interval_sums(
        &self,
        emitter: &mut Emitter<'_>,
        input: usize,
        roots: &[Root],
        sum: &Piecewise,
        starts: &[i64],
    ) -> Vec<IntervalSum> {
        let mut roots: Vec<&Root> = roots.iter().collect();
        roots.sort_by_key(|root| root.threshold);
        let mut sums: Vec<IntervalSum> = Vec::with_capacity(starts.len());
        for (index, start) in starts.iter().enumerate() {
            let mut plain = to_plain(sum.value(*start));
            if let Some(before) = index.checked_sub(1) {
                let before = to_plain(sum.value(starts[before])).into_iter();
                plain.extend(before.map(|(at, digit)| (at, -digit)));
            }
            sums.push(IntervalSum {
                change: (plain, Vec::new()),
                noise: Vec::new(),
            });
        }
        for batch in roots.chunks(BATCH) {
            let mut changes: BTreeMap<usize, Terms> = BTreeMap::new();
            for root in batch {
                let [left, right] =
                    [root.left, root.right].map(|subtree| self.value(emitter, subtree));
                // The first interval that selects the right child; none if all codes are below the threshold.
                let first = starts.partition_point(|start| *start < root.threshold);
                for (index, sum) in sums.iter_mut().enumerate() {
                    let selected = if index < first { &left } else { &right };
                    sum.noise.push(selected.noise);
                }
                let mut add = |index: usize, sign: Sign, value: &Value| {
                    let (plain, terms) = changes.entry(index).or_default();
                    push_term(plain, terms, sign, value);
                };
                if first == 0 {
                    add(0, Sign::Plus, &right);
                    continue;
                }
                add(0, Sign::Plus, &left);
                if first < starts.len() {
                    add(first, Sign::Plus, &right);
                    add(first, Sign::Minus, &left);
                }
            }
            emitter.book.start_tree(self.form.trees.len() + input);
            for (index, (plain, terms)) in changes {
                let of_batch = emitter.sum(plain, terms, Vec::new());
                let (plain, terms) = &mut sums[index].change;
                push_term(plain, terms, Sign::Plus, &of_batch);
                // The first is read at once, all others much later.
                if index == 0 && terms.len() > 1 {
                    let (plain, terms) = core::mem::take(&mut sums[0].change);
                    let so_far = emitter.sum(plain, terms, Vec::new());
                    let (plain, terms) = &mut sums[0].change;
                    push_term(plain, terms, Sign::Plus, &so_far);
                }
            }
        }
        sums
    }

    /// A subtree as an operand.
    fn value(&self, emitter: &mut Emitter<'_>, root: Subtree) -> Value {
        emitter.book.start_tree(root.tree);
        // Children before parents, without recursion: trees may be deep.
        let mut order = vec![root];
        let mut index = 0;
        while index < order.len() {
            let subtree = order[index];
            if matches!(self.functions[subtree.tree][subtree.node], Function::Node) {
                order.extend(self.children(subtree));
            }
            index += 1;
        }
        let mut values: BTreeMap<Subtree, Value> = BTreeMap::new();
        for subtree in order.into_iter().rev() {
            let value = match &self.functions[subtree.tree][subtree.node] {
                Function::Univariate { input, pieces } => {
                    self.univariate(emitter, subtree, *input, pieces)
                }
                Function::Node => self.node(emitter, subtree, &values),
            };
            values.insert(subtree, value);
        }
        values
            .remove(&root)
            .unwrap_or_else(|| Value::plain(Plain::new()))
    }

    fn univariate(
        &self,
        emitter: &mut Emitter<'_>,
        subtree: Subtree,
        input: Option<usize>,
        pieces: &Piecewise,
    ) -> Value {
        match (input, self.slots.get(&subtree)) {
            (None, _) => Value::plain(to_plain(pieces.value(0))),
            (Some(_), Some((rotation, shift, sign))) => {
                let operand = Operand::Slot {
                    rotation: *rotation,
                    shift: *shift,
                    sign: *sign,
                };
                let turned = if *sign == Sign::Plus { 0 } else { self.size };
                let noise = emitter.book.slot(*rotation, shift + turned);
                Value { operand, noise }
            }
            (Some(input), None) => self.table(emitter, input, pieces),
        }
    }

    fn node(
        &self,
        emitter: &mut Emitter<'_>,
        subtree: Subtree,
        values: &BTreeMap<Subtree, Value>,
    ) -> Value {
        let DigitNode::Split {
            input, threshold, ..
        } = self.form.trees[subtree.tree].nodes[subtree.node]
        else {
            return Value::plain(Plain::new());
        };
        let children = self.children(subtree).map(|child| values[&child].clone());
        if threshold <= 0 {
            return children[1].clone();
        }
        emitter.select(&self.code_bits(input), &[0, threshold], &children)
    }

    pub(super) fn push_group(&mut self, emitter: Emitter<'_>, value: Value) {
        self.diagram.cmuxes += emitter.cmuxes;
        self.diagram.clear_cmuxes += emitter.clear_cmuxes;
        self.results.push(value.noise);
        let group = emitter.finish(value);
        self.diagram.clear_values += group.clear_values();
        self.diagram.groups.push(group);
    }

    fn finish(mut self, constant: Digits, book: NoiseBook) -> Diagram {
        self.diagram.noise = book.finish(&self.results);
        self.diagram.constant = to_plain(&constant);
        // The longest first, so that threads end together.
        let groups = &mut self.diagram.groups;
        groups.sort_by_key(|group| core::cmp::Reverse(group.steps.len()));
        self.diagram
    }
}

/// Signs of the slots of a rotation, those of one tree the same. From tree to tree they change, so that what their noise has in
/// common cancels; by a Walsh function of its own in every rotation of an input, so that rotations of equal functions differ.
fn signs(slots: &[(Subtree, &Piecewise)], pattern: usize) -> impl Iterator<Item = Sign> {
    let trees = slots.iter().map(|(subtree, _)| subtree.tree);
    let mut last = None;
    let mut count = 0usize;
    trees.map(move |tree| {
        count += usize::from(last.is_some_and(|last| last != tree));
        last = Some(tree);
        if (count & (2 * pattern + 1)).count_ones().is_multiple_of(2) {
            Sign::Plus
        } else {
            Sign::Minus
        }
    })
}

/// Clear operands join the clear part of a sum, the others its terms.
fn push_term(plain: &mut Plain, terms: &mut Vec<(Sign, Value)>, sign: Sign, value: &Value) {
    match &value.operand {
        Operand::Plain(values) if sign == Sign::Plus => plain.extend(values),
        Operand::Plain(values) => plain.extend(values.iter().map(|(at, digit)| (*at, -digit))),
        _ => terms.push((sign, value.clone())),
    }
}

pub(super) fn to_plain(digits: &Digits) -> Plain {
    digits
        .iter()
        .map(|(coefficient, digit)| (*coefficient, i64::from(*digit)))
        .collect()
}
