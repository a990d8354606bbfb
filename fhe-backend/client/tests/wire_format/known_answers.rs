//! Known answers: every byte of the files in `tests/data` is what this version writes, and reads.
//!
//! `TENEBRA_BLESS=1 cargo test -p tenebra-client --test wire_format` writes the files anew, after a change of format
//! that was meant (and that raises `frame::VERSION`).

use std::path::{Path, PathBuf};

use tenebra_client::{ClientKey, ClientSpec, Frame, Kind, to_frame};

use crate::cases::{self, Case, Query};
use crate::reference;

fn path(case: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(case).join(file)
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
    let differs = known.iter().zip(bytes).position(|(known, byte)| known != byte);
    if let Some(at) = differs {
        panic!("{case}/{file}: byte {at:#06x} is {:#04x}, known is {:#04x}", bytes[at], known[at]);
    }
    assert_eq!(bytes.len(), known.len(), "length of {case}/{file}");
}

/// Every file of a case, made from its seeds.
fn regenerate(case: &Case) {
    let spec_file = case.spec.encode().unwrap();
    check(case.name, "client.tnb", &spec_file);
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let key = ClientKey::generate(&spec, &mut cases::rng(case.key_seed));
    check(case.name, "secret.tnb", &key.to_secret_file(&spec));
    for query in &case.queries {
        let mut rng = cases::rng(query.seed);
        let (bytes, _) = spec.encrypt_rows(&key, &query.rows, &mut rng).unwrap();
        check(case.name, &format!("{}.query.tnb", query.name), &bytes);
        let response = respond(case, &spec, &bytes);
        check(case.name, &format!("{}.response.tnb", query.name), &response);
    }
}

fn respond(case: &Case, spec: &ClientSpec<'_>, query: &[u8]) -> Vec<u8> {
    let payload = Frame::parse_for(query, Kind::Query, spec.id()).unwrap().payload;
    let layout = case.spec.plans[usize::from(payload[0])];
    to_frame(Kind::Response, spec.id(), &reference::evaluate(&layout, &case.model, payload))
}

#[test]
fn files_are_written_to_the_byte() {
    cases::all().iter().for_each(regenerate);
}

/// Reads the files of a case: what the client of an owner who has only these files sees.
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
    (codes.collect(), spec.decrypt_rows(&key, &response).unwrap())
}

#[test]
fn files_are_read_to_the_integer() {
    for case in cases::all() {
        for query in &case.queries {
            let (codes, integers) = read_back(&case, query);
            assert_eq!(codes, query.codes, "codes of {}/{}", case.name, query.name);
            let want: Vec<Vec<i64>> = query.codes.iter().map(|codes| case.model.apply(codes)).collect();
            assert_eq!(integers, want, "integers of {}/{}", case.name, query.name);
        }
    }
}

#[test]
fn integers_by_hand() {
    // single: 3·4 − 2·15 + 10 = −8.
    let single = cases::single();
    assert_eq!(read_back(&single, &single.queries[0]).1, [[-8]]);
    // classes, (−2, 8, 2, 0, 7): −14 − 24 + 10 + 0 + 28 − 20 = −20; 14 + 48 − 4 + 0 + 0 + 9 = 67;
    // −2 − 48 + 6 − 0 + 49 + 60 = 65.
    let classes = cases::classes();
    assert_eq!(read_back(&classes, &classes.queries[0]).1, [[-20, 67, 65]]);
}

#[test]
fn every_cut_and_every_flip_of_a_message_is_refused() {
    let case = cases::classes();
    let spec_file = read(case.name, "client.tnb");
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let key = ClientKey::read_secret_file(&spec, &read(case.name, "secret.tnb")).unwrap();
    let response = read(case.name, "batch.response.tnb");
    for (name, bytes, accepts) in [
        ("client", &spec_file, &(|b: &[u8]| ClientSpec::parse(b).is_ok()) as &dyn Fn(&[u8]) -> bool),
        ("response", &response, &|b| spec.decrypt_rows(&key, b).is_ok()),
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
