//! What the known ciphertexts hold, seen with the key: every message in its place, noise within its bound.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_client::OwnedScheme;
use tenebra_client::branching::BranchingLayout;
use tenebra_client::linear::OwnedLinear;
use tenebra_client::random::MASK_SEED_LEN;
use tenebra_client::{ClientSpec, Kind, SecretKey};

use crate::cases::{self, Case};
use crate::known_answers::{of_query, payload, read};
use crate::reference::{QUERY_HEAD, Seeded, common_masks, key_polynomials, row_secret};

/// The payload of a file of a case.
fn file(case: &Case, kind: Kind, name: &str) -> Vec<u8> {
    let spec_file = read(case.name, "client.tnb");
    let spec = ClientSpec::parse(&spec_file).unwrap();
    payload(&spec, kind, &read(case.name, name))
}

/// Checks that the ciphertexts hold `messages`, up to fresh noise and the rounding of bodies.
fn check(ciphertexts: &Seeded<'_>, key: &[Vec<i64>], noise_bound_log2: u8, messages: &[Vec<u64>]) {
    let bound = (1u64 << noise_bound_log2) + (1 << (63 - ciphertexts.body_bits));
    let phases = ciphertexts.phases(key);
    assert_eq!(phases.len(), messages.len());
    for (index, (phases, messages)) in phases.iter().zip(messages).enumerate() {
        assert_eq!(phases.len(), messages.len(), "ciphertext {index}");
        for (at, (phase, message)) in phases.iter().zip(messages).enumerate() {
            let error = phase.wrapping_sub(*message).cast_signed().unsigned_abs();
            assert!(
                error <= bound,
                "ciphertext {index}, body {at}: noise {error:#x} above {bound:#x}"
            );
        }
    }
}

#[test]
fn a_linear_query_holds_codes_and_zeros() {
    // classes, plan 0: F = 3, g = 2, two blocks: codes from coefficient (g − 1)·F = 3 on in a zone of (r·g + g − 1)·F = 9.
    let case = cases::classes();
    let OwnedScheme::Linear(OwnedLinear { plans, .. }) = &case.spec.scheme else {
        panic!("{} is linear", case.name)
    };
    let plan = &plans[0];
    let query = Seeded {
        payload: &file(&case, Kind::Query, "row.query.tnb"),
        seed_at: 3,
        ciphertexts: 2,
        bodies: 9,
        place: |body| body,
        body_bits: plan.body_bits,
    };
    let key = key_polynomials(plan.glwe, &file(&case, Kind::SecretKey, "secret.tnb")[1..]);
    let message = |code: i64| code.cast_unsigned() << (64 - plan.plaintext_bits);
    let messages = [[0, 0, 0, -2, 8, 2, 0, 0, 0], [0, 0, 0, 0, 7, 0, 0, 0, 0]];
    let messages = messages.map(|block| block.map(message).to_vec());
    check(&query, &key, plan.glwe.noise_bound_log2, &messages);
}

/// The bits of the queries of `forest` and `packed`: code 2 counted from −1 is 3, bits 1 and 1; code 0 is bit 0.
const BITS: [u64; 3] = [1, 1, 0];

fn layout(case: &Case) -> &BranchingLayout {
    match &case.spec.scheme {
        OwnedScheme::Branching(branching) => &branching.layout,
        OwnedScheme::Network(network) => &network.layout.branching,
        _ => panic!("{} is not on encrypted bits", case.name),
    }
}

/// Direct queries: of each bit, and each level, the keys' polynomials and the constant.
fn holds_ggsw_ciphertexts(case: &Case) {
    let layout = layout(case);
    let mut payload = file(case, Kind::Query, "row.query.tnb");
    let secret = file(case, Kind::SecretKey, "secret.tnb");
    let (secret, prefix) = of_query(case, &secret, &payload);
    let key = key_polynomials(layout.glwe, &secret);
    if prefix == QUERY_HEAD {
        payload[3..prefix].copy_from_slice(&common_masks(layout));
    }
    let size = usize::from(layout.glwe.polynomial_size);
    let mut messages = Vec::new();
    for bit in BITS {
        // B = 2^3: the levels are 2^61 and 2^58.
        for level in [61, 58] {
            for polynomial in &key {
                let scaled = |s: &i64| (bit << level).wrapping_mul((-s).cast_unsigned());
                messages.push(polynomial.iter().map(scaled).collect());
            }
            let mut constant = vec![0; size];
            constant[0] = bit << level;
            messages.push(constant);
        }
    }
    let query = Seeded {
        payload: &payload,
        seed_at: 3,
        ciphertexts: 3 * 2 * (key.len() + 1),
        bodies: size,
        place: |body| body,
        body_bits: layout.body_bits,
    };
    check(&query, &key, layout.glwe.noise_bound_log2, &messages);
}

