//! The integer path gives the codes of the float path, ties included.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use num_traits::Float;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tenebra_quant::{Affine, BitWidth, FixedPoint, QuantError, Quantized};

/// Steps of real sensors, in decimals and in binary fractions, with signs.
const LSBS: [f64; 9] = [
    0.01,
    0.1,
    1.0,
    0.0625,
    3.3 / 4096.0,
    -0.02,
    0.003,
    1.0 / 3.0,
    7e-5,
];

/// Ranges with 0 inside, at an end, and far outside.
const RANGES: [(f64, f64); 8] = [
    (0.0, 255.0),
    (-40.0, 85.0),
    (0.0, 40.0),
    (-1.0, 1.0),
    (300.0, 320.0),
    (-327.68, 327.67),
    (0.0, 15.3),
    (-5000.0, -100.0),
];

fn f32_of(x: f64) -> f32 {
    num_traits::cast(x).unwrap()
}

fn float_path<F: Float>(affine: &Affine<F>, lsb: F, sensor: i32, offset: i32) -> Quantized {
    let distance = F::from(i64::from(sensor) - i64::from(offset)).unwrap();
    affine.quantize(lsb * distance).unwrap()
}

/// Compares all 65,536 values of an unsigned and of a signed 16-bit sensor; returns how many distances tie or nearly tie.
fn compare_all<F: Float + core::fmt::Debug>(affine: &Affine<F>, lsb: F, offset: i32) -> usize {
    let fixed = FixedPoint::from_affine(affine, lsb, offset).unwrap();
    let mut near_ties = 0;
    for sensor in i32::from(i16::MIN)..=i32::from(u16::MAX) {
        let want = float_path(affine, lsb, sensor, offset);
        assert_eq!(
            fixed.quantize(sensor),
            want,
            "{sensor} * {lsb:?} from {offset}: {affine:?}"
        );
        let steps = (lsb / affine.scale()).to_f64().unwrap() * f64::from(sensor - offset);
        let rounding = 2.0 * F::epsilon().to_f64().unwrap() * steps.abs();
        near_ties += usize::from((steps.abs().fract() - 0.5).abs() <= rounding && !want.clipped);
    }
    near_ties
}

fn all_16_bit_values<F: Float + core::fmt::Debug>() -> usize {
    let mut near_ties = 0;
    for (lo, hi) in RANGES {
        for bits in [1, 4, 8, 12, 16] {
            let affine = Affine::asymmetric(
                F::from(lo).unwrap(),
                F::from(hi).unwrap(),
                BitWidth::new(bits).unwrap(),
            );
            // The farthest, 320 at 16 bits over 20, is 1,048,560 steps from 0; the limit of f32 is 1,048,576.
            let affine = affine.unwrap();
            for (lsb, offset) in LSBS.into_iter().zip(
                [0, 0, 1000, -27_315, 2048, 32_768, 65_535, -1, 7]
                    .into_iter()
                    .cycle(),
            ) {
                near_ties += compare_all(&affine, F::from(lsb).unwrap(), offset);
            }
        }
    }
    near_ties
}

#[test]
fn every_16_bit_value_in_f64() {
    let near_ties = all_16_bit_values::<f64>();
    // The point of the test are the ties, so there must be many.
    assert!(near_ties > 10_000, "{near_ties}");
}

#[test]
fn every_16_bit_value_in_f32() {
    let near_ties = all_16_bit_values::<f32>();
    assert!(near_ties > 10_000, "{near_ties}");
}

/// Ratios 1/6 and 1/60 tie at many counts, and in decimals the float product falls on either side of the tie.
#[test]
fn decimal_ties_fall_as_in_the_float_path() {
    let mut near_ties = 0;
    for (lsb, scale) in [
        (0.01, 0.06),
        (0.1, 0.6),
        (0.001, 0.006),
        (0.02, 0.28),
        (0.07, 0.42),
        (0.01, 0.6),
        (1.1, 6.6),
    ] {
        for zero_point in [0, 128, -300] {
            near_ties += compare_all(
                &Affine::from_parts(scale, zero_point, 0, 255).unwrap(),
                lsb,
                0,
            );
            near_ties += compare_all(
                &Affine::from_parts(scale, zero_point, 0, 65_535).unwrap(),
                lsb,
                100,
            );
            let narrow = Affine::from_parts(f32_of(scale), zero_point, 0, 65_535).unwrap();
            near_ties += compare_all(&narrow, f32_of(lsb), 0);
        }
    }
    assert!(near_ties > 10_000, "{near_ties}");

    // Without the exact comparison the ties at 3 (2k + 1), k < 250, would all round down, as the multiplier 1/6 is: wrong
    // for every odd k.
    let affine = Affine::from_parts(6.0, 0, 0, 255).unwrap();
    let fixed = FixedPoint::from_affine(&affine, 1.0, 0).unwrap();
    let half = 1_u128 << (fixed.shift() - 1);
    let differ = (0..1500).filter(|&sensor: &i32| {
        let product = u128::from(fixed.multiplier()) * u128::from(sensor.unsigned_abs());
        let plain = (product + half) >> fixed.shift();
        plain != u128::from(fixed.quantize(sensor).code.unsigned_abs())
    });
    assert_eq!(differ.count(), 125);
}

