//! Hidden linear models: the spec's parameters and the public key, read as `docs/wire-format.md` says.

use tenebra_client::hiding::{Hiding, MAX_ADVANTAGE_BITS, MAX_RESPONSES_LOG2};
use tenebra_client::linear::OwnedLinear;
use tenebra_client::{ClientError, ClientKey, ClientSpec, Kind, SpecError};
use tenebra_client::{OwnedScheme, OwnedSpec};

use crate::cases;
use crate::known_answers::payload;
use crate::reference::{Seeded, key_polynomials};

/// Bytes before the parameters: `p_fail`, inputs, outputs, scheme and length.
const HEAD: usize = 21;
/// Of a plan.
const PLAN: usize = 17;

fn scheme() -> OwnedLinear {
    match cases::hidden().spec.scheme {
        OwnedScheme::Linear(scheme) => scheme,
        _ => panic!("it is linear"),
    }
}

fn with(scheme: OwnedLinear) -> OwnedSpec {
    OwnedSpec {
        scheme: OwnedScheme::Linear(scheme),
        ..cases::hidden().spec
    }
}

#[test]
fn the_spec_says_how_a_model_is_hidden() {
    let OwnedLinear { plans, hiding } = scheme();
    let file = cases::hidden().spec.encode().unwrap();
    let spec = ClientSpec::parse(&file).unwrap();
    assert_eq!(spec.hiding(), hiding.as_ref());
    let bytes = spec.payload();
    let parameters = u8::try_from(4 + 2 * (PLAN + 1)).unwrap();
    assert_eq!(bytes[16..HEAD], [1, parameters, 0, 0, 0]);
    assert_eq!(bytes[HEAD..HEAD + 4], [1, 2, 1, 2]);
    let [first, second] = [HEAD + 4 + PLAN, HEAD + 5 + 2 * PLAN];
    assert_eq!([bytes[first], bytes[second]], [53, 54]);

    // But for that it is the spec of a model that is not hidden.
    let plain = with(OwnedLinear::plain(plans)).encode().unwrap();
    let plain = ClientSpec::parse(&plain).unwrap();
    assert_eq!(plain.hiding(), None);
    let mut without = bytes.to_vec();
    without.remove(second);
    without.remove(first);
    without.splice(HEAD..HEAD + 3, [0]);
    without[17] -= 4;
    assert_eq!(without, plain.payload());
}

#[test]
fn hiding_out_of_range_is_refused() {
    // Plans of `p = 8`: noise of at most `2^(62−8)`.
    let encoded = |hiding| {
        let hiding = Some(hiding);
        with(OwnedLinear { hiding, ..scheme() }).encode()
    };
    let refused = |hiding: Hiding| {
        let error = encoded(hiding).err();
        error == Some(SpecError::Malformed("hiding"))
    };
    let least = Hiding {
        responses_log2: 0,
        advantage_bits: 1,
        noise_bits: [1, 1],
    };
    let most = Hiding {
        responses_log2: MAX_RESPONSES_LOG2,
        advantage_bits: MAX_ADVANTAGE_BITS,
        noise_bits: [54, 54],
    };
    for sound in [least, most] {
        assert!(encoded(sound).is_ok());
    }
    for unsound in [
        Hiding {
            responses_log2: MAX_RESPONSES_LOG2 + 1,
            ..most
        },
        Hiding {
            advantage_bits: 0,
            ..most
        },
        Hiding {
            advantage_bits: MAX_ADVANTAGE_BITS + 1,
            ..most
        },
        Hiding {
            noise_bits: [55, 54],
            ..most
        },
        Hiding {
            noise_bits: [54, 255],
            ..most
        },
        Hiding {
            noise_bits: [54, 0],
            ..most
        },
    ] {
        assert!(refused(unsound), "{unsound:?}");
    }
}

/// `b − Σ_j A_j·S_j` is small in all coefficients of all ciphertexts, and not zero.
#[test]
fn a_public_key_holds_encryptions_of_zero() {
    let file = cases::hidden().spec.encode().unwrap();
    let spec = ClientSpec::parse(&file).unwrap();
    let key = ClientKey::generate(&spec, &mut cases::rng(1));
    let secret = payload(&spec, Kind::SecretKey, &key.to_secret_file(&spec));
    let public = spec.evaluation_key_file(&key, &mut cases::rng(2)).unwrap();
    let public = public.unwrap();
    assert_eq!(Some(public.len()), spec.evaluation_key_len());
    let mut public = &*payload(&spec, Kind::EvaluationKey, &public);
    let mut secret = &*secret;
    for layout in scheme().plans {
        let (k, size) = (
            usize::from(layout.glwe.glwe_dimension),
            usize::from(layout.glwe.polynomial_size),
        );
        let (its, others) = public.split_at(9 + 32 + 8 * k * size);
        let (its_secret, other_secrets) = secret.split_at(1 + k * size / 8);
        (public, secret) = (others, other_secrets);
        let seeded = Seeded {
            payload: its,
            seed_at: 9,
            ciphertexts: k,
            bodies: size,
            place: |body| body,
            body_bits: 64,
        };
        let bound = 1u64 << layout.glwe.noise_bound_log2;
        for phases in seeded.phases(&key_polynomials(layout.glwe, &its_secret[1..])) {
            let errors = phases.iter().map(|phase| phase.cast_signed());
            let largest = errors.map(i64::unsigned_abs).max().unwrap();
            assert!(
                (bound / 2..=bound).contains(&largest),
                "noise up to {largest} of {bound}"
            );
        }
    }
    assert!(public.is_empty() && secret.is_empty());
}

#[test]
fn a_model_that_is_not_hidden_has_no_public_key() {
    let file = cases::classes().spec.encode().unwrap();
    let spec = ClientSpec::parse(&file).unwrap();
    let key = ClientKey::generate(&spec, &mut cases::rng(1));
    assert_eq!(spec.evaluation_key_len(), None);
    let mut scratch = vec![0; spec.evaluation_key_scratch_len()];
    let written = spec.write_evaluation_key(&key, &mut cases::rng(2), &mut scratch, |_| {
        Ok::<_, ClientError>(())
    });
    assert!(written.is_err());
}
