//! The client that owns its spec, and its role in the conformance suite: the same bytes and integers as of the borrowed one.

use tenebra_client::{
    Client, ClientError, ClientKey, ClientSpec, FrameError, Kind, OwnedScheme, SpecId, to_frame,
};

use crate::cases;
use crate::known_answers::{answer, payload, read};

#[test]
fn an_owned_client_writes_and_reads_the_known_files() {
    for case in cases::all() {
        let spec_file = read(case.name, "client.tnb");
        let client = Client::generate(&spec_file, &mut cases::rng(case.key_seed)).unwrap();
        let secret = read(case.name, "secret.tnb");
        assert_eq!(client.secret_file(), secret, "{}", case.name);
        let opened = Client::open(&spec_file, &secret).unwrap();
        assert_eq!(opened.secret_file(), secret);
        assert_eq!(opened.key().tag(), client.key().tag());
        let spec = ClientSpec::parse(&spec_file).unwrap();
        assert_eq!(client.spec().id(), spec.id());
        assert_eq!(client.spec().payload(), spec.payload());
        let evaluation = opened.evaluation_key(&mut cases::rng(cases::EVALUATION_SEED));
        let known = spec.evaluation_key_len().map(|len| {
            let file = read(case.name, "evaluation.tnb");
            assert_eq!(file.len(), len);
            file
        });
        assert_eq!(evaluation.unwrap(), known);
        for query in &case.queries {
            let known = |what: &str| read(case.name, &format!("{}.{what}.tnb", query.name));
            let (bytes, _) = opened
                .encrypt(&query.rows, &mut cases::rng(query.seed))
                .unwrap();
            assert_eq!(bytes, known("query"));
            assert_eq!(opened.decrypt(&known("response")).unwrap(), query.integers);
        }
    }
}

/// How many values lay outside the calibrated range is said for all rows together.
#[test]
fn clipped_values_are_counted() {
    let case = cases::classes();
    let client = Client::generate(case.spec.encode().unwrap(), &mut cases::rng(1)).unwrap();
    // Columns 0, 1 and 5 are affine, to ±3.5, −5 to 10 and 0 to 7; column 2 has bins; 3 and 4 are not used.
    for (rows, clipped) in [
        (vec![vec![0.0; 6]], 0),
        (vec![vec![99.0; 6]], 3),
        (vec![vec![-99.0; 6]], 3),
        (
            vec![
                vec![-9.0, 0.0, 0.0, -9.0, -9.0, 0.0],
                vec![0.0, 11.0, 0.0, 0.0, 0.0, 9.0],
            ],
            3,
        ),
    ] {
        let (_, counted) = client.encrypt(&rows, &mut cases::rng(2)).unwrap();
        assert_eq!(counted, clipped, "{rows:?}");
    }
    let refused = client.encrypt(&[[0.0; 5]], &mut cases::rng(2));
    assert!(matches!(
        refused,
        Err(ClientError::Columns {
            given: 5,
            wanted: 6
        })
    ));
    let spec = client.spec();
    for len in [0, 4, 6] {
        assert!(spec.quantize(&[0.0; 6], &mut vec![0; len]).is_err());
    }
    let mut row = [0.0; 6];
    row[5] = f64::NAN;
    let refused = spec.quantize(&row, &mut [0; 5]);
    assert!(matches!(refused, Err(ClientError::Value { column: 6, .. })));
}

