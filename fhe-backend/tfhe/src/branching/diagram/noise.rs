//! How the noise of external products adds up along the paths of a diagram.
//!
//! Given the errors of the query, the noise of two external products is independent unless they multiply the same bit with digits
//! that depend on each other; digits of masks that differ are as independent as the masks. So what matters is which masks are
//! the same, up to a shift and a sign: of equal operands, whoever reads them, and of their negatives. Such *twins* add up in
//! amplitude. If their shifts are the same, all of their noise does. If not, only the part that the mean ½ of the key bits
//! makes alike in neighbouring coefficients (`s·d = ½·(1 + X + …)·d + …`): the *smooth* part. Slots are stored with alternating
//! signs, so that the smooth parts of twins cancel rather than add up. Products with clear polynomials are bounded apart ([`clear`]).

mod canonical;
mod clear;

use core::ops::Range;
use std::collections::HashMap;

use super::{Plain, Rotation};
use canonical::{Canonical, canonical};
pub(crate) use clear::ClearProducts;

/// External products along the paths that one evaluation selects, at most, each counted as often as it has twins that may be
/// selected with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoiseUnits {
    /// Twins of the same shift: what multiplies the whole variance but for its smooth part.
    pub(crate) alike: usize,
    /// Twins of any shift: what multiplies the smooth part.
    pub(crate) smooth: usize,
}

/// What the noise of a result is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiagramNoise {
    /// Products with encrypted operands.
    pub(crate) units: NoiseUnits,
    /// Those with one bit, at most.
    pub(crate) busiest: NoiseUnits,
    /// Products with clear operands.
    pub(crate) clear: ClearProducts,
}

impl NoiseUnits {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            alike: self.alike + other.alike,
            smooth: self.smooth + other.smooth,
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            alike: self.alike.max(other.alike),
            smooth: self.smooth.max(other.smooth),
        }
    }

    fn times(self, count: usize) -> Self {
        Self {
            alike: self.alike * count,
            smooth: self.smooth * count,
        }
    }
}

/// An entry of a [`NoiseBook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoiseId(usize);

/// The masks of a ciphertext: those of its class, `shift` coefficients down; a shift by `N` is a change of sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Masks {
    class: usize,
    shift: usize,
}

#[derive(Debug)]
enum Noise {
    None,
    /// Products with encrypted operands by each of these bits, one after the other.
    Products {
        bits: Range<usize>,
        masks: Masks,
    },
    /// A selection: the noisier operand, and, unless both are clear, a product with this bit and these masks.
    Selection {
        zero: NoiseId,
        one: NoiseId,
        product: Option<(usize, Masks)>,
    },
    Sum(Vec<NoiseId>),
    /// The same noise, elsewhere.
    Of(NoiseId),
}

#[derive(Debug)]
struct Entry {
    noise: Noise,
    tree: usize,
    /// `None` for clear polynomials.
    masks: Option<Masks>,
}

/// What makes two ciphertexts, or the operands of two products, have the same masks up to a shift.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
    /// A clear polynomial times bits, the first of which is `bit`.
    Clear {
        bit: usize,
        bits: usize,
        difference: Canonical,
    },
    /// A bit, and what it selects between, shifts counted from those of the first that is encrypted. What is clear counts for
    /// the body alone.
    Selection {
        bit: usize,
        zero: Option<Masks>,
        one: Option<Masks>,
    },
    /// A bit times the sum of these, in order, shifts counted from that of the first.
    Product { bit: usize, terms: Vec<Masks> },
}

/// A rotation whose slots are to be read.
#[derive(Clone, Copy, Debug)]
struct Rotated {
    masks: Masks,
    first_bit: usize,
    bits: usize,
    polynomial: usize,
}

