//! Emitting the steps of a group, and counting noise.

use super::noise::{CLEAR, NoiseBook, NoiseId};
use super::{Group, Operand, Plain, Sign, Step, merged};

/// An operand with its noise.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) operand: Operand,
    pub(super) noise: NoiseId,
}

impl Value {
    pub(super) fn plain(plain: Plain) -> Self {
        Self {
            operand: Operand::Plain(plain),
            noise: CLEAR,
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self.operand, Operand::Plain(_))
    }

    /// The same, `shift` coefficients further down; only encrypted operands are shifted.
    fn shifted(&self, by: usize, book: &mut NoiseBook) -> Self {
        let operand = match &self.operand {
            Operand::Step { step, shift } => Operand::Step {
                step: *step,
                shift: shift + by,
            },
            Operand::Slot {
                rotation,
                shift,
                sign,
            } => Operand::Slot {
                rotation: *rotation,
                shift: shift + by,
                sign: *sign,
            },
            Operand::Plain(plain) => Operand::Plain(plain.clone()),
        };
        Self {
            operand,
            noise: book.shifted(self.noise, by),
        }
    }

    /// `one − zero` of clear values; nothing of others.
    fn difference(zero: &Self, one: &Self) -> Plain {
        let (Operand::Plain(zero), Operand::Plain(one)) = (&zero.operand, &one.operand) else {
            return Plain::new();
        };
        let negated = zero.iter().map(|(at, value)| (*at, -value));
        let mut difference: Plain = one.iter().copied().chain(negated).collect();
        difference.sort_unstable();
        difference
    }
}

/// Values of intervals of codes, made in their order. An interval may be read several times, one after the other.
struct Leaves<'s, F> {
    starts: &'s [i64],
    make: F,
    last: Option<(usize, Value)>,
}

/// The steps of one group.
#[derive(Debug)]
pub(super) struct Emitter<'a> {
    pub(super) book: &'a mut NoiseBook,
    steps: Vec<Step>,
    pub(super) cmuxes: usize,
    pub(super) clear_cmuxes: usize,
    selections: usize,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(book: &'a mut NoiseBook) -> Self {
        Self {
            book,
            steps: Vec::new(),
            cmuxes: 0,
            clear_cmuxes: 0,
            selections: 0,
        }
    }

    pub(super) fn cmux(&mut self, bit: usize, zero: &Value, one: &Value) -> Value {
        if zero.is_plain() && one.is_plain() {
            self.clear_cmuxes += 1;
        } else {
            self.cmuxes += 1;
        }
        let operand = self.push(Step::Cmux {
            bit,
            zero: zero.operand.clone(),
            one: one.operand.clone(),
        });
        Value {
            operand,
            noise: self
                .book
                .selection(bit, zero.noise, one.noise, &Value::difference(zero, one)),
        }
    }

    /// `plain + Σ ± terms`, which has the noise of the sum of `parts`.
    pub(super) fn sum(
        &mut self,
        plain: Plain,
        terms: Vec<(Sign, Value)>,
        parts: Vec<NoiseId>,
    ) -> Value {
        let plain = added_up(plain);
        if terms.is_empty() {
            return Value::plain(plain);
        }
        let signed: Vec<(Sign, NoiseId)> = terms
            .iter()
            .map(|(sign, value)| (*sign, value.noise))
            .collect();
        let noise = self.book.sum(&signed, parts);
        let terms = terms
            .into_iter()
            .map(|(sign, value)| (sign, value.operand))
            .collect();
        let operand = self.push(Step::Sum { plain, terms });
        Value { operand, noise }
    }

    /// Selects by the bits of a code, the lowest first: `values[i]` holds for codes from `starts[i]` to before `starts[i + 1]`,
    /// and `starts[0] = 0`.
    pub(super) fn select(&mut self, bits: &[usize], starts: &[i64], values: &[Value]) -> Value {
        self.select_made(bits, starts, |_, index| values[index].clone())
    }

    /// The same, where `make` emits the values, in their order, each just before it is needed: few are held at a time.
    pub(super) fn select_made(
        &mut self,
        bits: &[usize],
        starts: &[i64],
        make: impl FnMut(&mut Self, usize) -> Value,
    ) -> Value {
        let mut leaves = Leaves {
            starts,
            make,
            last: None,
        };
        self.select_range(bits, 0, &mut leaves)
    }

    fn select_range<F: FnMut(&mut Self, usize) -> Value>(
        &mut self,
        bits: &[usize],
        low: i64,
        leaves: &mut Leaves<'_, F>,
    ) -> Value {
        let starts = leaves.starts;
        let at = starts.partition_point(|start| *start <= low).max(1) - 1;
        let cut = starts
            .get(at + 1)
            .is_some_and(|start| *start < low + (1 << bits.len()));
        let Some((highest, lower)) = bits.split_last().filter(|_| cut) else {
            if let Some((index, value)) = &leaves.last
                && *index == at
            {
                return value.clone();
            }
            let value = (leaves.make)(self, at);
            leaves.last = Some((at, value.clone()));
            return value;
        };
        let zero = self.select_range(lower, low, leaves);
        let one = self.select_range(lower, low + (1 << lower.len()), leaves);
        self.cmux(*highest, &zero, &one)
    }

    /// Turns a value down by `stride` coefficients a code unit, for the low bits of a code, the lowest first.
    pub(super) fn rotate(&mut self, bits: &[usize], stride: usize, value: Value) -> Value {
        bits.iter().enumerate().fold(value, |value, (place, bit)| {
            let one = match &value.operand {
                Operand::Plain(plain) => Value::plain(shift_plain(plain, stride << place)),
                _ => value.shifted(stride << place, self.book),
            };
            self.cmux(*bit, &value, &one)
        })
    }

    /// All steps so far are a tree of selections by so many bits. The tree may have been left out.
    pub(super) fn end_selections(&mut self, bits: usize) {
        self.selections = self.steps.len();
        if self.selections > 0 {
            self.book.select_in_tree(bits);
        }
    }

    pub(super) fn finish(self, result: Value) -> Group {
        Group {
            steps: self.steps,
            selections: self.selections,
            result: result.operand,
        }
    }

    fn push(&mut self, step: Step) -> Operand {
        self.steps.push(step);
        Operand::Step {
            step: self.steps.len() - 1,
            shift: 0,
        }
    }
}

/// Every coefficient once, zeros not at all.
fn added_up(plain: Plain) -> Plain {
    let mut plain = merged(plain);
    plain.retain(|(_, value)| *value != 0);
    plain
}

/// A clear polynomial `by` coefficients down; what falls below coefficient 0 is not read.
fn shift_plain(plain: &Plain, by: usize) -> Plain {
    let kept = plain.iter().filter(|(coefficient, _)| *coefficient >= by);
    kept.map(|(coefficient, value)| (coefficient - by, *value))
        .collect()
}
