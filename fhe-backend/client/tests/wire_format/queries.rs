//! What the ciphertexts of the known queries hold, seen with the key: every message in its place, noise within its bound.

use tenebra_client::spec::OwnedScheme;
use tenebra_client::{ClientSpec, Kind};

use crate::cases::{self, Case};
use crate::known_answers::{payload, read};
use crate::reference::{key_polynomials, phases};

/// Spec, secret key and first query of a case; the last two without their frames.
fn files(case: &Case) -> (Vec<u8>, Vec<u8>) {
    let spec_file = read(case.name, "client.tnb");
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let secret = payload(&spec, Kind::SecretKey, &read(case.name, "secret.tnb"));
    let query = format!("{}.query.tnb", case.queries[0].name);
    (
        secret,
        payload(&spec, Kind::Query, &read(case.name, &query)),
    )
}

/// Fresh noise and the rounding of bodies together.
fn bound(noise_bound_log2: u8, body_bits: u8) -> u64 {
    (1 << noise_bound_log2) + (1 << (63 - body_bits))
}

fn check(phases: &[Vec<u64>], messages: &[Vec<u64>], bound: u64) {
    assert_eq!(phases.len(), messages.len());
    for (index, (phases, messages)) in phases.iter().zip(messages).enumerate() {
        assert_eq!(phases.len(), messages.len(), "ciphertext {index}");
        for (at, (phase, message)) in phases.iter().zip(messages).enumerate() {
            let error = phase.wrapping_sub(*message).cast_signed().unsigned_abs();
            assert!(
                error <= bound,
                "ciphertext {index}, coefficient {at}: noise {error:#x} above {bound:#x}"
            );
        }
    }
}

#[test]
fn a_linear_query_holds_codes_and_zeros() {
    // classes, plan 0: F = 3, g = 2, two blocks: codes from coefficient (g − 1)·F = 3 on in a zone of (r·g + g − 1)·F = 9.
    let case = cases::classes();
    let OwnedScheme::Linear(plans) = &case.spec.scheme else {
        panic!()
    };
    let plan = &plans[0];
    let (secret, query) = files(&case);
    let key = key_polynomials(plan.glwe, &secret);
    let phases = phases(&query, &key, (2, 9), plan.body_bits);
    let message = |code: i64| code.cast_unsigned() << (64 - plan.plaintext_bits);
    let messages = [[0, 0, 0, -2, 8, 2, 0, 0, 0], [0, 0, 0, 0, 7, 0, 0, 0, 0]]
        .map(|block| block.map(message).to_vec());
    check(
        &phases,
        &messages,
        bound(plan.glwe.noise_bound_log2, plan.body_bits),
    );
}

#[test]
fn a_branching_query_holds_ggsw_ciphertexts_of_bits() {
    // forest: code 2 counted from −1 is 3, bits 1 and 1; code 0 is bit 0. B = 2^3: levels at 2^61 and 2^58.
    let case = cases::forest();
    let OwnedScheme::Branching(branching) = &case.spec.scheme else {
        panic!()
    };
    let layout = &branching.layout;
    let (secret, query) = files(&case);
    let key = key_polynomials(layout.glwe, &secret);
    let mut messages = Vec::new();
    for bit in [1u64, 1, 0] {
        for level in [61, 58] {
            for polynomial in &key {
                let scaled = |s: &i64| (bit << level).wrapping_mul((-s).cast_unsigned());
                messages.push(polynomial.iter().map(scaled).collect());
            }
            let mut constant = vec![0; 64];
            constant[0] = bit << level;
            messages.push(constant);
        }
    }
    let phases = phases(&query, &key, (3 * 2 * 9, 64), layout.body_bits);
    check(
        &phases,
        &messages,
        bound(layout.glwe.noise_bound_log2, layout.body_bits),
    );
}