/// Notes what each value of a diagram is made of, and finds twins when all are there.
#[derive(Debug)]
pub(super) struct NoiseBook {
    size: usize,
    entries: Vec<Entry>,
    origins: HashMap<Origin, usize>,
    /// For each class of operands, the trees that have a product with it, and its shift.
    members: Vec<Vec<(usize, usize)>>,
    rotations: Vec<Rotated>,
    /// Of one tree a single path is selected, so that its members are no twins of each other.
    tree: usize,
    clear: ClearProducts,
}

/// No noise at all.
pub(super) const CLEAR: NoiseId = NoiseId(0);

impl NoiseBook {
    /// For polynomials of `size` coefficients.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            entries: vec![Entry {
                noise: Noise::None,
                tree: 0,
                masks: None,
            }],
            origins: HashMap::new(),
            members: Vec::new(),
            rotations: Vec::new(),
            tree: 0,
            clear: ClearProducts::default(),
        }
    }

    /// The values that follow belong to this tree.
    pub(super) fn start_tree(&mut self, tree: usize) {
        self.tree = tree;
    }

    /// The next rotation.
    pub(super) fn rotation(&mut self, rotation: &Rotation) {
        let turned = rotation.table.iter().map(|(at, value)| {
            if *at >= rotation.stride {
                (at - rotation.stride, *value)
            } else {
                (at + self.size - rotation.stride, -value)
            }
        });
        let negated = rotation.table.iter().map(|(at, value)| (*at, -value));
        let difference: Plain = turned.chain(negated).collect();
        let masks = self.clear_masks(rotation.first_bit, rotation.bits, &difference);
        let polynomial = self.clear.polynomial(&difference);
        self.rotations.push(Rotated {
            masks,
            first_bit: rotation.first_bit,
            bits: rotation.bits,
            polynomial,
        });
    }

    /// A slot of a rotation.
    pub(super) fn slot(&mut self, rotation: usize, shift: usize) -> NoiseId {
        let Rotated {
            masks,
            first_bit,
            bits,
            polynomial,
        } = self.rotations[rotation];
        self.clear.add(first_bit, self.tree, polynomial);
        let masks = self.shift(masks, shift);
        self.members[masks.class].push((self.tree, masks.shift));
        let noise = Noise::Products {
            bits: first_bit + 1..first_bit + bits,
            masks,
        };
        self.push(noise, Some(masks))
    }

    /// A selection by `bit`; `difference` is that of the operands where both are clear.
    pub(super) fn selection(
        &mut self,
        bit: usize,
        zero: NoiseId,
        one: NoiseId,
        difference: &Plain,
    ) -> NoiseId {
        let of = |id: NoiseId| self.entries[id.0].masks;
        let (of_zero, of_one) = (of(zero), of(one));
        let Some(base) = of_one.or(of_zero) else {
            let masks = self.clear_masks(bit, 1, difference);
            let polynomial = self.clear.polynomial(difference);
            self.clear.add(bit, self.tree, polynomial);
            let product = None;
            return self.push(Noise::Selection { zero, one, product }, Some(masks));
        };
        let from_base = |masks: Masks| self.shift(masks, 2 * self.size - base.shift);
        let origin = Origin::Selection {
            bit,
            zero: of_zero.map(from_base),
            one: of_one.map(from_base),
        };
        let product = self.product(bit, of_zero, of_one);
        let masks = Masks {
            class: self.class(origin),
            shift: base.shift,
        };
        let product = Some((bit, product));
        self.push(Noise::Selection { zero, one, product }, Some(masks))
    }

    /// A sum of these, whatever steps compute it.
    pub(super) fn sum(&mut self, of: Vec<NoiseId>) -> NoiseId {
        // Sums are read by one selection for all trees, which has no twins.
        let masks = Masks {
            class: self.new_class(),
            shift: 0,
        };
        self.push(Noise::Sum(of), Some(masks))
    }

    /// A value `shift` coefficients further down.
    pub(super) fn shifted(&mut self, id: NoiseId, shift: usize) -> NoiseId {
        let Some(masks) = self.entries[id.0].masks else {
            return id;
        };
        self.push(Noise::Of(id), Some(self.shift(masks, shift)))
    }

    /// What the sum of these results is made of, once all are there.
    pub(super) fn finish(self, results: &[NoiseId]) -> DiagramNoise {
        let twins: Vec<Twins> = self
            .members
            .iter()
            .map(|members| Twins::of(members, self.size))
            .collect();
        let units = self.units(&twins);
        let units = results.iter().map(|id| units[id.0]);
        DiagramNoise {
            units: units.fold(NoiseUnits::default(), NoiseUnits::plus),
            busiest: self.busiest(&twins, results),
            clear: self.clear,
        }
    }

    /// The units of every entry.
    fn units(&self, twins: &[Twins]) -> Vec<NoiseUnits> {
        let mut units: Vec<NoiseUnits> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let of = match &entry.noise {
                Noise::None => NoiseUnits::default(),
                Noise::Products { bits, masks } => twins[masks.class].units(*masks).times(bits.len()),
                Noise::Selection { zero, one, product } => {
                    let operands = units[zero.0].max(units[one.0]);
                    product.map_or(operands, |(_, masks)| {
                        operands.plus(twins[masks.class].units(masks))
                    })
                }
                Noise::Sum(of) => of
                    .iter()
                    .map(|id| units[id.0])
                    .fold(NoiseUnits::default(), NoiseUnits::plus),
                Noise::Of(id) => units[id.0],
            };
            units.push(of);
        }
        units
    }

    /// The units with one bit, at most: every tree counts with the path that has the most.
    fn busiest(&self, twins: &[Twins], results: &[NoiseId]) -> NoiseUnits {
        let mut of_entries: Vec<BitUnits> = Vec::with_capacity(self.entries.len());
        let mut of_trees: HashMap<usize, BitUnits> = HashMap::new();
        let mut summed = vec![false; self.entries.len()];
        for entry in &self.entries {
            let of = match &entry.noise {
                Noise::None => BitUnits::default(),
                Noise::Products { bits, masks } => {
                    let units = twins[masks.class].units(*masks);
                    BitUnits(bits.clone().map(|bit| (bit, units)).collect())
                }
                Noise::Selection { zero, one, product } => {
                    let mut operands =
                        of_entries[zero.0].merge(&of_entries[one.0], NoiseUnits::max);
                    if let Some((bit, masks)) = product {
                        let product = BitUnits(vec![(*bit, twins[masks.class].units(*masks))]);
                        operands = operands.merge(&product, NoiseUnits::plus);
                    }
                    operands
                }
                Noise::Sum(of) => {
                    for id in of {
                        if !core::mem::replace(&mut summed[id.0], true) {
                            let tree = of_trees.entry(self.entries[id.0].tree).or_default();
                            *tree = tree.merge(&of_entries[id.0], NoiseUnits::max);
                        }
                    }
                    BitUnits::default()
                }
                Noise::Of(id) => of_entries[id.0].clone(),
            };
            of_entries.push(of);
        }
        let mut total: HashMap<usize, NoiseUnits> = HashMap::new();
        let results = results.iter().map(|id| &of_entries[id.0]);
        for (bit, units) in of_trees.values().chain(results).flat_map(|of| &of.0) {
            let total = total.entry(*bit).or_default();
            *total = total.plus(*units);
        }
        total
            .into_values()
            .fold(NoiseUnits::default(), NoiseUnits::max)
    }

    /// The masks of the first product of a bit with a clear polynomial.
    fn clear_masks(&mut self, bit: usize, bits: usize, difference: &Plain) -> Masks {
        let Some((difference, at)) = canonical(difference, self.size) else {
            let class = self.new_class();
            return Masks { class, shift: 0 };
        };
        // What lies at 0 is `at` coefficients further down than what lies there.
        let shift = (2 * self.size - at) % (2 * self.size);
        let origin = Origin::Clear {
            bit,
            bits,
            difference,
        };
        let class = self.class(origin);
        Masks { class, shift }
    }

    /// The masks of `one − zero`, noted as those of a product with `bit`.
    fn product(&mut self, bit: usize, zero: Option<Masks>, one: Option<Masks>) -> Masks {
        let negated = zero.map(|zero| self.shift(zero, self.size));
        let mut terms: Vec<Masks> = one.into_iter().chain(negated).collect();
        terms.sort_unstable();
        let of_one_class = terms.iter().all(|term| term.class == terms[0].class);
        if terms.len() == 2 && of_one_class && terms[1].shift - terms[0].shift > self.size {
            terms.swap(0, 1);
        }
        let shift = terms[0].shift;
        let terms = terms
            .into_iter()
            .map(|term| self.shift(term, 2 * self.size - shift))
            .collect();
        let class = self.class(Origin::Product { bit, terms });
        self.members[class].push((self.tree, shift));
        Masks { class, shift }
    }

    fn shift(&self, masks: Masks, by: usize) -> Masks {
        Masks {
            shift: (masks.shift + by) % (2 * self.size),
            ..masks
        }
    }

    fn class(&mut self, origin: Origin) -> usize {
        let next = self.members.len();
        let class = *self.origins.entry(origin).or_insert(next);
        if class == next {
            self.members.push(Vec::new());
        }
        class
    }

    fn new_class(&mut self) -> usize {
        self.members.push(Vec::new());
        self.members.len() - 1
    }

    fn push(&mut self, noise: Noise, masks: Option<Masks>) -> NoiseId {
        self.entries.push(Entry {
            noise,
            tree: self.tree,
            masks,
        });
        NoiseId(self.entries.len() - 1)
    }
}

