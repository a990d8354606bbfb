use super::*;
use alloc::vec;
use alloc::vec::Vec;

type Step = RowStep<Vec<f64>>;

fn one(step: &Step, x: f64) -> Result<f64, QuantError> {
    step.check(1).expect("a sound step");
    step.evaluate(&[x])
}

#[test]
fn functions_of_one_value_by_hand() {
    let nan = f64::NAN;
    let code = |unknown, missing| Step::Code {
        from: 0,
        categories: vec![-1.0, 2.0],
        unknown,
        missing,
    };
    let quantiles = |quantiles: &[f64]| Step::Quantiles {
        from: 0,
        quantiles: quantiles.to_vec(),
        normal: false,
    };
    let (from, value) = (0, 3.0);
    for (step, x, expected) in [
        // (5 - 1) / 2
        (
            Step::Affine {
                from,
                center: 1.0,
                scale: 2.0,
            },
            5.0,
            2.0,
        ),
        (
            Step::Affine {
                from,
                center: 1.0,
                scale: 2.0,
            },
            nan,
            nan,
        ),
        (Step::Fill { from, value }, nan, 3.0),
        (Step::Fill { from, value }, 1.0, 1.0),
        (
            Step::Clip {
                from,
                min: 0.0,
                max: 1.0,
            },
            -2.0,
            0.0,
        ),
        (
            Step::Clip {
                from,
                min: 0.0,
                max: 1.0,
            },
            9.0,
            1.0,
        ),
        (
            Step::Clip {
                from,
                min: 0.0,
                max: 1.0,
            },
            nan,
            nan,
        ),
        (Step::IsMissing { from }, nan, 1.0),
        (Step::IsMissing { from }, 0.0, 0.0),
        (Step::Equals { from, value }, 3.0, 1.0),
        (Step::Equals { from, value }, nan, 0.0),
        (code(Other::Refuse, Other::Refuse), 2.0, 1.0),
        (code(Other::Value(-1.0), Other::Refuse), 0.0, -1.0),
        (code(Other::Missing, Other::Refuse), 0.0, nan),
        (code(Other::Refuse, Other::Value(2.0)), nan, 2.0),
        (
            Step::Bins {
                from,
                cuts: vec![0.0, 1.0],
            },
            1.0,
            2.0,
        ),
        (
            Step::Bins {
                from,
                cuts: vec![0.0, 1.0],
            },
            nan,
            nan,
        ),
        // Half way between the quantiles of 0 and 1/2; the middle of the shares 1/3 and 2/3; the ends.
        (quantiles(&[0.0, 1.0, 3.0]), 0.5, 0.25),
        (quantiles(&[0.0, 1.0, 1.0, 3.0]), 1.0, 0.5),
        (quantiles(&[0.0, 1.0]), -5.0, 0.0),
        (quantiles(&[0.0, 1.0]), 5.0, 1.0),
        (quantiles(&[2.0]), 2.0, 0.0),
        // ((3 + 1)^(1/2) - 1) / (1/2) and, below 0, -((1 + 1)^(2 - 1/2) - 1) / (3/2).
        (Step::Power { from, lambda: 0.5 }, 3.0, 2.0),
        (
            Step::Power { from, lambda: 0.5 },
            -1.0,
            -1.218_951_416_497_460_2,
        ),
        (
            Step::Power { from, lambda: 0.0 },
            1.0,
            core::f64::consts::LN_2,
        ),
    ] {
        let found = one(&step, x).expect("a value");
        let same = found.is_nan() && expected.is_nan() || (found - expected).abs() < 1e-15;
        assert!(same, "{step:?} of {x}: {found}, not {expected}");
    }
}

#[test]
fn the_normal_quantile_is_that_of_tables() {
    // scipy.special.ndtri of 0.5, 0.975, 1e-7 - 2^-52 and 0.9999.
    for (share, expected) in [
        (0.5, 0.0),
        (0.975, 1.959_963_984_540_054),
        (0.9999, 3.719_016_485_455_680_6),
        (0.0, -5.199_337_582_605_575),
    ] {
        let quantiles = vec![0.0, 1.0];
        let step = Step::Quantiles {
            from: 0,
            quantiles,
            normal: true,
        };
        let found = one(&step, share).expect("a value");
        assert!((found - expected).abs() < 1e-12, "{share}: {found}");
    }
}

fn share(quantiles: &[f64], normal: bool, x: f64) -> f64 {
    let step = Step::Quantiles {
        from: 0,
        quantiles: quantiles.to_vec(),
        normal,
    };
    one(&step, x).expect("a value")
}

/// `Φ(x) = erfc(-x/√2)/2` is the share again, of every size, and what lies as far from the middle is as far from 0.
#[test]
fn the_normal_quantile_is_the_inverse_of_the_distribution() {
    let least = 1e-7 - f64::EPSILON;
    for part in 0..=2000 {
        let part = f64::from(part) / 2000.0;
        for below in [part, libm::exp2(-23.2 * part)] {
            let x = share(&[0.0, 1.0], true, below);
            let again = libm::erfc(-x / core::f64::consts::SQRT_2) / 2.0;
            let wanted = below.clamp(least, 1.0 - least);
            assert!((again / wanted - 1.0).abs() < 1e-12, "{below}: {x}");
            let mirrored = share(&[0.0, 1.0], true, 1.0 - below);
            assert!((mirrored + x).abs() < 1e-8, "{below}: {x}, {mirrored}");
        }
    }
}

