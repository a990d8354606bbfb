//! How digit sums make up outputs.

use crate::cursor::Cursor;
use crate::ports::{Ports, Section};
use crate::scheme::layout::CipherError;
use crate::spec::error::SpecError;

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
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let byte = cursor.u8()?;
        let radix = Self {
            log: byte & ((1 << RADIX_LOG_BITS) - 1),
            parts_log: byte >> RADIX_LOG_BITS,
        };
        (radix.log > 0).then_some(radix)
    }

    #[cfg(feature = "alloc")]
    fn byte(self) -> u8 {
        self.log | self.parts_log << RADIX_LOG_BITS
    }
}

/// How the digit sums of a response make up the outputs of a circuit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigitSums {
    pub(crate) radix: Radix,
    digits: Section,
}

impl DigitSums {
    /// Reads radix and digits of a circuit of so many outputs, whose digit sums have `plaintext_bits` bits.
    pub(crate) fn read(
        cursor: &mut Cursor<'_>,
        outputs: u32,
        plaintext_bits: u8,
        coefficients: u32,
    ) -> Result<Self, SpecError> {
        let radix = Radix::read(cursor).ok_or(SpecError::Malformed("parameters"))?;
        let mut found = 0u32;
        let digits = Section::read(cursor, outputs, "digits", |cursor, _| {
            let digits = Digits::read(cursor).ok_or(SpecError::Malformed("digits"))?;
            let of_part = digits.count >> radix.parts_log;
            let whole = of_part > 0 && of_part << radix.parts_log == digits.count;
            // An output must lie within 62 bits whatever its digit sums are.
            let top = u32::from(of_part.max(1) - 1) * u32::from(radix.log);
            let bits = top + u32::from(plaintext_bits + radix.parts_log);
            let fits = bits <= 61 && usize::from(digits.count) <= MAX_DIGITS;
            let sound = whole && fits && digits.base.unsigned_abs() <= 1 << 62;
            found += u32::from(digits.count);
            if sound {
                Ok(())
            } else {
                Err(SpecError::Malformed("digits"))
            }
        })?;
        if found != coefficients {
            return Err(SpecError::Disagree("digits"));
        }
        Ok(Self { radix, digits })
    }

    /// The digits of each output.
    pub(crate) fn of<'a>(&self, ports: Ports<'a>) -> impl Iterator<Item = Digits> + use<'a> {
        let count = self.digits.count;
        let mut cursor = Cursor::new(self.digits.bytes(ports.payload));
        (0..count).map_while(move |_| Digits::read(&mut cursor))
    }

    /// Outputs of a row from digit sums that `decrypt` gives from a first one on, one output at a time: there may be more than a device keeps.
    pub(crate) fn outputs(
        &self,
        ports: Ports<'_>,
        out: &mut [i64],
        mut decrypt: impl FnMut(usize, &mut [u64]) -> Result<(), CipherError>,
    ) -> Result<(), CipherError> {
        let mut first = 0;
        for (digits, value) in self.of(ports).zip(out) {
            let count = usize::from(digits.count);
            let mut sums = [0u64; MAX_DIGITS];
            let sums = sums.get_mut(..count).ok_or(CipherError::Response)?;
            decrypt(first, sums)?;
            *value = digits.value(self.radix, sums);
            first += count;
        }
        Ok(())
    }

    /// The same from all digit sums of a row, which `decrypt` writes at once.
    pub(crate) fn outputs_at_once(
        &self,
        ports: Ports<'_>,
        needed: usize,
        out: &mut [i64],
        decrypt: impl FnOnce(&mut [u64]),
    ) -> Result<(), CipherError> {
        let mut sums = [0u64; MAX_DIGITS];
        let sums = sums.get_mut(..needed).ok_or(CipherError::Buffer {
            what: "digit sum",
            len: MAX_DIGITS,
            needed,
        })?;
        decrypt(sums);
        let mut rest = &*sums;
        for (digits, value) in self.of(ports).zip(out) {
            let (its, others) = rest
                .split_at_checked(digits.count.into())
                .ok_or(CipherError::Response)?;
            *value = digits.value(self.radix, its);
            rest = others;
        }
        Ok(())
    }
}

/// Appends radix and digits; the counterpart of [`DigitSums::read`].
#[cfg(feature = "alloc")]
pub(crate) fn write_digits(radix: Radix, digits: &[Digits], out: &mut alloc::vec::Vec<u8>) {
    out.push(radix.byte());
    for digits in digits {
        out.push(digits.count);
        out.extend(digits.base.to_le_bytes());
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
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            count: cursor.u8()?,
            base: cursor.i64()?,
        })
    }
}
