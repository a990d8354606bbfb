//! How the noise of external products adds up along the paths of a diagram.
//!
//! Given the errors of the query, the noise of two external products is independent unless they multiply the same bit with digits
//! that depend on each other; digits of masks that differ are as independent as the masks. So what matters is which masks are
//! the same, up to a shift and a sign ([`masks`]), however they were computed. Such *twins* add up in amplitude. If their shifts are the same, all of their noise does. If not, only the part that the mean ½ of the key bits
//! makes alike in neighbouring coefficients (`s·d = ½·(1 + X + …)·d + …`): the *smooth* part. Slots are stored with alternating
//! signs, so that the smooth parts of twins cancel rather than add up. Products with clear polynomials are bounded apart ([`clear`]).

mod classes;
mod clear;
mod count;
mod masks;
mod rotations;

use alloc::rc::Rc;
use std::collections::HashMap;

use super::{Plain, Rotation, Sign, Turn, shift_plain};
use classes::{AllTwins, Classes, Operand};
pub(crate) use clear::ClearProducts;
use count::BitUnits;
use masks::{Ring, minus, plus, primitive, random, times};
pub(crate) use rotations::{alike, of_rotations};

/// External products along the paths that one evaluation selects, at most, each counted as often as it has twins that may be
/// selected with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoiseUnits {
    /// Twins of the same shift: what multiplies the whole variance but for its smooth part.
    pub(crate) alike: usize,
    /// Twins of any shift: what multiplies the smooth part.
    pub(crate) smooth: usize,
    /// Twins of the same shift in products with whatever bit: what multiplies the part that digits leave out.
    pub(crate) rounding: usize,
    /// Of `alike` those in products that have twins of other shifts.
    pub(crate) apart: usize,
    /// Twins of whatever shift where there are others, else of the same: what multiplies an error of a row that they meet in the direction that has
    /// most of it.
    pub(crate) directions: usize,
}

/// What the noise of a result is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiagramNoise {
    /// Products with encrypted operands.
    pub(crate) units: NoiseUnits,
    /// Those with one bit, at most.
    pub(crate) busiest: NoiseUnits,
    /// Those of rotations whose slots are read, once for each slot that one evaluation selects, and others that have twins of other shifts.
    pub(crate) slots: usize,
    /// Slots of one rotation that one evaluation selects, or such twins, at most.
    pub(crate) most_slots: usize,
    /// Products with clear operands.
    pub(crate) clear: ClearProducts,
    /// Bits of each tree of selections whose values stay sums of products.
    pub(crate) selections: Vec<usize>,
}

impl NoiseUnits {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            alike: self.alike + other.alike,
            smooth: self.smooth + other.smooth,
            rounding: self.rounding + other.rounding,
            apart: self.apart + other.apart,
            directions: self.directions + other.directions,
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            alike: self.alike.max(other.alike),
            smooth: self.smooth.max(other.smooth),
            rounding: self.rounding.max(other.rounding),
            apart: self.apart.max(other.apart),
            directions: self.directions.max(other.directions),
        }
    }
}

/// An entry of a [`NoiseBook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoiseId(usize);

/// A product with an encrypted operand.
#[derive(Clone, Copy, Debug)]
struct Product {
    bit: usize,
    operand: Operand,
}

#[derive(Debug)]
enum Noise {
    None,
    /// These products, one after the other.
    Products(Vec<Product>),
    /// A selection: the noisier operand, and, unless both are clear, a product.
    Selection {
        zero: NoiseId,
        one: NoiseId,
        product: Option<Product>,
    },
    Sum(Vec<NoiseId>),
    /// The same noise, elsewhere.
    Of(NoiseId),
}

/// The masks of a ciphertext.
#[derive(Clone, Debug)]
struct Masks {
    value: u64,
    /// Those of a clear polynomial times a bit: digits of its multiples are not independent.
    first: Option<(usize, Rc<Plain>)>,
}

#[derive(Debug)]
struct Entry {
    noise: Noise,
    tree: usize,
    /// `None` for clear polynomials.
    masks: Option<Masks>,
}

/// A rotation whose slots are to be read.
#[derive(Clone, Debug)]
struct Rotated {
    value: u64,
    /// The bit that the clear polynomial is multiplied with.
    first_bit: usize,
    polynomial: usize,
    products: Vec<Product>,
    /// Trees that read a slot.
    readers: Vec<usize>,
}

/// Kinds of pseudo-random polynomials: masks of a bit's rows, and of the products of a class.
const OF_BIT: u64 = 1;
const OF_CLASS: u64 = 2;

/// Notes what each value of a diagram is made of, and finds twins when all are there.
#[derive(Debug)]
pub(super) struct NoiseBook {
    size: usize,
    ring: &'static Ring,
    entries: Vec<Entry>,
    classes: Classes,
    rotations: Vec<Rotated>,
    /// Of one tree a single path is selected, so that its members are no twins of each other.
    tree: usize,
    clear: ClearProducts,
    selections: Vec<usize>,
}

/// No noise at all.
pub(super) const CLEAR: NoiseId = NoiseId(0);

