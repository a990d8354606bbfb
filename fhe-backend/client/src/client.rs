//! What a data owner does with a spec: make a key, quantize and encrypt rows, decrypt responses, turn integers into
//! scores.

use rand_core::CryptoRng;
use tenebra_quant::QuantError;
use thiserror::Error;

use crate::frame::{Frame, FrameError, FrameHeader, KeyTag, Kind, SpecId, frame_len, write_frame};
use crate::key::SecretKey;

use crate::params::ValidGlwe;
use crate::random::Transcript;
use crate::scheme::cipher::{Cipher, Keys, MAX_SECRETS, sections_len};
use crate::scheme::layout::{CipherError, check_len};
use crate::spec::{ClientSpec, SpecError};

/// The secret keys for one spec, one a plan.
#[derive(Clone, Debug)]
pub struct ClientKey {
    spec_id: SpecId,
    tag: KeyTag,
    keys: [Option<SecretKey>; MAX_SECRETS],
}

/// What stands before a secret in a key file: it is of GLWE encryption.
const GLWE_SECRET: u8 = 1;

/// Why a client could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A key file or a response is not one, or belongs to another model.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A client spec is not one.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A row does not have the model's columns.
    #[error("the row has {given} values, the model has {wanted} columns")]
    Columns {
        /// Values given.
        given: usize,
        /// Columns of the model.
        wanted: usize,
    },
    /// A value cannot be quantized.
    #[error("column {column} (counted from 1): {source}")]
    Value {
        /// Column, counted from 1.
        column: usize,
        /// Why.
        source: QuantError,
    },
    /// A code lies outside the range that the model was verified for.
    #[error(
        "code {code} of input {input} lies outside {min}..={max}; quantize with this spec's codecs"
    )]
    Code {
        /// Index of the circuit's input.
        input: usize,
        /// As given.
        code: i64,
        /// Least code.
        min: i64,
        /// Greatest code.
        max: i64,
    },
    /// Codes that are not whole rows.
    #[error("{given} codes are not whole rows of {inputs}")]
    Codes {
        /// Codes given.
        given: usize,
        /// Inputs of the circuit, codes of one row.
        inputs: usize,
    },
    /// No plan holds so many rows.
    #[error("{rows} rows are too many for one query, this model takes {max}; split them")]
    Rows {
        /// Rows given.
        rows: usize,
        /// Most rows.
        max: usize,
    },
    /// Encryption or decryption refused its arguments.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// The secret key file has the wrong length for the spec.
    #[error("the secret key does not fit this model's parameters; generate keys with this model")]
    KeyLength,
    /// Decryption gave a number outside the output's range.
    #[error(
        "the response does not decrypt; it is damaged, or the server did not compute what the client spec says"
    )]
    Undecryptable,
}

impl ClientKey {
    /// Fresh keys for every plan of `spec`, from 32 bytes of `rng`. They are as hard to guess as those bytes: `rng` must be
    /// cryptographically secure and seeded by the operating system or the device's hardware.
    pub fn generate(spec: &ClientSpec<'_>, rng: &mut impl CryptoRng) -> Self {
        let mut transcript = Transcript::new("tenebra client key", rng);
        transcript.bytes(&spec.id().0);
        let root = transcript.root();
        let mut key = Self {
            spec_id: spec.id(),
            tag: root.key_tag(),
            keys: [const { None }; MAX_SECRETS],
        };
        for (plan, (slot, glwe)) in (0..).zip(key.keys.iter_mut().zip(spec.secrets())) {
            slot.get_or_insert_with(|| SecretKey::zero(glwe))
                .draw(root.key_words(plan));
        }
        key
    }

    /// The spec it was made for.
    #[must_use]
    pub fn spec_id(&self) -> SpecId {
        self.spec_id
    }

    /// Its name on everything that is made with it; says nothing about it.
    #[must_use]
    pub fn tag(&self) -> KeyTag {
        self.tag
    }

    /// Bytes of the secret key file for `spec`.
    #[must_use]
    pub fn secret_file_len(spec: &ClientSpec<'_>) -> usize {
        frame_len(
            spec.secrets()
                .map(|glwe| 1 + SecretKey::secret_len(glwe))
                .sum(),
        )
    }

