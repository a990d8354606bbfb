//! The steps of a schedule, on encrypted bits.

use core::sync::atomic::{AtomicBool, Ordering};

use super::bits::Bits;
use super::diagram::{Diagram, Operand, Plain, Rotation, Sign, Step, Turn};
use super::evaluate::KeptGlwe;
use super::kernel::Kernel;
use super::order::{Order, Place};
use super::plan::Gadget;
use super::selections::{Selection, Selections};
use super::words::{combine, update};

/// What all steps of one evaluation read.
pub(super) struct Steps<'a, K: Kernel> {
    pub(super) gadget: Gadget,
    /// Clear values are multiples of `2^scale`.
    pub(super) scale: u32,
    pub(super) bits: &'a mut dyn Bits<K>,
    pub(super) selections: &'a Selections,
    /// Nobody waits for the result any longer.
    pub(super) stop: &'a AtomicBool,
}

/// The value of a step.
pub(super) struct Register<K: Kernel> {
    words: KeptGlwe,
    /// In its place, of a selection in a tree.
    sum: K::Sum,
}

impl<K: Kernel> Register<K> {
    pub(super) fn new(gadget: Gadget) -> Self {
        Self {
            words: KeptGlwe::zeros(gadget.glwe_len()),
            sum: K::empty_sum(gadget),
        }
    }
}

/// Where the operands of the steps of a group are found.
struct Values<'a, K: Kernel> {
    registers: &'a [Register<K>],
    /// Those of the steps.
    of_steps: &'a [u32],
    slots: &'a [KeptGlwe],
}

impl<'a, K: Kernel> Values<'a, K> {
    fn register(&self, step: usize) -> &'a Register<K> {
        &self.registers[self.of_steps[step] as usize]
    }

    fn step(&self, step: usize) -> &'a [u64] {
        &self.register(step).words
    }
}

/// The values of rotations.
pub(super) enum Slots<'a> {
    /// To be made by the turns of an order.
    ToMake(&'a mut [KeptGlwe]),
    /// Made before.
    Made(&'a [KeptGlwe]),
}

impl Slots<'_> {
    fn made(&self) -> &[KeptGlwe] {
        match self {
            Slots::ToMake(slots) => slots,
            Slots::Made(slots) => slots,
        }
    }
}

