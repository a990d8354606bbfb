//! Why a quantizer could not be built or a value not be quantized.

use core::fmt;

/// Why this crate refused an argument.
///
/// Real numbers are reported as `f64` whatever the float type of the call.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantError {
    /// A code width outside 1 to 16 bits.
    #[error("codes of {bits} bits are not supported; choose 1 to 16 bits")]
    BitWidth {
        /// The width asked for.
        bits: u8,
    },
    /// A symmetric code of one bit could only say 0.
    #[error("a symmetric code of 1 bit has no value but 0; choose 2 to 16 bits")]
    SymmetricBitWidth,
    /// The value to quantize, or a value of the calibration data, is NaN or infinite.
    #[error("{value} cannot be quantized; replace or drop NaN and infinities first")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// The ends of a range are NaN, infinite or out of order.
    #[error(
        "the range [{}, {}] is not one; both ends must be finite and min <= max",
        Shown(*min), Shown(*max)
    )]
    Range {
        /// The lower end.
        min: f64,
        /// The upper end.
        max: f64,
    },
    /// The range is wider than the float type can express.
    #[error(
        "the range [{}, {}] overflows the float type; divide the data by a constant first",
        Shown(*min), Shown(*max)
    )]
    RangeTooWide {
        /// The lower end.
        min: f64,
        /// The upper end.
        max: f64,
    },
    /// The scale (real units per code) is NaN, infinite, not positive or too close to 0 for exact rounding.
    #[error(
        "the scale {} must be finite and at least {}; if it is too small, multiply the data by a constant first",
        Shown(*scale), Shown(*smallest)
    )]
    Scale {
        /// The scale.
        scale: f64,
        /// The smallest scale of the float type: twice its smallest normal number.
        smallest: f64,
    },
    /// Codes out of order or wider than 16 bits.
    #[error(
        "the codes [{min_code}, {max_code}] must satisfy -32768 <= min <= max <= 65535 and max - min <= 65535"
    )]
    CodeRange {
        /// The smallest code.
        min_code: i32,
        /// The largest code.
        max_code: i32,
    },
    /// The range lies so far from 0, relative to its width, that the zero point exceeds its limit.
    #[error(
        "the range reaches {steps} steps from 0, the limit is {limit}; subtract a constant from the data, widen the range or use fewer bits",
        steps = Shown(*steps)
    )]
    TooFarFromZero {
        /// The distance of the range's farther end from 0, in units of the scale.
        steps: f64,
        /// The limit for the float type: 2^30 for `f64`, 2^20 for `f32`.
        limit: i32,
    },
    /// A cut point is NaN or infinite.
    #[error("cut point {index} is {value}; cut points must be finite")]
    CutNotFinite {
        /// Its position in the list.
        index: usize,
        /// The cut point.
        value: f64,
    },
    /// A cut point is not above the one before it.
    #[error("cut point {index} is not above cut point {}; sort the cut points and drop repeated ones", index - 1)]
    CutsNotIncreasing {
        /// The position of the later one, at least 1.
        index: usize,
    },
    /// More cut points than a code or the container can count.
    #[error("{count} cut points were given, the limit is {limit}")]
    TooManyCuts {
        /// The number of cut points.
        count: usize,
        /// The limit: 65535, or the capacity of the container.
        limit: usize,
    },
    /// Calibration without data.
    #[error("there is no data to calibrate on; at least one value is needed")]
    NoData,
    /// A percentile outside 50 to 100.
    #[error(
        "percentile {percent} must lie in [50, 100]; 99.9 keeps all but the outermost 0.1 % at each end"
    )]
    Percent {
        /// The percentile asked for.
        percent: f64,
    },
    /// The scratch memory is shorter than the data.
    #[error("the scratch holds {given} values, the data has {needed}")]
    ScratchTooShort {
        /// Length of the data.
        needed: usize,
        /// Length of the scratch.
        given: usize,
    },
    /// A sensor step (real units per sensor count) that is NaN, infinite, 0, subnormal or overflows over the sensor's range.
    #[error(
        "the sensor step {} must be a normal number, and 2^32 such steps must not overflow the float type",
        Shown(*lsb)
    )]
    SensorStep {
        /// Real units per sensor count.
        lsb: f64,
    },
    /// Sensor counts so much finer or coarser than codes that every count would give the same code or clip.
    #[error(
        "{} codes per sensor count are outside [2^-33, 2^33); check the unit of the sensor step",
        Shown(*ratio)
    )]
    SensorRatio {
        /// Sensor step divided by scale.
        ratio: f64,
    },
    /// A value that is none of the categories a model was trained on.
    #[error(
        "{value} is none of the categories that the model was trained on; train with `handle_unknown` if there may be others"
    )]
    UnknownCategory {
        /// The value.
        value: f64,
    },
    /// A step of preprocessing that makes no sense.
    #[error("a step of preprocessing is refused: {reason}")]
    Step {
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// A number with all its digits, or with an exponent where most of them would be zeros.
struct Shown(f64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        if magnitude == 0.0 || !magnitude.is_finite() || (1e-5..1e16).contains(&magnitude) {
            fmt::Display::fmt(&self.0, f)
        } else {
            fmt::LowerExp::fmt(&self.0, f)
        }
    }
}