    /// Writes the **secret** key file. Whoever reads it can decrypt every query made with this key.
    ///
    /// # Panics
    ///
    /// If `out` is not [`secret_file_len`](Self::secret_file_len) long.
    pub fn write_secret_file(&self, out: &mut [u8]) {
        let written = write_frame(
            out,
            Kind::SecretKey,
            self.spec_id,
            self.tag,
            |mut payload| {
                for key in self.keys.iter().flatten() {
                    payload[0] = GLWE_SECRET;
                    let (head, rest) = payload[1..].split_at_mut(SecretKey::secret_len(key.glwe()));
                    key.write_secret(head);
                    payload = rest;
                }
                Ok::<_, core::convert::Infallible>(())
            },
        );
        match written {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Reads a secret key file made for `spec`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Frame`] for damaged or foreign files and keys of another model.
    pub fn read_secret_file(spec: &ClientSpec<'_>, bytes: &[u8]) -> Result<Self, ClientError> {
        let frame = Frame::parse_for(bytes, Kind::SecretKey, spec.id())?;
        let mut payload = frame.payload;
        let mut key = Self {
            spec_id: spec.id(),
            tag: frame.key_tag,
            keys: [const { None }; MAX_SECRETS],
        };
        for (slot, glwe) in key.keys.iter_mut().zip(spec.secrets()) {
            let (head, rest) = payload
                .strip_prefix(&[GLWE_SECRET])
                .and_then(|payload| payload.split_at_checked(SecretKey::secret_len(glwe)))
                .ok_or(ClientError::KeyLength)?;
            slot.get_or_insert_with(|| SecretKey::zero(glwe))
                .fill(head)
                .ok_or(ClientError::KeyLength)?;
            payload = rest;
        }
        if !payload.is_empty() {
            return Err(ClientError::KeyLength);
        }
        Ok(key)
    }

    /// The secret key of one plan, 0 for single rows: for measurements and for comparisons with other implementations.
    #[doc(hidden)]
    #[must_use]
    pub fn plan_key(&self, plan: u8) -> Option<&SecretKey> {
        self.keys.get(usize::from(plan))?.as_ref()
    }

    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys(&self.keys)
    }
}

impl ClientSpec<'_> {
    /// Parameters of the secret keys, in the order of the key file.
    fn secrets(&self) -> impl Iterator<Item = ValidGlwe> {
        self.scheme().secrets().into_iter().flatten()
    }

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
        write_frame(out, Kind::Query, self.id(), key.tag, |payload| {
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
        frame.check_key_tag(key.tag)?;
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
        let mut frame = FrameHeader::start(kind, self.id(), key.tag, payload_len, &mut sink)?;
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
        if key.spec_id == self.id() {
            return Ok(());
        }
        Err(ClientError::Frame(FrameError::Model {
            kind: Kind::SecretKey,
            wanted: self.id(),
            found: key.spec_id,
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

/// The same with `Vec`s.
#[cfg(feature = "alloc")]
mod with_alloc {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{ClientError, ClientKey, ClientSpec, CryptoRng};

    impl ClientKey {
        /// The **secret** key file; see [`write_secret_file`](Self::write_secret_file).
        #[must_use]
        pub fn to_secret_file(&self, spec: &ClientSpec<'_>) -> Vec<u8> {
            let mut out = vec![0; Self::secret_file_len(spec)];
            self.write_secret_file(&mut out);
            out
        }
    }

    impl ClientSpec<'_> {
        /// The framed evaluation key that belongs to `key`; `None` if the server needs none.
        ///
        /// # Errors
        ///
        /// A key of another model.
        pub fn evaluation_key_file(
            &self,
            key: &ClientKey,
            rng: &mut impl CryptoRng,
        ) -> Result<Option<Vec<u8>>, ClientError> {
            let Some(len) = self.evaluation_key_len() else {
                return Ok(None);
            };
            let mut out = Vec::with_capacity(len);
            let mut scratch = vec![0; self.evaluation_key_scratch_len()];
            self.write_evaluation_key(key, rng, &mut scratch, |bytes| {
                out.extend_from_slice(bytes);
                Ok::<_, ClientError>(())
            })?;
            Ok(Some(out))
        }

        /// Quantizes and encrypts rows; returns the framed query and how many values were clipped.
        ///
        /// # Errors
        ///
        /// As [`quantize`](Self::quantize) and [`encrypt`](Self::encrypt).
        pub fn encrypt_rows<R: AsRef<[f64]>>(
            &self,
            key: &ClientKey,
            rows: &[R],
            rng: &mut impl CryptoRng,
        ) -> Result<(Vec<u8>, usize), ClientError> {
            let mut codes = vec![0; rows.len() * self.input_count()];
            let mut clipped = 0;
            for (row, codes) in rows.iter().zip(codes.chunks_exact_mut(self.input_count())) {
                clipped += self.quantize(row.as_ref(), codes)?;
            }
            Ok((self.encrypt_codes(key, &codes, rng)?, clipped))
        }

        /// Encrypts whole rows of codes into a framed query.
        ///
        /// # Errors
        ///
        /// As [`encrypt`](Self::encrypt).
        pub fn encrypt_codes(
            &self,
            key: &ClientKey,
            codes: &[i64],
            rng: &mut impl CryptoRng,
        ) -> Result<Vec<u8>, ClientError> {
            let rows = codes.len().div_ceil(self.input_count());
            let mut scratch = vec![0; self.scratch_len(rows)?];
            let mut out = vec![0; self.query_len(rows)?];
            self.encrypt(key, codes, rng, &mut scratch, &mut out)?;
            Ok(out)
        }

        /// The integers of a framed response, one inner `Vec` a row.
        ///
        /// # Errors
        ///
        /// As [`decrypt`](Self::decrypt).
        pub fn decrypt_rows(
            &self,
            key: &ClientKey,
            response: &[u8],
        ) -> Result<Vec<Vec<i64>>, ClientError> {
            let rows = self.response_rows(response)?;
            let mut out = vec![0; rows * self.output_count()];
            self.decrypt(key, response, &mut out)?;
            Ok(out
                .chunks_exact(self.output_count())
                .map(<[i64]>::to_vec)
                .collect())
        }
    }
}
