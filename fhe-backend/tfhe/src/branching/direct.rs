//! From direct queries to Fourier GGSWs.
//!
//! Where queries have their masks in common, those are expanded and transformed once: GGSWs are kept from one evaluation to the next,
//! and of another query only the bodies are written into them.

use core::sync::atomic::{AtomicBool, Ordering};

use tenebra_client::bits::BitReader;
use tenebra_client::branching::ValidBranching;
use tenebra_client::random::{MaskSeed, MaskStream};

use super::bodies::read_bodies;
use super::crew::Crew;
use super::kernel::Kernel;
use super::plan::Gadget;

/// A query whose bits are sent as GGSWs.
#[derive(Clone, Copy)]
pub(crate) struct DirectQuery<'a> {
    pub(crate) layout: &'a ValidBranching,
    pub(crate) gadget: Gadget,
    /// Of the masks.
    pub(crate) seed: MaskSeed,
    /// Packed.
    pub(crate) bodies: &'a [u8],
}

impl DirectQuery<'_> {
    /// Expands all bits. `held` is the seed of the masks that the GGSWs hold already, and becomes this query's. `kernel` is that of a
    /// worker.
    pub(crate) fn expand<K: Kernel, W: Send>(
        self,
        crew: &mut Crew<'_, W>,
        kernel: impl Fn(&mut W) -> &mut K + Sync,
        held: &mut Option<MaskSeed>,
        ggsws: &mut [K::Ggsw],
    ) {
        let known = self.holds(held);
        crew.each(ggsws, |worker, bit, ggsw| {
            self.expand_bit(kernel(worker), bit, known, ggsw);
        });
        self.hold(held, crew.stop);
    }

    /// Whether the masks that are held are this query's; if not, none are from now on.
    pub(crate) fn holds(self, held: &mut Option<MaskSeed>) -> bool {
        let known = *held == Some(self.seed);
        if !known {
            *held = None;
        }
        known
    }

    /// All bits that any step selects by were expanded, unless that was stopped.
    pub(crate) fn hold(self, held: &mut Option<MaskSeed>, stop: &AtomicBool) {
        if !stop.load(Ordering::Relaxed) {
            *held = Some(self.seed);
        }
    }

    /// Expands input bit `bit`, the bodies alone if the masks are known.
    pub(crate) fn expand_bit<K: Kernel>(
        self,
        kernel: &mut K,
        bit: usize,
        known: bool,
        ggsw: &mut K::Ggsw,
    ) {
        let kept = u32::from(self.layout.layout().body_bits);
        let (rows, columns) = (self.layout.ggsw_rows(), self.gadget.glwe_dimension);
        let mask_words = rows * self.layout.glwe().dimension();
        // N is at least 64, so the bodies of a bit fill whole bytes.
        let body_bytes = rows * self.gadget.polynomial_size * kept as usize / 8;
        let first_word = bit as u64 * mask_words as u64;
        let mut masks = (!known).then(|| MaskStream::at_word(self.seed, first_word));
        let mut reader = BitReader::new(&self.bodies[bit * body_bytes..][..body_bytes]);
        let first = if known { columns } else { 0 };
        for level in 0..self.gadget.level_count {
            for r in 0..=columns {
                let place = (level, r);
                kernel.transform_ggsw_row(ggsw, place, first..columns + 1, |column, polynomial| {
                    if column < columns {
                        masks.iter_mut().for_each(|masks| masks.fill(polynomial));
                    } else {
                        read_bodies(&mut reader, kept, polynomial);
                    }
                });
            }
        }
    }
}