impl<K: Kernel> Steps<'_, K> {
    /// A clear polynomial turned by the bits of a code, which were made, into `value`.
    pub(super) fn rotation(&self, kernel: &mut K, rotation: &Rotation, value: &mut [u64]) {
        for turn in 0..rotation.turns.len() {
            self.turn(kernel, rotation, turn, value);
        }
    }

    /// A turn of a rotation; the first one makes the value.
    fn turn(&self, kernel: &mut K, rotation: &Rotation, turn: usize, value: &mut [u64]) {
        if turn == 0 {
            value.fill(0);
            self.add_plain(self.body(value), &rotation.table, Sign::Plus);
        }
        let Turn { bit, shift } = rotation.turns[turn];
        turn_by(kernel, value, self.bits.of(bit), turn == 0, shift);
    }

    /// Does what an order says, and leaves the sum of its groups' results in `sum`. The last of the registers is for what steps write.
    pub(super) fn take(
        &mut self,
        kernel: &mut K,
        (diagram, order): (&Diagram, &Order),
        registers: &mut [Register<K>],
        mut slots: Slots<'_>,
        sum: &mut [u64],
    ) {
        let Some((spare, registers)) = registers.split_last_mut() else {
            return;
        };
        sum.fill(0);
        for place in &order.places {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if let Some(bit) = place.bit(diagram) {
                self.bits.make(kernel, bit);
            }
            let values = |group| Values {
                registers,
                of_steps: order.registers_of(group),
                slots: slots.made(),
            };
            match *place {
                Place::Turn { rotation, turn } => {
                    if let Slots::ToMake(slots) = &mut slots {
                        let value = &mut slots[rotation];
                        self.turn(kernel, &diagram.rotations[rotation], turn, value);
                    }
                }
                Place::Step { group, step } => {
                    let values = values(group);
                    let register = values.of_steps[step] as usize;
                    match self.selections.of_step(group, step) {
                        Some(selection) => self.select(kernel, selection, &values, spare),
                        None => {
                            let step = &diagram.groups[group].steps[step];
                            self.step(kernel, step, &values, &mut spare.words);
                        }
                    }
                    core::mem::swap(&mut registers[register], spare);
                }
                Place::Result { group } => {
                    let result = &diagram.groups[group].result;
                    for (index, sum) in self.polynomials(sum) {
                        self.add(sum, index, Sign::Plus, result, &values(group));
                    }
                }
            }
        }
    }

    fn select(
        &self,
        kernel: &mut K,
        selection: &Selection,
        values: &Values<'_, K>,
        target: &mut Register<K>,
    ) {
        let sum = |step: Option<usize>| step.map(|step| &values.register(step).sum);
        let operands = selection.operands.map(sum);
        let bit = self.bits.of(selection.bit);
        kernel.select(&mut target.sum, bit, operands, |body| {
            selection.difference.load(body);
        });
        if let Some(root) = &selection.root {
            let words = &mut target.words;
            words.fill(0);
            root.load(self.body(words));
            kernel.add_sum(words, &target.sum);
        }
    }

    fn step(&self, kernel: &mut K, step: &Step, values: &Values<'_, K>, target: &mut [u64]) {
        match step {
            Step::Cmux { bit, zero, one } => {
                let clear = step.is_clear();
                let ggsw = self.bits.of(*bit);
                kernel.cmux(target, ggsw, clear, |index, target, difference| {
                    self.load(target, index, zero, values);
                    self.load_minus(difference, index, one, values, target);
                });
            }
            Step::Sum { plain, terms } => {
                for (index, target) in self.polynomials(target) {
                    let mut terms = terms.as_slice();
                    if let [(Sign::Plus, first), rest @ ..] = terms {
                        self.load(target, index, first, values);
                        terms = rest;
                    } else {
                        target.fill(0);
                    }
                    for (sign, term) in terms {
                        self.add(target, index, *sign, term, values);
                    }
                }
                self.add_plain(self.body(target), plain, Sign::Plus);
            }
        }
    }

    /// `sum = constant + Σ parts`.
    pub(super) fn result(&self, constant: &Plain, parts: &[KeptGlwe], sum: &mut [u64]) {
        sum.fill(0);
        self.add_plain(self.body(sum), constant, Sign::Plus);
        for part in parts {
            add(sum, part);
        }
    }

    fn polynomials<'a>(
        &self,
        glwe: &'a mut [u64],
    ) -> impl Iterator<Item = (usize, &'a mut [u64])> + use<'a, K> {
        glwe.chunks_exact_mut(self.gadget.polynomial_size)
            .enumerate()
    }

    /// The last polynomial of a GLWE.
    fn body<'a>(&self, glwe: &'a mut [u64]) -> &'a mut [u64] {
        &mut glwe[self.gadget.glwe_dimension * self.gadget.polynomial_size..]
    }

    /// Polynomial `index` of a GLWE.
    fn polynomial<'a>(&self, glwe: &'a [u64], index: usize) -> &'a [u64] {
        let size = self.gadget.polynomial_size;
        &glwe[index * size..][..size]
    }

    /// `target =` polynomial `index` of an operand.
    fn load(&self, target: &mut [u64], index: usize, operand: &Operand, values: &Values<'_, K>) {
        match operand {
            Operand::Plain(plain) => {
                target.fill(0);
                if index == self.gadget.glwe_dimension {
                    self.add_plain(target, plain, Sign::Plus);
                }
            }
            Operand::Step { step, shift } => {
                let source = self.polynomial(values.step(*step), index);
                copy_shifted(target, source, *shift);
            }
            Operand::Slot {
                rotation,
                shift,
                sign,
            } => {
                let source = self.polynomial(&values.slots[*rotation], index);
                copy_shifted(target, source, *shift);
                if *sign == Sign::Minus {
                    negate(target);
                }
            }
        }
    }

    /// `target =` polynomial `index` of an operand, less `other`.
    fn load_minus(
        &self,
        target: &mut [u64],
        index: usize,
        operand: &Operand,
        values: &Values<'_, K>,
        other: &[u64],
    ) {
        let (source, shift, sign) = match operand {
            Operand::Plain(plain) => {
                set_negated(target, other);
                if index == self.gadget.glwe_dimension {
                    self.add_plain(target, plain, Sign::Plus);
                }
                return;
            }
            Operand::Step { step, shift } => (values.step(*step), *shift, Sign::Plus),
            Operand::Slot {
                rotation,
                shift,
                sign,
            } => (&*values.slots[*rotation], *shift, *sign),
        };
        let (low, high) = self.polynomial(source, index).split_at(shift);
        let (kept, wrapped) = target.split_at_mut(high.len());
        let (of_kept, of_wrapped) = other.split_at(high.len());
        // What falls below coefficient 0 comes back negated.
        match sign {
            Sign::Plus => {
                combine(kept, high, of_kept, u64::wrapping_sub);
                combine(wrapped, low, of_wrapped, minus_both);
            }
            Sign::Minus => {
                combine(kept, high, of_kept, minus_both);
                combine(wrapped, low, of_wrapped, u64::wrapping_sub);
            }
        }
    }

    /// Adds polynomial `index` of an operand to `target`, or takes it away.
    fn add(
        &self,
        target: &mut [u64],
        index: usize,
        sign: Sign,
        operand: &Operand,
        values: &Values<'_, K>,
    ) {
        match operand {
            Operand::Plain(plain) => {
                if index == self.gadget.glwe_dimension {
                    self.add_plain(target, plain, sign);
                }
            }
            Operand::Step { step, shift } => {
                let source = self.polynomial(values.step(*step), index);
                add_shifted(target, source, *shift, sign);
            }
            Operand::Slot {
                rotation,
                shift,
                sign: of_slot,
            } => {
                let source = self.polynomial(&values.slots[*rotation], index);
                add_shifted(target, source, *shift, sign.times(*of_slot));
            }
        }
    }

    fn add_plain(&self, body: &mut [u64], plain: &Plain, sign: Sign) {
        for (coefficient, value) in plain {
            let word = value.cast_unsigned() << self.scale;
            let slot = &mut body[*coefficient];
            *slot = match sign {
                Sign::Plus => slot.wrapping_add(word),
                Sign::Minus => slot.wrapping_sub(word),
            };
        }
    }
}

