//! A server that answers what it likes sees no reaction of `predict`, and meets each key once.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

extern crate alloc;

use alloc::sync::Arc;
use core::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

use tenebra_client::branching::BranchingLayout;
use tenebra_client::branching::{Digits, OwnedBranching, Radix};
use tenebra_client::frame::{HEADER_LEN, Header, TRAILER_LEN};
use tenebra_client::params::GlweParams;
use tenebra_client::{ClientSpec, Kind, to_frame};
use tenebra_client::{OwnedScheme, OwnedSpec};
use tenebra_quant::{Codec, Decision, Input, Interface, InverseLink, Readout};

/// One bit in, a digit sum of 6 bits out, of which 0 to 10 are answers. A query has 131 kB, so that 300 rows are encrypted
/// and sent in several pieces.
fn spec() -> OwnedSpec {
    let layout = BranchingLayout {
        glwe: GlweParams {
            glwe_dimension: 1,
            polynomial_size: 4096,
            noise_bound_log2: 3,
        },
        base_log: 15,
        level_count: 2,
        body_bits: 64,
        plaintext_bits: 6,
        response_bits: 12,
        input_bits: 1,
        coefficients: 1,
        packing: None,
        max_rows: 1,
        packed_bits: 0,
    };
    OwnedSpec {
        p_fail_log2: -128.0,
        scheme: OwnedScheme::Branching(OwnedBranching {
            layout,
            radix: Radix {
                log: 1,
                parts_log: 0,
            },
            digits: vec![Digits { count: 1, base: 0 }],
        }),
        interface: Interface {
            steps: Vec::new(),
            columns: 1,
            inputs: vec![Input {
                column: 0,
                codec: Codec::Bins {
                    cuts: vec![0.5],
                    round_to_f32: false,
                },
                missing: None,
            }],
            readout: Readout {
                outputs: vec![tenebra_quant::Output {
                    min: 0,
                    max: 10,
                    scale: 1.0,
                    offset: 0.0,
                }],
                inverse_link: InverseLink::Identity,
                decision: Decision::None,
                classes: vec![],
            },
            column_names: vec![],
            estimator: "RandomForestRegressor".into(),
            words: vec![],
        },
    }
}

const ROWS: usize = 300;

/// What a server answers to one query.
#[derive(Clone, Copy)]
enum Answer {
    Good,
    /// Decrypts to a number out of range.
    Bad,
    /// Is of another key.
    Foreign,
    /// Hangs up.
    Nothing,
}

