//! What every scheme does for clients, and says to whoever serves them.

use rand_core::CryptoRng;

use super::layout::CipherError;
use crate::key::SecretKey;
use crate::params::ValidGlwe;
use crate::ports::Ports;

/// Most secret keys of one spec.
pub const MAX_SECRETS: usize = 2;

/// Most sections of one evaluation key.
pub const MAX_SECTIONS: usize = 2;

/// What a client and a server do with a scheme without knowing which one it is. Payloads are without their frames.
///
/// `rows` is 1 to [`max_rows`](Self::max_rows) everywhere; codes are whole rows within the ranges of the inputs.
pub trait Cipher {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// `direct`: queries are evaluated as they are; `packed`: an evaluation key unpacks them.
    fn query_mode(&self) -> &'static str;

    /// Parameters of the secret keys, in the order of the key file.
    fn secrets(&self) -> [Option<ValidGlwe>; MAX_SECRETS];

    /// Most rows of one query.
    fn max_rows(&self) -> usize;

    /// Bits that an output's range may have.
    fn output_bits(&self) -> u8;

    /// Bytes of a query of so many rows.
    fn query_len(&self, rows: usize) -> usize;

    /// Bytes of every query that a server takes, in any order.
    fn each_query_len(&self, take: &mut dyn FnMut(usize));

    /// Bytes of the response to a query of so many rows.
    fn response_len(&self, rows: usize) -> usize;

    /// Words of scratch that [`encrypt`](Self::encrypt) needs.
    fn scratch_len(&self, rows: usize) -> usize;

    /// Encrypts whole rows of codes (row-major) into a query. Allocates nothing without feature `ntt`; `scratch` and `out` have
    /// [`scratch_len`](Self::scratch_len) words and [`query_len`](Self::query_len) bytes.
    ///
    /// # Errors
    /// [`CipherError`]: wrong buffers, a key of other parameters.
    fn encrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError>;

    /// Rows of a response, if its length agrees.
    ///
    /// # Errors
    /// [`CipherError::Response`] if it does not.
    fn response_rows(&self, payload: &[u8]) -> Result<usize, CipherError>;

    /// Decrypts a response into integers (row-major) and says of how many rows. Whether they are within the ranges of the outputs is not
    /// checked: a wrong key gives random ones.
    ///
    /// # Errors
    /// [`CipherError`]: another form, wrong buffers, a key of other parameters.
    fn decrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, CipherError>;

    /// The same for a response whose bits come one after the other; `out` may be longer.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt); [`CipherError::Buffer`] where more numbers must be kept than a device does.
    fn decrypt_from(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        source: &mut impl Source,
        out: &mut [i64],
    ) -> Result<usize, CipherError>;

    /// The sections of the evaluation key in their order; none if the server needs no key.
    fn key_sections(&self) -> KeySections;

    /// Words of scratch that [`write_key_section`](Self::write_key_section) needs.
    fn key_scratch_len(&self) -> usize;

    /// Generates section `index` of the evaluation key and hands it to `push` piece by piece. The key is that of the section.
    ///
    /// # Errors
    /// What `push` returns.
    fn write_key_section<E>(
        &self,
        index: usize,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E>;

    /// Bytes of memory that the evaluation key takes on a server that is ready to use it, about.
    fn prepared_key_bytes(&self) -> u64;
}

/// The secret keys of a spec, in the order of [`Cipher::secrets`].
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a>(pub(crate) &'a [Option<SecretKey>; MAX_SECRETS]);

impl<'a> Keys<'a> {
    /// Key `index`.
    pub(crate) fn of(self, index: u8) -> Result<&'a SecretKey, CipherError> {
        let key = self.0.get(usize::from(index)).and_then(Option::as_ref);
        key.ok_or(CipherError::Key)
    }
}

/// A response that arrives bit by bit.
pub trait Source {
    /// Bytes of its payload.
    fn payload_len(&self) -> u64;
    /// The next byte; 0 behind the end.
    fn byte(&mut self) -> u8;
    /// The next `width` bits, at most 64, lowest first.
    fn bits(&mut self, width: u32) -> u64;
}

/// Part of an evaluation key: a header of [`HEADER_LEN`](Self::HEADER_LEN) bytes, which says kind and length, and what is evaluated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySection {
    /// What it is for.
    pub kind: SectionKind,
    /// Which secret key it is made with.
    pub secret: u8,
    /// Bytes behind the header.
    pub len: usize,
}

/// What a section of an evaluation key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Unpacks the queries of branching circuits.
    Unpack,
    /// A public key that hides linear models.
    Public,
}

impl SectionKind {
    const fn code(self) -> u8 {
        match self {
            Self::Unpack => 1,
            Self::Public => 2,
        }
    }
}

impl KeySection {
    /// Bytes of the header: kind `u8`, length `u64`.
    pub const HEADER_LEN: usize = 9;

    /// The header.
    pub(crate) fn header(self) -> [u8; Self::HEADER_LEN] {
        let mut header = [0; Self::HEADER_LEN];
        header[0] = self.kind.code();
        header[1..].copy_from_slice(&(self.len as u64).to_le_bytes());
        header
    }

    /// Splits it off the front of `payload`; `None` if another stands there.
    fn split(self, payload: &[u8]) -> Option<(&[u8], &[u8])> {
        let (header, rest) = payload.split_first_chunk()?;
        (*header == self.header()).then_some(())?;
        rest.split_at_checked(self.len)
    }
}

/// The sections of the evaluation key of a scheme, in their order.
pub type KeySections = [Option<KeySection>; MAX_SECTIONS];

/// Bytes of the payload of an evaluation key of these sections; `None` if there are none.
#[must_use]
pub fn sections_len(sections: &[Option<KeySection>]) -> Option<usize> {
    let lens = sections.iter().flatten();
    lens.map(|section| KeySection::HEADER_LEN.saturating_add(section.len))
        .reduce(usize::saturating_add)
}

/// The sections of the payload of an evaluation key, without their headers; `None` if it has others.
#[must_use]
pub fn split_sections<'a>(
    sections: &KeySections,
    mut payload: &'a [u8],
) -> Option<[&'a [u8]; MAX_SECTIONS]> {
    let mut found = [&[][..]; MAX_SECTIONS];
    for (slot, section) in found.iter_mut().zip(sections.iter().flatten()) {
        (*slot, payload) = section.split(payload)?;
    }
    payload.is_empty().then_some(found)
}