impl NoiseBook {
    /// For polynomials of `size` coefficients.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            ring: Ring::of(size),
            entries: vec![Entry {
                noise: Noise::None,
                tree: 0,
                masks: None,
            }],
            classes: Classes::default(),
            rotations: Vec::new(),
            tree: 0,
            clear: ClearProducts::default(),
            selections: Vec::new(),
        }
    }

    /// Values of a tree of selections by so many bits stay sums of products.
    pub(super) fn select_in_tree(&mut self, bits: usize) {
        self.selections.push(bits);
    }

    /// The values that follow belong to this tree.
    pub(super) fn start_tree(&mut self, tree: usize) {
        self.tree = tree;
    }

    /// The next rotation.
    pub(super) fn rotation(&mut self, rotation: &Rotation) {
        let negated = rotation.table.iter().map(|(at, value)| (*at, -value));
        let [first, others @ ..] = rotation.turns.as_slice() else {
            unreachable!("a rotation is by one bit or more");
        };
        let turned = shift_plain(&rotation.table, first.shift, self.size);
        let difference: Plain = turned.into_iter().chain(negated).collect();
        let polynomial = self.clear.polynomial(&difference);
        let mut masks = self.first_product(first.bit, &difference);
        let mut products = Vec::with_capacity(others.len());
        for Turn { bit, shift } in others {
            let one = self.turned(&masks, *shift);
            let operand = self.operand(*bit, Some(&masks), Some(&one));
            products.push(Product { bit: *bit, operand });
            masks = self.after(Some(&masks), operand);
        }
        self.rotations.push(Rotated {
            value: masks.value,
            first_bit: first.bit,
            polynomial,
            products,
            readers: Vec::new(),
        });
    }

    /// A slot of a rotation.
    pub(super) fn slot(&mut self, rotation: usize, shift: usize) -> NoiseId {
        let tree = self.tree;
        let rotated = &mut self.rotations[rotation];
        if rotated.readers.last() != Some(&tree) {
            rotated.readers.push(tree);
        }
        self.clear.add(rotated.first_bit, tree, rotated.polynomial);
        let products = rotated.products.iter().map(|product| Product {
            operand: product.operand.shifted(shift, self.size),
            ..*product
        });
        let products: Vec<Product> = products.collect();
        let masks = Masks {
            value: self.ring.shifted(rotated.value, shift),
            first: None,
        };
        for product in &products {
            self.classes.join(product.operand, self.tree);
        }
        self.push(Noise::Products(products), Some(masks))
    }

    /// A selection by `bit`; `difference` is that of the operands where both are clear.
    pub(super) fn selection(
        &mut self,
        bit: usize,
        zero: NoiseId,
        one: NoiseId,
        difference: &Plain,
    ) -> NoiseId {
        let of = |id: NoiseId| self.entries[id.0].masks.clone();
        let (of_zero, of_one) = (of(zero), of(one));
        if of_zero.is_none() && of_one.is_none() {
            let polynomial = self.clear.polynomial(difference);
            self.clear.add(bit, self.tree, polynomial);
            let masks = self.first_product(bit, difference);
            let product = None;
            return self.push(Noise::Selection { zero, one, product }, Some(masks));
        }
        let operand = self.operand(bit, of_zero.as_ref(), of_one.as_ref());
        self.classes.join(operand, self.tree);
        let masks = self.after(of_zero.as_ref(), operand);
        let product = Some(Product { bit, operand });
        self.push(Noise::Selection { zero, one, product }, Some(masks))
    }

    /// `Σ ± terms`, which has the noise of the sum of `parts`.
    pub(super) fn sum(&mut self, terms: &[(Sign, NoiseId)], parts: Vec<NoiseId>) -> NoiseId {
        let mut value = 0;
        let mut first: Option<(usize, Plain)> = None;
        let mut of_one_bit = true;
        for (sign, id) in terms {
            let Some(masks) = &self.entries[id.0].masks else {
                continue;
            };
            value = match sign {
                Sign::Plus => plus(value, masks.value),
                Sign::Minus => minus(value, masks.value),
            };
            match (&masks.first, &mut first) {
                (Some((bit, plain)), None) => first = Some((*bit, signed(*sign, plain).collect())),
                (Some((bit, plain)), Some((of, sum))) if bit == of => {
                    sum.extend(signed(*sign, plain));
                }
                _ => of_one_bit = false,
            }
        }
        let first = first.filter(|_| of_one_bit);
        let masks = Masks {
            value,
            first: first.map(|(bit, plain)| (bit, Rc::new(plain))),
        };
        self.push(Noise::Sum(parts), Some(masks))
    }

    /// A value `shift` coefficients further down.
    pub(super) fn shifted(&mut self, id: NoiseId, shift: usize) -> NoiseId {
        let Some(masks) = &self.entries[id.0].masks else {
            return id;
        };
        let masks = self.turned(masks, shift);
        self.push(Noise::Of(id), Some(masks))
    }

    /// What the sum of these results is made of, once all are there.
    pub(super) fn finish(self, results: &[NoiseId]) -> DiagramNoise {
        let twins = self.classes.twins(self.size);
        let units = self.units(&twins);
        let units = results.iter().map(|id| units[id.0]);
        let units = units.fold(NoiseUnits::default(), NoiseUnits::plus);
        let slots: usize = self.rotations.iter().map(Rotated::units).sum();
        let readers = self.rotations.iter().map(|of| of.readers.len());
        DiagramNoise {
            units,
            busiest: self.busiest(&twins, results),
            slots: slots + units.apart,
            most_slots: readers.fold(twins.most_apart(), usize::max),
            clear: self.clear,
            selections: self.selections,
        }
    }

    /// The units of every entry.
    fn units(&self, twins: &AllTwins) -> Vec<NoiseUnits> {
        let mut units: Vec<NoiseUnits> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let of = match &entry.noise {
                Noise::None => NoiseUnits::default(),
                // Slots are counted by rotation.
                Noise::Products(products) => products
                    .iter()
                    .map(|product| NoiseUnits {
                        apart: 0,
                        ..twins.units(product.operand)
                    })
                    .fold(NoiseUnits::default(), NoiseUnits::plus),
                Noise::Selection { zero, one, product } => {
                    let operands = units[zero.0].max(units[one.0]);
                    product.map_or(operands, |product| {
                        operands.plus(twins.units(product.operand))
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
    fn busiest(&self, twins: &AllTwins, results: &[NoiseId]) -> NoiseUnits {
        let mut of_entries: Vec<BitUnits> = Vec::with_capacity(self.entries.len());
        let mut of_trees: HashMap<usize, BitUnits> = HashMap::new();
        let mut summed = vec![false; self.entries.len()];
        for entry in &self.entries {
            let of = match &entry.noise {
                Noise::None => BitUnits::default(),
                Noise::Products(products) => {
                    let units = products.iter().map(|p| (p.bit, twins.units(p.operand)));
                    BitUnits(units.collect())
                }
                Noise::Selection { zero, one, product } => {
                    let mut operands =
                        of_entries[zero.0].merge(&of_entries[one.0], NoiseUnits::max);
                    if let Some(Product { bit, operand }) = product {
                        let units = twins.units(*operand);
                        let product = BitUnits(vec![(*bit, units)]);
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

    /// The masks of a clear polynomial times a bit.
    fn first_product(&self, bit: usize, difference: &Plain) -> Masks {
        Masks {
            value: times(self.ring.value(difference), random(OF_BIT, bit)),
            first: Some((bit, Rc::new(difference.clone()))),
        }
    }

    /// The class of `one − zero` as operand of a product with `bit`, and its shift.
    fn operand(&mut self, bit: usize, zero: Option<&Masks>, one: Option<&Masks>) -> Operand {
        let value = |masks: Option<&Masks>| masks.map_or(0, |masks| masks.value);
        let value = match first_difference(zero, one) {
            // Multiples count as the same.
            Some((of, difference)) => primitive(&difference).map_or(0, |plain| {
                times(self.ring.value(&plain), random(OF_BIT, of))
            }),
            None => minus(value(one), value(zero)),
        };
        self.classes.operand(self.ring, bit, value)
    }

    /// The masks of `zero` after the product with this operand is added.
    fn after(&self, zero: Option<&Masks>, operand: Operand) -> Masks {
        let product = random(OF_CLASS, operand.masks);
        let product = self.ring.shifted(product, operand.of_bit.shift);
        Masks {
            value: plus(zero.map_or(0, |masks| masks.value), product),
            first: None,
        }
    }

    fn turned(&self, masks: &Masks, shift: usize) -> Masks {
        let first = masks.first.as_ref();
        Masks {
            value: self.ring.shifted(masks.value, shift),
            first: first.map(|(bit, plain)| (*bit, Rc::new(shift_plain(plain, shift, self.size)))),
        }
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

impl Rotated {
    /// Products that slots have in common, once for each tree that reads one.
    fn units(&self) -> usize {
        self.products.len() * self.readers.len()
    }
}

/// The difference of two first products by the same bit, clear polynomials and all; `None` of others.
fn first_difference(zero: Option<&Masks>, one: Option<&Masks>) -> Option<(usize, Plain)> {
    let first = |masks: Option<&Masks>| masks.map(|masks| masks.first.clone());
    match (first(zero), first(one)) {
        (None, Some(Some((bit, one)))) => Some((bit, one.to_vec())),
        (Some(Some((bit, zero))), None) => Some((bit, signed(Sign::Minus, &zero).collect())),
        (Some(Some((bit, zero))), Some(Some((of, one)))) if bit == of => {
            let difference = one.iter().copied().chain(signed(Sign::Minus, &zero));
            Some((bit, difference.collect()))
        }
        _ => None,
    }
}

fn signed(sign: Sign, plain: &Plain) -> impl Iterator<Item = (usize, i64)> + '_ {
    plain.iter().map(move |(at, value)| match sign {
        Sign::Plus => (*at, *value),
        Sign::Minus => (*at, -value),
    })
}

#[cfg(test)]
mod tests;
