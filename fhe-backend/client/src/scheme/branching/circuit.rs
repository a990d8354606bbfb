//! The branching scheme: one layout, and how its digit sums make up outputs.

use rand_core::CryptoRng;

#[cfg(feature = "alloc")]
use super::digits::write_digits;
use super::digits::{DigitSums, Digits, Radix};
use super::packing::{MAX_SPLITS, Packing, SwitchGadget};
use super::{BranchingLayout, ValidBranching};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::{GlweParams, ValidGlwe};
use crate::ports::Ports;
use crate::scheme::cipher::{Cipher, KeySections, Keys, MAX_SECRETS, Source};
use crate::scheme::layout::CipherError;
use crate::spec::error::SpecError;

/// Decisions and tables on encrypted bits: one row a query, outputs in digits.
#[derive(Clone, Debug)]
pub struct BranchingScheme {
    layout: ValidBranching,
    digits: DigitSums,
}

const MALFORMED: SpecError = SpecError::Malformed("parameters");

impl BranchingScheme {
    /// Reads the parameters of a circuit of so many outputs.
    pub(crate) fn read(cursor: &mut Cursor<'_>, outputs: u32) -> Result<Self, SpecError> {
        let layout = read_layout(cursor).ok_or(MALFORMED)?;
        let layout = layout.validate().map_err(SpecError::Branching)?;
        let plain = layout.layout();
        let (bits, coefficients) = (plain.plaintext_bits, plain.coefficients);
        let digits = DigitSums::read(cursor, outputs, bits, coefficients)?;
        Ok(Self { layout, digits })
    }

    /// The bits of the codes are those that the parameters were chosen for.
    pub(crate) fn check_inputs(&self, ports: Ports<'_>) -> Result<(), SpecError> {
        let bits: u64 = ports.inputs().map(|input| u64::from(input.bits())).sum();
        if bits == u64::from(self.layout.layout().input_bits) {
            Ok(())
        } else {
            Err(SpecError::Disagree("input bits"))
        }
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &ValidBranching {
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

impl ValidBranching {
    /// The sections of the evaluation key.
    #[must_use]
    pub fn key_sections(&self) -> KeySections {
        [self.switch_keys().map(|keys| keys.section()), None]
    }
}

impl Cipher for BranchingScheme {
    fn name(&self) -> &'static str {
        "branching"
    }

    fn query_mode(&self) -> &'static str {
        match self.layout.layout().packing {
            Some(_) => "packed",
            None => "direct",
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
        let shape = (
            self.layout.response_len(),
            self.layout.layout().coefficients,
        );
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

pub(crate) fn read_layout(cursor: &mut Cursor<'_>) -> Option<BranchingLayout> {
    let packed = match cursor.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
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
    };
    if packed {
        layout.packing = Some(read_packing(cursor)?);
    }
    Some(layout)
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
        out.push(u8::from(self.packing.is_some()));
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
    /// Appends the parameters; the counterpart of [`BranchingScheme::read`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        self.layout.write(out);
        write_digits(self.radix, &self.digits, out);
    }
}
