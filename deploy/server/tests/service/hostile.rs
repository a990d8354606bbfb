//! Bodies that are not what they should be: a 4xx with a reason, never a 5xx, never a panic.

use core::net::SocketAddr;
use core::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tenebra_circuit::QueryMode;
use tenebra_client::frame::HEADER_LEN;
use tenebra_client::{Frame, Kind, to_frame};
use tenebra_server::Limits;

use crate::models::{DataOwner, forest, hidden_linear, linear};
use crate::support::{InProcess, ask, ask_and_break_off};

/// An address and a body that it accepts.
struct Target {
    method: &'static str,
    path: String,
    kind: Kind,
    good: Vec<u8>,
}

impl Target {
    fn refuses(&self, server: SocketAddr, body: &[u8], what: &str) {
        let answer = ask(server, self.method, &self.path, None, body);
        let refused = (400..500).contains(&answer.status);
        assert!(
            refused,
            "{} {} with {what}: {}",
            self.method, self.path, answer.head
        );
        answer.problem();
    }
}

/// Every way to spoil a frame that its header or its checksum tells.
fn hostile_bodies(target: &Target, others: &[Target], server: SocketAddr) {
    let good = &target.good;
    let edited = |at: usize, byte: u8| {
        let mut body = good.clone();
        body[at] = byte;
        body
    };
    for len in [
        0,
        1,
        3,
        4,
        HEADER_LEN - 1,
        HEADER_LEN,
        HEADER_LEN + 1,
        good.len() / 2,
        good.len() - 1,
    ] {
        target.refuses(server, &good[..len], &format!("{len} bytes of it"));
    }
    target.refuses(server, &[good.as_slice(), b"!"].concat(), "a byte too many");
    target.refuses(server, &edited(4, 1), "another version");
    target.refuses(server, &edited(6, 99), "an unknown kind");
    target.refuses(server, &vec![0; 1 << 20], "zeros");
    let mut huge = good.clone();
    huge[HEADER_LEN - 8..HEADER_LEN].fill(0xff);
    target.refuses(server, &huge, "2^64 bytes announced");
    for other in others.iter().filter(|other| other.kind != target.kind) {
        target.refuses(server, &other.good, &format!("a {}", other.kind));
    }
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    for _ in 0..60 {
        let at = usize::try_from(rng.next_u64() % good.len() as u64).unwrap();
        let mut body = good.clone();
        body[at] ^= 1 << (rng.next_u32() % 8);
        target.refuses(server, &body, &format!("a bit of byte {at} flipped"));
    }
    for (at, byte) in good.iter().take(HEADER_LEN).enumerate() {
        target.refuses(
            server,
            &edited(at, byte ^ 0x80),
            &format!("byte {at} changed"),
        );
    }
}

/// Payloads spoiled under a good checksum: some are as good as any other, but none is an error of the server.
fn hostile_payloads(target: &Target, server: SocketAddr) {
    let frame = Frame::parse(&target.good, target.kind).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    for _ in 0..60 {
        let mut payload = frame.payload.to_vec();
        for _ in 0..=rng.next_u32() % 3 {
            // Half of them at the start, where lengths and parameters are.
            let reach = if rng.next_u32().is_multiple_of(2) {
                64
            } else {
                payload.len()
            };
            let at = usize::try_from(rng.next_u64()).unwrap() % reach.min(payload.len());
            payload[at] = rng.next_u32().to_le_bytes()[0];
        }
        let cut = if rng.next_u32().is_multiple_of(4) {
            rng.next_u32() as usize % payload.len()
        } else {
            payload.len()
        };
        let body = to_frame(target.kind, frame.spec_id, frame.key_tag, &payload[..cut]);
        let answer = ask(server, target.method, &target.path, None, &body);
        assert!(
            answer.status < 500,
            "{} {}: {answer:?}",
            target.method,
            target.path
        );
    }
}

#[test]
fn hostile_bodies_are_refused_with_a_reason() {
    let limits = Limits {
        model_bytes: 1 << 20,
        keys_per_client: 1000,
        ..Limits::default()
    };
    let server = InProcess::open(limits);
    let service = server.service(None);
    let (line, trees) = (linear(5), forest(4, QueryMode::Packed));
    service.push("line", &line.server).unwrap();
    service.push("trees", &trees.server).unwrap();
    let hidden = hidden_linear(5);
    service.push("hidden", &hidden.server).unwrap();
    let [mut line_data, mut tree_data, mut hidden_data] =
        [&line, &trees, &hidden].map(|model| DataOwner::new(&model.client, 1));
    let put = |name: &str, data: &mut DataOwner| {
        let file = data.evaluation_key().unwrap();
        let key = service.put_key(name, &file).unwrap().key;
        (format!("/v1/models/{name}/predict?key={key}"), file)
    };
    let (predict, file) = put("trees", &mut tree_data);
    let (predict_hidden, public) = put("hidden", &mut hidden_data);
    let target = |method, path: &str, kind, good: Vec<u8>| Target {
        method,
        path: path.to_owned(),
        kind,
        good,
    };
    let targets = [
        target(
            "POST",
            "/v1/models/line/predict",
            Kind::Query,
            line_data.query(1).0,
        ),
        target("POST", &predict, Kind::Query, tree_data.query(1).0),
        target("PUT", "/v1/models/trees/keys", Kind::EvaluationKey, file),
        target(
            "PUT",
            "/v1/models/new",
            Kind::ServerProgram,
            line.server.clone(),
        ),
        target("POST", &predict_hidden, Kind::Query, hidden_data.query(1).0),
        target("PUT", "/v1/models/hidden/keys", Kind::EvaluationKey, public),
    ];
    for target in &targets {
        hostile_bodies(target, &targets, server.address);
        hostile_payloads(target, server.address);
    }
    // Queries and keys of another model.
    targets[0].refuses(server.address, &targets[1].good, "a query of another model");
    targets[1].refuses(server.address, &targets[0].good, "a query of another model");
    let other = forest(6, QueryMode::Packed);
    let other_key = DataOwner::new(&other.client, 3).evaluation_key().unwrap();
    for key in [&targets[2], &targets[5]] {
        key.refuses(server.address, &other_key, "a key of another model");
    }
    targets[2].refuses(server.address, &targets[5].good, "a public key");
    targets[5].refuses(server.address, &targets[2].good, "no public key");
    // Connections that break off within a body.
    for target in &targets {
        let (half, length) = (&target.good[..target.good.len() / 2], target.good.len());
        let answer = ask_and_break_off(server.address, target.method, &target.path, half, length);
        assert!(answer.is_none_or(|answer| (400..500).contains(&answer.status)));
    }
    // Nothing of all this stays.
    let response = service.predict("line", None, &targets[0].good).unwrap();
    Frame::parse(&response, Kind::Response).unwrap();
    let page = ask(server.address, "GET", "/metrics", None, b"").body;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("tenebra_evaluations_admitted 0"), "{page}");
    assert!(!page.contains(r#"status="5"#), "{page}");
    assert!(!page.contains("panicked"), "{page}");
}

/// Requests that are not HTTP, or hardly.
#[test]
fn hostile_heads_are_refused() {
    use std::io::{Read, Write};
    let server = InProcess::open(Limits::default());
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    for head in [
        "\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\u{1}\u{2}\r\n\r\n",
        &long,
        &many,
    ] {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(3)))
            .unwrap();
        let _ = stream.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(
        ask(server.address, "GET", "/healthz", None, b"").status,
        200
    );
}
