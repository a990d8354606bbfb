//! What the schemes on encrypted bits have in common: rows whose bits are encrypted, and outputs in digits.

use rand_core::CryptoRng;

use super::branching::ValidBranching;
use super::cipher::{Cipher, KeySections, Keys, MAX_SECRETS, Source};
use super::digits::{DigitSums, Digits, Radix};
use super::layout::{CipherError, QUERY_PREFIX, check_len, read_rows};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::ValidGlwe;
use crate::ports::Ports;
use crate::scheme::branching::packing::SwitchKeys;
use crate::spec::error::SpecError;

/// The ciphertexts of a query, of a response and of an evaluation key of such a scheme.
pub trait DigitLayout: Sized {
    /// Name of the scheme in reports.
    const NAME: &'static str;

    /// Reads what a spec says of it.
    ///
    /// # Errors
    /// [`SpecError`].
    fn read(cursor: &mut SpecCursor<'_, '_>) -> Result<Self, SpecError>;

    /// Ring, widths and counts.
    fn branching(&self) -> &ValidBranching;

    /// Whether an evaluation key unpacks queries.
    fn is_packed(&self) -> bool;

    /// Bytes of a query of so many rows.
    fn query_len(&self, rows: usize) -> usize;

    /// Words of scratch of an encryption.
    fn scratch_len(&self) -> usize;

    /// Encrypts the bits of as many rows as are the bytes of `out`.
    ///
    /// # Errors
    /// [`CipherError`]: wrong buffers, a key of other parameters.
    fn encrypt(
        &self,
        key: &SecretKey,
        bits: impl Iterator<Item = bool> + Clone,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError>;

    /// Decrypts digit sums; `place` is their row, and the first of them.
    ///
    /// # Errors
    /// [`CipherError`].
    fn decrypt(
        &self,
        key: &SecretKey,
        payload: &[u8],
        place: (usize, usize),
        sums: &mut [u64],
    ) -> Result<(), CipherError>;

    /// The first digit sums of a row with this key, of its bits as they come.
    fn decrypt_bits(&self, key: &SecretKey, next: impl FnMut(u32) -> u64, sums: &mut [u64]);

    /// The evaluation key, if there is one.
    fn switch_keys(&self) -> Option<SwitchKeys>;
}

/// A spec on its way through the door; only this crate reads it.
pub struct SpecCursor<'c, 'a>(pub(crate) &'c mut Cursor<'a>);

/// A scheme on encrypted bits: its layout, and how digit sums make up outputs.
#[derive(Clone, Debug)]
pub struct DigitScheme<L> {
    layout: L,
    digits: DigitSums,
}

impl<L: DigitLayout> DigitScheme<L> {
    /// Reads the parameters of a circuit of so many outputs.
    pub(crate) fn read(cursor: &mut Cursor<'_>, outputs: u32) -> Result<Self, SpecError> {
        let layout = L::read(&mut SpecCursor(cursor))?;
        let plain = layout.branching().layout();
        let (bits, coefficients) = (plain.plaintext_bits, plain.coefficients);
        let digits = DigitSums::read(cursor, outputs, bits, coefficients)?;
        Ok(Self { layout, digits })
    }

    /// The bits of the codes are those that the parameters were chosen for.
    pub(crate) fn check_inputs(&self, ports: Ports<'_>) -> Result<(), SpecError> {
        let bits: u64 = ports.inputs().map(|input| u64::from(input.bits())).sum();
        if bits == u64::from(self.layout.branching().layout().input_bits) {
            Ok(())
        } else {
            Err(SpecError::Disagree("input bits"))
        }
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> &L {
        &self.layout
    }

    /// How values are cut into digits.
    #[must_use]
    pub fn radix(&self) -> Radix {
        self.digits.radix
    }

    /// The digits of each output.
    pub fn digits<'a>(&self, ports: Ports<'a>) -> impl Iterator<Item = Digits> + use<'a, L> {
        self.digits.of(ports)
    }
}

/// The sections of an evaluation key.
pub(crate) fn key_sections(layout: &impl DigitLayout) -> KeySections {
    [layout.switch_keys().map(|keys| keys.section()), None]
}

impl<L: DigitLayout> Cipher for DigitScheme<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn query_mode(&self) -> &'static str {
        if self.layout.is_packed() {
            "packed"
        } else {
            "direct"
        }
    }

    fn secrets(&self) -> [Option<ValidGlwe>; MAX_SECRETS] {
        [Some(self.layout.branching().glwe()), None]
    }

    fn max_rows(&self) -> usize {
        self.layout.branching().max_rows()
    }

    fn output_bits(&self) -> u8 {
        62
    }

    fn query_len(&self, rows: usize) -> usize {
        self.layout.query_len(rows)
    }

    fn each_query_len(&self, take: &mut dyn FnMut(usize)) {
        (1..=self.max_rows()).for_each(|rows| take(self.layout.query_len(rows)));
    }

    fn response_len(&self, rows: usize) -> usize {
        self.layout.branching().response_len(rows)
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

    fn response_rows(&self, payload: &[u8]) -> Result<usize, CipherError> {
        let rows = self.layout.branching().response_rows(payload);
        rows.ok_or(CipherError::Response)
    }

    fn decrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let key = keys.of(0)?;
        let rows = self.response_rows(payload)?;
        let of_row = ports.output_count();
        check_len("output", out.len(), rows * of_row)?;
        for (row, out) in out.chunks_exact_mut(of_row.max(1)).enumerate() {
            self.digits.outputs(ports, out, |first, sums| {
                self.layout.decrypt(key, payload, (row, first), sums)
            })?;
        }
        Ok(rows)
    }

    fn decrypt_from(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        source: &mut impl Source,
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let key = keys.of(0)?;
        let branching = self.layout.branching();
        let mut prefix = [0; QUERY_PREFIX];
        let prefix = &mut prefix[..branching.response_prefix()];
        prefix.fill_with(|| source.byte());
        let rows = read_rows(prefix).filter(|rows| (1..=branching.max_rows()).contains(rows));
        let whole = |rows: &usize| source.payload_len() == branching.response_bytes(*rows);
        let rows = rows.filter(whole).ok_or(CipherError::Response)?;
        let of_row = ports.output_count();
        let (what, len, needed) = ("output", out.len(), rows * of_row);
        let short = CipherError::Buffer { what, len, needed };
        let out = out.get_mut(..needed).ok_or(short)?;
        let coefficients = branching.layout().coefficients as usize;
        for (row, out) in out.chunks_exact_mut(of_row.max(1)).enumerate() {
            let key = branching.key_of_row(key, prefix, row);
            let key = key.ok_or(CipherError::Response)?;
            self.digits
                .outputs_at_once(ports, coefficients, out, |sums| {
                    self.layout
                        .decrypt_bits(&key, |width| source.bits(width), sums);
                })?;
            source.bits(branching.response_row_padding());
        }
        Ok(rows)
    }

    fn key_sections(&self) -> KeySections {
        key_sections(&self.layout)
    }

    fn key_scratch_len(&self) -> usize {
        let keys = self.layout.switch_keys();
        keys.map_or(0, |keys| keys.scratch_len())
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
        let keys = self.layout.switch_keys();
        keys.map_or(0, |keys| keys.prepared_bytes())
    }
}
