//! What evaluation is made of: external products, CMUX and key switches, on keys and operands in a kernel's own form. The CPU is
//! the one implementation; another machine is another.

mod ahead;
mod cpu;
mod digits;
#[cfg(feature = "dev")]
mod floor;
mod fourier;
mod pair;
mod transform;

use core::ops::Range;

use tenebra_client::packing::SwitchGadget;

use super::plan::Gadget;
pub(crate) use cpu::CpuKernel;
#[cfg(test)]
pub(crate) use cpu::FourierGgsw;
#[cfg(feature = "dev")]
pub(crate) use floor::{Floor, Read};
pub(crate) use pair::pair_polynomials;

/// Most masks of a ciphertext that products are computed with.
pub(crate) const MAX_MASKS: usize = 6;

/// The keys that masks of operands are multiplied with in their phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyBits {
    /// 0 and 1: of what rounding leaves out of the masks, the part that meets their mean ½ is known, and moved to the body.
    Binary,
    /// −1 and 1, which have no mean.
    Signs,
}

/// One thread's transforms and scratch.
pub(crate) trait Kernel: Send {
    /// An encryption of a bit: a row for digit `j` of polynomial `r`, `k` masks and the body.
    type Ggsw: Send + Sync;
    /// A GLWE as a sum of products.
    type Sum: Send;
    /// An encryption, level by level, of a polynomial of the secret key.
    type SwitchKey: Clone + Send + Sync;
    /// Three of them, for [`pair_to_rows`](Self::pair_to_rows).
    type PairKey: Clone + Send + Sync;
    /// What all lanes of a ciphertext make of its mask in [`pair_to_rows`](Self::pair_to_rows).
    type OfMask: Send;

    fn new(gadget: Gadget, key_bits: KeyBits) -> Self;

    /// To be filled row by row with [`transform_ggsw_row`](Self::transform_ggsw_row).
    fn empty_ggsw(gadget: Gadget) -> Self::Ggsw;

    /// To be filled row by row with [`transform_switch_row`](Self::transform_switch_row). Products with the masks of its rows are
    /// exact, those with the bodies where `exact`.
    fn empty_switch_key(
        gadget: SwitchGadget,
        polynomial_size: usize,
        bodies: Bodies,
    ) -> Self::SwitchKey;

    /// To be filled row by row with [`transform_pair_row`](Self::transform_pair_row).
    fn empty_pair_key(gadget: SwitchGadget, polynomial_size: usize, lanes: usize) -> Self::PairKey;

    /// To be written by [`pair_to_rows`](Self::pair_to_rows); `None` for keys of one lane.
    fn of_mask(key: &Self::PairKey) -> Option<Self::OfMask>;

    /// Brings columns of a row of a GGSW to the kernel's form, and leaves the others: polynomial `r` (of `k + 1`) of level `level` (0 has
    /// the largest scale). `load` is given the index of a column and writes it.
    fn transform_ggsw_row(
        &mut self,
        ggsw: &mut Self::Ggsw,
        row: (usize, usize),
        columns: Range<usize>,
        load: impl FnMut(usize, &mut [u64]),
    );

    /// Brings the row of a level of a switch key to the kernel's form, the mask and the body of each lane.
    fn transform_switch_row(
        &mut self,
        key: &mut Self::SwitchKey,
        level: usize,
        load: impl FnMut(usize, &mut [u64]),
    );

    /// `target = zero + ggsw ⊡ (one − zero)`. `load` is given the index of a polynomial and writes `zero` and `one − zero`; with
    /// `clear`, the masks of both are known to be zero, and it is asked for the bodies alone.
    fn cmux(
        &mut self,
        target: &mut [u64],
        ggsw: &Self::Ggsw,
        clear: bool,
        load: impl FnMut(usize, &mut [u64], &mut [u64]),
    );

    /// To be written by [`select`](Self::select).
    fn empty_sum(gadget: Gadget) -> Self::Sum;

    /// `target = zero + ggsw ⊡ (one − zero)` of sums of products; `load` writes a clear body, which is added to the difference. Sums that are `None`
    /// are 0.
    fn select(
        &mut self,
        target: &mut Self::Sum,
        ggsw: &Self::Ggsw,
        operands: [Option<&Self::Sum>; 2],
        load: impl FnOnce(&mut [u64]),
    );

    /// `target += sum`.
    fn add_sum(&mut self, target: &mut [u64], sum: &Self::Sum);

    /// Takes the digits of a mask, for [`multiply`](Self::multiply).
    fn decompose(&mut self, source: &[u64], gadget: SwitchGadget);

    /// `Σ_j digits_j·key_j`, with the digits that were taken last, of the key's gadget: what switches a mask from one key to another. Of the bodies
    /// that of the first lane.
    fn multiply(&mut self, key: &Self::SwitchKey);

    /// The same for the bodies of all other lanes, of a key that has some.
    fn multiply_lanes(&mut self, key: &Self::SwitchKey);

    /// Adds a polynomial of what was multiplied last to `target`, each once: [`MASK`], [`BODY`], and those of other lanes behind.
    fn add_product(&mut self, polynomial: usize, target: &mut [u64]);

    /// Brings the row of a level of a pair key to the kernel's form, the mask and the body of each lane; `part` is the place among the keys
    /// of [`pair_to_rows`](Self::pair_to_rows).
    fn transform_pair_row(
        &mut self,
        key: &mut Self::PairKey,
        place: (usize, usize),
        load: impl FnMut(usize, &mut [u64]),
    );

    /// What is in the slots of a GLWE `c`, as rows of GGSWs under the key of signs. With `d`, the digits of `c`'s mask, and the keys
    /// `τ⁻¹(K_0)`, `K_1` and `τ⁻¹(K_2)`, `τ` the last automorphism, body rows are `c` and mask rows `w = (b, 0) + d·K_1`. Of two slots the
    /// even one has `c + τ(c)`, where `τ(c)` is `τ((0, b) + d·τ⁻¹(K_0))`, and `w + τ((b, 0) + d·τ⁻¹(K_2))`; the odd one the differences,
    /// times `X^(−N/2)`. `c` has the body of a lane; of lanes behind the first, what the first left behind in `of_mask` and in the GGSWs is
    /// used.
    fn pair_to_rows(
        &mut self,
        key: &Self::PairKey,
        of_mask: Option<&mut Self::OfMask>,
        ciphertext: Lane<'_>,
        ggsws: &mut [Self::Ggsw],
        slots: Slots,
    );
}

/// The bodies of a switch key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bodies {
    /// Products with them are exact, too.
    pub(crate) exact: bool,
    /// One each.
    pub(crate) lanes: usize,
}

/// Which polynomial of a GLWE with one mask is the mask. The rows of a query are its *lanes*: they have their masks in common, and a secret
/// key each, so that all that is done to masks is done once.
pub(crate) const MASK: usize = 0;
/// Which one is the body of the first lane; those of others follow.
pub(crate) const BODY: usize = 1;

/// A ciphertext with one mask and the body of a lane.
#[derive(Clone, Copy)]
pub(crate) struct Lane<'a> {
    pub(crate) lane: usize,
    pub(crate) mask: &'a [u64],
    pub(crate) body: &'a [u64],
}

/// Which level of which GGSW.
pub(crate) type Place = (usize, usize);

/// Where the rows of a ciphertext's slots belong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slots {
    /// The ciphertext has but one.
    One(Place),
    /// It has two, of which the odd one may not be used.
    Two(Place, Option<Place>),
}
