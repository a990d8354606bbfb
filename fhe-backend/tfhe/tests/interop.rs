//! Both directions against `tfhe`: it decrypts what our client encrypts, and our client decrypts what it encrypts. The
//! arithmetic, the order of masks, keys and gadget levels, and the scales are those of the field.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/ciphertexts.rs"]
mod ciphertexts;
#[path = "common/foreign.rs"]
mod foreign;

use ciphertexts::{error, evaluate, phases, query_glwes, response_glwes, tfhe_key};
use foreign::{fourier, query_ggsws};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{Circuit, Verified, verify};
use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::linear::{LinearLayout, ValidLinear};
use tenebra_client::{ClientKey, ClientSpec, GlweParams, SecretKey, ValidGlwe};
use tenebra_tfhe::Program;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Layouts of a planned row, a batch, and of groups and blocks that do not divide evenly.
fn layouts() -> Vec<ValidLinear> {
    let secure = |k, size| ValidGlwe::secure(k, size).unwrap().params();
    let row = LinearLayout {
        glwe: secure(6, 256),
        plaintext_bits: 19,
        body_bits: 37,
        response_bits: 27,
        features: 30,
        outputs: 1,
        group: 1,
        blocks: 1,
        max_rows: 1,
    };
    let batch = LinearLayout {
        glwe: secure(1, 2048),
        body_bits: 50,
        max_rows: 68,
        ..row
    };
    let uneven = LinearLayout {
        glwe: secure(7, 256),
        plaintext_bits: 21,
        body_bits: 43,
        response_bits: 64,
        features: 64,
        outputs: 10,
        group: 4,
        blocks: 3,
        max_rows: 1,
    };
    [row, batch, uneven]
        .map(|layout| layout.validate().unwrap())
        .to_vec()
}

/// A number of `bits` bits, as a two's complement.
fn signed(rng: &mut impl Rng, bits: u32) -> i64 {
    rng.next_u64().cast_signed() >> (64 - bits)
}

#[test]
fn tfhe_decrypts_our_queries() {
    for (seed, layout) in (1..).zip(layouts()) {
        let mut rng = rng(seed);
        let (plain, rows) = (*layout.layout(), usize::from(layout.layout().max_rows));
        let key = SecretKey::generate(layout.glwe(), &mut rng);
        let bits = u32::from(plain.plaintext_bits);
        let codes: Vec<i64> = (0..rows * plain.features as usize)
            .map(|_| signed(&mut rng, bits))
            .collect();
        let mut payload = vec![0; layout.query_len(rows)];
        layout
            .encrypt(
                0,
                &key,
                &codes,
                &mut rng,
                &mut vec![0; layout.scratch_len(rows)],
                &mut payload,
            )
            .unwrap();

        let glwes = query_glwes(&layout, &payload);
        let mut messages = vec![vec![0; layout.zone(rows)]; glwes.len()];
        for (index, code) in codes.iter().enumerate() {
            let features = plain.features as usize;
            let (block, position) = layout.input_position(index / features, index % features);
            messages[block][position] = *code;
        }
        // Fresh noise, and half of what is rounded away.
        let bound = (1u64 << layout.glwe().noise_bound_log2()) + (1 << (63 - plain.body_bits));
        for (glwe, messages) in glwes.iter().zip(messages) {
            let phases = phases(&tfhe_key(&key), glwe);
            for (at, (phase, message)) in phases.into_iter().zip(messages).enumerate() {
                let error = error(phase, message, 64 - bits).unsigned_abs();
                assert!(
                    error <= bound,
                    "layout {seed}, coefficient {at}: {error:#x} above {bound:#x}"
                );
            }
        }
    }
}

/// `tfhe`'s generators, from fixed seeds.
fn tfhe_generator(seed: u128) -> EncryptionRandomGenerator<DefaultRandomGenerator> {
    let mut seeder = DeterministicSeeder::<DefaultRandomGenerator>::new(Seed(seed));
    EncryptionRandomGenerator::new(Seed(seed + 1), &mut seeder)
}

/// A ciphertext that `tfhe` encrypts under our key, with the noise of our parameters.
fn tfhe_encrypts(key: &SecretKey, messages: Vec<u64>, seed: u128) -> GlweCiphertextOwned<u64> {
    let params = key.glwe();
    let (size, modulus) = (
        PolynomialSize(params.polynomial_size()),
        CiphertextModulus::new_native(),
    );
    let dimension = GlweDimension(params.glwe_dimension());
    let mut ciphertext = GlweCiphertext::new(0, dimension.to_glwe_size(), size, modulus);
    let noise = TUniform::new(params.noise_bound_log2());
    let messages = PlaintextList::from_container(messages);
    encrypt_glwe_ciphertext(
        &tfhe_key(key),
        &mut ciphertext,
        &messages,
        noise,
        &mut tfhe_generator(seed),
    );
    ciphertext
}

