//! Queries and responses of branching circuits (forests, tables): the bits of the codes as seeded GGSW ciphertexts, and
//! one modulus-switched GLWE whose coefficients are digit sums.
//!
//! A GGSW ciphertext of `m` has, for each level `j = 1..=ℓ`, `k+1` GLWE rows: row `r < k` encrypts `−m·q/B^j·S_r`, row `k`
//! encrypts `m·q/B^j` (Chillotti et al. 2020, definition 3.2; `B = 2^b`). Masks come from one seed in the order input bit,
//! level, row, polynomial; bodies are sent whole, without the low bits that lie under the noise.
//!
//! Where no evaluation key ties queries to one secret key, the masks are common to all queries of a layout, and the secret key is that of the
//! query alone ([`ValidBranching::key_of`]): a server transforms the masks once. `docs/scheme.md`, §3, has the sources, and what follows from it.
//! The rows of a packed query have their masks in common, too, and a secret key each ([`ValidBranching::key_of_row`]): §5.

pub(crate) mod circuit;
mod messages;
pub mod packing;

use rand_core::CryptoRng;

use self::packing::Packing;
use super::layout::{
    CipherError, GadgetError, LayoutError, MAX_PORT, QUERY_PREFIX, RESPONSE_PREFIX, check_len,
    write_prefix,
};
use super::limits;
use crate::bits::{BitReader, BitWriter, low_bits, round_high};
#[cfg(feature = "alloc")]
use crate::glwe::KeyMasks;
use crate::glwe::{KeyProduct, mask_term};
use crate::key::SecretKey;
use crate::params::{GlweParams, ValidGlwe};
use crate::random::{MaskSeed, MaskStream, Root, Transcript};
use zeroize::Zeroize;

pub use super::digits::{Digits, MAX_DIGITS, Radix};
pub use circuit::BranchingScheme;
#[cfg(feature = "alloc")]
pub use circuit::OwnedBranching;

/// Parameters of a branching circuit, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchingLayout {
    /// Ring, key dimension and noise.
    pub glwe: GlweParams,
    /// `b`: log2 of the gadget base.
    pub base_log: u8,
    /// `ℓ`: levels of the gadget.
    pub level_count: u8,
    /// Bits of a body that are sent; the low `64 − body_bits` are rounded away.
    pub body_bits: u8,
    /// `p`: a digit sum `m` is encoded as `m·2^(64−p)`.
    pub plaintext_bits: u8,
    /// `w`: bits of each integer of a response.
    pub response_bits: u8,
    /// Bits of all codes of a row.
    pub input_bits: u32,
    /// Digit sums in a response.
    pub coefficients: u32,
    /// Where bits are packed in the coefficients of ciphertexts, the gadgets that expand them.
    pub packing: Option<Packing>,
    /// Most rows of a query, 1 to [`MAX_ROWS`]; 1 where bits are not packed.
    pub max_rows: u8,
    /// Bits in each ciphertext of a row of a packed query, the last may have fewer; 0 where all are in one, or none are packed.
    pub packed_bits: u16,
}

/// Most rows of a packed query.
pub const MAX_ROWS: u8 = 8;

/// [`BranchingLayout`] that passed the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidBranching {
    layout: BranchingLayout,
    glwe: ValidGlwe,
    /// Nobody needs a key that several queries share.
    query_keys: bool,
}

impl BranchingLayout {
    /// Checks security, gadget, widths and counts.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] with the first violation.
    pub fn validate(self) -> Result<ValidBranching, LayoutError> {
        let valid = self.check()?;
        self.packing
            .map_or(Ok(()), |packing| packing.check(&valid))?;
        let key = valid.switch_keys().map_or(0, |keys| keys.bytes());
        limits::check(&[
            ("query", valid.query_bytes(valid.max_rows())),
            ("response", valid.response_bytes(valid.max_rows())),
            ("evaluation key", key),
        ])?;
        Ok(valid)
    }

