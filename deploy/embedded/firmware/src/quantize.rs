//! From the integers of sensors to codes, with integers only.

use tenebra_client::ClientSpec;
use tenebra_quant::{Codec, FixedPoint};

use crate::Model;
use crate::commands::Failure;

/// Which reading an input of the model is, and how it becomes a code.
#[derive(Debug)]
pub struct Input {
    /// Index among the readings.
    pub column: usize,
    /// From the sensor's integer to a code.
    pub map: Map,
}

/// From a sensor's integer to a code.
#[derive(Debug)]
pub enum Map {
    /// Even steps.
    Affine(&'static Sensor),
    /// The number of these that are at most the reading; made of the spec's real cut points by the build script.
    Cuts(&'static [i32]),
}

/// A sensor that has measured `lsb * (x - offset)` when it reports `x`.
#[derive(Debug)]
pub struct Sensor {
    /// Real units a count.
    pub lsb: f64,
    /// The count of 0.
    pub offset: i32,
}

/// Quantizes `readings` into `codes`; returns how many were clipped.
///
/// # Errors
///
/// [`Failure`] if the sensors do not suit the spec; the build script has checked that they do.
pub fn quantize(
    model: &Model,
    spec: &ClientSpec<'_>,
    readings: &[i32],
    codes: &mut [i64],
) -> Result<usize, Failure> {
    let mut clipped = 0;
    for ((input, parsed), code) in model.inputs.iter().zip(spec.inputs()).zip(codes) {
        let reading = *readings
            .get(input.column)
            .ok_or("a column without a sensor")?;
        *code = match (&input.map, parsed.codec) {
            (Map::Cuts(cuts), _) => cuts.partition_point(|cut| *cut <= reading) as i64,
            (Map::Affine(sensor), Codec::Affine(affine)) => {
                // Decodes the two floats of the codec into integers; a device with memory to spare keeps the result.
                let fixed = FixedPoint::from_affine(&affine, sensor.lsb, sensor.offset)
                    .map_err(|_| "the step of a sensor does not suit its codec")?;
                let quantized = fixed.quantize(reading);
                clipped += usize::from(quantized.clipped);
                i64::from(quantized.code)
            }
            (Map::Affine(_), Codec::Bins { .. }) => return Err("a sensor does not suit its codec"),
        };
    }
    Ok(clipped)
}
