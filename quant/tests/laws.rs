//! The laws of quantization, for f32 and f64.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tenebra_quant::{Affine, Bins, BitWidth, HeaplessBins, QuantError, calibrate};

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(0x7e6e_b7a0),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn bits(least: u8) -> impl Strategy<Value = BitWidth> {
    (least..=16).prop_map(|bits| BitWidth::new(bits).unwrap())
}

macro_rules! laws {
    ($float:ident) => {
        mod $float {
            use super::*;

            /// Finite values of every magnitude, and quarters, whose quotients tie.
            fn value() -> impl Strategy<Value = $float> {
                prop_oneof![
                    any::<$float>().prop_filter("finite", |x| x.is_finite()),
                    -1000.0..1000.0 as $float,
                    (-4000_i16..4000).prop_map(|quarters| $float::from(quarters) / 4.0),
                ]
            }

            fn any_float() -> impl Strategy<Value = $float> {
                prop_oneof![
                    value(),
                    prop::num::$float::ANY,
                    Just($float::NAN),
                    Just($float::INFINITY),
                    Just($float::MAX),
                    Just($float::MIN),
                    Just($float::MIN_POSITIVE),
                    Just(0.0),
                ]
            }

            fn asymmetric() -> impl Strategy<Value = Affine<$float>> {
                (value(), value(), bits(1)).prop_filter_map("range accepted", |(a, b, bits)| {
                    Affine::asymmetric(a.min(b), a.max(b), bits).ok()
                })
            }

            fn symmetric() -> impl Strategy<Value = Affine<$float>> {
                (value(), bits(2))
                    .prop_filter_map("range accepted", |(max, bits)| Affine::symmetric(max.abs(), bits).ok())
            }

            fn affine() -> impl Strategy<Value = Affine<$float>> {
                prop_oneof![asymmetric(), symmetric()]
            }

            /// A map and a value around its range: up to 10 % beyond either end, or on a quarter of a step.
            fn affine_and_value() -> impl Strategy<Value = (Affine<$float>, $float)> {
                let share = prop_oneof![-0.1..1.1 as $float, Just(0.0), Just(1.0)];
                (affine(), share, any::<i16>(), any::<bool>()).prop_filter_map("finite", |(affine, share, quarters, near)| {
                    let (lo, hi) = affine.range();
                    let x = if near {
                        affine.scale() * (affine.min_code() - affine.zero_point()) as $float
                            + affine.scale() * $float::from(quarters) / 4.0
                    } else {
                        (1.0 - share) * lo + share * hi
                    };
                    x.is_finite().then_some((affine, x))
                })
            }

            proptest! {
                #![proptest_config(config())]

                #[test]
                fn clipped_iff_farther_than_half_a_step((affine, x) in affine_and_value()) {
                    let q = affine.quantize(x).unwrap();
                    prop_assert!((affine.min_code()..=affine.max_code()).contains(&q.code));
                    let real = f64::from(affine.dequantize(q.code));
                    let (scale, x) = (f64::from(affine.scale()), f64::from(x));
                    // The rounding of the dequantized value, and of the difference here.
                    let rounding = f64::from($float::EPSILON) * (real.abs() + x.abs()) + f64::MIN_POSITIVE;
                    let error = (real - x).abs();
                    if q.clipped {
                        prop_assert!(error >= scale / 2.0 - rounding, "{q:?}: {real}");
                        prop_assert_eq!(q.code, if x < real { affine.min_code() } else { affine.max_code() });
                    } else {
                        prop_assert!(error <= scale / 2.0 + rounding, "{q:?}: {real}");
                    }
                }

                #[test]
                fn monotone((affine, a) in affine_and_value(), b in value(), near in any::<bool>()) {
                    let b = if near { a + affine.scale() * (b % 2.0) } else { b };
                    prop_assume!(b.is_finite());
                    let code = |x| affine.quantize(x).unwrap().code;
                    prop_assert!(code(a.min(b)) <= code(a.max(b)));
                }

                #[test]
                fn codes_survive_the_round_trip(affine in affine(), any_code in any::<u16>()) {
                    let codes = affine.max_code() - affine.min_code() + 1;
                    let code = affine.min_code() + i32::from(any_code) % codes;
                    let q = affine.quantize(affine.dequantize(code)).unwrap();
                    prop_assert_eq!((q.code, q.clipped), (code, false));
                }

                #[test]
                fn symmetric_is_odd(affine in symmetric(), share in -1.2..1.2 as $float, x in value()) {
                    let near = share * affine.range().1;
                    for x in [x, if near.is_finite() { near } else { x }] {
                        let (plus, minus) = (affine.quantize(x).unwrap(), affine.quantize(-x).unwrap());
                        prop_assert_eq!((plus.code, plus.clipped), (-minus.code, minus.clipped));
                    }
                }

                #[test]
                fn neither_end_of_the_range_clips(a in value(), b in value(), width in bits(1)) {
                    let (min, max) = (a.min(b), a.max(b));
                    if let Ok(affine) = Affine::asymmetric(min, max, width) {
                        prop_assert!(!affine.quantize(min).unwrap().clipped);
                        prop_assert!(!affine.quantize(max).unwrap().clipped);
                    }
                    if let (Ok(affine), true) = (Affine::symmetric(max.abs(), width), width.bits() > 1) {
                        let q = affine.quantize(max.abs()).unwrap();
                        prop_assert!(!q.clipped && (max == 0.0 || q.code == affine.max_code()));
                    }
                }

                #[test]
                fn zero_has_a_code_where_the_range_includes_it(a in value(), b in value(), width in bits(1)) {
                    let (min, max) = (-a.abs(), b.abs());
                    if let Ok(affine) = Affine::asymmetric(min, max, width) {
                        let q = affine.quantize(0.0).unwrap();
                        prop_assert!(!q.clipped && affine.dequantize(q.code) == 0.0);
                    }
                }

                #[test]
                fn no_argument_panics(
                    (a, b, x) in (any_float(), any_float(), any_float()), width in bits(1),
                    (zero_point, min, max, code) in any::<(i32, i32, i32, i32)>(), lsb in any_float(),
                ) {
                    let affines = [
                        Affine::asymmetric(a, b, width),
                        Affine::symmetric(a, width),
                        Affine::from_parts(a, zero_point, min, max),
                        Affine::from_parts(a, zero_point % 1000, min % 1000, max % 1000),
                    ];
                    for affine in affines.into_iter().flatten() {
                        let q = affine.quantize(x);
                        prop_assert_eq!(q.is_ok(), x.is_finite());
                        let _ = affine.dequantize(code);
                        prop_assert!(affine.range().0 <= affine.range().1);
                        if let Ok(fixed) = tenebra_quant::FixedPoint::from_affine(&affine, lsb, min) {
                            let _ = fixed.quantize(code);
                        }
                    }
                    let _ = calibrate::percentile(&[a, b, x], f64::from(lsb), &mut [0.0; 3]);
                    let _ = calibrate::least_squared_error(&[a, b, x], width);
                }

                #[test]
                fn bins_decide_as_the_cuts_do(mut cuts in prop::collection::vec(value(), 0..40), x in value(), at in any::<prop::sample::Index>()) {
                    cuts.sort_by($float::total_cmp);
                    cuts.dedup();
                    let bins = Bins::new(&cuts).unwrap();
                    let owned = HeaplessBins::<$float, 40>::new(&cuts).unwrap();
                    let on_a_cut = if cuts.is_empty() { x } else { cuts[at.index(cuts.len())] };
                    for x in [x, on_a_cut, -on_a_cut] {
                        let q = bins.quantize(x).unwrap();
                        prop_assert!(!q.clipped && (0..=bins.max_code()).contains(&q.code));
                        for (j, &cut) in (1..).zip(&cuts) {
                            prop_assert_eq!(q.code < j, x < cut);
                        }
                        prop_assert_eq!(owned.quantize(x).unwrap(), q);
                    }
                }

                #[test]
                fn percentile_lies_between_min_and_max(
                    values in prop::collection::vec(value(), 1..50), percent in 50.0..=100.0, narrower in 0.0..1.0,
                ) {
                    let mut scratch = [0.0; 50];
                    let (min, max) = calibrate::min_max(values.iter().copied()).unwrap();
                    let (lo, hi) = calibrate::percentile(&values, percent, &mut scratch).unwrap();
                    prop_assert!(min <= lo && lo <= hi && hi <= max, "{min} {lo} {hi} {max}");
                    let percent = 50.0 + (percent - 50.0) * narrower;
                    let (inner_lo, inner_hi) = calibrate::percentile(&values, percent, &mut scratch).unwrap();
                    prop_assert!(lo <= inner_lo && inner_hi <= hi);
                    prop_assert_eq!(calibrate::percentile(&values, 100.0, &mut scratch), Ok((min, max)));
                }

                #[test]
                fn least_squared_error_is_at_most_that_of_min_max(
                    values in prop::collection::vec(value(), 1..30), width in bits(1),
                ) {
                    let (min, max) = calibrate::min_max(values.iter().copied()).unwrap();
                    match (Affine::asymmetric(min, max, width), calibrate::least_squared_error(&values, width)) {
                        (Ok(affine), Ok((lo, hi))) => {
                            prop_assert!(min <= lo && lo <= hi && hi <= max);
                            let error = |affine| calibrate::squared_error(affine, &values).unwrap();
                            let searched = Affine::asymmetric(lo, hi, width).unwrap();
                            prop_assert!(error(&searched) <= error(&affine));
                        }
                        (affine, searched) => prop_assert_eq!(affine.err(), searched.err()),
                    }
                }
            }
        }
    };
}

