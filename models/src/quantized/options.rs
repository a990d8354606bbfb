//! How finely to quantize, and on what range.

use tenebra_quant::BitWidth;

use super::QuantizeError;
use crate::forest::ForestOptions;
use crate::network::NetworkOptions;

/// How finely to quantize, and on what range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizeOptions {
    /// Bits of a feature's code.
    pub input_bits: BitWidth,
    /// Bits of a weight, with its sign.
    pub weight_bits: BitWidth,
    /// How a feature's range is found in the calibration data.
    pub calibration: Calibration,
    /// How far the range of [`Calibration::WithoutOutliers`] and [`Calibration::MinMax`] is extended at either end, in parts of its width: rows that are scored
    /// later go beyond the largest value seen, and clipping costs more than a coarser code.
    pub margin: f64,
    /// How trees are quantized; the other options do not concern them.
    pub forest: ForestOptions,
    /// How float networks are quantized; the other options do not concern them.
    pub network: NetworkOptions,
}

impl Default for QuantizeOptions {
    /// 8 bits, from the smallest to the largest value, without outliers, and a tenth beyond.
    fn default() -> Self {
        const EIGHT: BitWidth = match BitWidth::new(8) {
            Ok(bits) => bits,
            Err(_) => panic!("8 bits are a width"),
        };
        Self {
            input_bits: EIGHT,
            weight_bits: EIGHT,
            calibration: Calibration::WithoutOutliers,
            margin: 0.1,
            forest: ForestOptions::default(),
            network: NetworkOptions::default(),
        }
    }
}

/// How the range of a feature is found in its calibration values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Calibration {
    /// From the smallest to the largest but for single values far beyond all others, which would take the codes away from them
    /// ([`tenebra_quant::calibrate::without_outliers`]).
    #[default]
    WithoutOutliers,
    /// From the smallest to the largest.
    MinMax,
    /// Between the percentiles `100 - percent` and `percent`, in `[50, 100]`.
    Percentile {
        /// The upper percentile.
        percent: f64,
    },
    /// The range with the least squared error.
    LeastSquaredError,
}

impl Calibration {
    /// Whether the range is that of the values, which later ones may go beyond a little.
    pub(crate) fn takes_all(self) -> bool {
        matches!(self, Self::WithoutOutliers | Self::MinMax)
    }
}

impl QuantizeOptions {
    /// The same bits for features and weights, otherwise the default.
    ///
    /// # Errors
    /// [`QuantizeError::Quant`] outside 2 to 16 bits.
    pub fn with_bits(n_bits: u8) -> Result<Self, QuantizeError> {
        let bits = BitWidth::new(n_bits).map_err(QuantizeError::Quant)?;
        if n_bits < 2 {
            return Err(QuantizeError::Quant(
                tenebra_quant::QuantError::SymmetricBitWidth,
            ));
        }
        Ok(Self {
            input_bits: bits,
            weight_bits: bits,
            ..Self::default()
        })
    }
}