/// Quantile `i` of `n` has the share `i/(n - 1)`, equal ones the middle of theirs, and between two it grows evenly.
#[test]
fn shares_grow_evenly_from_quantile_to_quantile() {
    let quantiles = [-2.0, -1.0, -1.0, -1.0, 0.5, 3.0, 3.0];
    let of = |x: f64| share(&quantiles, false, x);
    for (x, sixths) in [(-2.0, 0.0), (-1.0, 2.0), (0.5, 4.0), (3.0, 6.0)] {
        assert!((of(x) - sixths / 6.0).abs() < 1e-15, "{x}");
    }
    for (low, high, sixths) in [(-2.0, -1.0, 0.0), (-1.0, 0.5, 3.0), (0.5, 3.0, 4.0)] {
        for part in 1..100 {
            let part = f64::from(part) / 100.0;
            let found = of(low + part * (high - low));
            assert!((found - (sixths + part) / 6.0).abs() < 1e-14, "{part}");
        }
    }
    // Ends are what is within 1e-7 of them, for the normal distribution alone.
    let normal = |x: f64| share(&quantiles, true, x);
    assert!(normal(-2.0 + 0.9e-7) == normal(-2.0) && normal(-2.0 + 1.1e-6) > normal(-2.0));
    assert!(normal(3.0 - 0.9e-7) == normal(3.0) && normal(3.0 - 1e-3) < normal(3.0));
    assert!(of(-2.0 + 0.9e-7) > 0.0 && of(3.0 - 0.9e-7) < 1.0);
}

#[test]
fn lists_are_the_same_wherever_they_are() {
    let numbers = [0.5, 2.0, 4.0];
    let step = RowStep::Bins {
        from: 0,
        cuts: numbers.as_slice(),
    };
    for (x, bin) in [(0.0, 0.0), (0.5, 1.0), (3.0, 2.0), (4.0, 3.0)] {
        assert_eq!(step.evaluate(&[x]), Ok(bin));
    }
    let point = Step::Clip {
        from: 0,
        min: 1.0,
        max: 1.0,
    };
    assert_eq!(one(&point, 7.0), Ok(1.0));
}

#[test]
fn steps_read_columns_and_earlier_steps() {
    let steps = vec![
        Step::Product { left: 0, right: 1 },
        Step::Constant { value: 1.0 },
        // 2 + 10 * 3 + 100 * 6 + 1000
        Step::Dot {
            first: 0,
            weights: vec![1.0, 10.0, 100.0, 1000.0],
        },
    ];
    let mut values = [2.0, 3.0, 0.0, 0.0, 0.0];
    run_steps(steps.into_iter(), 2, &mut values).expect("sound");
    assert_eq!(values, [2.0, 3.0, 6.0, 1.0, 1632.0]);
}

#[test]
fn what_has_no_value_is_an_error() {
    let categories = vec![1.0];
    let (unknown, missing) = (Other::Refuse, Other::Refuse);
    let code = Step::Code {
        from: 0,
        categories,
        unknown,
        missing,
    };
    assert_eq!(
        one(&code, 2.0),
        Err(QuantError::UnknownCategory { value: 2.0 })
    );
    assert!(one(&code, f64::NAN).is_err());
    for step in [
        Step::Clip {
            from: 0,
            min: 0.0,
            max: 1.0,
        },
        Step::Dot {
            first: 0,
            weights: vec![1.0],
        },
        Step::Product { left: 0, right: 0 },
    ] {
        assert!(one(&step, f64::INFINITY).is_err(), "{step:?}");
    }
    let steps = vec![Step::Constant { value: 0.0 }, code];
    let error = run_steps(steps.into_iter(), 1, &mut [2.0, 0.0, 0.0]);
    assert_eq!(error, Err((1, QuantError::UnknownCategory { value: 2.0 })));
}

#[test]
fn hostile_steps_are_refused() {
    let (from, nan) = (0, f64::NAN);
    let (unknown, missing) = (Other::Refuse, Other::Refuse);
    for step in [
        Step::IsMissing { from: 1 },
        Step::Dot {
            first: 0,
            weights: vec![1.0, 2.0],
        },
        Step::Dot {
            first: usize::MAX,
            weights: vec![1.0, 2.0],
        },
        Step::Dot {
            first: 0,
            weights: vec![],
        },
        Step::Dot {
            first: 0,
            weights: vec![nan],
        },
        Step::Product { left: 0, right: 1 },
        Step::Affine {
            from,
            center: 0.0,
            scale: 0.0,
        },
        Step::Affine {
            from,
            center: nan,
            scale: 1.0,
        },
        Step::Affine {
            from,
            center: 0.0,
            scale: f64::INFINITY,
        },
        Step::Fill { from, value: nan },
        Step::Clip {
            from,
            min: 1.0,
            max: 0.0,
        },
        Step::Clip {
            from,
            min: nan,
            max: 0.0,
        },
        Step::Code {
            from,
            categories: vec![1.0, 1.0],
            unknown,
            missing,
        },
        Step::Code {
            from,
            categories: vec![],
            unknown: Other::Value(nan),
            missing,
        },
        Step::Bins {
            from,
            cuts: vec![1.0, 0.0],
        },
        Step::Bins {
            from,
            cuts: vec![1.0, 1.0],
        },
        Step::Quantiles {
            from,
            quantiles: vec![],
            normal: false,
        },
        Step::Quantiles {
            from,
            quantiles: vec![1.0, 0.0],
            normal: false,
        },
        Step::Power { from, lambda: nan },
        Step::Constant { value: nan },
    ] {
        assert!(
            matches!(step.check(1), Err(QuantError::Step { .. })),
            "{step:?}"
        );
    }
}
