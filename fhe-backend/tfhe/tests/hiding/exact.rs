//! Exactness, refusals, and what the planner says.

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{CircuitBuilder, Hide, Interval, Options, Table, Verified, verify};
use tenebra_client::OwnedScheme;
use tenebra_client::{ClientSpec, FrameError};
use tenebra_tfhe::{EvaluateError, PlanError, Program};

use crate::parties::{circuit, keys, plan, spec};

fn random(features: usize, outputs: usize, magnitude: i64, rng: &mut ChaCha20Rng) -> Verified {
    let mut draw = |most: i64| i64::from(rng.next_u32()) % (2 * most + 1) - most;
    let weights: Vec<Vec<i64>> = (0..outputs)
        .map(|_| (0..features).map(|_| draw(magnitude)).collect())
        .collect();
    let bias: Vec<i64> = (0..outputs).map(|_| draw(1000)).collect();
    circuit(&weights, &bias)
}

fn hidden(rows: usize, responses_log2: u8, advantage_bits: u8) -> Options {
    Options {
        rows,
        hide: Some(Hide {
            responses_log2,
            advantage_bits,
        }),
        ..Options::default()
    }
}

/// Rows of least codes, of greatest and of random ones, through a program that was read from the spec.
fn check(circuit: &Verified, options: &Options, rows: usize, rng: &mut ChaCha20Rng) {
    let (planned, file) = plan(circuit, options);
    let spec = ClientSpec::parse(&file).unwrap();
    let program = Program::for_spec(circuit, &spec).unwrap();
    let (key, public) = keys(&program, &spec, rng);
    let features = circuit.input_ranges().len();
    for rows in [1, rows.min(spec.max_rows())] {
        let codes: Vec<i64> = (0..rows * features)
            .map(|at| match at / features {
                1 => 0,
                2 => 255,
                _ => i64::from(rng.next_u32() % 256),
            })
            .collect();
        let query = spec.encrypt_codes(&key, &codes, rng).unwrap();
        let response = program
            .evaluate(spec.id(), public.as_ref(), &query)
            .unwrap();
        let got = spec.decrypt_rows(&key, &response).unwrap();
        let want: Vec<Vec<i64>> = codes
            .chunks(features)
            .map(|row| tenebra_sim::run(circuit, row).unwrap())
            .collect();
        assert_eq!(got, want, "{:?}", planned.report());
    }
}

#[test]
fn shapes_of_real_models_are_exact_when_hidden() {
    let mut rng = ChaCha20Rng::from_seed([31; 32]);
    for (features, outputs, rows) in [
        (1, 1, 1),
        (30, 1, 60),
        (64, 10, 5),
        (13, 3, 50),
        (700, 4, 1),
    ] {
        let circuit = random(features, outputs, 127, &mut rng);
        check(&circuit, &hidden(rows, 20, 8), rows, &mut rng);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_hidden_shape_is_exact(
        features in 1usize..100, outputs in 1usize..8, rows in 1usize..12, weight in 1i64..100,
        responses_log2 in 0u8..=24, advantage_bits in 1u8..=10, seed in any::<u64>(),
    ) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let circuit = random(features, outputs, weight, &mut rng);
        check(&circuit, &hidden(rows, responses_log2, advantage_bits), rows, &mut rng);
    }
}

/// The noise that hides covers the shifts as the bound says, and leaves room for the other noise.
#[test]
fn plans_keep_what_they_promise() {
    let mut rng = ChaCha20Rng::from_seed([32; 32]);
    let circuit = random(30, 1, 127, &mut rng);
    for (responses_log2, advantage_bits) in [(0, 1), (10, 10), (20, 16), (30, 10)] {
        let options = hidden(1, responses_log2, advantage_bits);
        let program = Program::prepare(&circuit, &options).unwrap();
        let plan = &program.report()[0];
        let hidden = plan.hidden.unwrap();
        assert!(plan.p_fail_log2 <= -128.0, "{}", plan.p_fail_log2);
        let layout = program.layouts().next().unwrap();
        let input = tenebra_tfhe::noise::input_variance(layout);
        let zero = layout.glwe().dimension() as f64
            * tenebra_tfhe::noise::tuniform_variance(layout.glwe().noise_bound_log2());
        let norm: f64 = weights_norm(&circuit);
        let shift = (norm * input + zero).sqrt();
        let queries = f64::from(responses_log2).exp2();
        let advantage = (10.0 * queries).sqrt() * shift / hidden.bound();
        assert!(advantage <= f64::from(-i32::from(advantage_bits)).exp2());
        // No more than a bit is wasted.
        assert!(advantage * 2.0 > f64::from(-i32::from(advantage_bits)).exp2());
        let half_step = f64::from(63 - layout.layout().plaintext_bits).exp2();
        assert!(hidden.bound() * 2.0 <= half_step);
    }
}

