//! Streams of fixed-width integers, least significant bit first: how bodies and responses are packed.
//!
//! Value `i` of width `w` occupies bits `[i*w, (i+1)*w)` of the stream; bit `j` of the stream is bit `j % 8` of byte
//! `j / 8`. The last byte is filled with zeros.

/// Bytes that `count` values of `width` bits take; 2^61 − 1 and more are `2^61`.
#[must_use]
pub const fn packed_len(count: u64, width: u32) -> u64 {
    let bits = count.saturating_mul(width as u64);
    (bits >> 3) + (bits & 7 != 0) as u64
}

/// The low `width` bits set; `width` in `0..=64`.
#[must_use]
pub const fn low_bits(width: u32) -> u64 {
    if width >= 64 {
        u64::MAX
    } else {
        (1 << width) - 1
    }
}

/// The high `width` bits of a word of the torus, rounded: `round(word·2^width / 2^64)` modulo `2^width`. Halves are rounded away from
/// the zero of signed numbers, so that what is rounded away is an odd function of the word and has no mean: half up, it would
/// have one, which adds up linearly over sums.
#[must_use]
pub const fn round_high(word: u64, width: u32) -> u64 {
    if width >= 64 {
        return word;
    }
    let half = (1u64 << (63 - width)) - (word >> 63);
    word.wrapping_add(half) >> (64 - width)
}

/// Writes values of up to 64 bits into a byte buffer.
#[derive(Debug)]
pub struct BitWriter<'a> {
    out: &'a mut [u8],
    position: usize,
    pending: u128,
    pending_bits: u32,
}

impl<'a> BitWriter<'a> {
    /// Starts at the first byte of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            position: 0,
            pending: 0,
            pending_bits: 0,
        }
    }

    /// Appends the low `width` bits of `value`.
    ///
    /// # Panics
    ///
    /// If the buffer is shorter than [`packed_len`] of what is written (an invariant of the caller).
    pub fn write(&mut self, value: u64, width: u32) {
        self.pending |= u128::from(value & low_bits(width)) << self.pending_bits;
        self.pending_bits += width;
        if self.pending_bits >= 64 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low 64 of the pending bits"
            )]
            let word = self.pending as u64;
            self.out[self.position..self.position + 8].copy_from_slice(&word.to_le_bytes());
            self.position += 8;
            self.pending >>= 64;
            self.pending_bits -= 64;
        }
    }

    /// Writes what is pending, filled up with zero bits; returns the number of bytes written.
    pub fn finish(self) -> usize {
        let bytes = self.pending_bits.div_ceil(8) as usize;
        self.out[self.position..self.position + bytes]
            .copy_from_slice(&self.pending.to_le_bytes()[..bytes]);
        self.position + bytes
    }
}

/// Reads values of up to 64 bits from a byte buffer; past the end it reads zeros.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    /// From the byte on where the next value begins.
    bytes: &'a [u8],
    /// Bits of that byte that were read.
    used: u32,
}

