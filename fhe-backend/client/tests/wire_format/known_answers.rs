//! Known answers: every byte of the files in `tests/data` is what this version writes, and reads.
//!
//! `TENEBRA_BLESS=1 cargo test -p tenebra-client --test wire_format` writes the files anew, after a change that was
//! meant: of the format (which raises `frame::VERSION`) or of how seeds are derived from the generator (which does not).

use std::path::{Path, PathBuf};

use tenebra_client::OwnedScheme;
use tenebra_client::random::{MaskSeed, MaskStream};
use tenebra_client::{ClientError, ClientKey, ClientSpec, Frame, Kind, to_frame};

use crate::cases::{self, Case, Model, Query};
use crate::reference;

fn path(case: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(case)
        .join(file)
}

/// The bytes of a file in `tests/data`.
pub(crate) fn read(case: &str, file: &str) -> Vec<u8> {
    let path = path(case, file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with the place of the first byte that differs from the file's.
fn check(case: &str, file: &str, bytes: &[u8]) {
    if std::env::var_os("TENEBRA_BLESS").is_some() {
        let path = path(case, file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(path, bytes).unwrap();
    }
    let known = read(case, file);
    let differs = known
        .iter()
        .zip(bytes)
        .position(|(known, byte)| known != byte);
    if let Some(at) = differs {
        panic!(
            "{case}/{file}: byte {at:#06x} is {:#04x}, known is {:#04x}",
            bytes[at], known[at]
        );
    }
    assert_eq!(bytes.len(), known.len(), "length of {case}/{file}");
}

/// Every file of a case, made from its seeds.
fn regenerate(case: &Case) {
    let spec_file = case.spec.encode().unwrap();
    check(case.name, "client.tnb", &spec_file);
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let key = ClientKey::generate(&spec, &mut cases::rng(case.key_seed));
    let secret = key.to_secret_file(&spec);
    check(case.name, "secret.tnb", &secret);
    let mut rng = cases::rng(cases::EVALUATION_SEED);
    let evaluation = spec.evaluation_key_file(&key, &mut rng).unwrap();
    if let Some(bytes) = &evaluation {
        check(case.name, "evaluation.tnb", bytes);
    }
    let evaluation = evaluation.map(|bytes| payload(&spec, Kind::EvaluationKey, &bytes));
    for query in &case.queries {
        let mut rng = cases::rng(query.seed);
        let (bytes, _) = spec.encrypt_rows(&key, &query.rows, &mut rng).unwrap();
        check(case.name, &format!("{}.query.tnb", query.name), &bytes);
        let keys = (&*secret, evaluation.as_deref().unwrap_or_default());
        let response = respond(case, &spec, keys, &bytes);
        check(
            case.name,
            &format!("{}.response.tnb", query.name),
            &response,
        );
    }
}

/// The payload of a key's or a query's file.
pub(crate) fn payload(spec: &ClientSpec<'_>, kind: Kind, bytes: &[u8]) -> Vec<u8> {
    Frame::parse_for(bytes, kind, spec.id())
        .unwrap()
        .payload
        .to_vec()
}

/// The key of a query on encrypted bits, and how much of the query its response repeats: a key of its own, and its name, where no
/// evaluation key is there.
pub(crate) fn of_query(case: &Case, secret: &[u8], query: &[u8]) -> (Vec<u8>, usize) {
    let secret = &secret[1..];
    match &case.spec.scheme {
        OwnedScheme::Branching(branching) if branching.layout.packing.is_none() => {
            let secret = reference::query_secret(branching.layout.glwe, secret, query);
            (secret, reference::QUERY_HEAD)
        }
        _ => (secret.to_vec(), 3),
    }
}

/// The response to a query file, with the secret key file and the payload of the evaluation key.
fn respond(
    case: &Case,
    spec: &ClientSpec<'_>,
    (secret, evaluation): (&[u8], &[u8]),
    query_file: &[u8],
) -> Vec<u8> {
    let query = payload(spec, Kind::Query, query_file);
    let response = match (&case.model, &case.spec.scheme) {
        (Model::Linear(model), OwnedScheme::Linear(scheme)) => {
            let plan = usize::from(query[0]);
            let mut stream = MaskStream::new(MaskSeed([cases::HIDING_SEED; 32]));
            let layout = &scheme.plans[plan];
            reference::evaluate(layout, model, &query, |ciphertext| {
                if let Some(hiding) = &scheme.hiding {
                    let public = reference::section(evaluation, plan);
                    let noise = (layout.glwe.noise_bound_log2, hiding.noise_bits[plan]);
                    reference::hide(public, noise, &mut stream, ciphertext);
                }
            })
        }
        (Model::DigitSums(sums), scheme) => {
            let (layout, stride) = match scheme {
                OwnedScheme::Branching(branching) => (&branching.layout, 1),
                OwnedScheme::Network(network) => {
                    (&network.layout.branching, network.layout.stride.into())
                }
                _ => panic!("{} mixes schemes", case.name),
            };
            let (secret, prefix) = of_query(case, &payload(spec, Kind::SecretKey, secret), &query);
            let rows = (0..u64::from(query[1])).map(|row| {
                let secret = reference::row_secret(layout.glwe, &secret, row);
                let key = reference::key_polynomials(layout.glwe, &secret);
                let prefix = if row == 0 { prefix } else { 0 };
                reference::encrypt_sums(layout, &key, (sums, stride), (&query, prefix))
            });
            rows.collect::<Vec<_>>().concat()
        }
        _ => panic!("{} mixes schemes", case.name),
    };
    {
        let tag = Frame::parse(query_file, Kind::Query).unwrap().key_tag;
        to_frame(Kind::Response, spec.id(), tag, &response)
    }
}

/// The response of a case without an evaluation key to a query.
pub(crate) fn answer(case: &Case, key: &ClientKey, query: &[u8]) -> Vec<u8> {
    let file = case.spec.encode().unwrap();
    let spec = ClientSpec::parse(&file).unwrap();
    respond(case, &spec, (&key.to_secret_file(&spec), &[]), query)
}

#[test]
fn files_are_written_to_the_byte() {
    cases::all().iter().for_each(regenerate);
}

/// Reads the files of a case: what an owner who has only these files sees.
fn read_back(case: &Case, query: &Query) -> (Vec<Vec<i64>>, Vec<Vec<i64>>) {
    let spec_file = read(case.name, "client.tnb");
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let key = ClientKey::read_secret_file(&spec, &read(case.name, "secret.tnb")).unwrap();
    let response = read(case.name, &format!("{}.response.tnb", query.name));
    let codes = query.rows.iter().map(|row| {
        let mut codes = vec![0; spec.input_count()];
        spec.quantize(row, &mut codes).unwrap();
        codes
    });
    let integers = spec.decrypt_rows(&key, &response).unwrap();
    let in_pieces = decrypt_in_pieces(&spec, &key, &response, integers.len());
    assert_eq!(in_pieces, Ok(integers.concat()), "{}", case.name);
    (codes.collect(), integers)
}

/// As a device does whose radio delivers something whatever happens.
fn decrypt_in_pieces(
    spec: &ClientSpec<'_>,
    key: &ClientKey,
    mut response: &[u8],
    rows: usize,
) -> Result<Vec<i64>, ClientError> {
    let mut integers = vec![0; rows * spec.output_count()];
    let source = |piece: &mut [u8]| {
        let (now, later) = response.split_at(piece.len().min(response.len()));
        piece.fill(0xa5);
        piece[..now.len()].copy_from_slice(now);
        response = later;
    };
    spec.decrypt_from(key, source, &mut integers)
        .map(|_| integers)
}

#[test]
fn files_are_read_to_the_integer() {
    for case in cases::all() {
        for query in &case.queries {
            let (codes, integers) = read_back(&case, query);
            assert_eq!(codes, query.codes, "codes of {}/{}", case.name, query.name);
            assert_eq!(
                integers, query.integers,
                "integers of {}/{}",
                case.name, query.name
            );
        }
    }
}

#[test]
fn every_cut_and_every_flip_of_a_message_is_refused() {
    let case = cases::classes();
    let spec_file = read(case.name, "client.tnb");
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let key = ClientKey::read_secret_file(&spec, &read(case.name, "secret.tnb")).unwrap();
    let response = read(case.name, "batch.response.tnb");
    for (name, bytes, accepts) in [
        (
            "client",
            &spec_file,
            &(|b: &[u8]| ClientSpec::parse(b).is_ok()) as &dyn Fn(&[u8]) -> bool,
        ),
        ("response", &response, &|b| {
            spec.decrypt_rows(&key, b).is_ok()
        }),
        ("response in pieces", &response, &|b| {
            decrypt_in_pieces(&spec, &key, b, 3).is_ok()
        }),
    ] {
        assert!(accepts(bytes), "{name}");
        for len in 0..bytes.len() {
            assert!(!accepts(&bytes[..len]), "{name} cut to {len} bytes");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(!accepts(&damaged), "{name} with byte {at} flipped");
        }
    }
}
