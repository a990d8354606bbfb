//! Queries and responses of linear circuits `y = W·x + b`: one seeded GLWE, of which only the bodies that carry payload
//! are sent, and one modulus-switched GLWE per group of outputs.
//!
//! With `F` features per block, groups of `g` outputs and `R` rows, input `f` of row `r` sits at coefficient
//! `(g−1+r·g)·F + f` of its block, the weight of output `c` of a group at `X^(c·F + F−1−f)`, and so output `c` of row `r`
//! appears at coefficient `(g−1+r·g+c)·F + F−1` of the product. The `(R·g + g−1)·F` coefficients that can reach an
//! output are the zone; those without an input are encryptions of zero and are sent as well.

mod cipher;
pub mod hiding;
mod plans;

use super::layout::{LayoutError, MAX_PORT, QUERY_PREFIX, RESPONSE_PREFIX};
use super::limits;
use crate::bits::packed_len;
use crate::glwe::mask_words;
use crate::params::{GlweParams, ValidGlwe};

#[cfg(feature = "alloc")]
pub use plans::OwnedLinear;
pub use plans::{LinearScheme, public_key_sections};

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
        let valid = ValidLinear { layout: self, glwe };
        let rows = u64::from(self.max_rows);
        limits::check(&[
            ("query", valid.query_bytes(rows)),
            ("response", valid.response_bytes(rows)),
            ("codes of a query", 8 * rows * u64::from(self.features)),
            ("integers of a response", 8 * rows * u64::from(self.outputs)),
        ])?;
        Ok(valid)
    }
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
        limits::in_memory(self.zone_coefficients(rows as u64))
    }

    /// Saturates for more rows than the layout holds.
    fn zone_coefficients(&self, rows: u64) -> u64 {
        let group = u64::from(self.layout.group);
        rows.saturating_mul(group)
            .saturating_add(group - 1)
            .saturating_mul(self.block_features() as u64)
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
        limits::in_memory(self.query_bytes(rows as u64))
    }

    /// Under 2^35 for as many rows as the layout holds.
    fn query_bytes(&self, rows: u64) -> u64 {
        let bodies = self
            .zone_coefficients(rows)
            .saturating_mul(self.layout.blocks.into());
        packed_len(bodies, self.layout.body_bits.into()) + QUERY_PREFIX as u64
    }

    /// Bytes of the payload of a response to `rows` rows.
    #[must_use]
    pub fn response_len(&self, rows: usize) -> usize {
        limits::in_memory(self.response_bytes(rows as u64))
    }

    /// Under 2^40 for as many rows as the layout holds.
    fn response_bytes(&self, rows: u64) -> u64 {
        let masks = self.groups() as u64 * self.glwe.dimension() as u64;
        let integers = rows
            .saturating_mul(self.layout.outputs.into())
            .saturating_add(masks);
        packed_len(integers, self.layout.response_bits.into()) + RESPONSE_PREFIX as u64
    }

    /// Words of scratch that [`encrypt`](Self::encrypt) of `rows` rows needs.
    #[must_use]
    pub fn scratch_len(&self, rows: usize) -> usize {
        mask_words(self.glwe.polynomial_size()) + self.zone(rows)
    }
}
