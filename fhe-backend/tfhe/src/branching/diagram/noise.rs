//! How the noise of external products adds up along the paths of a diagram.
//!
//! The noise of two external products is independent unless both multiply the same bit with the same digits, up to a
//! shift: the evaluation is deterministic, so trees that do the same to slots of one rotation have the same masks, shifted.
//! Such *twins* add up in amplitude. If their shifts are the same, all of their noise does. If not, only the part that the
//! mean ½ of the key bits makes alike in neighbouring coefficients (`s·d = ½·(1 + X + …)·d + …`): the *smooth* part. Slots
//! are stored with alternating signs, so that the smooth parts of twins cancel rather than add up.

use core::ops::Range;
use std::collections::HashMap;

use super::Plain;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiagramNoise {
    pub(crate) units: NoiseUnits,
    /// External products with one bit, at most, selected or not.
    pub(crate) busiest: usize,
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
}

/// An entry of a [`NoiseBook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoiseId(usize);

/// The masks of a ciphertext: those of its class, `shift` coefficients down; a shift by `N` is a change of sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Masks {
    class: usize,
    shift: usize,
}

#[derive(Debug)]
enum Noise {
    None,
    /// `count` products, one after the other.
    Products {
        count: usize,
        masks: Masks,
    },
    /// A selection: the noisier operand, and a product.
    Selection {
        zero: NoiseId,
        one: NoiseId,
        masks: Masks,
    },
    Sum(Vec<NoiseId>),
    /// The same noise, elsewhere.
    Of(NoiseId),
}

#[derive(Debug)]
struct Entry {
    noise: Noise,
    /// `None` for clear polynomials.
    masks: Option<Masks>,
}

/// What makes two ciphertexts have the same masks, up to a shift.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Rotation(usize),
    /// A bit, and what it selects between, shifts counted from those of the first that is encrypted.
    Selection {
        bit: usize,
        zero: Option<Masks>,
        one: Option<Masks>,
        /// Both are clear: their difference.
        difference: Plain,
    },
}

