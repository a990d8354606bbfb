//! What a data owner does with a spec: make a key, quantize and encrypt rows, decrypt responses, turn integers into
//! scores.

#[cfg(feature = "alloc")]
mod allocated;
mod error;
mod key;

use rand_core::CryptoRng;

pub use self::error::ClientError;
pub use self::key::ClientKey;
use crate::frame::{Frame, FrameError, FrameHeader, Kind, frame_len, write_frame};
use crate::scheme::cipher::{Cipher, sections_len};
use crate::scheme::layout::{CipherError, check_len};
use crate::spec::ClientSpec;

impl ClientSpec<'_> {
    /// Quantizes one row of features into the codes of the circuit's inputs; returns how many values lay outside the
    /// calibrated range and were clipped.
    ///
    /// # Errors
    ///
    /// [`ClientError::Columns`] for a wrong number of values, [`ClientError::Value`] for NaN and infinities and for what a step of
    /// preprocessing refuses. Without an allocator, [`CipherError::Buffer`] for a spec with such steps: they need
    /// [`quantize_with`](Self::quantize_with).
    pub fn quantize(&self, row: &[f64], codes: &mut [i64]) -> Result<usize, ClientError> {
        if self.values_len() == self.columns() {
            return self.codes_of(row, row, codes);
        }
        #[cfg(feature = "alloc")]
        let mut values = alloc::vec![0.0; self.values_len()];
        #[cfg(not(feature = "alloc"))]
        let mut values = [];
        self.quantize_with(row, &mut values, codes)
    }

    /// As [`quantize`](Self::quantize), in a scratch of [`values_len`](Self::values_len) values.
    ///
    /// # Errors
    ///
    /// As [`quantize`](Self::quantize), and [`CipherError::Buffer`] for another length of the scratch.
    pub fn quantize_with(
        &self,
        row: &[f64],
        values: &mut [f64],
        codes: &mut [i64],
    ) -> Result<usize, ClientError> {
        if row.len() != self.columns() {
            return Err(ClientError::Columns {
                given: row.len(),
                wanted: self.columns(),
            });
        }
        check_len("value", values.len(), self.values_len())?;
        self.run_steps(row, values)
            .map_err(|(column, source)| ClientError::Value {
                column: column + 1,
                source,
            })?;
        self.codes_of(row, values, codes)
    }

    /// The codes of a row, of which all values are known.
    fn codes_of(
        &self,
        row: &[f64],
        values: &[f64],
        codes: &mut [i64],
    ) -> Result<usize, ClientError> {
        if row.len() != self.columns() {
            return Err(ClientError::Columns {
                given: row.len(),
                wanted: self.columns(),
            });
        }
        if codes.len() != self.input_count() {
            return Err(CipherError::Buffer {
                what: "code",
                len: codes.len(),
                needed: self.input_count(),
            }
            .into());
        }
        let mut clipped = 0;
        for (input, slot) in self.inputs().zip(codes) {
            let quantized =
                input
                    .quantize(values[input.column])
                    .map_err(|source| ClientError::Value {
                        column: self.column_of(input.column) + 1,
                        source,
                    })?;
            *slot = quantized.code.into();
            clipped += usize::from(quantized.clipped);
        }
        Ok(clipped)
    }

    /// Bytes of a framed query of `rows` rows.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rows`] if no plan holds so many.
    pub fn query_len(&self, rows: usize) -> Result<usize, ClientError> {
        self.check_rows(rows)?;
        Ok(frame_len(self.scheme().query_len(rows)))
    }

    /// Words of scratch for [`encrypt`](Self::encrypt) of `rows` rows.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rows`] if no plan holds so many.
    pub fn scratch_len(&self, rows: usize) -> Result<usize, ClientError> {
        self.check_rows(rows)?;
        Ok(self.scheme().scratch_len(rows))
    }

    /// Encrypts whole rows of codes (row-major) into a framed query. Allocates nothing: `scratch` and `out` have
    /// [`scratch_len`](Self::scratch_len) words and [`query_len`](Self::query_len) bytes. `rng` must be
    /// cryptographically secure. Masks and noise come from 32 bytes of it, hashed with the key and the codes: a generator that
    /// repeats itself shows which queries are equal, not more.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: codes out of range, wrong counts or buffers, a key of another model.
    pub fn encrypt(
        &self,
        key: &ClientKey,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), ClientError> {
        self.check_key(key)?;
        self.check_codes(codes)?;
        let rows = codes.len().div_ceil(self.input_count());
        check_len("query", out.len(), self.query_len(rows)?)?;
        write_frame(out, Kind::Query, self.id(), key.tag(), |payload| {
            self.scheme()
                .encrypt(key.keys(), self.ports(), codes, rng, scratch, payload)
        })?;
        Ok(())
    }

    /// Decrypts a framed response into integers (row-major, [`output_count`](Self::output_count) a row); returns the
    /// number of rows.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: damaged or foreign responses, a wrong key, a buffer too short for the rows.
    pub fn decrypt(
        &self,
        key: &ClientKey,
        response: &[u8],
        out: &mut [i64],
    ) -> Result<usize, ClientError> {
        self.check_key(key)?;
        let frame = Frame::parse_for(response, Kind::Response, self.id())?;
        frame.check_key_tag(key.tag())?;
        let rows = self
            .scheme()
            .decrypt(key.keys(), self.ports(), frame.payload, out)?;
        self.check_outputs(out, rows)?;
        Ok(rows)
    }

    /// Damage that the checksum missed gives integers outside of the ranges, almost always.
    pub(crate) fn check_outputs(&self, out: &[i64], rows: usize) -> Result<(), ClientError> {
        for row in out.chunks_exact(self.output_count()).take(rows) {
            let mut ranges = self.outputs().zip(row);
            if ranges.any(|(output, value)| *value < output.min || *value > output.max) {
                return Err(ClientError::Undecryptable);
            }
        }
        Ok(())
    }

    fn check_rows(&self, rows: usize) -> Result<(), ClientError> {
        let max = self.max_rows();
        if (1..=max).contains(&rows) {
            Ok(())
        } else {
            Err(ClientError::Rows { rows, max })
        }
    }

    /// Rows that a framed response holds, to size the buffer of [`decrypt`](Self::decrypt).
    ///
    /// # Errors
    ///
    /// Damaged or foreign responses.
    pub fn response_rows(&self, response: &[u8]) -> Result<usize, ClientError> {
        let frame = Frame::parse_for(response, Kind::Response, self.id())?;
        Ok(self.scheme().response_rows(frame.payload)?)
    }

    /// Scores of one row of decrypted integers: `scale·integer + offset` of each output, before the inverse link.
    pub fn scores(&self, integers: &[i64], scores: &mut [f64]) {
        for ((output, integer), score) in self.outputs().zip(integers).zip(scores) {
            *score = output.score(*integer);
        }
    }

    /// Bytes of the framed evaluation key; `None` if the server needs none.
    #[must_use]
    pub fn evaluation_key_len(&self) -> Option<usize> {
        sections_len(&self.scheme().key_sections()).map(frame_len)
    }

    /// Words of scratch for [`write_evaluation_key`](Self::write_evaluation_key).
    #[must_use]
    pub fn evaluation_key_scratch_len(&self) -> usize {
        self.scheme().key_scratch_len()
    }

    /// Generates the evaluation key that belongs to `key` and hands the framed file to `sink` piece by piece: what unpacks
    /// packed queries, or the public key with which a hidden linear model answers. `scratch` has
    /// [`evaluation_key_scratch_len`](Self::evaluation_key_scratch_len) words.
    ///
    /// # Errors
    ///
    /// What `sink` returns, or [`ClientError`]: a key of another model, a model without evaluation keys.
    pub fn write_evaluation_key<E: From<ClientError>>(
        &self,
        key: &ClientKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check_key(key)?;
        let scheme = self.scheme();
        let sections = scheme.key_sections();
        let payload_len = sections_len(&sections).ok_or(CipherError::NoEvaluationKey);
        let payload_len = payload_len.map_err(ClientError::from)?;
        let needed = self.evaluation_key_scratch_len();
        check_len("scratch", scratch.len(), needed).map_err(ClientError::from)?;
        let kind = Kind::EvaluationKey;
        let mut frame = FrameHeader::start(kind, self.id(), key.tag(), payload_len, &mut sink)?;
        for (index, section) in sections.iter().flatten().enumerate() {
            let secret = key.keys().of(section.secret).map_err(ClientError::from)?;
            frame.push(&section.header(), &mut sink)?;
            scheme.write_key_section(index, secret, rng, scratch, |bytes| {
                frame.push(bytes, &mut sink)
            })?;
        }
        frame.finish(&mut sink)
    }

    pub(crate) fn check_key(&self, key: &ClientKey) -> Result<(), ClientError> {
        if key.spec_id() == self.id() {
            return Ok(());
        }
        Err(ClientError::Frame(FrameError::Model {
            kind: Kind::SecretKey,
            wanted: self.id(),
            found: key.spec_id(),
        }))
    }

    fn check_codes(&self, codes: &[i64]) -> Result<(), ClientError> {
        if codes.is_empty() || !codes.len().is_multiple_of(self.input_count()) {
            return Err(ClientError::Codes {
                given: codes.len(),
                inputs: self.input_count(),
            });
        }
        for row in codes.chunks(self.input_count()) {
            for (index, (input, code)) in self.inputs().zip(row).enumerate() {
                let (min, max) = input.code_range();
                if *code < min || *code > max {
                    return Err(ClientError::Code {
                        input: index,
                        code: *code,
                        min,
                        max,
                    });
                }
            }
        }
        Ok(())
    }
}