/// `value = bit ? X^(−shift)·value : value`, `shift` below `2N`. With `clear`, the masks of `value` are zero.
pub(crate) fn turn_by<K: Kernel>(
    kernel: &mut K,
    value: &mut [u64],
    bit: &K::Ggsw,
    clear: bool,
    shift: usize,
) {
    kernel.cmux(value, bit, clear, |_, value, difference| {
        let size = value.len();
        let (low, high) = value.split_at(shift % size);
        let (kept, wrapped) = difference.split_at_mut(high.len());
        let (to_kept, to_wrapped) = value.split_at(high.len());
        // X^N is −1.
        if shift < size {
            combine(kept, high, to_kept, u64::wrapping_sub);
            combine(wrapped, low, to_wrapped, minus_both);
        } else {
            combine(kept, high, to_kept, minus_both);
            combine(wrapped, low, to_wrapped, u64::wrapping_sub);
        }
    });
}

fn minus_both(one: u64, other: u64) -> u64 {
    one.wrapping_add(other).wrapping_neg()
}

/// `target = X^(−shift)·source`: coefficient `shift` moves to 0, what falls below comes back negated at the top.
fn copy_shifted(target: &mut [u64], source: &[u64], shift: usize) {
    let (low, high) = source.split_at(shift);
    let (kept, wrapped) = target.split_at_mut(source.len() - shift);
    kept.copy_from_slice(high);
    set_negated(wrapped, low);
}

/// `target ±= X^(−shift)·source`.
fn add_shifted(target: &mut [u64], source: &[u64], shift: usize, sign: Sign) {
    let (low, high) = source.split_at(shift);
    let (kept, wrapped) = target.split_at_mut(source.len() - shift);
    match sign {
        Sign::Plus => {
            add(kept, high);
            subtract(wrapped, low);
        }
        Sign::Minus => {
            subtract(kept, high);
            add(wrapped, low);
        }
    }
}

pub(crate) fn add(target: &mut [u64], source: &[u64]) {
    update(target, source, u64::wrapping_add);
}

fn subtract(target: &mut [u64], source: &[u64]) {
    update(target, source, u64::wrapping_sub);
}

fn set_negated(target: &mut [u64], source: &[u64]) {
    update(target, source, |_, word| word.wrapping_neg());
}

fn negate(target: &mut [u64]) {
    target.iter_mut().for_each(|t| *t = t.wrapping_neg());
}
