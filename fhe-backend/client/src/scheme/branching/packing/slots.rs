//! Bits in the slots of ciphertexts.

use super::{slot_place, write_bodies};
use crate::bits::BitWriter;
use crate::glwe::{KeyProduct, mask_words};
use crate::key::SecretKey;
use crate::random::{MaskStream, NoiseStream, Root};
use crate::scheme::branching::{BranchingLayout, ValidBranching};
use crate::scheme::layout::{CipherError, check_len};
use crate::scheme::limits;

impl ValidBranching {
    /// Bits in each ciphertext of a row of a packed query.
    pub fn packed_bits(&self) -> impl Iterator<Item = usize> + use<> {
        let bits = self.layout().input_bits as usize;
        let of_each = match self.layout().packed_bits {
            0 => bits,
            of_each => of_each.into(),
        };
        let firsts = (0..bits).step_by(of_each);
        firsts.map(move |first| of_each.min(bits - first))
    }

    /// Slots that are used in each ciphertext, but perhaps in the last.
    pub(super) fn filled_slots(&self) -> u64 {
        let bits = self.packed_bits().next().unwrap_or(0);
        bits as u64 * u64::from(self.layout().level_count)
    }

    /// `log2 S` of the ciphertexts of a packed query.
    #[must_use]
    pub fn log_slots(&self) -> u32 {
        self.filled_slots().next_power_of_two().ilog2()
    }

    /// Bodies of a row.
    pub(crate) fn slots(&self) -> u64 {
        u64::from(self.layout().input_bits) * u64::from(self.layout().level_count)
    }

    /// Writes bits into the slots of ciphertexts. Those of all rows have their masks in common.
    pub(crate) fn encrypt_slots(
        &self,
        key: &SecretKey,
        mut bits: impl Iterator<Item = bool>,
        root: &Root,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        let mut noise = root.noise(self.glwe().noise_bound_log2());
        let count = self.layout().input_bits as usize;
        let (mut written, mut rows) = (0, 0);
        for out in out.chunks_exact_mut(limits::in_memory(self.query_row_bytes())) {
            let key = key.of_row(rows);
            let mut packer = SlotPacker::new(self, &key, root, &mut noise, self.log_slots());
            written += packer.pack_row(bits.by_ref(), self.packed_bits(), scratch, out);
            rows += 1;
        }
        written += bits.take(1).count();
        check_len("bit", written, rows * count)
    }
}

/// Encrypts bits in the slots of ciphertexts, one after the other.
pub(crate) struct SlotPacker<'a> {
    layout: &'a BranchingLayout,
    log_slots: u32,
    size: usize,
    masks: MaskStream,
    noise: &'a mut NoiseStream,
    product: KeyProduct<'a>,
}

/// Words of scratch that ciphertexts of `2^log_slots` slots need.
pub(crate) fn packing_scratch(polynomial_size: usize, log_slots: u32) -> usize {
    mask_words(polynomial_size) + (1 << log_slots)
}

impl<'a> SlotPacker<'a> {
    pub(crate) fn new(
        layout: &'a ValidBranching,
        key: &'a SecretKey,
        root: &Root,
        noise: &'a mut NoiseStream,
        log_slots: u32,
    ) -> Self {
        Self {
            layout: layout.layout(),
            log_slots,
            size: layout.glwe().polynomial_size(),
            masks: MaskStream::new(root.mask_seed()),
            noise,
            product: KeyProduct::by_signs(key, 1 << log_slots),
        }
    }

    /// Writes the bodies of a row, of ciphertexts of so many bits each, and says how many bits there were; `scratch` has
    /// [`packing_scratch`] words.
    pub(crate) fn pack_row(
        &mut self,
        mut bits: impl Iterator<Item = bool>,
        counts: impl Iterator<Item = usize>,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> usize {
        let mut writer = BitWriter::new(out);
        let mut written = 0;
        for count in counts {
            written += self.pack(bits.by_ref(), count, scratch, &mut writer);
        }
        writer.finish();
        written
    }

    /// Appends the bodies of a ciphertext of the next `count` bits, and says how many there were.
    fn pack(
        &mut self,
        bits: impl Iterator<Item = bool>,
        count: usize,
        scratch: &mut [u64],
        writer: &mut BitWriter<'_>,
    ) -> usize {
        let levels = usize::from(self.layout.level_count);
        let (mask, body) = scratch.split_at_mut(mask_words(self.size));
        self.noise.fill(body);
        let mut slots = 0..count * levels;
        let mut written = 0;
        for bit in bits.take(count) {
            for (level, slot) in (1..).zip(slots.by_ref().take(levels)) {
                let scale = 64 - u32::from(self.layout.base_log) * level - self.log_slots;
                let slot = &mut body[slot_place(slot, self.log_slots)];
                *slot = slot.wrapping_add(u64::from(bit) << scale);
            }
            written += 1;
        }
        let stride = self.size >> self.log_slots;
        self.product.add(&mut self.masks, mask, body, stride);
        for slot in 0..count * levels {
            let body = body[slot_place(slot, self.log_slots)];
            write_bodies(writer, &[body], self.layout.body_bits);
        }
        written
    }
}
