//! How digit sums make up outputs.

use crate::cursor::Cursor;

/// Most digit sums of one output.
pub const MAX_DIGITS: usize = 62;

/// How values are cut into digits, and the digits summed: those of `2^parts_log` parts of a forest apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radix {
    /// log2 of the digits' radix, 1 to 31.
    pub log: u8,
    /// log2 of the number of parts, 0 to 7.
    pub parts_log: u8,
}

/// Bits of a radix' byte that hold its `log`; the others hold `parts_log`.
const RADIX_LOG_BITS: u8 = 5;

impl Radix {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let byte = cursor.u8()?;
        let radix = Self {
            log: byte & ((1 << RADIX_LOG_BITS) - 1),
            parts_log: byte >> RADIX_LOG_BITS,
        };
        (radix.log > 0).then_some(radix)
    }

    #[cfg(feature = "alloc")]
    pub(super) fn byte(self) -> u8 {
        self.log | self.parts_log << RADIX_LOG_BITS
    }
}

/// How an output is put together: `base + Σ_i 2^(u·(i mod D))·sum_i` over `count` digit sums, `u` being the radix' log and `D` the
/// digits of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    /// Digit sums of the output: of each part, lowest first.
    pub count: u8,
    /// Value where all digit sums are 0.
    pub base: i64,
}

impl Digits {
    /// The output whose digit sums are `sums`, part by part, lowest first.
    #[must_use]
    pub fn value(self, radix: Radix, sums: &[u64]) -> i64 {
        let of_part = (sums.len() >> radix.parts_log).max(1);
        let parts = sums.chunks(of_part).map(|sums| {
            (0..)
                .zip(sums)
                .map(|(digit, sum)| sum << (digit * u32::from(radix.log)))
                .sum::<u64>()
        });
        self.base.wrapping_add(parts.sum::<u64>().cast_signed())
    }
}

impl Digits {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            count: cursor.u8()?,
            base: cursor.i64()?,
        })
    }
}
