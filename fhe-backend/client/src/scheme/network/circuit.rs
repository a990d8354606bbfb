//! What a spec says of the network scheme.

use rand_core::CryptoRng;

use super::{NetworkLayout, ValidNetwork};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::scheme::branching::ValidBranching;
use crate::scheme::branching::circuit::{read_layout, read_packing};
use crate::scheme::branching::packing::SwitchKeys;
use crate::scheme::cipher::KeySections;
use crate::scheme::digit_scheme::{DigitLayout, DigitScheme, SpecCursor, key_sections};
#[cfg(feature = "alloc")]
use crate::scheme::digits::{Digits, Radix, write_digits};
use crate::scheme::layout::CipherError;
use crate::spec::error::SpecError;

/// Neurons on encrypted bits.
pub type NetworkScheme = DigitScheme<ValidNetwork>;

impl ValidNetwork {
    /// The sections of the evaluation key.
    #[must_use]
    pub fn key_sections(&self) -> KeySections {
        key_sections(self)
    }
}

impl DigitLayout for ValidNetwork {
    const NAME: &'static str = "network";

    fn read(cursor: &mut SpecCursor<'_, '_>) -> Result<Self, SpecError> {
        let layout = read(cursor.0).ok_or(SpecError::Malformed("parameters"))?;
        layout.validate().map_err(SpecError::Branching)
    }

    fn branching(&self) -> &ValidBranching {
        self.branching()
    }

    fn is_packed(&self) -> bool {
        self.layout().packed_bits > 0
    }

    fn query_len(&self, _: usize) -> usize {
        self.query_len()
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
        (_, first): (usize, usize),
        sums: &mut [u64],
    ) -> Result<(), CipherError> {
        self.decrypt(key, payload, first, sums)
    }

    fn decrypt_bits(&self, key: &SecretKey, next: impl FnMut(u32) -> u64, sums: &mut [u64]) {
        self.decrypt_bits(key, 0, next, sums);
    }

    fn switch_keys(&self) -> Option<SwitchKeys> {
        self.switch_keys()
    }
}

/// Layout of direct queries, stride, packed bits, and the gadgets of the evaluation key behind a byte that says whether there is one.
fn read(cursor: &mut Cursor<'_>) -> Option<NetworkLayout> {
    let branching = read_layout(cursor).filter(|layout| layout.packing.is_none())?;
    Some(NetworkLayout {
        branching,
        stride: cursor.u16()?,
        packed_bits: cursor.u16()?,
        keys: match cursor.u8()? {
            0 => None,
            1 => Some(read_packing(cursor)?),
            _ => return None,
        },
    })
}

/// Parameters of a network in the making.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct OwnedNetwork {
    /// Parameters.
    pub layout: NetworkLayout,
    /// How values are cut into digits.
    pub radix: Radix,
    /// Digits of each output.
    pub digits: alloc::vec::Vec<Digits>,
}

#[cfg(feature = "alloc")]
impl OwnedNetwork {
    /// Appends the parameters; the counterpart of [`DigitScheme::read`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        let layout = &self.layout;
        layout.branching.write(out);
        out.extend(layout.stride.to_le_bytes());
        out.extend(layout.packed_bits.to_le_bytes());
        out.push(u8::from(layout.keys.is_some()));
        if let Some(keys) = layout.keys {
            keys.write(out);
        }
        write_digits(self.radix, &self.digits, out);
    }
}