laws!(f32);
laws!(f64);

proptest! {
    #![proptest_config(config())]

    /// Both round the exact quotient, so a device that computes in f32 gives the codes of a server that computes in f64.
    #[test]
    fn f32_and_f64_agree(a in -1e6_f32..1e6, b in -1e6_f32..1e6, x in -1e6_f32..1e6, ties in any::<i16>(), bits in bits(1)) {
        if let Ok(narrow) = Affine::asymmetric(a.min(b), a.max(b), bits) {
            let wide = Affine::from_parts(f64::from(narrow.scale()), narrow.zero_point(), 0, narrow.max_code()).unwrap();
            for x in [x, narrow.scale() * f32::from(ties) / 2.0] {
                prop_assert_eq!(narrow.quantize(x), wide.quantize(x.into()));
            }
        }
    }
}

/// Both ends of `[-a, a]` are half a step beyond the last code but one for each sign: a scale that is rounded down would clip one.
#[test]
fn ends_on_ties_are_not_clipped_by_a_scale_that_was_rounded() {
    let mut larger = 0;
    for width in 1..=16 {
        for end in 1..200_u8 {
            let (end, steps) = (f64::from(end), f64::from((1_u32 << width) - 1));
            let affine = Affine::asymmetric(-end, end, BitWidth::new(width).unwrap()).unwrap();
            for x in [-end, end] {
                assert!(!affine.quantize(x).unwrap().clipped, "{x} in {affine:?}");
            }
            let quotient = 2.0 * end / steps;
            let ratio = affine.scale() / quotient;
            assert!((0.0..4.0 * f64::EPSILON).contains(&(ratio - 1.0)));
            larger += u32::from(affine.scale() > quotient);
        }
    }
    assert!(larger > 100, "{larger}");
}