/// How many trees have a product with the masks of a class.
#[derive(Debug, Default)]
struct Twins {
    size: usize,
    /// By shift.
    trees: HashMap<usize, usize>,
    /// With shifts of the sign that more have.
    of_one_sign: usize,
}

impl Twins {
    /// Of these trees and shifts.
    fn of(members: &[(usize, usize)], size: usize) -> Self {
        let count = |sign: usize| {
            let of_sign = members.iter().filter(|(_, shift)| shift / size == sign);
            let mut trees: Vec<usize> = of_sign.map(|(tree, _)| *tree).collect();
            trees.sort_unstable();
            trees.dedup();
            trees.len()
        };
        let mut members = members.to_vec();
        members.sort_unstable();
        members.dedup();
        let mut trees = HashMap::new();
        for (_, shift) in members {
            *trees.entry(shift).or_default() += 1;
        }
        Self {
            size,
            trees,
            of_one_sign: count(0).max(count(1)),
        }
    }

    /// Those that add up with a product with `masks`: of its shift, and of any shift. Signs that differ cancel.
    fn units(&self, masks: Masks) -> NoiseUnits {
        let trees = |shift: usize| self.trees.get(&(shift % (2 * self.size))).copied();
        let (same, opposite) = (trees(masks.shift), trees(masks.shift + self.size));
        NoiseUnits {
            alike: same.max(opposite).unwrap_or(1),
            smooth: self.of_one_sign.max(1),
        }
    }
}

/// Units by the bit that is multiplied, bits increasing.
#[derive(Clone, Debug, Default)]
struct BitUnits(Vec<(usize, NoiseUnits)>);

impl BitUnits {
    /// Of bits that both have, what `join` makes of the two.
    fn merge(&self, other: &Self, join: impl Fn(NoiseUnits, NoiseUnits) -> NoiseUnits) -> Self {
        let mut merged: Vec<(usize, NoiseUnits)> = Vec::with_capacity(self.0.len());
        let (mut one, mut two) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let Some(next) = match (one.peek(), two.peek()) {
            (Some(a), Some(b)) if a.0 == b.0 => {
                let joined = (a.0, join(a.1, b.1));
                (one.next(), two.next());
                Some(joined)
            }
            (Some(a), Some(b)) if a.0 > b.0 => two.next().copied(),
            (Some(_), _) => one.next().copied(),
            (None, _) => two.next().copied(),
        } {
            merged.push(next);
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests;
