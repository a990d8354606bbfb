//! What a data owner does with a spec: make a key, quantize and encrypt rows, decrypt responses, turn integers into
//! scores.

use rand_core::CryptoRng;
use tenebra_quant::QuantError;
use thiserror::Error;

use crate::frame::{Frame, FrameError, KeyTag, Kind, SpecId, frame_len, write_frame};
use crate::key::SecretKey;
use crate::linear::{CipherError, ValidLinear, plan_of};
use crate::random::Transcript;
use crate::spec::{ClientSpec, MAX_DIGITS, MAX_PLANS, SpecError};

/// The secret keys for one spec, one a plan.
#[derive(Clone, Debug)]
pub struct ClientKey {
    spec_id: SpecId,
    tag: KeyTag,
    keys: [Option<SecretKey>; MAX_PLANS],
}

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
            keys: [const { None }; MAX_PLANS],
        };
        for (plan, (slot, glwe)) in (0..).zip(key.keys.iter_mut().zip(spec.key_params())) {
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
        frame_len(spec.key_params().map(SecretKey::secret_len).sum())
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
                    let (head, rest) = payload.split_at_mut(SecretKey::secret_len(key.glwe()));
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
            keys: [const { None }; MAX_PLANS],
        };
        for (slot, glwe) in key.keys.iter_mut().zip(spec.key_params()) {
            let (head, rest) = payload
                .split_at_checked(SecretKey::secret_len(glwe))
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

    pub(crate) fn of_plan(&self, plan: u8) -> Result<&SecretKey, CipherError> {
        self.plan_key(plan).ok_or(CipherError::Key)
    }
}

impl ClientSpec<'_> {
    /// Quantizes one row of features into the codes of the circuit's inputs; returns how many values lay outside the
    /// calibrated range and were clipped.
    ///
    /// # Errors
    ///
    /// [`ClientError::Columns`] for a wrong number of values, [`ClientError::Value`] for NaN and infinities.
    pub fn quantize(&self, row: &[f64], codes: &mut [i64]) -> Result<usize, ClientError> {
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
                    .quantize(row[input.column])
                    .map_err(|source| ClientError::Value {
                        column: input.column + 1,
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
        let payload = match self.branching() {
            Some((layout, _)) => layout.query_len(),
            None => self.plan_of_rows(rows)?.1.query_len(rows),
        };
        Ok(frame_len(payload))
    }

    /// Words of scratch for [`encrypt`](Self::encrypt) of `rows` rows.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rows`] if no plan holds so many.
    pub fn scratch_len(&self, rows: usize) -> Result<usize, ClientError> {
        self.check_rows(rows)?;
        match self.branching() {
            Some((layout, _)) => Ok(layout.scratch_len()),
            None => Ok(self.plan_of_rows(rows)?.1.scratch_len(rows)),
        }
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
        let needed = self.query_len(rows)?;
        if out.len() != needed {
            let len = out.len();
            return Err(CipherError::Buffer {
                what: "query",
                len,
                needed,
            }
            .into());
        }
        if let Some((layout, _)) = self.branching() {
            let secret = key.of_plan(0)?;
            write_frame(out, Kind::Query, self.id(), key.tag, |payload| {
                layout.encrypt(secret, self.code_bits(codes), rng, scratch, payload)
            })?;
            return Ok(());
        }
        let (plan, layout) = self.plan_of_rows(rows)?;
        write_frame(out, Kind::Query, self.id(), key.tag, |payload| {
            layout.encrypt(plan, key.of_plan(plan)?, codes, rng, scratch, payload)
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
        if self.branching().is_some() {
            return self.decrypt_branching(key, frame.payload, out);
        }
        let plan = plan_of(frame.payload).ok_or(CipherError::Response)?;
        let layout = self.plan(plan).ok_or(CipherError::Response)?;
        let minimum = |index| self.output(index).map_or(0, |output| output.min);
        let rows = layout.decrypt(key.of_plan(plan)?, frame.payload, minimum, out)?;
        self.check_outputs(out, rows)?;
        Ok(rows)
    }

    /// Decrypts digit sums, one at a time, and puts the outputs together.
    fn decrypt_branching(
        &self,
        key: &ClientKey,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, ClientError> {
        let (layout, radix) = self.branching().ok_or(CipherError::Response)?;
        let key = key.of_plan(0)?;
        let needed = self.output_count();
        if out.len() != needed {
            let len = out.len();
            return Err(CipherError::Buffer {
                what: "output",
                len,
                needed,
            }
            .into());
        }
        let mut first = 0;
        for (digits, value) in self.digits().zip(out.iter_mut()) {
            let count = usize::from(digits.count);
            let mut sums = [0u64; MAX_DIGITS];
            let sums = sums.get_mut(..count).ok_or(CipherError::Response)?;
            layout.decrypt(key, payload, first, sums)?;
            *value = digits.value(radix, sums);
            first += count;
        }
        self.check_outputs(out, 1)?;
        Ok(1)
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

    /// The bits of all codes, each code counted from the least of its input, lowest bit first.
    fn code_bits<'c>(&'c self, codes: &'c [i64]) -> impl Iterator<Item = bool> + Clone + 'c {
        self.inputs().zip(codes).flat_map(|(input, code)| {
            let offset = code.abs_diff(input.code_range().0);
            (0..input.bits()).map(move |bit| offset >> bit & 1 == 1)
        })
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
        if self.branching().is_some() {
            return Ok(1);
        }
        let plan = plan_of(frame.payload).ok_or(CipherError::Response)?;
        let layout = self.plan(plan).ok_or(CipherError::Response)?;
        Ok(layout.response_rows(frame.payload)?)
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
        let payload = match self.branching() {
            Some((layout, _)) => layout.evaluation_key_len(),
            None => self.public_key_len(),
        };
        payload.map(frame_len)
    }

    /// Words of scratch for [`write_evaluation_key`](Self::write_evaluation_key).
    #[must_use]
    pub fn evaluation_key_scratch_len(&self) -> usize {
        match self.branching() {
            Some((layout, _)) => layout.evaluation_key_scratch_len(),
            None => {
                let sizes = self.plans().map(|plan| plan.glwe().polynomial_size());
                2 * sizes.max().unwrap_or(0)
            }
        }
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
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check_key(key)?;
        let Some((layout, _)) = self.branching() else {
            return self.write_public_key(key, rng, scratch, sink);
        };
        let secret = key.of_plan(0).map_err(ClientError::Cipher)?;
        layout.write_evaluation_key(self.id(), key.tag, secret, rng, scratch, sink)
    }

    fn plan_of_rows(&self, rows: usize) -> Result<(u8, &ValidLinear), ClientError> {
        self.plan_for(rows).ok_or(ClientError::Rows {
            rows,
            max: self.max_rows(),
        })
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