/// Keys and responses of another model, and of another key of the same, are refused by name.
#[test]
fn a_foreign_key_is_refused_everywhere() {
    let case = cases::single();
    let spec_file = case.spec.encode().unwrap();
    let spec = ClientSpec::parse(&spec_file).unwrap();
    let key = ClientKey::generate(&spec, &mut cases::rng(99));
    let others = cases::classes().spec.encode().unwrap();
    let others = ClientSpec::parse(&others).unwrap();
    let foreign = ClientKey::generate(&others, &mut cases::rng(1));
    let is_foreign = |error: Option<ClientError>| {
        matches!(error, Some(ClientError::Frame(FrameError::Model { .. })))
    };
    let refused = spec.encrypt_codes(&foreign, &[1, 2], &mut cases::rng(2));
    assert!(is_foreign(refused.err()));
    let response = read("single", "row.response.tnb");
    assert!(is_foreign(spec.decrypt_rows(&foreign, &response).err()));
    let mut source = response.as_slice();
    let refused = spec.decrypt_from(
        &foreign,
        |piece| {
            let (now, later) = source.split_at(piece.len());
            piece.copy_from_slice(now);
            source = later;
        },
        &mut [0],
    );
    assert!(is_foreign(refused.err()));
    let secret = foreign.to_secret_file(&others);
    assert!(is_foreign(
        ClientKey::read_secret_file(&spec, &secret).err()
    ));
    // Of the same model, but not the key of the query.
    let refused = spec.decrypt_rows(&key, &response);
    assert!(
        matches!(refused, Err(ClientError::Frame(FrameError::Key { .. }))),
        "{refused:?}"
    );
}

#[test]
fn codes_are_whole_rows_within_their_ranges() {
    let case = cases::classes();
    let client = Client::generate(case.spec.encode().unwrap(), &mut cases::rng(1)).unwrap();
    let spec = client.spec();
    let encrypt = |codes: &[i64]| {
        spec.encrypt_codes(client.key(), codes, &mut cases::rng(2))
            .map(|query| query.len())
    };
    // The ranges are −7..=7, 0..=15, −1..=3, 0..=1 and 0..=7.
    let row = [0, 5, 0, 0, 0];
    for rows in 1..=4 {
        assert_eq!(encrypt(&row.repeat(rows)), spec.query_len(rows));
    }
    assert_eq!(
        encrypt(&row.repeat(5)),
        Err(ClientError::Rows { rows: 5, max: 4 })
    );
    for given in [1, 4, 6, 9] {
        let codes = row.repeat(2);
        let refused = encrypt(&codes[..given]);
        assert_eq!(refused, Err(ClientError::Codes { given, inputs: 5 }));
    }
    assert!(encrypt(&[]).is_err());
    for rows in [0, 5, usize::MAX] {
        let refused = ClientError::Rows { rows, max: 4 };
        assert_eq!(spec.query_len(rows), Err(refused.clone()));
        assert_eq!(spec.scratch_len(rows), Err(refused));
    }
    let ranges = [(-7, 7), (0, 15), (-1, 3), (0, 1), (0, 7)];
    for (input, (min, max)) in ranges.into_iter().enumerate() {
        for (code, fits) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
            let mut codes = row.repeat(2);
            codes[5 + input] = code;
            let refused = ClientError::Code {
                input,
                code,
                min,
                max,
            };
            let got = encrypt(&codes);
            assert_eq!(
                got,
                if fits {
                    spec.query_len(2)
                } else {
                    Err(refused)
                }
            );
        }
    }
}

/// −8 is what the row decrypts to, whatever the spec says of the output: outside of its range it is no answer.
#[test]
fn integers_outside_of_their_ranges_are_refused() {
    for (min, max, fits) in [
        (-8, -8, true),
        (-20, -8, true),
        (-20, -9, false),
        (-7, 55, false),
    ] {
        let mut case = cases::single();
        let output = &mut case.spec.interface.readout.outputs[0];
        (output.min, output.max) = (min, max);
        let file = case.spec.encode().unwrap();
        let spec = ClientSpec::parse(&file).unwrap();
        let key = ClientKey::generate(&spec, &mut cases::rng(1));
        let query = spec.encrypt_codes(&key, &[4, 15], &mut cases::rng(2));
        let response = answer(&case, &key, &query.unwrap());
        let wanted = if fits {
            Ok(vec![vec![-8]])
        } else {
            Err(ClientError::Undecryptable)
        };
        assert_eq!(spec.decrypt_rows(&key, &response), wanted, "{min}..={max}");
    }
}

