//! Queries, responses and evaluation keys of neural networks: those of branching circuits, with three differences.
//!
//! - The digit sums of a response lie `stride` coefficients apart: what lies between them depends on hidden sums, and is not sent.
//! - A packed query has a ciphertext for every `packed_bits` bits.
//! - The evaluation key serves packed queries and *re-selection*, which makes encrypted bits of the results of hidden neurons by the
//!   same automorphisms. So direct queries may need one, too.

mod circuit;

use rand_core::CryptoRng;

use crate::bits::packed_len;
use crate::key::SecretKey;
use crate::params::ValidGlwe;
use crate::random::{MaskSeed, Root};
use crate::scheme::branching::packing::{Packing, SlotPacker, SwitchKeys, packing_scratch};
use crate::scheme::branching::{BranchingLayout, ValidBranching};
use crate::scheme::layout::{
    CipherError, LayoutError, PackingError, QUERY_PREFIX, RESPONSE_PREFIX, check_len, read_rows,
    read_single, write_prefix,
};
use crate::scheme::limits;
use zeroize::Zeroize;

pub use circuit::NetworkScheme;
#[cfg(feature = "alloc")]
pub use circuit::OwnedNetwork;

/// Parameters of a network, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkLayout {
    /// Ring, gadget of the bits of a query, widths and counts; its packing is `None`.
    pub branching: BranchingLayout,
    /// Coefficients of the result from one digit sum to the next.
    pub stride: u16,
    /// Bits of the codes in each ciphertext of a packed query; 0 where each is sent as a GGSW.
    pub packed_bits: u16,
    /// Gadgets of the evaluation key, if there is one.
    pub keys: Option<Packing>,
}

/// [`NetworkLayout`] that passed the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidNetwork {
    layout: NetworkLayout,
    branching: ValidBranching,
}

impl NetworkLayout {
    /// Checks security, gadgets, widths and counts.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] with the first violation.
    pub fn validate(self) -> Result<ValidNetwork, LayoutError> {
        let branching = BranchingLayout {
            packing: None,
            max_rows: 1,
            packed_bits: 0,
            ..self.branching
        };
        let branching = match self.keys {
            None => branching.check()?,
            Some(_) => branching.check()?.with_shared_key(),
        };
        let layout = Self {
            branching: *branching.layout(),
            ..self
        };
        let valid = ValidNetwork { layout, branching };
        let size = branching.glwe().polynomial_size() as u64;
        let last = u64::from(self.branching.coefficients - 1) * u64::from(self.stride);
        if self.stride == 0 || last >= size {
            return Err(LayoutError::Count {
                what: "stride of digit sums",
                value: self.stride.into(),
                max: self.branching.glwe.polynomial_size.into(),
            });
        }
        if let Some(keys) = valid.switch_keys() {
            keys.check()?;
        }
        valid.check_packing()?;
        limits::check(&[
            ("query", valid.query_bytes()),
            ("response", valid.response_bytes()),
            (
                "evaluation key",
                valid.switch_keys().map_or(0, |keys| keys.bytes()),
            ),
        ])?;
        Ok(valid)
    }
}

impl ValidNetwork {
    /// The layout as plain numbers.
    #[must_use]
    pub fn layout(&self) -> &NetworkLayout {
        &self.layout
    }

    /// Ring, gadget and widths, as those of direct queries of a branching circuit.
    #[must_use]
    pub fn branching(&self) -> &ValidBranching {
        &self.branching
    }

    /// The lattice parameters.
    #[must_use]
    pub fn glwe(&self) -> ValidGlwe {
        self.branching.glwe()
    }

    /// The evaluation key.
    #[must_use]
    pub fn switch_keys(&self) -> Option<SwitchKeys> {
        self.layout.keys.map(|gadgets| SwitchKeys {
            glwe: self.glwe(),
            body_bits: self.layout.branching.body_bits,
            gadgets,
            max_rows: 1,
        })
    }

    fn check_packing(&self) -> Result<(), LayoutError> {
        let plain = &self.layout.branching;
        if self.layout.packed_bits == 0 {
            return Ok(());
        }
        let polynomial_size = self.glwe().polynomial_size();
        let slots = self.filled_slots() as u64;
        if slots > polynomial_size as u64 {
            return Err(PackingError::Slots {
                slots,
                polynomial_size,
            }
            .into());
        }
        let gadget_bits = u32::from(plain.base_log) * u32::from(plain.level_count);
        let needed = gadget_bits + self.log_slots();
        if needed > u32::from(plain.body_bits) {
            let body_bits = plain.body_bits;
            return Err(PackingError::Bodies { needed, body_bits }.into());
        }
        if self.layout.keys.is_none() {
            return Err(PackingError::NoKeys.into());
        }
        Ok(())
    }

    /// Slots that are filled in a ciphertext of a packed query, but for the last.
    fn filled_slots(&self) -> usize {
        usize::from(self.layout.packed_bits) * usize::from(self.layout.branching.level_count)
    }