#[test]
fn a_direct_query_holds_ggsw_ciphertexts_of_bits() {
    holds_ggsw_ciphertexts(&cases::forest());
    holds_ggsw_ciphertexts(&cases::network());
}

/// The key of packed queries and evaluation keys: −1 and 1 for 0 and 1.
fn signs(case: &Case) -> Vec<Vec<i64>> {
    signs_of_row(case, 0)
}

/// That of a row of a query of several.
fn signs_of_row(case: &Case, row: u64) -> Vec<Vec<i64>> {
    let (secret, glwe) = (file(case, Kind::SecretKey, "secret.tnb"), layout(case).glwe);
    let mut key = key_polynomials(glwe, &row_secret(glwe, &secret[1..], row));
    let bits = key.iter_mut().flatten();
    bits.for_each(|bit| *bit = 2 * *bit - 1);
    key
}

#[test]
fn a_packed_query_holds_bits_in_slots() {
    // Six slots of eight, 512 / 8 coefficients apart, three bits in reverse; the levels are 2^61 and 2^58, less the factor 8.
    let case = cases::packed();
    let layout = layout(&case);
    let key = signs(&case);
    let query = Seeded {
        payload: &file(&case, Kind::Query, "row.query.tnb"),
        seed_at: 3,
        ciphertexts: 1,
        bodies: 6,
        place: |slot| [0, 4, 2, 6, 1, 5][slot] * 64,
        body_bits: layout.body_bits,
    };
    let slots = BITS.iter().flat_map(|bit| [bit << 58, bit << 55]).collect();
    check(&query, &key, layout.glwe.noise_bound_log2, &[slots]);
}

/// A row's three bits: two of two levels are four slots, a stride of 512 / 4; the third is in a ciphertext of its own. All masks come from one stream,
/// all bodies are in one bit stream; the levels are 2^61 and 2^58, less the factor 4.
fn holds_two_ciphertexts(case: &Case, payload: &[u8], key: &[Vec<i64>], bits: [u64; 3]) {
    let layout = layout(case);
    let query = Seeded {
        payload,
        seed_at: 3,
        ciphertexts: 2,
        bodies: 4,
        place: |slot| [0, 2, 1, 3][slot] * 128,
        body_bits: layout.body_bits,
    };
    let slots = |bits: &[u64]| -> Vec<u64> {
        let slots = bits.iter().flat_map(|bit| [bit << 59, bit << 56]);
        slots.collect()
    };
    let messages = [slots(&bits[..2]), slots(&bits[2..])];
    check(&query, key, layout.glwe.noise_bound_log2, &messages);
}

#[test]
fn a_packed_query_of_a_network_holds_bits_in_slots_of_several_ciphertexts() {
    let case = cases::network_packed();
    let query = file(&case, Kind::Query, "row.query.tnb");
    holds_two_ciphertexts(&case, &query, &signs(&case), BITS);
}

/// The masks of both rows are the same, the keys are not; a row's bodies end with a byte.
#[test]
fn rows_of_a_packed_query_have_masks_in_common_and_a_key_each() {
    let case = cases::rows();
    let query = file(&case, Kind::Query, "rows.query.tnb");
    assert_eq!(query[..3], [0, 2, 0]);
    let (head, bodies) = query.split_at(QUERY_HEAD);
    // Six bodies of 20 bits.
    assert_eq!(bodies.len(), 2 * 15);
    // Codes 2 and 0, counted from −1 and 0: 3 and 0; 1 and 1: 2 and 1.
    for ((row, bits), bodies) in (0..).zip([BITS, [0, 1, 1]]).zip(bodies.chunks_exact(15)) {
        let payload = [head, bodies].concat();
        holds_two_ciphertexts(&case, &payload, &signs_of_row(&case, row), bits);
    }
}

#[test]
fn an_evaluation_key_switches_automorphisms_and_the_scheme() {
    let cases = [
        cases::packed(),
        cases::rows(),
        cases::network(),
        cases::network_packed(),
    ];
    for case in &cases {
        (0..layout(case).max_rows.into()).for_each(|row| switches(case, row));
    }
}