/// Responses with another length or number of rows behind a header and a checksum that are right, whole and in pieces; and a buffer
/// that was used before.
#[test]
fn responses_of_another_form_are_refused() {
    for case in cases::all() {
        let spec_file = read(case.name, "client.tnb");
        let spec = ClientSpec::parse(&spec_file).unwrap();
        let key = ClientKey::read_secret_file(&spec, &read(case.name, "secret.tnb")).unwrap();
        for query in &case.queries {
            let known = read(case.name, &format!("{}.response.tnb", query.name));
            let known = payload(&spec, Kind::Response, &known);
            let decrypt = |payload: &[u8]| {
                let response = to_frame(Kind::Response, spec.id(), key.tag(), payload);
                let mut out = vec![77; query.integers.len() * spec.output_count()];
                let whole = spec.decrypt(&key, &response, &mut out).map(|_| out.clone());
                let mut rest = response.as_slice();
                out.fill(77);
                let source = |piece: &mut [u8]| {
                    let (now, later) = rest.split_at(piece.len().min(rest.len()));
                    piece[..now.len()].copy_from_slice(now);
                    rest = later;
                };
                let pieces = spec.decrypt_from(&key, source, &mut out).map(|_| out);
                assert_eq!(whole.is_ok(), pieces.is_ok());
                whole
                    .ok()
                    .inspect(|integers| assert_eq!(Some(integers), pieces.as_ref().ok()))
            };
            assert_eq!(decrypt(&known), Some(query.integers.concat()));
            for len in [0, 1, 2, 3, known.len() - 1] {
                assert_eq!(decrypt(&known[..len]), None, "{len} bytes");
            }
            assert_eq!(decrypt(&[&*known, &[0]].concat()), None);
            for rows in [0, u16::try_from(query.rows.len()).unwrap() + 1, u16::MAX] {
                let mut other = known.clone();
                other[1..3].copy_from_slice(&rows.to_le_bytes());
                assert_eq!(decrypt(&other), None, "{rows} rows");
            }
            if matches!(case.spec.scheme, OwnedScheme::Linear(_)) {
                let mut other = known.clone();
                other[0] = 2;
                assert_eq!(decrypt(&other), None, "a third plan");
            }
        }
    }
}

#[test]
fn messages_name_what_they_are_about() {
    for (kind, article, name) in [
        (Kind::ClientSpec, "a", "client spec"),
        (Kind::ServerProgram, "a", "server program"),
        (Kind::SecretKey, "a", "secret key"),
        (Kind::EvaluationKey, "an", "evaluation key"),
        (Kind::Query, "a", "query"),
        (Kind::Response, "a", "response"),
    ] {
        assert_eq!((kind.article(), kind.to_string().as_str()), (article, name));
    }
    let mut id = SpecId([0; 16]);
    (id.0[0], id.0[15]) = (0x0a, 0xf1);
    assert_eq!(id.to_string(), format!("0a{}f1", "00".repeat(14)));
    assert!(format!("{id:?}").contains(&id.to_string()));
}

/// As conformance suites use it.
#[cfg(feature = "roles")]
#[test]
fn a_client_has_its_role() {
    use tenebra_circuit::{Client as Role, ErrorKind, RoleError};

    for case in cases::all() {
        let file = case.spec.encode().unwrap();
        let spec = ClientSpec::parse(&file).unwrap();
        let client = <Client as Role>::open(&file, &mut cases::rng(case.key_seed)).unwrap();
        assert_eq!(client.secret_file(), read(case.name, "secret.tnb"));
        assert_eq!(Role::max_rows(&client), spec.max_rows());
        let mut rng = cases::rng(cases::EVALUATION_SEED);
        let evaluation = Role::evaluation_key(&client, &mut rng).unwrap();
        let known = client.evaluation_key(&mut cases::rng(cases::EVALUATION_SEED));
        assert_eq!(evaluation, known.unwrap());
        for query in &case.queries {
            let known = |what: &str| read(case.name, &format!("{}.{what}.tnb", query.name));
            let codes = query.codes.concat();
            let bytes = Role::encrypt(&client, &codes, &mut cases::rng(query.seed));
            assert_eq!(bytes.unwrap(), known("query"));
            let integers = Role::decrypt(&client, &known("response")).unwrap();
            assert_eq!(integers, query.integers.concat());
        }
        let refused = Role::encrypt(&client, &[], &mut cases::rng(1)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Codes);
        let refused = Role::decrypt(&client, &[]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Mismatch);
    }
}