/// Notes what each value of a diagram is made of, and finds twins when all are there.
#[derive(Debug)]
pub(super) struct NoiseBook {
    size: usize,
    entries: Vec<Entry>,
    origins: HashMap<Origin, usize>,
    /// For each class, the trees that have a member, and its shift.
    members: Vec<Vec<(usize, usize)>>,
    /// Of one tree a single path is selected, so that its members are no twins of each other.
    tree: usize,
    /// External products with each bit, those of a slot counted with each reader.
    products: HashMap<usize, usize>,
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
                masks: None,
            }],
            origins: HashMap::new(),
            members: Vec::new(),
            tree: 0,
            products: HashMap::new(),
        }
    }

    /// The values that follow belong to this tree.
    pub(super) fn start_tree(&mut self, tree: usize) {
        self.tree = tree;
    }

    /// A slot of a rotation by these bits.
    pub(super) fn slot(&mut self, rotation: usize, bits: Range<usize>, shift: usize) -> NoiseId {
        for bit in bits.clone() {
            *self.products.entry(bit).or_default() += 1;
        }
        let class = self.class(Origin::Rotation(rotation));
        let masks = self.join(class, shift);
        let noise = Noise::Products {
            count: bits.len(),
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
        difference: Plain,
    ) -> NoiseId {
        *self.products.entry(bit).or_default() += 1;
        let (of_zero, of_one) = (self.entries[zero.0].masks, self.entries[one.0].masks);
        let base = of_one.or(of_zero).map_or(0, |masks| masks.shift);
        let relative = |masks: Masks| Masks {
            shift: (masks.shift + 2 * self.size - base) % (2 * self.size),
            ..masks
        };
        let origin = Origin::Selection {
            bit,
            zero: of_zero.map(relative),
            one: of_one.map(relative),
            difference,
        };
        let class = self.class(origin);
        let masks = self.join(class, base);
        self.push(Noise::Selection { zero, one, masks }, Some(masks))
    }

    /// A sum of these, whatever steps compute it.
    pub(super) fn sum(&mut self, of: Vec<NoiseId>) -> NoiseId {
        // Sums are read by one selection for all trees, which has no twins.
        self.members.push(Vec::new());
        let masks = Masks {
            class: self.members.len() - 1,
            shift: 0,
        };
        self.push(Noise::Sum(of), Some(masks))
    }

    /// A value `shift` coefficients further down.
    pub(super) fn shifted(&mut self, id: NoiseId, shift: usize) -> NoiseId {
        let Some(masks) = self.entries[id.0].masks else {
            return id;
        };
        let shift = (masks.shift + shift) % (2 * self.size);
        self.push(Noise::Of(id), Some(Masks { shift, ..masks }))
    }

    /// The most external products with one bit.
    pub(super) fn busiest(&self) -> usize {
        self.products.values().copied().max().unwrap_or(1)
    }

    /// The units of every entry, once all are there.
    pub(super) fn units(&self) -> Vec<NoiseUnits> {
        let mut units: Vec<NoiseUnits> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let of = match &entry.noise {
                Noise::None => NoiseUnits::default(),
                Noise::Products { count, masks } => {
                    let twins = self.twins(*masks);
                    NoiseUnits {
                        alike: twins.alike * count,
                        smooth: twins.smooth * count,
                    }
                }
                Noise::Selection { zero, one, masks } => {
                    units[zero.0].max(units[one.0]).plus(self.twins(*masks))
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

    /// How many trees have a member with these masks, and how many one with these masks or shifted ones of one sign.
    fn twins(&self, masks: Masks) -> NoiseUnits {
        let members = &self.members[masks.class];
        let trees = |wanted: &dyn Fn(usize) -> bool| {
            let mut trees: Vec<usize> = members
                .iter()
                .filter(|(_, shift)| wanted(*shift))
                .map(|(tree, _)| *tree)
                .collect();
            trees.sort_unstable();
            trees.dedup();
            trees.len().max(1)
        };
        let positive = trees(&|shift| shift < self.size);
        let negative = trees(&|shift| shift >= self.size);
        NoiseUnits {
            alike: trees(&|shift| shift == masks.shift),
            smooth: positive.max(negative),
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

    fn join(&mut self, class: usize, shift: usize) -> Masks {
        self.members[class].push((self.tree, shift));
        Masks { class, shift }
    }

    fn push(&mut self, noise: Noise, masks: Option<Masks>) -> NoiseId {
        self.entries.push(Entry { noise, masks });
        NoiseId(self.entries.len() - 1)
    }
}

impl NoiseId {
    pub(super) fn of(self, units: &[NoiseUnits]) -> NoiseUnits {
        units[self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_counted_by_tree_shift_and_sign() {
        let mut book = NoiseBook::new(64);
        let mut results = Vec::new();
        // Three trees with a slot each, two of one sign; the last two select between their slot and nothing by bit 7.
        for (tree, shift) in [(0, 0), (1, 8), (2, 64 + 16)] {
            book.start_tree(tree);
            let slot = book.slot(0, 0..3, shift);
            results.push(slot);
            if tree > 0 {
                results.push(book.selection(7, CLEAR, slot, Plain::new()));
            }
        }
        let units = book.units();
        let of: Vec<NoiseUnits> = results.iter().map(|id| id.of(&units)).collect();
        let unit = |alike, smooth| NoiseUnits { alike, smooth };
        // Slots: 3 products, 2 of the same sign. Selections: a twin of the other sign, so none that adds up.
        assert_eq!(of[0], unit(3, 6));
        assert_eq!(of[2], unit(3 + 1, 6 + 1));
        assert_eq!(of[4], unit(3 + 1, 6 + 1));
    }

    #[test]
    fn equal_subtrees_of_many_trees_add_up_in_amplitude() {
        let mut book = NoiseBook::new(64);
        let mut last = CLEAR;
        for tree in 0..5 {
            book.start_tree(tree);
            let low = book.selection(0, CLEAR, CLEAR, vec![(0, 1)]);
            last = book.selection(1, CLEAR, low, Plain::new());
        }
        let units = book.units();
        assert_eq!(
            last.of(&units),
            NoiseUnits {
                alike: 10,
                smooth: 10
            }
        );
    }
}
