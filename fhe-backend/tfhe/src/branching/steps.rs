//! The steps of a schedule, on encrypted bits.

use core::sync::atomic::{AtomicBool, Ordering};

use super::diagram::{Group, Operand, Plain, Rotation, Sign, Step};
use super::evaluate::Glwe;
use super::kernel::Kernel;
use super::plan::Gadget;
use super::words::{combine, update};

/// What all steps of one evaluation read.
pub(super) struct Steps<'a, K: Kernel> {
    pub(super) gadget: Gadget,
    /// Clear values are multiples of `2^scale`.
    pub(super) scale: u32,
    pub(super) bits: &'a [K::Ggsw],
    /// Nobody waits for the result any longer.
    pub(super) stop: &'a AtomicBool,
}

/// Where the operands of a step are found.
#[derive(Clone, Copy)]
struct Values<'a> {
    registers: &'a [Glwe],
    slots: &'a [Glwe],
}

impl<K: Kernel> Steps<'_, K> {
    /// A clear polynomial turned by the bits of a code, into `value`.
    pub(super) fn rotation(&self, kernel: &mut K, rotation: &Rotation, value: &mut [u64]) {
        value.fill(0);
        self.add_plain(self.body(value), &rotation.table, Sign::Plus);
        for (index, turn) in rotation.turns.iter().enumerate() {
            turn_by(kernel, value, &self.bits[turn.bit], index == 0, turn.shift);
        }
    }

    /// The result of a group. The last of the registers is for what the steps do not name.
    pub(super) fn group(
        &self,
        kernel: &mut K,
        group: &Group,
        registers: &mut [Glwe],
        slots: &[Glwe],
        result: &mut [u64],
    ) {
        let Some((spare, registers)) = registers.split_last_mut() else {
            return;
        };
        for step in &group.steps {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let values = Values { registers, slots };
            let target = match step {
                Step::Cmux {
                    target,
                    bit,
                    zero,
                    one,
                } => {
                    let clear = matches!((zero, one), (Operand::Plain(_), Operand::Plain(_)));
                    let ggsw = &self.bits[*bit];
                    kernel.cmux(spare, ggsw, clear, |index, target, difference| {
                        self.load(target, index, zero, values);
                        self.load(difference, index, one, values);
                        subtract(difference, target);
                    });
                    *target
                }
                Step::Sum {
                    target,
                    plain,
                    terms,
                } => {
                    for (index, target) in self.polynomials(spare) {
                        target.fill(0);
                        for (sign, term) in terms {
                            self.add(target, index, *sign, term, values);
                        }
                    }
                    self.add_plain(self.body(spare), plain, Sign::Plus);
                    *target
                }
            };
            core::mem::swap(&mut registers[target], spare);
        }
        let values = Values { registers, slots };
        for (index, target) in self.polynomials(result) {
            self.load(target, index, &group.result, values);
        }
    }

    /// `sum = constant + Σ results`.
    pub(super) fn result(&self, constant: &Plain, results: &[Glwe], sum: &mut [u64]) {
        sum.fill(0);
        self.add_plain(self.body(sum), constant, Sign::Plus);
        for result in results {
            add(sum, result);
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
    fn load(&self, target: &mut [u64], index: usize, operand: &Operand, values: Values<'_>) {
        match operand {
            Operand::Plain(plain) => {
                target.fill(0);
                if index == self.gadget.glwe_dimension {
                    self.add_plain(target, plain, Sign::Plus);
                }
            }
            Operand::Register { register, shift } => {
                let source = self.polynomial(&values.registers[*register], index);
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

    /// Adds polynomial `index` of an operand to `target`, or takes it away.
    fn add(
        &self,
        target: &mut [u64],
        index: usize,
        sign: Sign,
        operand: &Operand,
        values: Values<'_>,
    ) {
        match operand {
            Operand::Plain(plain) => {
                if index == self.gadget.glwe_dimension {
                    self.add_plain(target, plain, sign);
                }
            }
            Operand::Register { register, shift } => {
                let source = self.polynomial(&values.registers[*register], index);
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
    update(wrapped, low, |_, word| word.wrapping_neg());
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

fn negate(target: &mut [u64]) {
    target.iter_mut().for_each(|t| *t = t.wrapping_neg());
}