/// Answers the queries of one run by `answer` of their index; gathers what it sees: requests and lengths of their bodies.
struct Liar {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Liar {
    fn start(answer: impl Fn(usize) -> Answer + Send + Copy + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            let queries = Arc::new(Mutex::new(0));
            for connection in listener.incoming() {
                let (log, queries) = (Arc::clone(&log), Arc::clone(&queries));
                thread::spawn(move || serve(&connection.unwrap(), answer, &log, &queries));
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Requests of a connection, one after the other.
fn serve(
    mut connection: &TcpStream,
    answer: impl Fn(usize) -> Answer,
    log: &Mutex<Vec<String>>,
    queries: &Mutex<usize>,
) {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut request, mut length) = (String::new(), 0);
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        log.lock()
            .unwrap()
            .push(format!("{} {length}", request.trim_end()));
        let reply = if request.starts_with("GET") {
            Some(spec().encode().unwrap())
        } else {
            respond(&body, &answer, &mut queries.lock().unwrap())
        };
        let Some(reply) = reply else {
            return;
        };
        let mut head = String::from("HTTP/1.1 200 OK\r\n");
        write!(head, "content-length: {}\r\n\r\n", reply.len()).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&reply).unwrap();
    }
}

fn respond(
    mut body: &[u8],
    answer: impl Fn(usize) -> Answer,
    count: &mut usize,
) -> Option<Vec<u8>> {
    let file = spec().encode().unwrap();
    let spec = ClientSpec::parse(&file).unwrap();
    let layout = spec.scheme().branching().unwrap().layout();
    let mut replies = Vec::new();
    while let Some(header) = body.first_chunk::<HEADER_LEN>() {
        let header = Header::read(header, Kind::Query).unwrap();
        let len = HEADER_LEN + TRAILER_LEN + usize::try_from(header.payload_len).unwrap();
        let query = &body[HEADER_LEN..len];
        body = &body[len..];
        let mut tag = header.key_tag;
        let sum = match answer(*count) {
            Answer::Good => 5,
            Answer::Bad => 63,
            Answer::Foreign => {
                tag.0[0] ^= 1;
                5
            }
            Answer::Nothing => return None,
        };
        *count += 1;
        let mut payload = vec![0; layout.response_len(1)];
        let rows = layout.start_response(query, &mut payload);
        let mut writer = rows.last().unwrap();
        (0..4096).for_each(|_| writer.write(0, 12));
        writer.write(sum << 6, 12);
        writer.finish();
        replies.extend(to_frame(Kind::Response, spec.id(), tag, &payload));
    }
    Some(replies)
}

fn tenebra(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenebra"))
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap()
}

fn fail(folder: &Path, arguments: &str) -> String {
    let output = tenebra(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}: {output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..ROWS).fold(String::from("x\n"), |csv, row| {
        format!("{csv}{}\n", row % 2)
    });
    fs::write(folder.path().join("rows.csv"), rows).unwrap();
    folder
}

fn predict(server: &Liar) -> String {
    format!(
        "predict --server {} --model liar --keys keys --data rows.csv",
        server.url
    )
}

#[test]
fn a_server_cannot_see_whether_its_responses_decrypt() {
    let honest = Liar::start(|_| Answer::Good);
    let home = folder();
    let output = tenebra(home.path(), &predict(&honest));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().lines().count(),
        1 + ROWS
    );
    let want = honest.seen();
    assert!(want.len() > 10, "{want:?}");
    let malicious: [fn(usize) -> Answer; 3] = [
        |index| {
            if index == 0 {
                Answer::Bad
            } else {
                Answer::Good
            }
        },
        |index| {
            if index % 7 == 5 {
                Answer::Bad
            } else {
                Answer::Good
            }
        },
        |index| [Answer::Foreign, Answer::Bad][index % 2],
    ];
    for answer in malicious {
        let liar = Liar::start(answer);
        let home = folder();
        let message = fail(home.path(), &predict(&liar));
        assert!(message.contains("does not decrypt"), "{message}");
        assert!(message.contains("the key is retired"), "{message}");
        assert_eq!(liar.seen(), want);
    }
}

#[test]
fn a_key_that_met_a_bad_response_is_used_no_more() {
    // It hangs up after the bad response, lest the key be retired.
    let liar = Liar::start(|index| match index {
        0 => Answer::Good,
        1 => Answer::Bad,
        _ if index < 12 => Answer::Good,
        _ => Answer::Nothing,
    });
    let home = folder();
    let message = fail(home.path(), &predict(&liar));
    assert!(message.contains("does not decrypt"), "{message}");
    let before = liar.seen();
    // The folder of keys holds client.tnb as well.
    for command in [
        predict(&liar).as_str(),
        "encrypt keys --keys keys --data rows.csv --row 0 -o query.tnb",
        "decrypt keys --keys keys query.tnb",
    ] {
        let message = fail(home.path(), command);
        assert!(message.contains("is used no more"), "{message}");
        assert!(message.contains("keygen"), "{message}");
    }
    assert_eq!(liar.seen(), before);
    let honest = Liar::start(|_| Answer::Good);
    assert!(
        tenebra(home.path(), "keygen keys -o keys --force")
            .status
            .success()
    );
    assert!(tenebra(home.path(), &predict(&honest)).status.success());
}

#[test]
fn a_bad_response_in_a_file_retires_its_key() {
    let home = folder();
    let honest = Liar::start(|_| Answer::Good);
    assert!(tenebra(home.path(), &predict(&honest)).status.success());
    let encrypt = "encrypt keys --keys keys --data rows.csv --row 0 -o query.tnb";
    assert!(tenebra(home.path(), encrypt).status.success());
    let query = fs::read(home.path().join("query.tnb")).unwrap();
    for (answer, decrypts) in [
        (Answer::Foreign, false),
        (Answer::Good, true),
        (Answer::Bad, false),
    ] {
        let response = respond(&query, |_| answer, &mut 0).unwrap();
        fs::write(home.path().join("response.tnb"), response).unwrap();
        let output = tenebra(home.path(), "decrypt keys --keys keys response.tnb");
        assert_eq!(output.status.success(), decrypts, "{output:?}");
        let retired = fs::read_to_string(home.path().join("keys/retired.keys"));
        assert_eq!(retired.is_ok(), matches!(answer, Answer::Bad));
    }
    assert!(fail(home.path(), encrypt).contains("is used no more"));
}
