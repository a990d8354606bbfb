//! What a spec says of the branching scheme.

use rand_core::CryptoRng;

use super::packing::{MAX_SPLITS, Packing, SwitchGadget, SwitchKeys};
use super::{BranchingLayout, ValidBranching};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::GlweParams;
use crate::scheme::cipher::KeySections;
use crate::scheme::digit_scheme::{DigitLayout, DigitScheme, SpecCursor, key_sections};
#[cfg(feature = "alloc")]
use crate::scheme::digits::{Digits, Radix, write_digits};
use crate::scheme::layout::CipherError;
use crate::spec::error::SpecError;

/// Decisions and tables on encrypted bits.
pub type BranchingScheme = DigitScheme<ValidBranching>;

impl ValidBranching {
    /// The sections of the evaluation key.
    #[must_use]
    pub fn key_sections(&self) -> KeySections {
        key_sections(self)
    }
}

impl DigitLayout for ValidBranching {
    const NAME: &'static str = "branching";

    fn read(cursor: &mut SpecCursor<'_, '_>) -> Result<Self, SpecError> {
        let layout = read_layout(cursor.0).ok_or(SpecError::Malformed("parameters"))?;
        layout.validate().map_err(SpecError::Branching)
    }

    fn branching(&self) -> &ValidBranching {
        self
    }

    fn is_packed(&self) -> bool {
        self.layout().packing.is_some()
    }

    fn query_len(&self, rows: usize) -> usize {
        self.query_len(rows)
    }

    fn scratch_len(&self) -> usize {
        self.scratch_len()
    }

    fn encrypt(
        &self,
        key: &SecretKey,
        bits: impl Iterator<Item = bool> + Clone,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        self.encrypt(key, bits, rng, scratch, out)
    }

    fn decrypt(
        &self,
        key: &SecretKey,
        payload: &[u8],
        place: (usize, usize),
        sums: &mut [u64],
    ) -> Result<(), CipherError> {
        self.decrypt(key, payload, place, sums)
    }

    fn decrypt_bits(&self, key: &SecretKey, next: impl FnMut(u32) -> u64, sums: &mut [u64]) {
        self.decrypt_bits(key, 0, next, sums);
    }

    fn switch_keys(&self) -> Option<SwitchKeys> {
        self.switch_keys()
    }
}

pub(crate) fn read_layout(cursor: &mut Cursor<'_>) -> Option<BranchingLayout> {
    let queries = cursor.u8()?;
    if queries > SHARED {
        return None;
    }
    let mut layout = BranchingLayout {
        glwe: GlweParams::read(cursor)?,
        base_log: cursor.u8()?,
        level_count: cursor.u8()?,
        body_bits: cursor.u8()?,
        plaintext_bits: cursor.u8()?,
        response_bits: cursor.u8()?,
        input_bits: cursor.u32()?,
        coefficients: cursor.u32()?,
        packing: None,
        max_rows: 1,
        packed_bits: 0,
    };
    if queries != DIRECT {
        layout.packing = Some(read_packing(cursor)?);
    }
    if queries == SHARED {
        layout.max_rows = cursor.u8()?;
        layout.packed_bits = cursor.u16()?;
        // A layout is written in one way.
        (!layout.is_plain()).then_some(())?;
    }
    Some(layout)
}

/// What a layout begins with: how queries are made.
const DIRECT: u8 = 0;
/// Packed, a row in one ciphertext.
const PACKED: u8 = 1;
/// Packed, several rows or ciphertexts of a row, whose numbers follow the gadgets.
const SHARED: u8 = 2;

impl BranchingLayout {
    /// A row a query, and all of its bits in one ciphertext.
    fn is_plain(&self) -> bool {
        self.max_rows == 1 && self.packed_bits == 0
    }
}

pub(crate) fn read_packing(cursor: &mut Cursor<'_>) -> Option<Packing> {
    let mut gadget = || {
        Some(SwitchGadget {
            base_log: cursor.u8()?,
            level_count: cursor.u8()?,
        })
    };
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    for split in &mut splits {
        *split = gadget()?;
    }
    Some(Packing {
        splits,
        scheme_switch: gadget()?,
    })
}

/// Parameters of a branching circuit in the making.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct OwnedBranching {
    /// Parameters.
    pub layout: BranchingLayout,
    /// How values are cut into digits.
    pub radix: Radix,
    /// Digits of each output.
    pub digits: alloc::vec::Vec<Digits>,
}

#[cfg(feature = "alloc")]
impl BranchingLayout {
    /// Appends it; the counterpart of [`read_layout`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        out.push(match self.packing {
            None => DIRECT,
            Some(_) if self.is_plain() => PACKED,
            Some(_) => SHARED,
        });
        self.glwe.write(out);
        out.extend([
            self.base_log,
            self.level_count,
            self.body_bits,
            self.plaintext_bits,
            self.response_bits,
        ]);
        out.extend(self.input_bits.to_le_bytes());
        out.extend(self.coefficients.to_le_bytes());
        if let Some(packing) = self.packing {
            packing.write(out);
            if !self.is_plain() {
                out.push(self.max_rows);
                out.extend(self.packed_bits.to_le_bytes());
            }
        }
    }
}

#[cfg(feature = "alloc")]
impl Packing {
    /// Appends it; the counterpart of [`read_packing`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        let gadgets = self.splits.into_iter().chain([self.scheme_switch]);
        gadgets.for_each(|gadget| out.extend([gadget.base_log, gadget.level_count]));
    }
}

#[cfg(feature = "alloc")]
impl OwnedBranching {
    /// Appends the parameters; the counterpart of [`DigitScheme::read`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        self.layout.write(out);
        write_digits(self.radix, &self.digits, out);
    }
}
