//! Steps of preprocessing before the inputs of a client spec.

use tenebra_client::spec::{ClientSpec, OwnedSpec, SpecError};
use tenebra_quant::{Other, QuantError, RowStep};

use super::cases::single;

fn every_step() -> Vec<RowStep<Vec<f64>>> {
    let (from, list) = (0, vec![-1.5, 0.0, 2.0]);
    vec![
        RowStep::Affine {
            from,
            center: 1.0,
            scale: 0.5,
        },
        RowStep::Fill {
            from: 1,
            value: 3.0,
        },
        RowStep::Clip {
            from: 2,
            min: -1.0,
            max: 4.0,
        },
        RowStep::IsMissing { from: 1 },
        RowStep::Equals { from, value: 2.0 },
        RowStep::Code {
            from,
            categories: list.clone(),
            unknown: Other::Value(-1.0),
            missing: Other::Missing,
        },
        RowStep::Bins {
            from,
            cuts: list.clone(),
        },
        RowStep::Quantiles {
            from,
            quantiles: list,
            normal: true,
        },
        RowStep::Power { from, lambda: 0.25 },
        RowStep::Product { left: 2, right: 3 },
        RowStep::Constant { value: 1.0 },
        RowStep::Dot {
            first: 2,
            weights: vec![0.5; 11],
        },
    ]
}

/// The two features of the example become the last two values.
fn spec(steps: Vec<RowStep<Vec<f64>>>) -> OwnedSpec {
    let mut spec = single().spec;
    let last = 2 + steps.len();
    for (at, input) in (1..).zip(&mut spec.interface.inputs) {
        input.column = last - at;
    }
    spec.interface.steps = steps;
    spec
}

#[test]
fn steps_read_back_and_give_the_same_values_to_the_bit() {
    let steps = every_step();
    let bytes = spec(steps.clone()).encode().unwrap();
    let parsed = ClientSpec::parse(&bytes).unwrap();
    assert_eq!(parsed.steps().count(), steps.len());
    for row in [[2.0, f64::NAN], [0.3, -7.5], [-2.25, 1e-3]] {
        let mut owned = vec![0.0; 2 + steps.len()];
        owned[..2].copy_from_slice(&row);
        tenebra_quant::run_steps(steps.iter(), 2, &mut owned).unwrap();
        let mut read = vec![0.0; parsed.values_len()];
        parsed.run_steps(&row, &mut read).unwrap();
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&owned), bits(&read));
        let (mut codes, mut again) = ([0; 2], [0; 2]);
        let clipped = parsed.quantize_with(&row, &mut read, &mut codes).unwrap();
        assert_eq!(parsed.quantize(&row, &mut again).unwrap(), clipped);
        assert_eq!(codes, again);
        for (code, input) in codes.iter().zip(parsed.inputs()) {
            let quantized = input.quantize(owned[input.column]).unwrap();
            assert_eq!(*code, i64::from(quantized.code));
        }
    }
}

#[test]
fn a_value_that_a_step_refuses_is_one_of_its_column() {
    let steps = vec![
        RowStep::Affine {
            from: 1,
            center: 1.0,
            scale: 1.0,
        },
        RowStep::Code {
            from: 2,
            categories: vec![0.0, 1.0],
            unknown: Other::Refuse,
            missing: Other::Refuse,
        },
    ];
    let bytes = spec(steps).encode().unwrap();
    let parsed = ClientSpec::parse(&bytes).unwrap();
    assert_eq!(parsed.quantize(&[0.0, 2.0], &mut [0; 2]), Ok(0));
    let error = parsed.quantize(&[0.0, 9.0], &mut [0; 2]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("column 2 (counted from 1): 8 is none"),
        "{error}"
    );
}

#[test]
fn hostile_steps_are_refused() {
    for step in [
        RowStep::IsMissing { from: 2 },
        RowStep::Affine {
            from: 0,
            center: 0.0,
            scale: 0.0,
        },
        RowStep::Dot {
            first: 1,
            weights: vec![1.0, 1.0],
        },
        RowStep::Bins {
            from: 0,
            cuts: vec![1.0, f64::NAN],
        },
    ] {
        let error = spec(vec![step.clone(), step]).encode().unwrap_err();
        let step = matches!(
            error,
            SpecError::Step {
                step: 0,
                source: QuantError::Step { .. }
            }
        );
        assert!(step, "{error}");
    }
    let bytes = spec(every_step()).encode().unwrap();
    let payload = ClientSpec::parse(&bytes).unwrap().payload().to_vec();
    for end in 0..payload.len() {
        assert!(ClientSpec::parse_payload(&payload[..end]).is_err(), "{end}");
    }
    // What differs first from a spec without steps is the length of the block; its version stands behind that.
    let without = spec(Vec::new()).encode().unwrap();
    let without = ClientSpec::parse(&without).unwrap().payload().to_vec();
    let pairs = payload.iter().zip(&without);
    let length = pairs.take_while(|(a, b)| a == b).count();
    let mut other = payload.clone();
    other[length + 4] = 2;
    let found = ClientSpec::parse_payload(&other).map(drop);
    assert_eq!(found, Err(SpecError::UnknownPreprocessing(2)));
    let mut longer = payload;
    longer[length] = longer[length].wrapping_add(1);
    assert!(ClientSpec::parse_payload(&longer).is_err());
}