    /// `log2 S` of a packed query.
    #[must_use]
    pub fn log_slots(&self) -> u32 {
        self.filled_slots().next_power_of_two().ilog2()
    }

    /// Bits in each ciphertext of a packed query.
    pub fn packed_bits(&self) -> impl Iterator<Item = usize> + use<> {
        let (bits, of_each) = (
            self.layout.branching.input_bits as usize,
            usize::from(self.layout.packed_bits).max(1),
        );
        (0..bits)
            .step_by(of_each)
            .map(move |first| of_each.min(bits - first))
    }

    /// Bytes of the payload of a query.
    #[must_use]
    pub fn query_len(&self) -> usize {
        limits::in_memory(self.query_bytes())
    }

    fn query_bytes(&self) -> u64 {
        if self.layout.packed_bits == 0 {
            return self.branching.query_bytes(1);
        }
        let plain = &self.layout.branching;
        let slots = u64::from(plain.input_bits) * u64::from(plain.level_count);
        QUERY_PREFIX as u64 + packed_len(slots, plain.body_bits.into())
    }

    /// Bytes of the payload of a response.
    #[must_use]
    pub fn response_len(&self) -> usize {
        self.branching.response_len(1)
    }

    fn response_bytes(&self) -> u64 {
        self.response_len() as u64
    }

    /// Words of scratch that [`encrypt`](Self::encrypt) needs.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        let size = self.glwe().polynomial_size();
        match self.layout.packed_bits {
            0 => 2 * size,
            _ => packing_scratch(size, self.log_slots()),
        }
    }

    /// Encrypts `input_bits` bits into the payload of a query, as [`ValidBranching::encrypt`] does.
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
        if self.layout.packed_bits == 0 {
            return self.branching.encrypt(key, bits, rng, scratch, out);
        }
        self.branching.check_key(key)?;
        check_len("scratch", scratch.len(), self.scratch_len())?;
        check_len("query", out.len(), self.query_len())?;
        let of_packing = [self.layout.packed_bits.into()];
        let root = self
            .branching
            .query_root(key, bits.clone(), &of_packing, rng);
        write_prefix(out, 0, 1);
        let (head, bodies) = out.split_at_mut(QUERY_PREFIX);
        head[RESPONSE_PREFIX..].copy_from_slice(&root.mask_seed().0);
        let done = self.encrypt_slots(key, bits, &root, scratch, bodies);
        scratch.zeroize();
        done
    }

    /// Writes bits into the slots of the ciphertexts of a packed query.
    fn encrypt_slots(
        &self,
        key: &SecretKey,
        mut bits: impl Iterator<Item = bool>,
        root: &Root,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        let plain = &self.layout.branching;
        let mut noise = root.noise(self.glwe().noise_bound_log2());
        let mut packer = SlotPacker::new(&self.branching, key, root, &mut noise, self.log_slots());
        let mut written = packer.pack_row(bits.by_ref(), self.packed_bits(), scratch, out);
        written += bits.take(1).count();
        check_len("bit", written, plain.input_bits as usize)
    }

    /// Decrypts the digit sums from number `first` on in the payload of a response, each in `0..2^p`.
    ///
    /// # Errors
    ///
    /// [`CipherError`]; a wrong key is not detected here, its integers are random.
    pub fn decrypt(
        &self,
        key: &SecretKey,
        payload: &[u8],
        first: usize,
        sums: &mut [u64],
    ) -> Result<(), CipherError> {
        self.branching.check_key(key)?;
        let coefficients = self.layout.branching.coefficients as usize;
        let inside = first
            .checked_add(sums.len())
            .is_some_and(|end| end <= coefficients);
        if !inside || read_rows(payload) != Some(1) || payload.len() != self.response_len() {
            return Err(CipherError::Response);
        }
        let (key, mut reader) = self.branching.open(key, payload, 0)?;
        #[cfg(feature = "alloc")]
        {
            let places = (first, self.layout.stride.into());
            self.branching
                .decrypt_quickly(&key, places, &mut reader, sums);
        }
        #[cfg(not(feature = "alloc"))]
        self.decrypt_bits(&key, first, |width| reader.read(width), sums);
        Ok(())
    }

    /// As [`decrypt`](Self::decrypt), for the bits of a response behind its prefix, as they come. The key is [that of the
    /// query](ValidBranching::key_of).
    pub(crate) fn decrypt_bits(
        &self,
        key: &SecretKey,
        first: usize,
        next: impl FnMut(u32) -> u64,
        sums: &mut [u64],
    ) {
        let stride = usize::from(self.layout.stride);
        self.branching
            .decrypt_bits_at(key, (first, stride), next, sums);
    }

    /// Splits the payload of a query into the seed of its masks and packed bodies; `None` if its length does not agree.
    #[must_use]
    pub fn read_query<'a>(&self, payload: &'a [u8]) -> Option<(MaskSeed, &'a [u8])> {
        let (seed, bodies) = read_single(payload, self.query_len())?;
        Some((self.branching.masks_of(seed), bodies))
    }
}

#[cfg(test)]
mod tests;
