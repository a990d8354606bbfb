//! Codecs of a spec: how a feature becomes the code of an input.

use tenebra_quant::{Affine, QuantError};

use super::SpecError;
use crate::cursor::Cursor;

/// Most cut points of one feature: codes have at most 16 bits.
pub const MAX_CUTS: u16 = u16::MAX;

const AFFINE: u8 = 0;
const BINS: u8 = 1;

/// An input of the circuit: which column it is, and its codec.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Column of the feature matrix, from 0.
    pub column: usize,
    /// From real to code.
    pub codec: Codec<'a>,
    /// Code of a missing value (NaN), for models that learned a direction for it.
    pub missing: Option<i32>,
}

impl Input<'_> {
    /// Code of `x`, and whether `x` lay outside the range and was clipped.
    ///
    /// # Errors
    ///
    /// Infinities, and NaN where the model has no code for a missing value.
    pub fn quantize(&self, x: f64) -> Result<(i64, bool), QuantError> {
        match self.missing {
            Some(code) if x.is_nan() => Ok((i64::from(code), false)),
            _ => self.codec.quantize(x),
        }
    }

    /// Bits of the code, counted from the least.
    #[must_use]
    pub fn bits(&self) -> u32 {
        let (min, max) = self.code_range();
        u64::BITS - max.abs_diff(min).leading_zeros()
    }

    /// Least and greatest code, that of a missing value included.
    #[must_use]
    pub fn code_range(&self) -> (i64, i64) {
        let (min, max) = self.codec.code_range();
        let missing = self.missing.map_or(min, i64::from);
        (min.min(missing), max.max(missing))
    }
}

/// From real to code.
#[derive(Clone, Debug)]
pub enum Codec<'a> {
    /// Evenly spaced codes.
    Affine(Affine<f64>),
    /// Bins between cut points.
    Bins(Cuts<'a>),
}

/// Strictly increasing finite cut points, in a spec's bytes.
#[derive(Clone, Debug)]
pub struct Cuts<'a> {
    bytes: &'a [u8],
    round_to_f32: bool,
}

impl Codec<'_> {
    fn quantize(&self, x: f64) -> Result<(i64, bool), QuantError> {
        match self {
            Self::Affine(affine) => {
                let quantized = affine.quantize(x)?;
                Ok((i64::from(quantized.code), quantized.clipped))
            }
            Self::Bins(cuts) => Ok((cuts.quantize(x)?, false)),
        }
    }

    fn code_range(&self) -> (i64, i64) {
        match self {
            Self::Affine(affine) => (i64::from(affine.min_code()), i64::from(affine.max_code())),
            Self::Bins(cuts) => (0, cuts.len() as i64),
        }
    }
}

impl Cuts<'_> {
    /// Number of cut points, one less than of codes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / 8
    }

    /// Whether there is none, so that every real has code 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Cut point `index`.
    fn cut(&self, index: usize) -> f64 {
        Cursor::new(&self.bytes[index * 8..])
            .f64()
            .unwrap_or(f64::NAN)
    }

    /// The number of cut points at or below `x`; `x` is first rounded to `f32` if the model compares in `f32`.
    fn quantize(&self, x: f64) -> Result<i64, QuantError> {
        if !x.is_finite() {
            return Err(QuantError::NotFinite { value: x });
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the rounding that the model's library does"
        )]
        let x = if self.round_to_f32 {
            f64::from(x as f32)
        } else {
            x
        };
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.cut(middle) <= x {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low as i64)
    }
}

const MALFORMED: SpecError = SpecError::Malformed("inputs");

/// Reads input `index` and checks it.
pub(super) fn read_input<'a>(
    cursor: &mut Cursor<'a>,
    index: u32,
    columns: u32,
) -> Result<Input<'a>, SpecError> {
    let column = cursor
        .u32()
        .filter(|column| *column < columns)
        .ok_or(MALFORMED)?;
    let codec = match cursor.u8() {
        Some(AFFINE) => read_affine(cursor)
            .ok_or(MALFORMED)?
            .map_err(|source| SpecError::Codec {
                input: index,
                source,
            })
            .map(Codec::Affine)?,
        Some(BINS) => Codec::Bins(read_cuts(cursor).ok_or(MALFORMED)?),
        _ => return Err(MALFORMED),
    };
    let missing = match cursor.u8() {
        Some(0) => None,
        Some(1) => Some(cursor.i32().ok_or(MALFORMED)?),
        _ => return Err(MALFORMED),
    };
    Ok(Input {
        column: column as usize,
        codec,
        missing,
    })
}

fn read_affine(cursor: &mut Cursor<'_>) -> Option<Result<Affine<f64>, QuantError>> {
    let (scale, zero_point) = (cursor.f64()?, cursor.i32()?);
    Some(Affine::from_parts(
        scale,
        zero_point,
        cursor.i32()?,
        cursor.i32()?,
    ))
}

fn read_cuts<'a>(cursor: &mut Cursor<'a>) -> Option<Cuts<'a>> {
    let round_to_f32 = match cursor.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let count = usize::from(cursor.u16()?);
    let cuts = Cuts {
        bytes: cursor.take(count * 8)?,
        round_to_f32,
    };
    let increasing = (1..count).all(|index| cuts.cut(index - 1) < cuts.cut(index));
    let finite = (0..count).all(|index| cuts.cut(index).is_finite());
    (increasing && finite).then_some(cuts)
}

/// Appends input records; the counterpart of [`read_input`].
#[cfg(feature = "alloc")]
pub(super) fn write_input(out: &mut alloc::vec::Vec<u8>, input: &super::OwnedInput) {
    use super::OwnedCodec;

    out.extend(input.column.to_le_bytes());
    match &input.codec {
        OwnedCodec::Affine(affine) => {
            out.push(AFFINE);
            out.extend(affine.scale().to_le_bytes());
            for number in [affine.zero_point(), affine.min_code(), affine.max_code()] {
                out.extend(number.to_le_bytes());
            }
        }
        OwnedCodec::Bins { cuts, round_to_f32 } => {
            out.extend([BINS, u8::from(*round_to_f32)]);
            // More cut points than fit are refused when the finished spec is parsed.
            out.extend(u16::try_from(cuts.len()).unwrap_or(MAX_CUTS).to_le_bytes());
            cuts.iter().for_each(|cut| out.extend(cut.to_le_bytes()));
        }
    }
    out.push(u8::from(input.missing.is_some()));
    input
        .missing
        .iter()
        .for_each(|code| out.extend(code.to_le_bytes()));
}