    /// Checks everything but the packing and lengths.
    pub(crate) fn check(self) -> Result<ValidBranching, LayoutError> {
        let glwe = self.glwe.validate()?;
        let gadget_bits = u32::from(self.base_log) * u32::from(self.level_count);
        if gadget_bits == 0 || gadget_bits >= 64 {
            return Err(LayoutError::Gadget(GadgetError {
                base_log: self.base_log,
                level_count: self.level_count,
            }));
        }
        let p = self.plaintext_bits;
        let widest = self.body_bits.max(self.response_bits);
        if p == 0
            || p >= self.response_bits
            || u32::from(self.body_bits) < gadget_bits
            || widest > 64
        {
            return Err(LayoutError::Widths {
                plaintext_bits: p,
                body_bits: self.body_bits,
                response_bits: self.response_bits,
            });
        }
        let most_coefficients = u32::from(self.glwe.polynomial_size);
        let most_rows = match self.packing {
            Some(_) => MAX_ROWS,
            None => 1,
        };
        let counts = [
            ("rows per query", self.max_rows.into(), most_rows.into()),
            ("number of input bits", self.input_bits, MAX_PORT),
            ("number of digit sums", self.coefficients, most_coefficients),
        ];
        for (what, value, max) in counts {
            if value == 0 || value > max {
                return Err(LayoutError::Count { what, value, max });
            }
        }
        Ok(ValidBranching {
            layout: self,
            glwe,
            query_keys: self.packing.is_none(),
        })
    }
}

impl ValidBranching {
    /// The layout as plain numbers.
    #[must_use]
    pub fn layout(&self) -> &BranchingLayout {
        &self.layout
    }

    /// The lattice parameters.
    #[must_use]
    pub fn glwe(&self) -> ValidGlwe {
        self.glwe
    }

    /// GLWE rows of one GGSW, `ℓ(k+1)`.
    #[must_use]
    pub fn ggsw_rows(&self) -> usize {
        usize::from(self.layout.level_count) * (self.glwe.glwe_dimension() + 1)
    }

    /// The same layout in a scheme whose evaluation key ties queries to one secret key.
    pub(crate) fn with_shared_key(self) -> Self {
        Self {
            query_keys: false,
            ..self
        }
    }

    /// The masks that all queries have in common; `None` if each has its own.
    #[must_use]
    pub fn common_masks(&self) -> Option<MaskSeed> {
        if !self.query_keys {
            return None;
        }
        let mut transcript = Transcript::of("tenebra common masks");
        self.describe(&mut transcript);
        Some(transcript.root().mask_seed())
    }

    /// The seed of the masks of the query in which this one is written.
    pub(crate) fn masks_of(&self, seed: MaskSeed) -> MaskSeed {
        self.common_masks().unwrap_or(seed)
    }

    /// The key of the query or response that begins with `prefix`, of which `key` is the owner's; `None` if it is too short to say.
    #[must_use]
    pub fn key_of(&self, key: &SecretKey, prefix: &[u8]) -> Option<SecretKey> {
        if !self.query_keys {
            return Some(key.clone());
        }
        let name = prefix.get(RESPONSE_PREFIX..)?.first_chunk()?;
        Some(key.of_query(name))
    }

    /// The key of row `row` of such a query or response.
    #[must_use]
    pub fn key_of_row(&self, key: &SecretKey, prefix: &[u8], row: usize) -> Option<SecretKey> {
        self.key_of(key, prefix).map(|key| key.of_row(row))
    }