/// A random map of either float type, with its zero point up to the limit, and a sensor step of every useful size.
fn maps() -> impl Strategy<Value = (f64, i32, i32, f64, i32)> {
    let scale =
        (1.0..2.0, -40..40).prop_map(|(significand, exponent)| significand * 2_f64.powi(exponent));
    let ratio = (1.0..2.0, -33..16, any::<bool>()).prop_map(|(significand, exponent, negative)| {
        significand * 2_f64.powi(exponent) * if negative { -1.0 } else { 1.0 }
    });
    let zero_point = prop_oneof![-300..300, -900_000..900_000, -1_000_000_000..1_000_000_000];
    (scale, zero_point, 0..65_536, ratio, any::<i32>())
}

fn agree_near_every_kind_of_sensor<F: Float + core::fmt::Debug>(
    (scale, zero_point, max_code, ratio, offset): (f64, i32, i32, f64, i32),
    sensors: [i32; 4],
) -> Result<(), TestCaseError> {
    let Ok(affine) = Affine::from_parts(F::from(scale).unwrap(), zero_point, 0, max_code) else {
        return Ok(()); // beyond the zero point's limit for f32
    };
    let lsb = F::from(scale * ratio).unwrap();
    let Ok(fixed) = FixedPoint::from_affine(&affine, lsb, offset) else {
        return Ok(()); // the ratio left its range by rounding to f32
    };
    // Any sensor value, and those around a change of code, where the paths could part.
    let middle = |code: i32| {
        let steps = f64::from(code % (max_code + 1)) - f64::from(zero_point) + 0.5;
        let sensor = (steps / ratio).round() + f64::from(offset);
        num_traits::cast(sensor.clamp(i32::MIN.into(), i32::MAX.into())).unwrap()
    };
    for sensor in [
        sensors[0],
        middle(sensors[1]),
        middle(sensors[2]),
        middle(sensors[3]),
        i32::MIN,
        i32::MAX,
        offset,
    ] {
        for sensor in sensor.saturating_sub(3)..=sensor.saturating_add(3) {
            prop_assert_eq!(
                fixed.quantize(sensor),
                float_path(&affine, lsb, sensor, offset),
                "{} {:?}",
                sensor,
                affine
            );
        }
    }
    Ok(())
}

/// What a device is given: `code = zero_point + (sensor - offset) * multiplier / 2^shift`, in reals.
#[test]
fn the_parts_are_the_map() {
    for (scale, lsb) in [(0.5, 0.01), (0.01, 0.5), (1.0, 3.3 / 4096.0), (0.3, 0.1)] {
        let affine = Affine::from_parts(scale, 0, 0, 255).unwrap();
        for offset in [-1234, -1, 0, 1, 77] {
            let fixed = FixedPoint::from_affine(&affine, lsb, offset).unwrap();
            assert_eq!(fixed.offset(), offset);
            assert_eq!(fixed.quantize(offset), affine.quantize(0.0).unwrap());
            assert!(fixed.multiplier() >= 1 << 63);
            #[expect(clippy::cast_precision_loss, reason = "compared with a tolerance")]
            let ratio = fixed.multiplier() as f64 / 2_f64.powi(fixed.shift().try_into().unwrap());
            assert!(
                (ratio / (lsb / scale) - 1.0).abs() < 1e-15,
                "{ratio} {lsb} {scale}"
            );
        }
    }
}

/// A ratio that no shift holds is named in the error.
#[test]
fn a_ratio_out_of_reach_is_an_error_that_says_it() {
    let affine = Affine::from_parts(4.0, 0, 0, 255).unwrap();
    let refused = FixedPoint::from_affine(&affine, -2_f64.powi(60), 0);
    let ratio = 2_f64.powi(58);
    assert_eq!(refused, Err(QuantError::SensorRatio { ratio }));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000, rng_seed: RngSeed::Fixed(0x7e6e_b7a1), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn any_32_bit_sensor_in_f64(map in maps(), sensors in any::<[i32; 4]>()) {
        agree_near_every_kind_of_sensor::<f64>(map, sensors)?;
    }

    #[test]
    fn any_32_bit_sensor_in_f32(map in maps(), sensors in any::<[i32; 4]>()) {
        agree_near_every_kind_of_sensor::<f32>(map, sensors)?;
    }

    /// Simple fractions as ratios: true ties, in maps that no binary multiplier expresses.
    #[test]
    fn rational_ratios(lsb in 1..200_i32, scale in 1..200_i32, unit in 0..4_usize, zero_point in -300..300, offset in any::<i16>(), first in any::<i16>()) {
        let unit = [1.0, 0.1, 0.01, 1e-3][unit];
        let (lsb, scale) = (f64::from(lsb) * unit, f64::from(scale) * unit);
        let affine = Affine::from_parts(scale, zero_point, 0, 4095).unwrap();
        let fixed = FixedPoint::from_affine(&affine, lsb, offset.into()).unwrap();
        for sensor in i32::from(first)..i32::from(first) + 400 {
            prop_assert_eq!(fixed.quantize(sensor), float_path(&affine, lsb, sensor, offset.into()), "{}", sensor);
        }
    }
}
