//! The network scheme: one layout, and how its digit sums make up outputs.

use rand_core::CryptoRng;

use super::{NetworkLayout, ValidNetwork};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::ValidGlwe;
use crate::ports::Ports;
use crate::scheme::branching::circuit::{read_layout, read_packing};
#[cfg(feature = "alloc")]
use crate::scheme::branching::digits::write_digits;
use crate::scheme::branching::digits::{DigitSums, Digits, Radix};
use crate::scheme::cipher::{Cipher, KeySections, Keys, MAX_SECRETS, Source};
use crate::scheme::layout::CipherError;
use crate::spec::error::SpecError;

/// Neurons on encrypted bits: one row a query, outputs in digits.
#[derive(Clone, Debug)]
pub struct NetworkScheme {
    layout: ValidNetwork,
    digits: DigitSums,
}

impl NetworkScheme {
    /// Reads the parameters of a circuit of so many outputs.
    pub(crate) fn read(cursor: &mut Cursor<'_>, outputs: u32) -> Result<Self, SpecError> {
        let layout = read(cursor).ok_or(SpecError::Malformed("parameters"))?;
        let layout = layout.validate().map_err(SpecError::Branching)?;
        let plain = layout.layout().branching;
        let (bits, coefficients) = (plain.plaintext_bits, plain.coefficients);
        let digits = DigitSums::read(cursor, outputs, bits, coefficients)?;
        Ok(Self { layout, digits })
    }

    /// The bits of the codes are those that the parameters were chosen for.
    pub(crate) fn check_inputs(&self, ports: Ports<'_>) -> Result<(), SpecError> {
        let bits: u64 = ports.inputs().map(|input| u64::from(input.bits())).sum();
        if bits == u64::from(self.layout.layout().branching.input_bits) {
            Ok(())
        } else {
            Err(SpecError::Disagree("input bits"))
        }
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &ValidNetwork {
        &self.layout
    }

    /// How values are cut into digits.
    #[must_use]
    pub fn radix(&self) -> Radix {
        self.digits.radix
    }

    /// The digits of each output.
    pub fn digits<'a>(&self, ports: Ports<'a>) -> impl Iterator<Item = Digits> + use<'a> {
        self.digits.of(ports)
    }
}

impl ValidNetwork {
    /// The sections of the evaluation key.
    #[must_use]
    pub fn key_sections(&self) -> KeySections {
        [self.switch_keys().map(|keys| keys.section()), None]
    }
}

impl Cipher for NetworkScheme {
    fn name(&self) -> &'static str {
        "network"
    }

    fn query_mode(&self) -> &'static str {
        match self.layout.layout().packed_bits {
            0 => "direct",
            _ => "packed",
        }
    }

    fn secrets(&self) -> [Option<ValidGlwe>; MAX_SECRETS] {
        [Some(self.layout.glwe()), None]
    }

    fn max_rows(&self) -> usize {
        1
    }

    fn output_bits(&self) -> u8 {
        62
    }

    fn query_len(&self, _rows: usize) -> usize {
        self.layout.query_len()
    }

    fn each_query_len(&self, take: &mut dyn FnMut(usize)) {
        take(self.layout.query_len());
    }

    fn response_len(&self, _rows: usize) -> usize {
        self.layout.response_len()
    }

    fn scratch_len(&self, _rows: usize) -> usize {
        self.layout.scratch_len()
    }

    fn encrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        let bits = ports.code_bits(codes);
        self.layout.encrypt(keys.of(0)?, bits, rng, scratch, out)
    }

    fn response_rows(&self, _payload: &[u8]) -> Result<usize, CipherError> {
        Ok(1)
    }

    fn decrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let key = keys.of(0)?;
        self.digits.outputs(ports, out, |first, sums| {
            self.layout.decrypt(key, payload, first, sums)
        })
    }

    fn decrypt_from(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        source: &mut impl Source,
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let key = keys.of(0)?;
        let coefficients = self.layout.layout().branching.coefficients;
        let shape = (self.layout.response_len(), coefficients);
        self.digits
            .outputs_from(ports, source, shape, out, |source, sums| {
                self.layout
                    .decrypt_bits(key, 0, |width| source.bits(width), sums);
            })
    }

    fn key_sections(&self) -> KeySections {
        self.layout.key_sections()
    }

    fn key_scratch_len(&self) -> usize {
        self.layout
            .switch_keys()
            .map_or(0, |keys| keys.scratch_len())
    }

    fn write_key_section<E>(
        &self,
        _index: usize,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let keys = self.layout.switch_keys();
        keys.map_or(Ok(()), |keys| keys.write(key, rng, scratch, push))
    }

    fn prepared_key_bytes(&self) -> u64 {
        self.layout
            .switch_keys()
            .map_or(0, |keys| keys.prepared_bytes())
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
    /// Appends the parameters; the counterpart of [`NetworkScheme::read`].
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
