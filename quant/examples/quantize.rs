//! One feature of a model: its codec from a sample, codes by it on a server and on a device that has no floats, reals again.

use tenebra_quant::{Affine, BitWidth, FixedPoint, QuantError, calibrate};

/// Body temperatures in degrees, as they were measured.
const SAMPLE: [f64; 6] = [36.4, 38.9, 35.8, 37.0, 39.6, 36.6];

fn main() -> Result<(), QuantError> {
    // The range that 8 bits are spread over.
    let (min, max) = calibrate::min_max(SAMPLE)?;
    let codec = Affine::asymmetric(min, max, BitWidth::new(8)?)?;

    // Codes stand for reals within half a step.
    for x in SAMPLE {
        let quantized = codec.quantize(x)?;
        assert!(!quantized.clipped);
        assert!((codec.dequantize(quantized.code) - x).abs() <= codec.scale() / 2.0);
    }

    // What lies outside of the sample's range is clipped, and said so; what is no number is refused.
    assert_eq!(codec.quantize(45.0)?.code, codec.max_code());
    assert!(codec.quantize(45.0)?.clipped);
    assert!(codec.quantize(f64::NAN).is_err());

    // A thermometer that counts hundredths of a degree gets the same codes by integer arithmetic alone.
    let device = FixedPoint::from_affine(&codec, 0.01, 0)?;
    for hundredths in 3000..4500 {
        assert_eq!(
            device.quantize(hundredths),
            codec.quantize(0.01 * f64::from(hundredths))?
        );
    }
    Ok(())
}

#[test]
fn runs() -> Result<(), QuantError> {
    main()
}
