//! The branching scheme: one layout, and how its digit sums make up outputs.

use rand_core::CryptoRng;

use super::digits::{Digits, MAX_DIGITS, Radix};
use super::packing::{MAX_SPLITS, Packing, SwitchGadget};
use super::{BranchingLayout, ValidBranching};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::{GlweParams, ValidGlwe};
use crate::ports::{Ports, Section};
use crate::scheme::cipher::{
    Cipher, KeySection, KeySections, Keys, MAX_SECRETS, SectionKind, Source,
};
use crate::scheme::layout::{CipherError, RESPONSE_PREFIX, check_len, read_rows};
use crate::spec::error::SpecError;

/// Decisions and tables on encrypted bits: one row a query, outputs in digits.
#[derive(Clone, Debug)]
pub struct BranchingScheme {
    layout: ValidBranching,
    radix: Radix,
    digits: Section,
}

const MALFORMED: SpecError = SpecError::Malformed("parameters");

impl BranchingScheme {
    /// Reads the parameters of a circuit of so many outputs.
    pub(crate) fn read(cursor: &mut Cursor<'_>, outputs: u32) -> Result<Self, SpecError> {
        let layout = read_layout(cursor).ok_or(MALFORMED)?;
        let layout = layout.validate().map_err(SpecError::Branching)?;
        let radix = Radix::read(cursor).ok_or(MALFORMED)?;
        let mut coefficients = 0u32;
        let digits = Section::read(cursor, outputs, "digits", |cursor, _| {
            let digits = Digits::read(cursor).ok_or(SpecError::Malformed("digits"))?;
            let of_part = digits.count >> radix.parts_log;
            let whole = of_part > 0 && of_part << radix.parts_log == digits.count;
            // An output must lie within 62 bits whatever its digit sums are.
            let top = u32::from(of_part.max(1) - 1) * u32::from(radix.log);
            let bits = top + u32::from(layout.layout().plaintext_bits + radix.parts_log);
            let fits = bits <= 61 && usize::from(digits.count) <= MAX_DIGITS;
            let sound = whole && fits && digits.base.unsigned_abs() <= 1 << 62;
            coefficients += u32::from(digits.count);
            if sound {
                Ok(())
            } else {
                Err(SpecError::Malformed("digits"))
            }
        })?;
        if coefficients != layout.layout().coefficients {
            return Err(SpecError::Disagree("digits"));
        }
        Ok(Self {
            layout,
            radix,
            digits,
        })
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
        self.radix
    }

    /// The digits of each output.
    pub fn digits<'a>(&self, ports: Ports<'a>) -> impl Iterator<Item = Digits> + use<'a> {
        let count = self.digits.count;
        let mut cursor = Cursor::new(self.digits.bytes(ports.payload));
        (0..count).map_while(move |_| Digits::read(&mut cursor))
    }
}

impl ValidBranching {
    /// The sections of the evaluation key.
    #[must_use]
    pub fn key_sections(&self) -> KeySections {
        let unpack = self.unpacking_key_len().map(|len| KeySection {
            kind: SectionKind::Unpack,
            secret: 0,
            len,
        });
        [unpack, None]
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

    /// Digit sums one output at a time: there may be more than a device keeps.
    fn decrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let key = keys.of(0)?;
        check_len("output", out.len(), ports.output_count())?;
        let mut first = 0;
        for (digits, value) in self.digits(ports).zip(out) {
            let count = usize::from(digits.count);
            let mut sums = [0u64; MAX_DIGITS];
            let sums = sums.get_mut(..count).ok_or(CipherError::Response)?;
            self.layout.decrypt(key, payload, first, sums)?;
            *value = digits.value(self.radix, sums);
            first += count;
        }
        Ok(1)
    }

    fn decrypt_from(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        source: &mut impl Source,
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let mut prefix = [0; RESPONSE_PREFIX];
        prefix.fill_with(|| source.byte());
        let whole = source.payload_len() == self.layout.response_len() as u64;
        if !whole || read_rows(&prefix) != Some(1) {
            return Err(CipherError::Response);
        }
        check_len("output", out.len(), ports.output_count())?;
        let needed = self.layout.layout().coefficients as usize;
        let mut sums = [0u64; MAX_DIGITS];
        let sums = sums.get_mut(..needed).ok_or(CipherError::Buffer {
            what: "digit sum",
            len: MAX_DIGITS,
            needed,
        })?;
        self.layout
            .decrypt_bits(keys.of(0)?, 0, |width| source.bits(width), sums);
        let mut rest = &*sums;
        for (digits, value) in self.digits(ports).zip(out) {
            let (its, others) = rest
                .split_at_checked(digits.count.into())
                .ok_or(CipherError::Response)?;
            *value = digits.value(self.radix, its);
            rest = others;
        }
        Ok(1)
    }

    fn key_sections(&self) -> KeySections {
        self.layout.key_sections()
    }

    fn key_scratch_len(&self) -> usize {
        self.layout.unpacking_key_scratch_len()
    }

    fn write_key_section<E>(
        &self,
        _index: usize,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.layout.write_unpacking_key(key, rng, scratch, push)
    }

    /// Bodies, of which the file holds `body_bits` a coefficient, and the masks that a seed stands for, as 64-bit floats.
    fn prepared_key_bytes(&self) -> u64 {
        let sections = self.key_sections();
        let file: u64 = sections.iter().flatten().map(|key| key.len as u64).sum();
        file * 128 / u64::from(self.layout.layout().body_bits.max(1))
    }
}

fn read_layout(cursor: &mut Cursor<'_>) -> Option<BranchingLayout> {
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

fn read_packing(cursor: &mut Cursor<'_>) -> Option<Packing> {
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
impl OwnedBranching {
    /// Appends the parameters; the counterpart of [`BranchingScheme::read`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        let layout = &self.layout;
        out.push(u8::from(layout.packing.is_some()));
        layout.glwe.write(out);
        out.extend([
            layout.base_log,
            layout.level_count,
            layout.body_bits,
            layout.plaintext_bits,
            layout.response_bits,
        ]);
        out.extend(layout.input_bits.to_le_bytes());
        out.extend(layout.coefficients.to_le_bytes());
        if let Some(packing) = layout.packing {
            let gadgets = packing.splits.into_iter().chain([packing.scheme_switch]);
            gadgets.for_each(|gadget| out.extend([gadget.base_log, gadget.level_count]));
        }
        out.push(self.radix.byte());
        for digits in &self.digits {
            out.push(digits.count);
            out.extend(digits.base.to_le_bytes());
        }
    }
}