    /// Words of scratch that [`encrypt`](Self::encrypt) needs.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        let size = self.glwe.polynomial_size();
        match self.layout.packing {
            Some(_) => packing::packing_scratch(size, self.log_slots()),
            None => 2 * size,
        }
    }

    /// Encrypts `input_bits` bits a row into the payload of a query of as many rows as are [`query_len`](Self::query_len) bytes. Allocates nothing
    /// without feature `ntt`; `scratch` has [`scratch_len`](Self::scratch_len) words.
    ///
    /// # Errors
    ///
    /// [`CipherError`] for a wrong number of bits, wrong buffers or a key of other parameters.
    pub fn encrypt(
        &self,
        key: &SecretKey,
        bits: impl Iterator<Item = bool> + Clone,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        self.check_key(key)?;
        check_len("scratch", scratch.len(), self.scratch_len())?;
        let rows = (1..=self.max_rows()).find(|rows| out.len() == self.query_len(*rows));
        let rows = rows.ok_or(CipherError::Buffer {
            what: "query",
            len: out.len(),
            needed: self.query_len(1),
        })?;
        let of_packing = [self.layout.packed_bits.into()];
        let of_packing = &of_packing[..usize::from(self.layout.packed_bits > 0)];
        let root = self.query_root(key, bits.clone(), of_packing, rng);
        write_prefix(out, 0, rows);
        let (head, bodies) = out.split_at_mut(QUERY_PREFIX);
        let seed = root.mask_seed();
        head[RESPONSE_PREFIX..].copy_from_slice(&seed.0);
        let done = match self.layout.packing {
            Some(_) => self.encrypt_slots(key, bits, &root, scratch, bodies),
            None => {
                let key = self.key_of(key, head).ok_or(CipherError::Key)?;
                self.encrypt_ggsws(&key, bits, (&root, self.masks_of(seed)), scratch, bodies)
            }
        };
        scratch.zeroize();
        done
    }

    /// What a query encrypts, but for the bits.
    fn describe(&self, transcript: &mut Transcript) {
        let layout = &self.layout;
        transcript.glwe(self.glwe);
        for number in [
            layout.packing.is_some().into(),
            layout.base_log.into(),
            layout.level_count.into(),
            layout.body_bits.into(),
            layout.input_bits,
        ] {
            transcript.number(u64::from(number));
        }
    }

    /// Everything that a query says goes into its masks and noise.
    pub(crate) fn query_root(
        &self,
        key: &SecretKey,
        bits: impl Iterator<Item = bool>,
        of_packing: &[u64],
        rng: &mut impl CryptoRng,
    ) -> Root {
        let mut transcript = Transcript::new("tenebra branching query", rng);
        transcript.key(key);
        self.describe(&mut transcript);
        of_packing
            .iter()
            .for_each(|number| transcript.number(*number));
        for bit in bits {
            transcript.number(bit.into());
        }
        transcript.root()
    }

    /// A GGSW ciphertext of each bit.
    fn encrypt_ggsws(
        &self,
        key: &SecretKey,
        bits: impl Iterator<Item = bool>,
        (root, masks): (&Root, MaskSeed),
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        let mut noise = root.noise(self.glwe.noise_bound_log2());
        let mut masks = MaskStream::new(masks);
        let mut writer = BitWriter::new(out);
        let product = KeyProduct::new(key, self.glwe.polynomial_size());
        let (mask, body) = scratch.split_at_mut(self.glwe.polynomial_size());
        let kept = u32::from(self.layout.body_bits);

        let mut written = 0;
        for bit in bits.take(self.layout.input_bits as usize) {
            for level in 1..=u32::from(self.layout.level_count) {
                let message = u64::from(bit) << (64 - u32::from(self.layout.base_log) * level);
                for row in 0..=self.glwe.glwe_dimension() {
                    noise.fill(body);
                    add_row_message(body, key, row, message);
                    product.add(&mut masks, mask, body, 1);
                    body.iter()
                        .for_each(|b| writer.write(round_high(*b, kept), kept));
                }
            }
            written += 1;
        }
        writer.finish();
        check_len("bit", written, self.layout.input_bits as usize)
    }

    /// Decrypts the digit sums of row `row` from coefficient `first` on in the payload of a response, each in `0..2^p`.
    ///
    /// # Errors
    ///
    /// [`CipherError`]; a wrong key is not detected here, its integers are random.
    pub fn decrypt(
        &self,
        key: &SecretKey,
        payload: &[u8],
        (row, first): (usize, usize),
        sums: &mut [u64],
    ) -> Result<(), CipherError> {
        self.check_key(key)?;
        let coefficients = self.layout.coefficients as usize;
        let inside = first
            .checked_add(sums.len())
            .is_some_and(|end| end <= coefficients);
        if !inside || self.response_rows(payload).is_none_or(|rows| row >= rows) {
            return Err(CipherError::Response);
        }
        let (key, mut reader) = self.open(key, payload, row)?;
        #[cfg(feature = "alloc")]
        self.decrypt_quickly(&key, (first, 1), &mut reader, sums);
        #[cfg(not(feature = "alloc"))]
        self.decrypt_bits(&key, first, |width| reader.read(width), sums);
        Ok(())
    }

    /// The key and the integers of a row of a response of the right length.
    pub(crate) fn open<'a>(
        &self,
        key: &SecretKey,
        payload: &'a [u8],
        row: usize,
    ) -> Result<(SecretKey, BitReader<'a>), CipherError> {
        let (prefix, integers) = payload.split_at(self.response_prefix());
        let mut rows = integers.chunks_exact(limits::in_memory(self.response_row_bytes()));
        let key = self.key_of_row(key, prefix, row);
        let (key, integers) = key.zip(rows.nth(row)).ok_or(CipherError::Response)?;
        Ok((key, BitReader::new(integers)))
    }

    /// As [`decrypt_bits_at`](Self::decrypt_bits_at), a polynomial at a time.
    #[cfg(feature = "alloc")]
    pub(crate) fn decrypt_quickly(
        &self,
        key: &SecretKey,
        (first, stride): (usize, usize),
        reader: &mut BitReader<'_>,
        sums: &mut [u64],
    ) {
        let width = u32::from(self.layout.response_bits);
        let mut values = alloc::vec![0; self.glwe.polynomial_size()];
        sums.fill(0);
        for polynomial in 0..self.glwe.glwe_dimension() {
            let masks = KeyMasks::new(key, polynomial);
            reader.fill(&mut values, width);
            let positions = (first..).map(|number| number * stride);
            for (position, sum) in positions.zip(sums.iter_mut()) {
                *sum = sum.wrapping_sub(masks.product_at(&values, position));
            }
        }
        self.decode(first, |width| reader.read(width), sums);
    }

    /// As [`decrypt`](Self::decrypt), for the bits of a response behind its prefix, as they come. The key is [that of the
    /// query](Self::key_of).
    pub(crate) fn decrypt_bits(
        &self,
        key: &SecretKey,
        first: usize,
        next: impl FnMut(u32) -> u64,
        sums: &mut [u64],
    ) {
        self.decrypt_bits_at(key, (first, 1), next, sums);
    }

    /// The same for digit sums that lie `stride` coefficients apart.
    pub(crate) fn decrypt_bits_at(
        &self,
        key: &SecretKey,
        (first, stride): (usize, usize),
        mut next: impl FnMut(u32) -> u64,
        sums: &mut [u64],
    ) {
        let width = u32::from(self.layout.response_bits);
        sums.fill(0);
        for polynomial in 0..self.glwe.glwe_dimension() {
            for index in 0..self.glwe.polynomial_size() {
                let value = next(width);
                let positions = (first..).map(|number| number * stride);
                for (position, sum) in positions.zip(sums.iter_mut()) {
                    *sum = sum.wrapping_sub(mask_term(key, polynomial, index, value, position));
                }
            }
        }
        self.decode(first, next, sums);
    }

    /// Rounds what bodies, the first of which comes next, and products with the key, which `sums` holds, make together.
    fn decode(&self, first: usize, mut next: impl FnMut(u32) -> u64, sums: &mut [u64]) {
        let (width, p) = (self.layout.response_bits, self.layout.plaintext_bits);
        let (width, p) = (u32::from(width), u32::from(p));
        let shift = width - p;
        for _ in 0..first {
            next(width);
        }
        for sum in sums {
            let phase = next(width).wrapping_add(*sum);
            *sum = phase.wrapping_add(1 << (shift - 1)) >> shift & low_bits(p);
        }
    }

    pub(crate) fn check_key(&self, key: &SecretKey) -> Result<(), CipherError> {
        if key.glwe() == self.glwe {
            Ok(())
        } else {
            Err(CipherError::Key)
        }
    }
}

/// Adds `−message·S_row`, or `message` for the last row, to a body.
fn add_row_message(body: &mut [u64], key: &SecretKey, row: usize, message: u64) {
    if row == key.glwe().glwe_dimension() {
        body[0] = body[0].wrapping_add(message);
        return;
    }
    for (index, b) in body.iter_mut().enumerate() {
        *b = b.wrapping_sub(message & key.bit_mask(row, index));
    }
}
