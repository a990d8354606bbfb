//! Queries and responses of linear circuits `y = W·x + b`: one seeded GLWE, of which only the bodies that carry payload
//! are sent, and one modulus-switched GLWE per group of outputs.
//!
//! With `F` features per block, groups of `g` outputs and `R` rows, input `f` of row `r` sits at coefficient
//! `(g−1+r·g)·F + f` of its block, the weight of output `c` of a group at `X^(c·F + F−1−f)`, and so output `c` of row `r`
//! appears at coefficient `(g−1+r·g+c)·F + F−1` of the product. The `(R·g + g−1)·F` coefficients that can reach an
//! output are the zone; those without an input are encryptions of zero and are sent as well.

use rand_core::CryptoRng;
use thiserror::Error;

use crate::bits::{BitReader, BitWriter, low_bits, packed_len};
use crate::glwe::{KeyProduct, mask_term, mask_words};
use crate::key::SecretKey;
use crate::params::{GlweParams, ParamError, ValidGlwe};
use crate::random::{MASK_SEED_LEN, MaskSeed, MaskStream, Root, Transcript};
use zeroize::Zeroize;

/// Bytes before the packed integers of a query: plan `u8`, rows `u16`, mask seed.
pub(crate) const QUERY_PREFIX: usize = 3 + MASK_SEED_LEN;
/// Bytes before the packed integers of a response: plan `u8`, rows `u16`.
pub(crate) const RESPONSE_PREFIX: usize = 3;

/// How rows of a linear circuit are laid out in ciphertexts, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearLayout {
    /// Ring, key dimension and noise.
    pub glwe: GlweParams,
    /// `p`: a value `m` is encoded as `m·2^(64−p)`.
    pub plaintext_bits: u8,
    /// Bits of a body that are sent; the low `64 − body_bits` are rounded away.
    pub body_bits: u8,
    /// `w`: bits of each integer of a response.
    pub response_bits: u8,
    /// Inputs of one row.
    pub features: u32,
    /// Outputs of one row.
    pub outputs: u32,
    /// Outputs that share the mask of one response GLWE.
    pub group: u32,
    /// Ciphertexts that the inputs of a row are split over.
    pub blocks: u32,
    /// Most rows in one query.
    pub max_rows: u16,
}

/// [`LinearLayout`] that passed the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidLinear {
    layout: LinearLayout,
    glwe: ValidGlwe,
}