/// `tests/data/exact_codes.csv`, see its README: codes that Python's rational arithmetic gives.
#[test]
fn codes_are_those_of_exact_arithmetic() {
    let mut cases = 0;
    for line in include_str!("data/exact_codes.csv").lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [x, scale, zero_point, max_code, code, clipped] = fields[..] else {
            panic!("{line}")
        };
        let affine = Affine::from_parts(
            scale.parse::<f64>().unwrap(),
            zero_point.parse().unwrap(),
            0,
            max_code.parse().unwrap(),
        );
        let q = affine.unwrap().quantize(x.parse().unwrap()).unwrap();
        assert_eq!(
            (q.code, q.clipped),
            (code.parse().unwrap(), clipped == "1"),
            "{line}"
        );
        cases += 1;
    }
    assert_eq!(cases, 600);
}

#[test]
fn errors_say_what_to_do() {
    let bits = BitWidth::new(8).unwrap();
    for (error, text) in [
        (
            BitWidth::new(17).unwrap_err(),
            "codes of 17 bits are not supported; choose 1 to 16 bits",
        ),
        (
            Affine::asymmetric(1.0, 0.0, bits).unwrap_err(),
            "the range [1, 0] is not one; both ends must be finite and min <= max",
        ),
        (
            Affine::<f64>::from_parts(1.0, -(1 << 30), 0, 255).unwrap_err(),
            "the range reaches 1073742079 steps from 0, the limit is 1073741824; subtract a constant from the data, widen the range or use fewer bits",
        ),
        (
            Affine::<f64>::from_parts(1e-310, 0, 0, 255).unwrap_err(),
            "the scale 1e-310 must be finite and at least 4.450147717014403e-308; if it is too small, multiply the data by a constant first",
        ),
        (
            Bins::new(&[1.0, 1.0]).map(|_| ()).unwrap_err(),
            "cut point 1 is not above cut point 0; sort the cut points and drop repeated ones",
        ),
        (
            QuantError::NoData,
            "there is no data to calibrate on; at least one value is needed",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