/// `round(x·2^w / 2^64)`.
fn switch_modulus(x: u64, width: u32) -> u64 {
    let rounded = (u128::from(x) << width).wrapping_add(1 << 63) >> 64;
    u64::try_from(rounded & ((1 << width) - 1)).unwrap()
}

#[test]
fn our_client_decrypts_what_tfhe_encrypts() {
    for (seed, layout) in (11..).zip(layouts()) {
        let mut rng = rng(seed);
        let (plain, rows) = (*layout.layout(), usize::from(layout.layout().max_rows));
        let key = SecretKey::generate(layout.glwe(), &mut rng);
        let (bits, width) = (
            u32::from(plain.plaintext_bits),
            u32::from(plain.response_bits),
        );
        let integers: Vec<i64> = (0..rows * plain.outputs as usize)
            .map(|_| signed(&mut rng, bits))
            .collect();

        let mut payload = vec![0; layout.response_len(rows)];
        let mut writer = layout.start_response(&mut payload, 0, rows);
        for group in 0..layout.groups() {
            let first = group * plain.group as usize;
            let outputs = first..first + layout.group_outputs(group);
            let places = (0..rows).flat_map(|row| outputs.clone().map(move |output| (row, output)));
            let mut messages = vec![0; layout.glwe().polynomial_size()];
            for (row, output) in places.clone() {
                let integer = integers[row * plain.outputs as usize + output];
                messages[layout.output_position(row, output)] =
                    integer.cast_unsigned() << (64 - bits);
            }
            let ciphertext = tfhe_encrypts(&key, messages, u128::from(seed) << 8 | group as u128);
            let body = ciphertext.get_body();
            let words = ciphertext.get_mask().as_ref().to_vec().into_iter();
            let bodies =
                places.map(|(row, output)| body.as_ref()[layout.output_position(row, output)]);
            words
                .chain(bodies)
                .for_each(|word| writer.write(switch_modulus(word, width), width));
        }
        writer.finish();

        let mut decrypted = vec![0; integers.len()];
        let minimum = -(1 << (bits - 1));
        layout
            .decrypt(&key, &payload, |_| minimum, &mut decrypted)
            .unwrap();
        assert_eq!(decrypted, integers, "layout {seed}");
    }
}

/// What the known answers of `tenebra-client` say of `y = 3a − 2b + 10` and of three scores of five inputs.
fn known(name: &str) -> (Verified, &'static [u8]) {
    let (text, spec): (&str, &[u8]) = match name {
        "single" => (
            "circuit v1
            %0 = input x: [0, 15]^2
            %1 = linear %0, dense [[3, -2]], bias [10]
            output y: %1",
            include_bytes!("../../client/tests/data/single/client.tnb"),
        ),
        _ => (
            "circuit v1
            %0 = input x: [-7, 7], [0, 15], [-1, 3], [0, 1], [0, 7]
            %1 = linear %0, dense [[7, -3, 5, 0, 4], [-7, 6, -2, 1, 0], [1, -6, 3, -7, 7]], bias [-20, 9, 60]
            output y: %1",
            include_bytes!("../../client/tests/data/classes/client.tnb"),
        ),
    };
    (verify(&text.parse::<Circuit>().unwrap()).unwrap(), spec)
}

