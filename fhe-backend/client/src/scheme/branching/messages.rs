//! How long messages are, and where their rows lie.

use core::slice::ChunksExact;

use super::ValidBranching;
use crate::bits::{BitWriter, packed_len};
use crate::random::MaskSeed;
use crate::scheme::layout::{QUERY_PREFIX, RESPONSE_PREFIX, read_rows, read_seeded, write_prefix};
use crate::scheme::limits;

impl ValidBranching {
    /// Most rows of a query.
    #[must_use]
    pub fn max_rows(&self) -> usize {
        self.layout.max_rows.into()
    }

    /// Bytes of the payload of a query of so many rows.
    #[must_use]
    pub fn query_len(&self, rows: usize) -> usize {
        limits::in_memory(self.query_bytes(rows))
    }

    /// At most 2^16 bits of 63·65 ciphertexts of 2^12 bodies of 2^6 bits: under 2^47; packed, 2^16·63 bodies for each of 2^3 rows.
    pub(crate) fn query_bytes(&self, rows: usize) -> u64 {
        (QUERY_PREFIX as u64).saturating_add(self.query_row_bytes().saturating_mul(rows as u64))
    }

    /// Bodies of a row, which end with a whole byte.
    pub(super) fn query_row_bytes(&self) -> u64 {
        let ciphertexts = u64::from(self.layout.input_bits) * self.ggsw_rows() as u64;
        let bodies = match self.layout.packing {
            Some(_) => self.slots(),
            None => ciphertexts * self.glwe.polynomial_size() as u64,
        };
        packed_len(bodies, self.layout.body_bits.into())
    }

    /// The bodies of each row of a query that was [read](Self::read_query).
    pub fn bodies_of_rows<'a>(&self, bodies: &'a [u8]) -> ChunksExact<'a, u8> {
        bodies.chunks_exact(limits::in_memory(self.query_row_bytes()))
    }

    /// Bytes of the payload of a response of so many rows.
    #[must_use]
    pub fn response_len(&self, rows: usize) -> usize {
        limits::in_memory(self.response_bytes(rows))
    }

    pub(crate) fn response_bytes(&self, rows: usize) -> u64 {
        (self.response_prefix() as u64)
            .saturating_add(self.response_row_bytes().saturating_mul(rows as u64))
    }

    /// Integers of a row, which end with a whole byte.
    pub(super) fn response_row_bytes(&self) -> u64 {
        packed_len(self.response_integers(), self.layout.response_bits.into())
    }

    fn response_integers(&self) -> u64 {
        self.glwe.dimension() as u64 + u64::from(self.layout.coefficients)
    }

    /// Bits behind the integers of a row of a response.
    pub(crate) fn response_row_padding(&self) -> u32 {
        let bits = self.response_integers() * u64::from(self.layout.response_bits);
        (bits.wrapping_neg() % 8) as u32
    }

    /// Rows of the payload of a response, if its length agrees.
    pub(crate) fn response_rows(&self, payload: &[u8]) -> Option<usize> {
        let rows = read_rows(payload).filter(|rows| (1..=self.max_rows()).contains(rows))?;
        (payload.len() == self.response_len(rows)).then_some(rows)
    }

    /// Bytes before the integers of a response: with the name of the query, if that has a key of its own.
    pub(crate) fn response_prefix(&self) -> usize {
        match self.query_keys {
            true => QUERY_PREFIX,
            false => RESPONSE_PREFIX,
        }
    }

    /// Splits the payload of a query into the seed of its masks and the packed bodies of its rows; `None` if its length does not agree.
    #[must_use]
    pub fn read_query<'a>(&self, payload: &'a [u8]) -> Option<(MaskSeed, &'a [u8])> {
        let rows = read_rows(payload).filter(|rows| (1..=self.max_rows()).contains(rows))?;
        let (seed, bodies) = read_seeded(payload, self.query_len(rows))?;
        Some((self.masks_of(seed), bodies))
    }

    /// Writes the head of the response to a query; the integers of its rows follow: `k·N` mask words, then the digit sums, of each.
    ///
    /// # Panics
    ///
    /// If `query` is not the payload of one, or `out` not [`response_len`](Self::response_len) long.
    pub fn start_response<'a>(
        &self,
        query: &[u8],
        out: &'a mut [u8],
    ) -> impl Iterator<Item = BitWriter<'a>> + use<'a> {
        let len = self.response_prefix();
        let (prefix, integers) = out.split_at_mut(len);
        write_prefix(prefix, 0, read_rows(query).unwrap_or(0));
        prefix[RESPONSE_PREFIX..].copy_from_slice(&query[RESPONSE_PREFIX..len]);
        let rows = integers.chunks_exact_mut(limits::in_memory(self.response_row_bytes()));
        rows.map(BitWriter::new)
    }
}
