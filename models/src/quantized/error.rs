//! Why a model could not be quantized, or a row not be coded.

use tenebra_quant::QuantError;
use thiserror::Error;

use crate::data::DataError;
use crate::forest::MAX_LEAF_BITS;

/// Why a model could not be quantized, or a row not be coded.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The calibration data was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// No ranges to quantize on.
    #[error(
        "the model does not know the range of its features; give calibration data, rows like those to be scored"
    )]
    CalibrationNeeded,
    /// A range, width or value that has no codes.
    #[error(transparent)]
    Quant(QuantError),
    /// The same, for a feature.
    #[error("feature {}: {source}", feature + 1)]
    Feature {
        /// Which, from 0; the message counts from 1.
        feature: usize,
        /// What is wrong with it.
        source: QuantError,
    },
    /// The same, for a feature that a pipeline makes.
    #[error("{feature}: {source}")]
    Derived {
        /// Which, and of which column it is made.
        feature: String,
        /// What is wrong with it.
        source: QuantError,
    },
    /// The steps of a pipeline refused a row, or the calibration data.
    #[error("the pipeline: {message}")]
    Preprocessing {
        /// Which step, and why.
        message: String,
    },
    /// The weights of an output have no codes.
    #[error("the weights cannot be quantized: {source}")]
    Weights {
        /// What is wrong with them.
        source: QuantError,
    },
    /// A row with too few or too many features.
    #[error("a row of {found} features, the model takes {expected}")]
    RowLength {
        /// Features of the row.
        found: usize,
        /// Features of the model.
        expected: usize,
    },
    /// A result with too few or too many outputs.
    #[error("{found} outputs, the model has {expected}")]
    Outputs {
        /// Integers given.
        found: usize,
        /// Outputs of the model.
        expected: usize,
    },
    /// Leaves with more or fewer bits than can be.
    #[error("leaf bits must be 1 to {}, not {found}", MAX_LEAF_BITS)]
    LeafBits {
        /// What was asked for.
        found: u8,
    },
    /// Trees that share nodes become too large when each gets its own.
    #[error(
        "the trees have more than {limit} nodes and values of leaves once those that sets of categories share are copied; train with smaller sets (XGBoost's and LightGBM's `max_cat_threshold`), or fewer or smaller trees"
    )]
    ForestSize {
        /// The limit.
        limit: usize,
    },
    /// A network without codes.
    #[error(
        "the network has float weights and no codes; give calibration data, rows like those to be scored, to quantize it (or train it here, where weights and activations are quantized while they learn)"
    )]
    FloatNetwork,
    /// A float network that is too large to be quantized on calibration rows.
    #[error(
        "the network is too large to be quantized after training: {what}; train a smaller one, or prune it"
    )]
    NetworkTooLarge {
        /// What is too large, and the limit.
        what: String,
    },
    /// A layer that no codes fit.
    #[error("layer {layer}, neuron {neuron}: {message}")]
    NetworkLayer {
        /// Which, from 1.
        layer: usize,
        /// Which of its neurons, from 1.
        neuron: usize,
        /// What does not fit, and what to do.
        message: String,
    },
    /// A float network whose features are all constant in the calibration rows.
    #[error(
        "the features that the network reads are constant in the calibration rows; give rows like those to be scored"
    )]
    NothingVaries,
    /// A network that was quantized and is none.
    #[error("the quantized network was refused: {0}")]
    Network(crate::model::ModelError),
    /// Bits that are no matter of quantization.
    #[error(
        "a network is compiled with the codes and weights that it was trained with; train it with other `n_bits`, for which `tenebra search` tries several"
    )]
    OwnBits,
    /// A network whose tables are too large.
    #[error(
        "the tables of the network have more than {limit} entries; prune its neurons, or use fewer bits"
    )]
    NetworkSize {
        /// The limit.
        limit: u64,
    },
    /// Leaves whose sums double precision does not hold.
    #[error("the leaves of the trees add up to more than a double-precision number holds")]
    ScoresOverflow,
    /// The circuit was refused.
    #[error("the circuit of the model was refused: {message}")]
    Circuit {
        /// Every reason.
        message: String,
    },
}

impl QuantizeError {
    /// Says which feature a bare quantization error belongs to.
    pub(crate) fn of_feature(self, feature: usize) -> Self {
        match self {
            Self::Quant(source) => Self::Feature { feature, source },
            other => other,
        }
    }
}
