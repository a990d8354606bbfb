//! The encrypted bits of a row, while its steps are taken.

use core::ops::Range;

use super::kernel::Kernel;

/// GGSWs of the bits of a row.
pub(super) trait Bits<K: Kernel> {
    /// The one of a bit, which was made.
    fn of(&self, bit: usize) -> &K::Ggsw;

    /// Makes the one of a bit, unless it is there.
    fn make(&mut self, kernel: &mut K, bit: usize);
}

/// All are there.
pub(super) struct Made<'a, K: Kernel>(pub(super) &'a [K::Ggsw]);

impl<K: Kernel> Bits<K> for Made<'_, K> {
    fn of(&self, bit: usize) -> &K::Ggsw {
        &self.0[bit]
    }

    fn make(&mut self, _: &mut K, _: usize) {}
}

/// Each is made when a step first selects by it: all of them are more than the caches hold, and products read it from where it was just
/// written.
pub(super) struct ToMake<'a, K: Kernel, F> {
    ggsws: &'a mut [K::Ggsw],
    /// Those that are made at a time.
    parts: Vec<Range<usize>>,
    /// Of each bit, the part.
    part_of: Vec<usize>,
    made: Vec<bool>,
    make: F,
}

impl<'a, K: Kernel, F: FnMut(&mut K, usize, &mut [K::Ggsw])> ToMake<'a, K, F> {
    /// `make` is told which of these parts, one behind the other, it makes.
    pub(super) fn new(ggsws: &'a mut [K::Ggsw], parts: Vec<Range<usize>>, make: F) -> Self {
        let part_of = parts.iter().enumerate();
        let part_of = part_of.flat_map(|(part, bits)| bits.clone().map(move |_| part));
        Self {
            ggsws,
            part_of: part_of.collect(),
            made: vec![false; parts.len()],
            parts,
            make,
        }
    }
}

impl<K: Kernel, F: FnMut(&mut K, usize, &mut [K::Ggsw])> Bits<K> for ToMake<'_, K, F> {
    fn of(&self, bit: usize) -> &K::Ggsw {
        &self.ggsws[bit]
    }

    fn make(&mut self, kernel: &mut K, bit: usize) {
        let part = self.part_of[bit];
        if !core::mem::replace(&mut self.made[part], true) {
            let bits = self.parts[part].clone();
            (self.make)(kernel, part, &mut self.ggsws[bits]);
        }
    }
}