fn weights_norm(circuit: &Verified) -> f64 {
    let form = tenebra_circuit::linear_form(circuit).unwrap();
    form.weights
        .row(0)
        .map(|(_, weight)| (weight as f64).powi(2))
        .sum()
}

#[test]
fn what_cannot_be_hidden_is_refused_with_the_way_out() {
    let mut rng = ChaCha20Rng::from_seed([33; 32]);
    let circuit = random(30, 1, 127, &mut rng);
    let error = Program::prepare(&circuit, &hidden(1, 40, 20)).unwrap_err();
    let PlanError::HiddenTooWide {
        needed_bits,
        fitting_bits,
        fitting_responses_log2: Some(fitting),
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!(fitting_bits < needed_bits);
    assert!(Program::prepare(&circuit, &hidden(1, fitting, 20)).is_ok());
    assert!(Program::prepare(&circuit, &hidden(1, fitting + 1, 20)).is_err());

    let error = Program::prepare(&circuit, &hidden(1, 0, 64)).unwrap_err();
    assert!(
        error.to_string().contains("allow a larger advantage"),
        "{error}"
    );
    for (responses_log2, advantage_bits) in [(41, 10), (10, 0), (10, 65)] {
        let error = Program::prepare(&circuit, &hidden(1, responses_log2, advantage_bits));
        assert!(matches!(error, Err(PlanError::HideRange { .. })));
    }

    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 255)]);
    let values = (0..256).map(|x| x * x % 16).collect();
    let y = builder.lookup(x, vec![Table { min: 0, values }]);
    builder.output("y", y);
    let tables = verify(&builder.finish()).unwrap();
    let error = Program::prepare(&tables, &hidden(1, 10, 10)).unwrap_err();
    assert_eq!(error, PlanError::NotHideable);
}

#[test]
fn nothing_is_evaluated_without_the_clients_public_key() {
    let mut rng = ChaCha20Rng::from_seed([34; 32]);
    let circuit = random(5, 2, 20, &mut rng);
    let (program, file) = plan(&circuit, &hidden(4, 10, 10));
    let spec = ClientSpec::parse(&file).unwrap();
    let (key, public) = keys(&program, &spec, &mut rng);
    let query = spec
        .encrypt_codes(&key, &[1, 2, 3, 4, 5], &mut rng)
        .unwrap();
    let evaluate = |key| program.evaluate(spec.id(), key, &query);
    assert_eq!(evaluate(None), Err(EvaluateError::NoEvaluationKey));
    let (_, other) = keys(&program, &spec, &mut rng);
    let foreign = evaluate(other.as_ref());
    let refused = matches!(foreign, Err(EvaluateError::Frame(FrameError::Key { .. })));
    assert!(refused, "{foreign:?}");
    // The same query twice has two responses that decrypt alike.
    let responses = [(); 2].map(|()| evaluate(public.as_ref()).unwrap());
    assert_ne!(responses[0], responses[1]);
    let integers = responses.map(|response| spec.decrypt_rows(&key, &response).unwrap());
    assert_eq!(integers[0], integers[1]);
    for bytes in [0, 31, 32 + 8 * 4096] {
        let key = program.prepare_key_payload(tenebra_client::KeyTag::NONE, &vec![0; bytes]);
        assert_eq!(key.err(), Some(EvaluateError::EvaluationKey));
    }
}

/// A spec whose noise is too small for its promise is no spec of this model.
#[test]
fn a_server_refuses_a_spec_that_hides_too_little() {
    let mut rng = ChaCha20Rng::from_seed([35; 32]);
    let circuit = random(5, 1, 20, &mut rng);
    let (program, _) = plan(&circuit, &hidden(1, 10, 10));
    let OwnedScheme::Linear(mut scheme) = program.spec_scheme() else {
        panic!("it is linear")
    };
    scheme.hiding.as_mut().unwrap().noise_bits[0] -= 1;
    let file = spec(&circuit, OwnedScheme::Linear(scheme), -128.0);
    let error = Program::for_spec(&circuit, &ClientSpec::parse(&file).unwrap()).unwrap_err();
    assert!(matches!(error, PlanError::Layout { .. }), "{error}");
}