impl<'a> BitReader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// The next `width` bits.
    pub fn read(&mut self, width: u32) -> u64 {
        let end = self.used + width;
        let value = match self.bytes.first_chunk::<8>() {
            Some(word) if end <= 64 => u64::from_le_bytes(*word) >> self.used,
            _ => self.read_slowly(),
        };
        self.skip(end as usize);
        value & low_bits(width)
    }

    /// The next `out.len()` values of `width` bits.
    pub fn fill(&mut self, out: &mut [u64], width: u32) {
        let (eights, rest) = out.as_chunks_mut::<8>();
        for values in eights {
            // Eight values fill whole bytes, so all eights begin at the same bit.
            let bits = width as usize;
            let words = self.bytes.get(..bits + 8).filter(|_| width <= 57);
            let Some(words) = words else {
                values.fill_with(|| self.read(width));
                continue;
            };
            let mut start = self.used as usize;
            for value in values {
                let word = words.get(start / 8..).and_then(|rest| rest.first_chunk());
                *value = word.map_or(0, |word| u64::from_le_bytes(*word)) >> (start % 8)
                    & low_bits(width);
                start += bits;
            }
            self.bytes = &self.bytes[bits..];
        }
        rest.fill_with(|| self.read(width));
    }

    /// The bytes of the next `count` values of `width` bits, if these fill whole bytes.
    pub fn take(&mut self, count: usize, width: u32) -> Option<&'a [u8]> {
        let bits = count.checked_mul(width as usize)?;
        let whole = self.used == 0 && bits % 8 == 0;
        let (taken, rest) = self.bytes.split_at_checked(bits / 8).filter(|_| whole)?;
        self.bytes = rest;
        Some(taken)
    }

    /// Goes `bits` on from the first bit of the current byte.
    fn skip(&mut self, bits: usize) {
        self.bytes = self.bytes.get(bits / 8..).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "less than 8")]
        let used = (bits % 8) as u32;
        self.used = used;
    }

    /// The next 64 bits, which may lie in nine bytes or be past the end.
    fn read_slowly(&self) -> u64 {
        let mut bytes = [0; 16];
        let len = self.bytes.len().min(9);
        bytes[..len].copy_from_slice(&self.bytes[..len]);
        #[expect(clippy::cast_possible_truncation, reason = "64 bits are asked for")]
        let value = (u128::from_le_bytes(bytes) >> self.used) as u64;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn packs_least_significant_bit_first() {
        // 5 = 101, 3 = 11, 1 = 1 at 3 bits each: 001 011 101 -> byte 0 = 01_011_101 = 0x5d, byte 1 = 0.
        let mut out = [0xffu8; 2];
        let mut writer = BitWriter::new(&mut out);
        for value in [5, 3, 1] {
            writer.write(value, 3);
        }
        assert_eq!(writer.finish(), 2);
        assert_eq!(out, [0b0101_1101, 0]);
    }

    /// `round(|x|·2^w / 2^64)` with the sign of `x`, halves away from zero, of signed numbers.
    fn rounded(word: u64, width: u32) -> u64 {
        let (signed, step) = (i128::from(word.cast_signed()), 1i128 << (64 - width));
        let magnitude = (signed.abs() + step / 2) / step;
        let value = if signed < 0 { -magnitude } else { magnitude };
        u64::try_from(value.rem_euclid(1 << width)).unwrap()
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for width in 1..=63 {
            let half = 1u64 << (63 - width);
            for steps in [0u64, 1, 2, 3, 1 << (width - 1), (1 << (width - 1)) - 1] {
                let tie = (steps << (64 - width)).wrapping_add(half);
                for offset in [u64::MAX, 0, 1, half.wrapping_neg()] {
                    let word = tie.wrapping_add(offset);
                    for word in [word, word.wrapping_neg()] {
                        let got = round_high(word, width);
                        assert_eq!(got, rounded(word, width), "{word:#x}, {width} bits");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn rounding_is_odd(word in any::<u64>(), width in 1u32..=64) {
            let (up, down) = (round_high(word, width), round_high(word.wrapping_neg(), width));
            // q/2 is its own negative.
            let sum = if word == 1 << 63 { 0 } else { up.wrapping_add(down) & low_bits(width) };
            prop_assert_eq!(sum, 0);
            prop_assert_eq!(up, if width == 64 { word } else { rounded(word, width) });
        }

        #[test]
        fn reads_what_was_written(values in prop::collection::vec(any::<u64>(), 0..40), width in 1u32..=64) {
            let len = usize::try_from(packed_len(values.len() as u64, width)).unwrap();
            let mut out = vec![0u8; len];
            let mut writer = BitWriter::new(&mut out);
            values.iter().for_each(|v| writer.write(*v, width));
            prop_assert_eq!(writer.finish(), len);
            let kept: Vec<u64> = values.iter().map(|v| v & low_bits(width)).collect();
            let mut reader = BitReader::new(&out);
            let read: Vec<u64> = kept.iter().map(|_| reader.read(width)).collect();
            prop_assert_eq!(&read, &kept);
            let mut reader = BitReader::new(&out);
            let (first, rest) = kept.split_at(kept.len() / 3);
            for part in [first, rest] {
                let mut filled = vec![1; part.len()];
                reader.fill(&mut filled, width);
                prop_assert_eq!(filled, part);
            }
            // Whole bytes at a byte, or nothing.
            let mut reader = BitReader::new(&out);
            let whole = (kept.len() * width as usize).is_multiple_of(8);
            prop_assert_eq!(reader.clone().take(kept.len(), width), whole.then_some(&out[..]));
            reader.read(3);
            prop_assert_eq!(reader.take(1, 8), None);
            let mut reader = BitReader::new(&out);
            reader.fill(&mut vec![0; kept.len()], width);
            // Past the end there are zeros.
            reader.read(7);
            prop_assert_eq!(reader.read(64), 0);
        }
    }
}