/// Why a [`LinearLayout`] was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The lattice parameters are malformed or insecure.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// The widths are not `0 < p < w <= 64` and `p < body bits <= 64`.
    #[error(
        "{plaintext_bits} plaintext bits do not fit {body_bits} body bits and {response_bits} response bits; each must be larger and at most 64"
    )]
    Widths {
        /// `p`.
        plaintext_bits: u8,
        /// Bits of a body.
        body_bits: u8,
        /// `w`.
        response_bits: u8,
    },
    /// A count is zero or larger than what it divides.
    #[error("{what} is {value}; it must lie in 1..={max}")]
    Count {
        /// Which count.
        what: &'static str,
        /// As given.
        value: u32,
        /// The largest allowed.
        max: u32,
    },
    /// The gadget of a branching circuit is not one.
    #[error(transparent)]
    Gadget(#[from] crate::branching::GadgetError),
    /// Packed queries do not fit the parameters.
    #[error(transparent)]
    Packing(#[from] crate::packing::PackingError),
    /// The coefficients in use exceed the polynomial.
    #[error("{zone} coefficients are in use, the polynomial has {polynomial_size}")]
    Zone {
        /// `(R·g + g−1)·F`.
        zone: u64,
        /// `N`.
        polynomial_size: usize,
    },
}

/// Largest number of inputs or outputs of a circuit.
pub const MAX_PORT: u32 = 1 << 16;

impl LinearLayout {
    /// Checks security, widths and that everything fits the ring.
    ///
    /// # Errors
    ///
    /// [`LayoutError`] with the first violation.
    pub fn validate(self) -> Result<ValidLinear, LayoutError> {
        let glwe = self.glwe.validate()?;
        let p = self.plaintext_bits;
        if p == 0
            || p >= self.body_bits.min(self.response_bits)
            || self.body_bits.max(self.response_bits) > 64
        {
            return Err(LayoutError::Widths {
                plaintext_bits: p,
                body_bits: self.body_bits,
                response_bits: self.response_bits,
            });
        }
        let counts = [
            ("number of features", self.features, MAX_PORT),
            ("number of outputs", self.outputs, MAX_PORT),
            ("outputs per response", self.group, self.outputs),
            ("number of blocks", self.blocks, self.features),
            ("rows per query", u32::from(self.max_rows), MAX_PORT),
        ];
        for (what, value, max) in counts {
            if value == 0 || value > max {
                return Err(LayoutError::Count { what, value, max });
            }
        }
        let group = u64::from(self.group);
        let zone = (u64::from(self.max_rows) * group + group - 1)
            * u64::from(self.features.div_ceil(self.blocks));
        if zone > glwe.polynomial_size() as u64 {
            return Err(LayoutError::Zone {
                zone,
                polynomial_size: glwe.polynomial_size(),
            });
        }
        Ok(ValidLinear { layout: self, glwe })
    }
}

/// Why a row could not be encrypted or a response not be decrypted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinearError {
    /// More rows than one query holds, or none, or codes that are not whole rows.
    #[error("{codes} codes are not 1..={max_rows} rows of {features}")]
    Rows {
        /// Codes given.
        codes: usize,
        /// Inputs of a row.
        features: usize,
        /// Most rows of one query.
        max_rows: usize,
    },
    /// A buffer of the caller has the wrong length.
    #[error("the {what} buffer holds {len} elements, {needed} are needed")]
    Buffer {
        /// Which buffer.
        what: &'static str,
        /// As given.
        len: usize,
        /// What is needed.
        needed: usize,
    },
    /// The key was made for other parameters.
    #[error("the key was made for other parameters; use the key of this model")]
    Key,
    /// The circuit runs without an evaluation key.
    #[error("this model needs no evaluation key")]
    NoEvaluationKey,
    /// The response is not of this layout.
    #[error(
        "the response does not have the form of this model's responses; it is damaged or answers another query"
    )]
    Response,
}

impl ValidLinear {
    /// The layout as plain numbers.
    #[must_use]
    pub fn layout(&self) -> &LinearLayout {
        &self.layout
    }

    /// The lattice parameters.
    #[must_use]
    pub fn glwe(&self) -> ValidGlwe {
        self.glwe
    }

    /// Inputs per block, `F`.
    #[must_use]
    pub fn block_features(&self) -> usize {
        self.layout.features.div_ceil(self.layout.blocks) as usize
    }

