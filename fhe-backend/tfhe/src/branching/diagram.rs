//! Trees and tables as a schedule of CMUX steps.
//!
//! - A node `code < j ? L : R` is a selection by the bits of the code: a CMUX for every dyadic range of codes that the
//!   threshold cuts, `b − (trailing zeros of j)` of them.
//! - Subtrees that read one input are functions of its code. Several of them, on one input, share a *rotation*: one
//!   polynomial holds all their values, is rotated by the encrypted code in `b` steps, and each is read at its own slot.
//! - Trees whose roots read the same input are summed before that input is looked at: one selection for all.

mod build;
mod functions;
mod noise;
mod piecewise;
mod schedule;
mod tables;

pub(crate) use build::build;
pub(crate) use noise::{DiagramNoise, alike, of_rotations};

/// A schedule. Rotations first, in any order; then groups, in any order; their results are summed.
#[derive(Debug)]
pub(crate) struct Diagram {
    /// First bit of each input in the query.
    pub(crate) first_bits: Vec<usize>,
    pub(crate) input_bits: usize,
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) groups: Vec<Group>,
    /// Part of the result that depends on nothing.
    pub(crate) constant: Plain,
    /// CMUX steps between two clear polynomials, and all others.
    pub(crate) clear_cmuxes: usize,
    pub(crate) cmuxes: usize,
    /// Values of all clear operands, which an evaluation reads once.
    pub(crate) clear_values: usize,
    pub(crate) noise: DiagramNoise,
}

impl Diagram {
    /// Bytes of memory of its clear polynomials, and of what is kept of them for its noise.
    pub(crate) fn clear_bytes(&self) -> usize {
        self.clear_values * size_of::<(usize, i64)>() + self.noise.clear.bytes()
    }
}

/// Clear values of coefficients, `(coefficient, value)`.
pub(crate) type Plain = Vec<(usize, i64)>;

/// Values of coefficients, every coefficient once and in order.
fn merged<V: core::ops::AddAssign + Copy>(mut terms: Vec<(usize, V)>) -> Vec<(usize, V)> {
    terms.sort_unstable_by_key(|(coefficient, _)| *coefficient);
    terms.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
    terms
}

/// A clear polynomial, `by` coefficients down; what falls below 0 comes back negated at the top.
pub(crate) fn shift_plain(plain: &Plain, by: usize, size: usize) -> Plain {
    let order = 2 * size;
    let moved = plain.iter().map(|(at, value)| {
        let to = (at + order - by % order) % order;
        if to < size {
            (to, *value)
        } else {
            (to - size, -value)
        }
    });
    moved.collect()
}

/// A clear polynomial, turned by encrypted bits: each that is 1 takes it some coefficients down.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    pub(crate) table: Plain,
    /// At least one.
    pub(crate) turns: Vec<Turn>,
}

/// A step of a [`Rotation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) bit: usize,
    /// Coefficients down, below `2N`; `N` of them are a change of sign.
    pub(crate) shift: usize,
}

impl Rotation {
    /// By a code whose bits begin at `first_bit`: `stride` coefficients for each unit of it.
    pub(crate) fn by_code(table: Plain, first_bit: usize, bits: usize, stride: usize) -> Self {
        let turns = (0..bits).map(|bit| Turn {
            bit: first_bit + bit,
            shift: stride << bit,
        });
        Self {
            table,
            turns: turns.collect(),
        }
    }
}

/// Steps, each after those that it reads.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) steps: Vec<Step>,
    /// So many of the first steps are a tree of selections between clear polynomials, of which the last is the root.
    pub(crate) selections: usize,
    pub(crate) result: Operand,
}

impl Diagram {
    pub(crate) fn has_selections(&self) -> bool {
        self.groups.iter().any(|group| group.selections > 0)
    }

    /// Selections between clear polynomials in trees, which are not transformed back.
    pub(crate) fn clear_selections(&self) -> usize {
        let steps = self.groups.iter();
        let steps = steps.flat_map(|group| &group.steps[..group.selections]);
        steps.filter(|step| step.is_clear()).count()
    }

    /// The same with trees of selections taken step by step: slower, with less noise of transforms.
    pub(crate) fn without_selections(mut self) -> Self {
        self.groups
            .iter_mut()
            .for_each(|group| group.selections = 0);
        self.noise.selections.clear();
        self
    }
}

impl Group {
    /// Values of its clear operands.
    fn clear_values(&self) -> usize {
        let of = |operand: &Operand| match operand {
            Operand::Plain(plain) => plain.len(),
            Operand::Step { .. } | Operand::Slot { .. } => 0,
        };
        let steps = self.steps.iter().map(|step| match step {
            Step::Cmux { zero, one, .. } => of(zero) + of(one),
            Step::Sum { plain, .. } => plain.len(),
        });
        steps.sum()
    }
}

/// One step of a group.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `bit ? one : zero`.
    Cmux {
        bit: usize,
        zero: Operand,
        one: Operand,
    },
    /// `plain + Σ ± operand`.
    Sum {
        plain: Plain,
        terms: Vec<(Sign, Operand)>,
    },
}

impl Step {
    /// Whether it selects between clear polynomials.
    pub(crate) fn is_clear(&self) -> bool {
        let plain = |operand: &Operand| matches!(operand, Operand::Plain(_));
        matches!(self, Self::Cmux { zero, one, .. } if plain(zero) && plain(one))
    }

    pub(crate) fn operands(&self) -> impl Iterator<Item = &Operand> {
        let (pair, terms) = match self {
            Self::Cmux { zero, one, .. } => (Some([zero, one]), [].as_slice()),
            Self::Sum { terms, .. } => (None, terms.as_slice()),
        };
        let pair = pair.into_iter().flatten();
        pair.chain(terms.iter().map(|(_, operand)| operand))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    pub(crate) fn times(self, other: Self) -> Self {
        if self == other {
            Self::Plus
        } else {
            Self::Minus
        }
    }
}

/// What a step reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// A clear polynomial.
    Plain(Plain),
    /// What a step of the group made, `shift` coefficients down.
    Step { step: usize, shift: usize },
    /// A slot of a rotation: its polynomial, `shift` coefficients down, and negated if the slot holds negated values.
    Slot {
        rotation: usize,
        shift: usize,
        sign: Sign,
    },
}
