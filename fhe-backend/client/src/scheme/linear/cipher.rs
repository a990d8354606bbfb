//! Encryption of queries and decryption of responses.

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::ValidLinear;
use crate::bits::{BitReader, BitWriter, low_bits, round_high};
use crate::glwe::{KeyProduct, mask_term, mask_words};
use crate::key::SecretKey;
use crate::random::{MaskSeed, MaskStream, Root, Transcript};
use crate::scheme::layout::{
    CipherError, QUERY_PREFIX, RESPONSE_PREFIX, check_len, read_rows, write_prefix,
};

impl ValidLinear {
    /// Encrypts whole rows of codes (row-major, `features` codes a row) into the payload of a query for plan `plan`.
    ///
    /// The codes must lie in the ranges that the layout was planned for; [`crate::ClientSpec`] checks that. Allocates
    /// nothing: `scratch` has [`scratch_len`](Self::scratch_len) words, `out` [`query_len`](Self::query_len) bytes.
    ///
    /// # Errors
    ///
    /// [`CipherError`] for wrong counts, buffers or a key of other parameters.
    pub fn encrypt(
        &self,
        plan: u8,
        key: &SecretKey,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        let (features, max_rows) = (
            self.layout.features as usize,
            usize::from(self.layout.max_rows),
        );
        let rows = codes.len() / features;
        if rows == 0 || rows > max_rows || rows * features != codes.len() {
            return Err(CipherError::Rows {
                codes: codes.len(),
                features,
                max_rows,
            });
        }
        self.check_key(key)?;
        check_len("scratch", scratch.len(), self.scratch_len(rows))?;
        check_len("query", out.len(), self.query_len(rows))?;

        let root = self.query_root(plan, key, codes, rng);
        let mut noise = root.noise(self.glwe.noise_bound_log2());
        let seed = root.mask_seed();
        let mut masks = MaskStream::new(seed);
        let product = KeyProduct::new(key, self.zone(rows));
        write_prefix(out, plan, rows);
        out[RESPONSE_PREFIX..QUERY_PREFIX].copy_from_slice(&seed.0);
        let mut writer = BitWriter::new(&mut out[QUERY_PREFIX..]);

        let (mask, body) = scratch.split_at_mut(mask_words(self.glwe.polynomial_size()));
        let scale = 64 - u32::from(self.layout.plaintext_bits);
        let kept = u32::from(self.layout.body_bits);
        for block in 0..self.layout.blocks as usize {
            noise.fill(body);
            let per_block = self.block_features();
            for (row, codes) in codes.chunks(features).enumerate() {
                let first = block * per_block;
                for (feature, code) in (first..).zip(codes.iter().skip(first).take(per_block)) {
                    let (_, position) = self.input_position(row, feature);
                    body[position] = body[position].wrapping_add(code.cast_unsigned() << scale);
                }
            }
            product.add(&mut masks, mask, body, 1);
            for b in body.iter() {
                writer.write(round_high(*b, kept), kept);
            }
        }
        writer.finish();
        scratch.zeroize();
        Ok(())
    }

    /// Everything that a query says goes into its masks and noise.
    fn query_root(
        &self,
        plan: u8,
        key: &SecretKey,
        codes: &[i64],
        rng: &mut impl CryptoRng,
    ) -> Root {
        let layout = &self.layout;
        let mut transcript = Transcript::new("tenebra linear query", rng);
        transcript.key(key);
        for number in [
            plan.into(),
            layout.plaintext_bits.into(),
            layout.body_bits.into(),
            layout.features,
            layout.group,
            layout.blocks,
        ] {
            transcript.number(u64::from(number));
        }
        for code in codes {
            transcript.number(code.cast_unsigned());
        }
        transcript.root()
    }

    /// Decrypts the payload of a response: `rows·outputs` integers, row-major, each as the representative at or above
    /// its output's entry in `minima`.
    ///
    /// # Errors
    ///
    /// [`CipherError`]; a wrong key is not detected here, its integers are random.
    pub fn decrypt(
        &self,
        key: &SecretKey,
        payload: &[u8],
        minima: impl Fn(usize) -> i64,
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let rows = self.response_rows(payload)?;
        let mut reader = BitReader::new(&payload[RESPONSE_PREFIX..]);
        self.decrypt_bits(key, rows, |width| reader.read(width), minima, out)?;
        Ok(rows)
    }