    /// Response GLWEs.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.layout.outputs.div_ceil(self.layout.group) as usize
    }

    /// Outputs in response GLWE `group`.
    #[must_use]
    pub fn group_outputs(&self, group: usize) -> usize {
        let per_group = self.layout.group as usize;
        (self.layout.outputs as usize - group * per_group).min(per_group)
    }

    /// Coefficients in use when a query holds `rows` rows.
    #[must_use]
    pub fn zone(&self, rows: usize) -> usize {
        let group = self.layout.group as usize;
        (rows * group + group - 1) * self.block_features()
    }

    /// Block and coefficient of input `feature` of row `row`.
    #[must_use]
    pub fn input_position(&self, row: usize, feature: usize) -> (usize, usize) {
        let per_block = self.block_features();
        let group = self.layout.group as usize;
        (
            feature / per_block,
            (group - 1 + row * group) * per_block + feature % per_block,
        )
    }

    /// Exponent of `X` at which the weight of (`output`, `feature`) stands in the polynomial of its group and block.
    #[must_use]
    pub fn weight_exponent(&self, output: usize, feature: usize) -> usize {
        let per_block = self.block_features();
        (output % self.layout.group as usize) * per_block + per_block - 1 - feature % per_block
    }

    /// Coefficient of output `output` of row `row` in the GLWE of its group.
    #[must_use]
    pub fn output_position(&self, row: usize, output: usize) -> usize {
        let group = self.layout.group as usize;
        (group + row * group + output % group) * self.block_features() - 1
    }

    /// Bytes of the payload of a query of `rows` rows.
    #[must_use]
    pub fn query_len(&self, rows: usize) -> usize {
        let bodies = self.layout.blocks as usize * self.zone(rows);
        // At most 2^16 blocks of 2^12 coefficients of 2^6 bits: no overflow even where `usize` has 32 bits, for one
        // block per feature has one coefficient per row.
        QUERY_PREFIX
            + packed_len(bodies, u32::from(self.layout.body_bits))
                .unwrap_or(usize::MAX - QUERY_PREFIX)
    }

    /// Bytes of the payload of a response to `rows` rows.
    #[must_use]
    pub fn response_len(&self, rows: usize) -> usize {
        let integers = self.groups() * self.glwe.dimension() + rows * self.layout.outputs as usize;
        RESPONSE_PREFIX
            + packed_len(integers, u32::from(self.layout.response_bits))
                .unwrap_or(usize::MAX - RESPONSE_PREFIX)
    }

    /// Words of scratch that [`encrypt`](Self::encrypt) of `rows` rows needs.
    #[must_use]
    pub fn scratch_len(&self, rows: usize) -> usize {
        mask_words(self.glwe.polynomial_size()) + self.zone(rows)
    }

    /// Encrypts whole rows of codes (row-major, `features` codes a row) into the payload of a query for plan `plan`.
    ///
    /// The codes must lie in the ranges that the layout was planned for; [`crate::ClientSpec`] checks that. Allocates
    /// nothing: `scratch` has [`scratch_len`](Self::scratch_len) words, `out` [`query_len`](Self::query_len) bytes.
    ///
    /// # Errors
    ///
    /// [`LinearError`] for wrong counts, buffers or a key of other parameters.
    pub fn encrypt(
        &self,
        plan: u8,
        key: &SecretKey,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), LinearError> {
        let (features, max_rows) = (
            self.layout.features as usize,
            usize::from(self.layout.max_rows),
        );
        let rows = codes.len() / features;
        if rows == 0 || rows > max_rows || rows * features != codes.len() {
            return Err(LinearError::Rows {
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
        let dropped = 64 - u32::from(self.layout.body_bits);
        let half = (1u64 << dropped) >> 1;
        for block in 0..self.layout.blocks as usize {
            noise.fill(body);
            for (index, code) in codes.iter().enumerate() {
                let (its_block, position) = self.input_position(index / features, index % features);
                if its_block == block {
                    body[position] = body[position].wrapping_add(code.cast_unsigned() << scale);
                }
            }
            product.add(&mut masks, mask, body, 1);
            for b in body.iter() {
                writer.write(
                    b.wrapping_add(half) >> dropped,
                    u32::from(self.layout.body_bits),
                );
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
    /// [`LinearError`]; a wrong key is not detected here, its integers are random.
    pub fn decrypt(
        &self,
        key: &SecretKey,
        payload: &[u8],
        minima: impl Fn(usize) -> i64,
        out: &mut [i64],
    ) -> Result<usize, LinearError> {
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
    ) -> Result<(), LinearError> {
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
    /// [`LinearError::Response`] if it does not.
    pub fn response_rows(&self, payload: &[u8]) -> Result<usize, LinearError> {
        let rows = read_rows(payload).ok_or(LinearError::Response)?;
        if rows == 0
            || rows > usize::from(self.layout.max_rows)
            || payload.len() != self.response_len(rows)
        {
            return Err(LinearError::Response);
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

    fn check_key(&self, key: &SecretKey) -> Result<(), LinearError> {
        if key.glwe() == self.glwe {
            Ok(())
        } else {
            Err(LinearError::Key)
        }
    }
}

pub(crate) fn check_len(what: &'static str, len: usize, needed: usize) -> Result<(), LinearError> {
    if len == needed {
        Ok(())
    } else {
        Err(LinearError::Buffer { what, len, needed })
    }
}

pub(crate) fn write_prefix(out: &mut [u8], plan: u8, rows: usize) {
    out[0] = plan;
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
    out[1..3].copy_from_slice(&rows.to_le_bytes());
}

pub(crate) fn read_rows(payload: &[u8]) -> Option<usize> {
    let rows = payload.get(1..3)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(rows)))
}

/// Which plan of the spec a query or response payload names.
#[must_use]
pub fn plan_of(payload: &[u8]) -> Option<u8> {
    payload.first().copied()
}
