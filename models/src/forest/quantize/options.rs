//! How forests are quantized.

use tenebra_quant::BitWidth;

/// Most bits of a leaf.
pub const MAX_LEAF_BITS: u8 = 24;

/// Where the codes of a feature change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinsMode {
    /// At the model's own split points: every decision is exact.
    Thresholds,
    /// In even steps over the feature's range in the calibration data, or over its split points without any.
    Uniform(BitWidth),
}

/// Cut points that no split uses, so that the client cannot tell which ones are the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoys {
    /// Bits added to each input to make room for more; with 0, decoys fill the codes that are free anyhow.
    pub bits: u8,
    /// Which ones: the same seed gives the same decoys.
    pub seed: u64,
}

/// How to quantize a forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForestOptions {
    /// The codec of the inputs.
    pub bins: BinsMode,
    /// Bits of a leaf, 1 to [`MAX_LEAF_BITS`]; `None` chooses as few as change no score of any row by more than a small part of
    /// what scores can be, and nothing that matters on the calibration data.
    pub leaf_bits: Option<u8>,
    /// Whether rows with missing values can be scored, where the model learned what to do with them. It costs nothing unless
    /// splits of one feature send missing values in different directions. Without, a missing value is refused where it is a
    /// feature's that some split compares, and not noticed where splits only tell missing values from all others.
    pub missing: bool,
    /// Decoys among the split points; without effect on [`BinsMode::Uniform`].
    pub decoys: Option<Decoys>,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self {
            bins: BinsMode::Thresholds,
            leaf_bits: None,
            missing: true,
            decoys: None,
        }
    }
}