#[test]
fn the_known_queries_are_answered_to_the_byte() {
    let data = |file: &str| {
        let path = format!("{}/../client/tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap()
    };
    for (name, query) in [("single", "row"), ("classes", "row"), ("classes", "batch")] {
        let (circuit, spec) = known(name);
        let spec = ClientSpec::parse(spec).unwrap();
        let program = Program::for_spec(&circuit, &spec).unwrap();
        let response = program
            .evaluate(spec.id(), None, &data(&format!("{name}/{query}.query.tnb")))
            .unwrap();
        assert!(
            response == data(&format!("{name}/{query}.response.tnb")),
            "{name}/{query}"
        );
    }
}

/// The responses in the files are of the plain server, which drew other zeros: they decrypt to the same.
#[test]
fn the_known_queries_of_a_hidden_model_are_answered() {
    let data = |file: &str| {
        let path = format!(
            "{}/../client/tests/data/hidden/{file}",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read(path).unwrap()
    };
    let (circuit, _) = known("classes");
    let spec = data("client.tnb");
    let spec = ClientSpec::parse(&spec).unwrap();
    let program = Program::for_spec(&circuit, &spec).unwrap();
    let key = ClientKey::read_secret_file(&spec, &data("secret.tnb")).unwrap();
    let public = program.prepare_key(spec.id(), &data("evaluation.tnb"));
    let public = public.unwrap();
    for query in ["row", "batch"] {
        let known = data(&format!("{query}.response.tnb"));
        let query = data(&format!("{query}.query.tnb"));
        let ours = program.evaluate(spec.id(), Some(&public), &query).unwrap();
        assert_ne!(ours, known);
        let integers = [ours, known].map(|response| spec.decrypt_rows(&key, &response).unwrap());
        assert_eq!(integers[0], integers[1]);
    }
}

#[test]
fn tfhe_decrypts_our_servers_responses() {
    let (circuit, spec) = known("classes");
    let spec = ClientSpec::parse(spec).unwrap();
    let program = Program::for_spec(&circuit, &spec).unwrap();
    for (plan, layout) in (0u8..).zip(spec.scheme().linear().unwrap().plans()) {
        let mut rng = rng(20 + plan);
        let key = SecretKey::generate(layout.glwe(), &mut rng);
        let codes = [-2, 8, 2, 0, 7];
        let mut query = vec![0; layout.query_len(1)];
        layout
            .encrypt(
                plan,
                &key,
                &codes,
                &mut rng,
                &mut vec![0; layout.scratch_len(1)],
                &mut query,
            )
            .unwrap();
        let response = evaluate(&program, &query);
        // tests/wire_format of tenebra-client works the integers out by hand.
        let mut integers = [-20, 67, 65].into_iter().enumerate();
        for (group, glwe) in response_glwes(layout, &response).iter().enumerate() {
            let phases = phases(&tfhe_key(&key), glwe);
            for (output, integer) in integers.by_ref().take(layout.group_outputs(group)) {
                let error =
                    error(phases[layout.output_position(0, output)], integer, 56).unsigned_abs();
                assert!(error < 1 << 55, "plan {plan}, output {output}: {error:#x}");
            }
        }
    }
}

/// Parameters of scheme.md's table: k = 2, N = 1024, two levels of 15 bits.
fn branching() -> ValidBranching {
    let layout = BranchingLayout {
        glwe: GlweParams {
            glwe_dimension: 2,
            polynomial_size: 1024,
            noise_bound_log2: 17,
        },
        base_log: 15,
        level_count: 2,
        body_bits: 50,
        plaintext_bits: 10,
        response_bits: 18,
        input_bits: 3,
        coefficients: 5,
        packing: None,
        max_rows: 1,
        packed_bits: 0,
    };
    layout.validate().unwrap()
}

#[test]
fn tfhe_chooses_by_our_encrypted_bits() {
    let (layout, mut rng) = (branching(), rng(30));
    let key = SecretKey::generate(layout.glwe(), &mut rng);
    let bits = [true, false, true];
    let mut query = vec![0; layout.query_len(1)];
    let scratch = &mut vec![0; layout.scratch_len()];
    layout
        .encrypt(&key, bits.into_iter(), &mut rng, scratch, &mut query)
        .unwrap();
    let key = layout.key_of(&key, &query).unwrap();

    let size = layout.glwe().polynomial_size();
    // Two messages of 10 bits in every coefficient, encrypted, so that the rows of the masks count as well.
    let message = |branch: u64| (0..size as u64).map(move |i| (3 * i + 501 * branch) << 54);
    for (bit, ggsw) in bits.into_iter().zip(query_ggsws(&layout, &query)) {
        let decrypted = decrypt_constant_ggsw_ciphertext(&tfhe_key(&key), &ggsw);
        assert_eq!(decrypted.0, u64::from(bit));

        let fourier = fourier(&ggsw);
        let mut branches = [0, 1]
            .map(|branch| tfhe_encrypts(&key, message(branch).collect(), 40 + u128::from(branch)));
        let (zero, one) = branches.split_at_mut(1);
        cmux_assign(&mut zero[0], &mut one[0], &fourier);
        let phases = phases(&tfhe_key(&key), &zero[0]);
        for (at, (phase, message)) in phases.into_iter().zip(message(u64::from(bit))).enumerate() {
            let error = phase.wrapping_sub(message).cast_signed().unsigned_abs();
            assert!(error < 1 << 53, "bit {bit}, coefficient {at}: {error:#x}");
        }
    }
}

#[test]
fn our_client_decrypts_digit_sums_that_tfhe_encrypts() {
    let (layout, mut rng) = (branching(), rng(31));
    let key = SecretKey::generate(layout.glwe(), &mut rng);
    let sums = [0, 1023, 512, 1, 700];
    let mut messages = vec![0; layout.glwe().polynomial_size()];
    messages
        .iter_mut()
        .zip(sums)
        .for_each(|(message, sum)| *message = sum << 54);
    // A query gives its name to the response and to the key.
    let mut query = [7; 35];
    query[..3].copy_from_slice(&[0, 1, 0]);
    let of_query = layout.key_of(&key, &query).unwrap();
    let ciphertext = tfhe_encrypts(&of_query, messages, 50);
    let mut payload = vec![0; layout.response_len(1)];
    let mut writer = layout.start_response(&query, &mut payload).last().unwrap();
    let words = ciphertext.as_ref()[..layout.glwe().dimension() + sums.len()].iter();
    words.for_each(|word| writer.write(switch_modulus(*word, 18), 18));
    writer.finish();
    let mut decrypted = [0; 5];
    layout
        .decrypt(&key, &payload, (0, 0), &mut decrypted)
        .unwrap();
    assert_eq!(decrypted, sums);
}
