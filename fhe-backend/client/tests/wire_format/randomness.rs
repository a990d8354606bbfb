//! What a generator that repeats itself costs: equal queries can be told, and nothing else.

use core::convert::Infallible;
use std::collections::{HashMap, HashSet};

use rand_chacha::rand_core::{Rng, TryCryptoRng, TryRng};
use tenebra_client::OwnedScheme;
use tenebra_client::branching::BranchingLayout;
use tenebra_client::linear::OwnedLinear;
use tenebra_client::random::MASK_SEED_LEN;
use tenebra_client::scheme::cipher::{Cipher, KeySection};
use tenebra_client::{ClientKey, ClientSpec, Kind, SecretKey};

use crate::cases;
use crate::known_answers::payload;
use crate::reference::{Seeded, key_polynomials};

/// A device whose generator is stuck.
struct Stuck(u8);

impl TryRng for Stuck {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Stuck {}

/// All runs of 8 bytes.
fn windows(bytes: &[u8]) -> HashSet<&[u8]> {
    bytes.windows(8).collect()
}

fn assert_unrelated(what: &str, one: &[u8], other: &[u8]) {
    assert!(windows(one).is_disjoint(&windows(other)), "{what}");
}

fn seed_of(query: &[u8]) -> &[u8] {
    &query[3..3 + MASK_SEED_LEN]
}

/// One row's codes at their least and at their greatest, and each with one code of the other.
fn code_vectors(spec: &ClientSpec<'_>) -> Vec<Vec<i64>> {
    let (least, greatest): (Vec<i64>, Vec<i64>) =
        spec.inputs().map(|input| input.code_range()).unzip();
    let mut vectors = vec![least.clone(), greatest.clone()];
    for index in 0..least.len() {
        for (codes, other) in [(&least, &greatest), (&greatest, &least)] {
            let mut codes = codes.clone();
            codes[index] = other[index];
            vectors.push(codes);
        }
    }
    let distinct: HashSet<Vec<i64>> = vectors.into_iter().collect();
    distinct.into_iter().collect()
}

/// The queries of all code vectors under one state of the generator each.
fn queries<R: rand_chacha::rand_core::CryptoRng>(
    spec: &ClientSpec<'_>,
    key: &ClientKey,
    state: impl Fn() -> R,
) -> HashMap<Vec<i64>, Vec<u8>> {
    let query = |codes: &[i64]| {
        let file = spec.encrypt_codes(key, codes, &mut state()).unwrap();
        payload(spec, Kind::Query, &file)
    };
    code_vectors(spec)
        .into_iter()
        .map(|codes| {
            let first = query(&codes);
            assert_eq!(first, query(&codes), "the same of everything");
            (codes, first)
        })
        .collect()
}

#[test]
fn one_state_for_all_gives_unrelated_streams() {
    for case in cases::all() {
        let file = case.spec.encode().unwrap();
        let spec = ClientSpec::parse(&file).unwrap();
        let mut raw = vec![0; 4096];
        cases::rng(9).fill_bytes(&mut raw);
        let key = ClientKey::generate(&spec, &mut cases::rng(9));
        let secret = payload(&spec, Kind::SecretKey, &key.to_secret_file(&spec));
        assert_unrelated("the key and what the generator gave", &secret, &raw);
        let tag = key.tag().0;
        assert_unrelated("the key's tag and the key", &tag, &secret);
        assert_unrelated("the key's tag and what the generator gave", &tag, &raw);
        let mut public = Vec::new();
        for query in queries(&spec, &key, || cases::rng(9)).values() {
            public.push(seed_of(query).to_vec());
        }
        let evaluation = spec.evaluation_key_file(&key, &mut cases::rng(9)).unwrap();
        if let Some(file) = evaluation {
            let file = payload(&spec, Kind::EvaluationKey, &file);
            public.push(file[KeySection::HEADER_LEN..][..MASK_SEED_LEN].to_vec());
        }
        for (index, seed) in public.iter().enumerate() {
            assert_unrelated("a mask seed and the key", seed, &secret);
            assert_unrelated("a mask seed and what the generator gave", seed, &raw);
            for other in &public[..index] {
                assert_unrelated("two mask seeds", seed, other);
            }
        }
    }
}

#[test]
fn a_stuck_generator_shows_equal_queries_alone() {
    for case in cases::all() {
        let file = case.spec.encode().unwrap();
        let spec = ClientSpec::parse(&file).unwrap();
        let keys = [1, 2].map(|seed| ClientKey::generate(&spec, &mut cases::rng(seed)));
        for stuck in [0, 0xff] {
            let mut seeds = HashSet::new();
            let mut count = 0;
            for key in &keys {
                for query in queries(&spec, key, || Stuck(stuck)).values() {
                    assert!(!windows(seed_of(query)).contains([stuck; 8].as_slice()));
                    seeds.insert(seed_of(query).to_vec());
                    count += 1;
                }
            }
            assert_eq!(seeds.len(), count, "mask seeds of {}", case.name);
        }
    }
}

/// One key, equal bits, and layouts that differ in how these are spread over ciphertexts: equal masks would show the slots' factors.
#[test]
fn a_stuck_generator_makes_other_masks_for_other_packings() {
    let OwnedScheme::Branching(packed) = cases::packed().spec.scheme else {
        panic!("packed is branching")
    };
    let layouts = [0, 1, 2].map(|packed_bits| BranchingLayout {
        packed_bits,
        ..packed.layout
    });
    let layouts = layouts.map(|layout| layout.validate().unwrap());
    let key = SecretKey::generate(layouts[0].glwe(), &mut cases::rng(1));
    let seeds = layouts.map(|layout| {
        let (mut scratch, mut out) = (vec![0; layout.scratch_len()], vec![0; layout.query_len(1)]);
        let bits = [true, false, true].into_iter();
        layout
            .encrypt(&key, bits, &mut Stuck(0), &mut scratch, &mut out)
            .unwrap();
        out[3..][..MASK_SEED_LEN].to_vec()
    });
    assert_eq!(HashSet::from(seeds).len(), 3);
}

#[test]
fn noise_does_not_repeat_with_the_generator() {
    let case = cases::single();
    let OwnedScheme::Linear(OwnedLinear { plans, .. }) = &case.spec.scheme else {
        panic!("{} is linear", case.name)
    };
    let plan = &plans[0];
    let file = case.spec.encode().unwrap();
    let spec = ClientSpec::parse(&file).unwrap();
    let key = ClientKey::generate(&spec, &mut cases::rng(1));
    let secret = payload(&spec, Kind::SecretKey, &key.to_secret_file(&spec));
    let polynomials = key_polynomials(plan.glwe, &secret[1..]);
    let errors = queries(&spec, &key, || Stuck(0)).into_iter();
    let errors: Vec<i64> = errors
        .map(|(codes, query)| {
            let seeded = Seeded {
                payload: &query,
                seed_at: 3,
                ciphertexts: 1,
                bodies: codes.len(),
                place: |body| body,
                body_bits: plan.body_bits,
            };
            let message = codes[0].cast_unsigned() << (64 - plan.plaintext_bits);
            seeded.phases(&polynomials)[0][0]
                .wrapping_sub(message)
                .cast_signed()
        })
        .collect();
    // Equal noise would give errors that differ by the rounding of bodies alone.
    let rounding = 1 << (64 - plan.body_bits);
    let spread = errors.iter().max().unwrap() - errors.iter().min().unwrap();
    assert!(spread > 4 * rounding, "{errors:x?}");
}

#[test]
fn a_stuck_generator_makes_other_keys_for_other_plans_and_models() {
    let mut keys = Vec::new();
    for case in cases::all() {
        let file = case.spec.encode().unwrap();
        let spec = ClientSpec::parse(&file).unwrap();
        let key = ClientKey::generate(&spec, &mut Stuck(0));
        let secret = payload(&spec, Kind::SecretKey, &key.to_secret_file(&spec));
        let mut rest = secret.as_slice();
        for glwe in spec.scheme().secrets().into_iter().flatten() {
            let (head, tail) = rest.split_at(1 + tenebra_client::SecretKey::secret_len(glwe));
            keys.push(head[1..].to_vec());
            rest = tail;
        }
    }
    assert_eq!(keys.len(), 10);
    for (index, key) in keys.iter().enumerate() {
        for other in &keys[..index] {
            assert_unrelated("keys", key, other);
        }
    }
}
