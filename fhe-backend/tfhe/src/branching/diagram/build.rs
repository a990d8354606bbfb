//! From trees and tables to a [`Diagram`].

use alloc::collections::{BTreeMap, BTreeSet};

use super::piecewise::{Piecewise, add_digits};
use super::schedule::{Emitter, Value};
use super::{Diagram, Operand, Plain, Rotation, Sign};
use crate::branching::digits::{DigitForm, DigitNode, DigitTree, Digits};

/// What a subtree computes.
#[derive(Clone, Debug)]
enum Function {
    /// A function of one input, or a constant (then `input` is `None`).
    Univariate {
        input: Option<usize>,
        pieces: Piecewise,
    },
    /// Anything else: node of the tree.
    Node,
}

/// A subtree that a selection reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subtree {
    tree: usize,
    node: usize,
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
    let mut sums: BTreeMap<usize, Piecewise> = BTreeMap::new();
    let mut roots: BTreeMap<usize, Vec<Root>> = BTreeMap::new();
    let mut constant = Digits::new();
    let mut add = |input: Option<usize>, pieces: &Piecewise| match input {
        None => constant = add_digits(&constant, pieces.value(0)),
        Some(input) => {
            let sum = sums
                .entry(input)
                .or_insert_with(|| Piecewise::constant(Digits::new()));
            *sum = sum.sum(pieces);
        }
    };
    for (tree, functions) in functions.iter().enumerate() {
        match (&functions[0], &form.trees[tree].nodes[0]) {
            (Function::Univariate { input, pieces }, _) => add(*input, pieces),
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
    for table in &form.tables {
        add(Some(table.input), &Piecewise::of_table(table));
    }
    let mut builder = Builder::new(form, &functions, size);
    builder.place_slots(&roots);
    let inputs: BTreeSet<usize> = sums.keys().chain(roots.keys()).copied().collect();
    for input in inputs {
        let zero = Piecewise::constant(Digits::new());
        builder.group(
            input,
            roots.get(&input).map_or(&[], Vec::as_slice),
            sums.get(&input).unwrap_or(&zero),
        );
    }
    builder.finish(constant)
}

/// What each node of a tree computes, children before parents; infeasible branches disappear.
fn tree_functions(tree: &DigitTree, input_bits: &[u32]) -> Vec<Function> {
    let mut functions = vec![Function::Node; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate().rev() {
        functions[index] = match node {
            DigitNode::Leaf(digits) => Function::Univariate {
                input: None,
                pieces: Piecewise::constant(digits.clone()),
            },
            DigitNode::Split {
                input,
                threshold,
                left,
                right,
            } => {
                let (left, right) = (&functions[*left], &functions[*right]);
                split_function(*input, input_bits[*input], *threshold, left, right)
            }
        };
    }
    functions
}

fn split_function(
    input: usize,
    bits: u32,
    threshold: i64,
    left: &Function,
    right: &Function,
) -> Function {
    // A threshold outside of the codes decides for all of them.
    let side = (threshold <= 0)
        .then_some(right)
        .or((threshold >= 1 << bits).then_some(left));
    if let Some(Function::Univariate { input, pieces }) = side {
        return Function::Univariate {
            input: *input,
            pieces: pieces.clone(),
        };
    }
    match (side, left, right) {
        (
            None,
            Function::Univariate {
                input: left_input,
                pieces: left,
            },
            Function::Univariate {
                input: right_input,
                pieces: right,
            },
        ) if [left_input, right_input]
            .into_iter()
            .flatten()
            .all(|read| *read == input) =>
        {
            Function::Univariate {
                input: Some(input),
                pieces: Piecewise::split(threshold, left, right),
            }
        }
        _ => Function::Node,
    }
}

struct Builder<'a> {
    form: &'a DigitForm,
    functions: &'a [Vec<Function>],
    size: usize,
    /// Where univariate subtrees were placed: rotation and shift.
    slots: BTreeMap<Subtree, (usize, usize)>,
    diagram: Diagram,
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
            noise_units: 0,
        };
        Self {
            form,
            functions,
            size,
            slots: BTreeMap::new(),
            diagram,
        }
    }

    fn bits(&self, input: usize) -> usize {
        self.form.input_bits[input] as usize
    }

    /// Puts univariate subtrees under multivariate nodes into shared rotations, where two or more of one input fit a
    /// polynomial.
    fn place_slots(&mut self, roots: &BTreeMap<usize, Vec<Root>>) {
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
            for chunk in subtrees.chunks(slots) {
                let rotation = self.diagram.rotations.len();
                let mut table = Plain::new();
                for (slot, (subtree, pieces)) in chunk.iter().enumerate() {
                    table.extend(self.tabulate(pieces, 0, self.bits(input), slot * width));
                    self.slots.insert(*subtree, (rotation, slot * width));
                }
                let (first_bit, bits) = (self.diagram.first_bits[input], self.bits(input));
                self.diagram.rotations.push(Rotation {
                    table,
                    first_bit,
                    bits,
                    stride: self.form.coefficients,
                });
                self.diagram.clear_cmuxes += 1;
                self.diagram.cmuxes += bits - 1;
            }
        }
    }

    /// The values of `2^bits` codes from `low` on as a polynomial: those of a code side by side, codes behind each other.
    fn tabulate(&self, pieces: &Piecewise, low: i64, bits: usize, offset: usize) -> Plain {
        let mut plain = Plain::new();
        for (index, code) in (low..low + (1 << bits)).enumerate() {
            let at = offset + index * self.form.coefficients;
            plain.extend(
                pieces
                    .value(code)
                    .iter()
                    .map(|(coefficient, digit)| (at + coefficient, i64::from(*digit))),
            );
        }
        plain
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
    fn group(&mut self, input: usize, roots: &[Root], sum: &Piecewise) {
        let mut emitter = Emitter::default();
        let (first_bit, bits) = (self.diagram.first_bits[input], self.bits(input));
        if roots.is_empty() {
            let value = self.table(&mut emitter, input, sum);
            self.push_group(emitter, value);
            return;
        }
        let children: Vec<[Value; 2]> = roots
            .iter()
            .map(|root| [root.left, root.right].map(|subtree| self.value(&mut emitter, subtree)))
            .collect();
        let limit = 1i64 << bits;
        let inside = |threshold: &i64| (1..limit).contains(threshold);
        let mut starts: Vec<i64> = roots
            .iter()
            .map(|root| root.threshold)
            .chain(sum.boundaries())
            .filter(inside)
            .collect();
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        let values = self.interval_sums(&mut emitter, roots, &children, sum, &starts);
        let value = emitter.select(first_bit, bits, &starts, &values);
        self.push_group(emitter, value);
    }

    /// The sum of the selected children for each interval of codes, each from the one before it: what changes is taken
    /// out and put in, exactly.
    fn interval_sums(
        &self,
        emitter: &mut Emitter,
        roots: &[Root],
        children: &[[Value; 2]],
        sum: &Piecewise,
        starts: &[i64],
    ) -> Vec<Value> {
        let side = |root: &Root, start: i64| usize::from(start >= root.threshold);
        let mut values: Vec<Value> = Vec::with_capacity(starts.len());
        for (index, start) in starts.iter().enumerate() {
            let selected = roots
                .iter()
                .zip(children)
                .map(|(root, children)| &children[side(root, *start)]);
            let noise = selected.clone().map(|value| value.noise).sum();
            let mut plain = to_plain(sum.value(*start));
            let mut terms = Vec::new();
            for value in selected {
                push_term(&mut plain, &mut terms, Sign::Plus, value);
            }
            let change = |before: i64| {
                let mut plain = to_plain(sum.value(*start));
                plain.extend(
                    to_plain(sum.value(before))
                        .into_iter()
                        .map(|(at, digit)| (at, -digit)),
                );
                let mut terms = Vec::new();
                for (root, children) in roots.iter().zip(children) {
                    let (old, new) = (side(root, before), side(root, *start));
                    if old != new {
                        push_term(&mut plain, &mut terms, Sign::Minus, &children[old]);
                        push_term(&mut plain, &mut terms, Sign::Plus, &children[new]);
                    }
                }
                (plain, terms)
            };
            if let Some(previous) = values.last() {
                let (mut changed, mut changes) = change(starts[index - 1]);
                if changes.len() + 1 < terms.len() {
                    push_term(&mut changed, &mut changes, Sign::Plus, previous);
                    (plain, terms) = (changed, changes);
                }
            }
            values.push(emitter.sum(plain, terms, noise));
        }
        values
    }

    /// A subtree as an operand.
    fn value(&self, emitter: &mut Emitter, root: Subtree) -> Value {
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
        emitter: &mut Emitter,
        subtree: Subtree,
        input: Option<usize>,
        pieces: &Piecewise,
    ) -> Value {
        match (input, self.slots.get(&subtree)) {
            (None, _) => Value::plain(to_plain(pieces.value(0))),
            (Some(input), Some((rotation, shift))) => {
                let operand = Operand::Slot {
                    rotation: *rotation,
                    shift: *shift,
                };
                Value {
                    operand,
                    noise: self.bits(input),
                }
            }
            (Some(input), None) => self.table(emitter, input, pieces),
        }
    }

    fn node(
        &self,
        emitter: &mut Emitter,
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
        emitter.select(
            self.diagram.first_bits[input],
            self.bits(input),
            &[0, threshold],
            &children,
        )
    }

    /// A function of one input: by selection between its pieces, or, where that is cheaper, by selecting a polynomial
    /// that holds the values of `2^low` codes by the high bits and turning it by the low ones.
    fn table(&self, emitter: &mut Emitter, input: usize, pieces: &Piecewise) -> Value {
        let (first_bit, bits) = (self.diagram.first_bits[input], self.bits(input));
        let fitting = (self.size / self.form.coefficients).max(1).ilog2() as usize;
        let low = fitting.min(bits);
        let rotated = (1usize << (bits - low)) - 1 + low;
        let limit = 1i64 << bits;
        let starts: Vec<i64> = [0]
            .into_iter()
            .chain(pieces.boundaries().filter(|start| *start < limit))
            .collect();
        if cut_ranges(bits, &starts) <= rotated {
            let values: Vec<Value> = starts
                .iter()
                .map(|start| Value::plain(to_plain(pieces.value(*start))))
                .collect();
            return emitter.select(first_bit, bits, &starts, &values);
        }
        let chunk_starts: Vec<i64> = (0..1i64 << (bits - low))
            .map(|chunk| chunk << low)
            .collect();
        let chunks = chunk_starts
            .iter()
            .map(|start| Value::plain(self.tabulate(pieces, *start, low, 0)));
        let chunks: Vec<Value> = chunks.collect();
        let chosen = emitter.select(first_bit, bits, &chunk_starts, &chunks);
        emitter.rotate(first_bit, low, self.form.coefficients, chosen)
    }

    fn push_group(&mut self, emitter: Emitter, value: Value) {
        self.diagram.cmuxes += emitter.cmuxes;
        self.diagram.clear_cmuxes += emitter.clear_cmuxes;
        self.diagram.noise_units += value.noise;
        self.diagram.groups.push(emitter.finish(value));
    }

    fn finish(mut self, constant: Digits) -> Diagram {
        self.diagram.constant = to_plain(&constant);
        self.diagram
    }
}

/// Clear operands join the clear part of a sum, the others its terms.
fn push_term(plain: &mut Plain, terms: &mut Vec<(Sign, Value)>, sign: Sign, value: &Value) {
    match &value.operand {
        Operand::Plain(values) if sign == Sign::Plus => plain.extend(values),
        Operand::Plain(values) => plain.extend(values.iter().map(|(at, digit)| (*at, -digit))),
        _ => terms.push((sign, value.clone())),
    }
}

fn to_plain(digits: &Digits) -> Plain {
    digits
        .iter()
        .map(|(coefficient, digit)| (*coefficient, i64::from(*digit)))
        .collect()
}

/// Dyadic ranges of codes that a boundary cuts: the CMUX steps of a selection.
fn cut_ranges(bits: usize, starts: &[i64]) -> usize {
    (1..=bits)
        .map(|level| {
            let mut cut: Vec<i64> = starts
                .iter()
                .filter(|start| *start % (1 << level) != 0)
                .map(|start| start >> level)
                .collect();
            cut.dedup();
            cut.len()
        })
        .sum()
}