/// For a row: the masks are the same for all.
fn switches(case: &Case, row: usize) {
    let layout = layout(case);
    let key = signs_of_row(case, row as u64);
    let secret = &key[0];
    let size = secret.len();
    let mut messages: Vec<Vec<u64>> = Vec::new();
    let mut add = |message: &[i64], levels: &[u32]| {
        let scaled = levels
            .iter()
            .map(|level| message.iter().map(|m| m.cast_unsigned() << level).collect());
        messages.extend(scaled);
    };
    let turned = |exponent: usize| {
        let mut image = vec![0; size];
        for (index, sign) in secret.iter().enumerate() {
            let target = index * exponent % (2 * size);
            image[target % size] += if target < size { *sign } else { -sign };
        }
        image
    };
    let negated = |image: Vec<i64>| image.iter().map(|sign| -sign).collect::<Vec<i64>>();
    let times = |factor: &[i64]| {
        let mut product = vec![0; size];
        for (i, a) in secret.iter().enumerate() {
            for (j, b) in factor.iter().enumerate() {
                product[(i + j) % size] += if i + j < size { a * b } else { -a * b };
            }
        }
        product
    };
    for split in 0..8 {
        // −t(X^(N / 2^t + 1)), by two levels of 4 bits for t = 0, by one of 5 bits for the others.
        let image = negated(turned((size >> split) + 1));
        add(&image, if split == 0 { &[60, 56] } else { &[59] });
    }
    // The last automorphism and the scheme switch, by two levels of 4 bits.
    for message in [negated(turned(3)), times(secret), times(&turned(3))] {
        add(&message, &[60, 56]);
    }
    let file = file(case, Kind::EvaluationKey, "evaluation.tnb");
    let (head, bodies) = file.split_at(9 + MASK_SEED_LEN);
    let of_row = bodies.len() / usize::from(layout.max_rows);
    let bodies = &bodies[row * of_row..][..of_row];
    let evaluation_key = Seeded {
        payload: &[head, bodies].concat(),
        seed_at: 9,
        ciphertexts: 2 + 7 + 3 * 2,
        bodies: size,
        place: |body| body,
        body_bits: layout.body_bits,
    };
    check(
        &evaluation_key,
        &key,
        layout.glwe.noise_bound_log2,
        &messages,
    );
}

fn secret(key: &SecretKey) -> Vec<u8> {
    let mut bytes = vec![0; SecretKey::secret_len(key.glwe())];
    key.write_secret(&mut bytes);
    bytes
}

#[test]
fn direct_queries_have_masks_in_common_and_a_key_each() {
    let forest = *layout(&cases::forest());
    let valid = forest.validate().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(20);
    let key = SecretKey::generate(valid.glwe(), &mut rng);
    let mut query = || {
        let (mut scratch, mut out) = (vec![0; valid.scratch_len()], vec![0; valid.query_len(1)]);
        let bits = BITS.iter().map(|bit| *bit == 1);
        let encrypted = valid.encrypt(&key, bits, &mut rng, &mut scratch, &mut out);
        encrypted.unwrap();
        out
    };
    let queries = [query(), query()];
    let masks = |query: &[u8]| valid.read_query(query).unwrap().0;
    assert_eq!(masks(&queries[0]), masks(&queries[1]));
    assert_eq!(valid.common_masks(), Some(masks(&queries[0])));
    let keys = queries
        .each_ref()
        .map(|query| secret(&valid.key_of(&key, query).unwrap()));
    let all = [&keys[0], &keys[1], &secret(&key)];
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    // The name is all that the key depends on, and stands in the response.
    let mut response = vec![0; valid.response_len(1)];
    let rows = valid.start_response(&queries[0], &mut response);
    assert_eq!(rows.count(), 1);
    assert_eq!(secret(&valid.key_of(&key, &response).unwrap()), keys[0]);
    assert!(valid.key_of(&key, &response[..QUERY_HEAD - 1]).is_none());

    let other = BranchingLayout {
        input_bits: 4,
        ..forest
    };
    assert_ne!(
        other.validate().unwrap().common_masks(),
        valid.common_masks()
    );
}

/// An evaluation key is of one key, and so are all queries to go with it.
#[test]
fn where_there_is_an_evaluation_key_queries_have_masks_of_their_own() {
    let packed = layout(&cases::packed()).validate().unwrap();
    let OwnedScheme::Network(network) = cases::network().spec.scheme else {
        panic!("a network")
    };
    let direct = network.layout.validate().unwrap();
    for valid in [&packed, direct.branching()] {
        assert_eq!(valid.common_masks(), None);
        let key = SecretKey::generate(valid.glwe(), &mut ChaCha20Rng::seed_from_u64(21));
        assert_eq!(secret(&valid.key_of(&key, &[]).unwrap()), secret(&key));
    }
}
