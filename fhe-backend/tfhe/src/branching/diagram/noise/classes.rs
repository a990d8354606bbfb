//! Classes of operands: those whose masks are the same up to a shift, a sign and small factors.

use std::collections::HashMap;

use super::count::Twins;
use super::masks::{Ring, times};

/// The masks of a class, `shift` coefficients down; a shift by `N` is a change of sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) class: usize,
    pub(super) shift: usize,
}

/// The masks of the operand of a product: what its digits meet hangs on the bit as well, what they leave out does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    /// Among the operands of products with the same bit.
    pub(super) of_bit: Place,
    /// Of these, those that are no multiples of each other either: what products have the same masks as.
    pub(super) masks: usize,
    /// Among those of all products.
    pub(super) of_any: Place,
}

impl Operand {
    /// The same, `shift` coefficients further down in polynomials of `size`.
    pub(super) fn shifted(self, shift: usize, size: usize) -> Self {
        let down = |place: Place| Place {
            shift: (place.shift + shift) % (2 * size),
            ..place
        };
        Self {
            of_bit: down(self.of_bit),
            of_any: down(self.of_any),
            ..self
        }
    }
}

/// Where operands of one norm belong.
#[derive(Clone, Copy, Debug)]
struct Known {
    class: usize,
    /// The inverse of how many times the first value of the class is as large.
    times_less: u64,
    /// Its place among all norms.
    index: usize,
}

/// Classes of operands that are counted together.
#[derive(Debug, Default)]
struct Group {
    /// By bit, where it matters, and norm.
    index: HashMap<(Option<usize>, u64), Known>,
    /// The first value of each that was seen.
    values: Vec<u64>,
    /// The trees that have one, and its shift.
    members: Vec<Vec<(usize, usize)>>,
}

impl Group {
    /// The place, and the index of the norm.
    fn place(&mut self, ring: &Ring, bit: Option<usize>, value: &Value) -> (Place, usize) {
        let known = self.known(ring, bit, value);
        let ratio = times(self.values[known.class], value.inverse);
        let place = Place {
            class: known.class,
            shift: ring.logarithm(times(ratio, known.times_less)),
        };
        (place, known.index)
    }

    /// Multiples by small integers count as the same: their digits are not independent.
    fn known(&mut self, ring: &Ring, bit: Option<usize>, value: &Value) -> Known {
        if let Some(known) = self.index.get(&(bit, value.norm)) {
            return *known;
        }
        let multiple = ring.ratios().iter().find_map(|ratio| {
            let norm = times(value.norm, ratio.norm);
            let known = self.index.get(&(bit, norm))?;
            Some((known.class, times(known.times_less, ratio.inverse)))
        });
        let (class, times_less) = multiple.unwrap_or_else(|| {
            self.values.push(value.value);
            self.members.push(Vec::new());
            (self.values.len() - 1, 1)
        });
        let found = Known {
            class,
            times_less,
            index: self.index.len(),
        };
        self.index.insert((bit, value.norm), found);
        found
    }

    fn twins(&self, size: usize) -> Vec<Twins> {
        let members = self.members.iter();
        members.map(|members| Twins::of(members, size)).collect()
    }
}

/// Masks, and what finds their class.
struct Value {
    value: u64,
    norm: u64,
    inverse: u64,
}

/// All operands of a diagram.
#[derive(Debug, Default)]
pub(super) struct Classes {
    of_bits: Group,
    of_any: Group,
}

impl Classes {
    /// Where an operand of a product with `bit` belongs. Masks that cancel leave nothing out: they stay with their bit.
    pub(super) fn operand(&mut self, ring: &Ring, bit: usize, value: u64) -> Operand {
        let value = Value {
            value,
            norm: ring.norm(value),
            inverse: ring.inverse(value),
        };
        let any = (value.norm == 0).then_some(bit);
        let (of_bit, masks) = self.of_bits.place(ring, Some(bit), &value);
        let (of_any, _) = self.of_any.place(ring, any, &value);
        Operand {
            of_bit,
            masks,
            of_any,
        }
    }

    /// `tree` has a product with this operand.
    pub(super) fn join(&mut self, operand: Operand, tree: usize) {
        let (of_bit, of_any) = (operand.of_bit, operand.of_any);
        self.of_bits.members[of_bit.class].push((tree, of_bit.shift));
        self.of_any.members[of_any.class].push((tree, of_any.shift));
    }

    /// What is counted once all are there.
    pub(super) fn twins(&self, size: usize) -> AllTwins {
        AllTwins {
            of_bits: self.of_bits.twins(size),
            of_any: self.of_any.twins(size),
        }
    }
}

/// Twins of every class.
#[derive(Debug)]
pub(super) struct AllTwins {
    pub(super) of_bits: Vec<Twins>,
    pub(super) of_any: Vec<Twins>,
}
