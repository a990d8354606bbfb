//! Codecs of a spec: how a feature becomes the code of an input.

use tenebra_quant::{Affine, Codec, CutPoints, QuantError};

use crate::cursor::Cursor;
use crate::spec::error::SpecError;

/// Most cut points of one feature: codes have at most 16 bits.
#[cfg(feature = "alloc")]
pub(crate) const MAX_CUTS: u16 = u16::MAX;

const AFFINE: u8 = 0;
const BINS: u8 = 1;

/// An input of the circuit, whose cut points stay in the spec's bytes.
pub type Input<'a> = tenebra_quant::Input<Cuts<'a>>;

/// Strictly increasing finite cut points, in a spec's bytes.
#[derive(Clone, Debug)]
pub struct Cuts<'a> {
    bytes: &'a [u8],
}

impl CutPoints for Cuts<'_> {
    fn count(&self) -> usize {
        self.bytes.len() / 8
    }

    fn cut(&self, index: usize) -> f64 {
        Cursor::new(&self.bytes[index * 8..])
            .f64()
            .unwrap_or(f64::NAN)
    }
}

const MALFORMED: SpecError = SpecError::Malformed("inputs");

/// Reads input `index` and checks it.
pub(crate) fn read_input<'a>(
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
        Some(BINS) => read_bins(cursor).ok_or(MALFORMED)?,
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

fn read_bins<'a>(cursor: &mut Cursor<'a>) -> Option<Codec<Cuts<'a>>> {
    let round_to_f32 = match cursor.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let count = usize::from(cursor.u16()?);
    let cuts = Cuts {
        bytes: cursor.take(count * 8)?,
    };
    let increasing = (1..count).all(|index| cuts.cut(index - 1) < cuts.cut(index));
    let finite = (0..count).all(|index| cuts.cut(index).is_finite());
    (increasing && finite).then_some(Codec::Bins { cuts, round_to_f32 })
}

/// Appends input records; the counterpart of [`read_input`].
#[cfg(feature = "alloc")]
pub(crate) fn write_input(
    out: &mut alloc::vec::Vec<u8>,
    input: &tenebra_quant::Input<alloc::vec::Vec<f64>>,
) {
    // More columns than fit are refused when the finished spec is parsed.
    let column = u32::try_from(input.column).unwrap_or(u32::MAX);
    out.extend(column.to_le_bytes());
    match &input.codec {
        Codec::Affine(affine) => {
            out.push(AFFINE);
            out.extend(affine.scale().to_le_bytes());
            for number in [affine.zero_point(), affine.min_code(), affine.max_code()] {
                out.extend(number.to_le_bytes());
            }
        }
        Codec::Bins { cuts, round_to_f32 } => {
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
