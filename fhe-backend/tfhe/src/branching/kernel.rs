//! What evaluation is made of: external products, CMUX and key switches, on keys and operands in a kernel's own form. The CPU is
//! the one implementation; another machine is another.

mod cpu;
mod digits;
#[cfg(feature = "dev")]
mod floor;
mod fourier;
mod transform;

use tenebra_client::packing::SwitchGadget;

use super::plan::Gadget;
pub(crate) use cpu::CpuKernel;
pub(crate) use digits::rest_of;
#[cfg(feature = "dev")]
pub(crate) use floor::Floor;

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
    /// An encryption of a bit. Row `r·ℓ + j` belongs to digit `j` of polynomial `r`, `k` masks and the body.
    type Ggsw: Send + Sync;
    /// An encryption, level by level, of a polynomial of the secret key.
    type SwitchKey: Clone + Send + Sync;

    fn new(gadget: Gadget, key_bits: KeyBits) -> Self;

    /// To be filled row by row with [`transform_ggsw_row`](Self::transform_ggsw_row).
    fn empty_ggsw(gadget: Gadget) -> Self::Ggsw;

    /// To be filled row by row with [`transform_switch_row`](Self::transform_switch_row).
    fn empty_switch_key(gadget: SwitchGadget, polynomial_size: usize) -> Self::SwitchKey;

    /// Brings a row of a GGSW to the kernel's form: polynomial `r` (of `k + 1`) of level `level` (0 has the largest scale). `load`
    /// is given the index of a column and writes it.
    fn transform_ggsw_row(
        &mut self,
        ggsw: &mut Self::Ggsw,
        row: (usize, usize),
        load: impl FnMut(usize, &mut [u64]),
    );

    /// Brings the row of a level of a switch key to the kernel's form, mask and body.
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

    /// `target += Σ_j digits_j(source)·key_j`, exactly: what switches a mask `source` from one key to another.
    fn add_switch(&mut self, target: &mut [u64], key: &Self::SwitchKey, source: &[u64]);
}