    /// As [`decrypt`](Self::decrypt), for the bits of a response of `rows` rows behind its prefix, as they come.
    pub(crate) fn decrypt_bits(
        &self,
        key: &SecretKey,
        rows: usize,
        mut next: impl FnMut(u32) -> u64,
        minima: impl Fn(usize) -> i64,
        out: &mut [i64],
    ) -> Result<(), CipherError> {
        self.check_key(key)?;
        let outputs = self.layout.outputs as usize;
        check_len("output", out.len().min(rows * outputs), rows * outputs)?;
        let width = u32::from(self.layout.response_bits);
        for group in 0..self.groups() {
            let first = group * self.layout.group as usize;
            let columns = first..first + self.group_outputs(group);
            // The slots of this group hold the phases until all is subtracted.
            for row in 0..rows {
                out[row * outputs..][columns.clone()].fill(0);
            }
            for polynomial in 0..self.glwe.glwe_dimension() {
                for index in 0..self.glwe.polynomial_size() {
                    let value = next(width);
                    for row in 0..rows {
                        for output in columns.clone() {
                            let position = self.output_position(row, output);
                            let phase = &mut out[row * outputs + output];
                            let term = mask_term(key, polynomial, index, value, position);
                            *phase = phase.wrapping_sub(term.cast_signed());
                        }
                    }
                }
            }
            for row in 0..rows {
                for output in columns.clone() {
                    let phase = &mut out[row * outputs + output];
                    let whole = next(width).wrapping_add(phase.cast_unsigned());
                    *phase = self.decode(whole, minima(output));
                }
            }
        }
        Ok(())
    }

    /// Rows that the payload of a response claims, if its length agrees.
    ///
    /// # Errors
    ///
    /// [`CipherError::Response`] if it does not.
    pub fn response_rows(&self, payload: &[u8]) -> Result<usize, CipherError> {
        let rows = read_rows(payload).ok_or(CipherError::Response)?;
        if rows == 0
            || rows > usize::from(self.layout.max_rows)
            || payload.len() != self.response_len(rows)
        {
            return Err(CipherError::Response);
        }
        Ok(rows)
    }

    /// Splits the payload of a query into rows, mask seed and packed bodies; `None` if its length does not agree.
    #[must_use]
    pub fn read_query<'a>(&self, payload: &'a [u8]) -> Option<(usize, MaskSeed, &'a [u8])> {
        let rows = read_rows(payload)?;
        if rows == 0
            || rows > usize::from(self.layout.max_rows)
            || payload.len() != self.query_len(rows)
        {
            return None;
        }
        let seed = payload[RESPONSE_PREFIX..QUERY_PREFIX].try_into().ok()?;
        Some((rows, MaskSeed(seed), &payload[QUERY_PREFIX..]))
    }

    /// Writes plan and rows at the head of a response; its integers follow, group by group.
    pub fn start_response<'a>(&self, out: &'a mut [u8], plan: u8, rows: usize) -> BitWriter<'a> {
        write_prefix(out, plan, rows);
        BitWriter::new(&mut out[RESPONSE_PREFIX..])
    }

    /// `round(phase·2^p / 2^w)` modulo `2^p`, lifted to the representative in `[min, min + 2^p)`.
    fn decode(&self, phase: u64, min: i64) -> i64 {
        let p = u32::from(self.layout.plaintext_bits);
        let shift = u32::from(self.layout.response_bits) - p;
        let rounded = phase.wrapping_add(1 << (shift - 1)) >> shift;
        let offset = rounded.wrapping_sub(min.cast_unsigned()) & low_bits(p);
        min.wrapping_add(offset.cast_signed())
    }

    pub(crate) fn check_key(&self, key: &SecretKey) -> Result<(), CipherError> {
        if key.glwe() == self.glwe {
            Ok(())
        } else {
            Err(CipherError::Key)
        }
    }
}
