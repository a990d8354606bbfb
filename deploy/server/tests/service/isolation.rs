//! What one client does does not keep another from its answers, and what is taken away stops what runs.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use tenebra_circuit::QueryMode;
use tenebra_client::{KeyTag, Kind, SpecId, to_frame};
use tenebra_server::Limits;
use tenebra_server::store::Store;
use tenebra_server::tokens::Role;
use tokio::runtime::Runtime;

use crate::models::{DataOwner, forest, linear};
use crate::support::{InProcess, add_token, ask, ask_with};

/// Sends the same query again and again in one request, until it is told to stop or the server ends it; what it was answered.
struct EndlessBatch {
    answers: thread::JoinHandle<(Vec<u8>, Duration)>,
}

impl EndlessBatch {
    fn start(address: SocketAddr, path: &str, token: &str, query: &[u8]) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let chunk = [format!("{:x}\r\n", query.len()).as_bytes(), query, b"\r\n"].concat();
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut sending = stream.try_clone().unwrap();
        let start = Instant::now();
        thread::spawn(move || while sending.write_all(&chunk).is_ok() {});
        let answers = thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut piece = [0; 1 << 16];
            // Until the last chunk.
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                bytes.extend_from_slice(&piece[..read]);
                if bytes.ends_with(b"\r\n0\r\n\r\n") || start.elapsed() > Duration::from_secs(300) {
                    break;
                }
            }
            let _ = stream.shutdown(std::net::Shutdown::Both);
            (bytes, start.elapsed())
        });
        Self { answers }
    }

    fn is_finished(&self) -> bool {
        self.answers.is_finished()
    }

    /// The problem document at its end.
    fn problem(self) -> String {
        let (bytes, _) = self.answers.join().unwrap();
        let tail = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(1000)..]).into_owned();
        let start = tail
            .find("urn:tenebra:problem:")
            .unwrap_or_else(|| panic!("no problem: {tail}"));
        tail[start + 20..].split('"').next().unwrap().to_owned()
    }
}

fn two_clients() -> (Store, [String; 3]) {
    let store = Store::in_memory();
    let tokens = [
        ("ada", Role::Owner),
        ("bob", Role::Client),
        ("eve", Role::Client),
    ]
    .map(|(name, role)| add_token(&store, name, role));
    (store, tokens)
}

#[test]
fn endless_batches_of_one_client_leave_another_its_share() {
    let (store, [owner, bob, eve]) = two_clients();
    let limits = Limits {
        workers: 1,
        waiting: 8,
        threads: 1,
        ..Limits::default()
    };
    let server = InProcess::start(store, limits, false);
    let model = forest(60, QueryMode::Direct);
    server
        .service(Some(&owner))
        .push("forest", &model.server)
        .unwrap();
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let path = "/v1/models/forest/predict";
    let batches: Vec<_> = (0..6)
        .map(|_| EndlessBatch::start(server.address, path, &eve, &query))
        .collect();
    thread::sleep(Duration::from_millis(500));
    for _ in 0..30 {
        let answer = ask(server.address, "POST", path, Some(&bob), &query);
        assert_eq!(answer.status, 200, "{}", answer.head);
    }
    assert!(batches.iter().all(|batch| !batch.is_finished()));
    // A token that is removed ends its batches.
    let start = Instant::now();
    let runtime = Runtime::new().unwrap();
    let eve = "eve".parse().unwrap();
    runtime.block_on(server.store().delete_token(&eve)).unwrap();
    let problems: Vec<_> = batches.into_iter().map(EndlessBatch::problem).collect();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(
        problems.iter().all(|kind| kind == "token-needed"),
        "{problems:?}"
    );
}

/// Single queries that wait or run for longer than a token does.
#[test]
fn queries_end_with_their_token() {
    let (store, [owner, _, eve]) = two_clients();
    let limits = Limits {
        workers: 1,
        waiting: 100,
        threads: 1,
        ..Limits::default()
    };
    let server = InProcess::start(store, limits, false);
    let model = forest(400, QueryMode::Direct);
    let service = server.service(Some(&owner));
    service.push("trees", &model.server).unwrap();
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let ask = || {
        let path = "/v1/models/trees/predict";
        let answer = ask(server.address, "POST", path, Some(&eve), &query);
        (answer.status, Instant::now())
    };
    thread::scope(|scope| {
        let asking: Vec<_> = (0..80).map(|_| scope.spawn(ask)).collect();
        thread::sleep(Duration::from_millis(500));
        let runtime = Runtime::new().unwrap();
        let eve = "eve".parse().unwrap();
        runtime.block_on(server.store().delete_token(&eve)).unwrap();
        let removed = Instant::now();
        let answers = asking.into_iter().map(|asking| asking.join().unwrap());
        let answers: Vec<_> = answers.collect();
        let refused = answers.iter().filter(|(status, _)| *status == 401).count();
        let last = answers.iter().map(|(_, at)| *at).max().unwrap();
        assert!(
            last - removed < Duration::from_secs(5),
            "{:?}",
            last - removed
        );
        assert!(refused > 0, "all were answered within the time");
    });
}

#[test]
fn a_batch_ends_with_its_model_and_its_key() {
    let (store, [owner, bob, _]) = two_clients();
    let server = InProcess::start(store, Limits::default(), false);
    let (owner, client) = (server.service(Some(&owner)), server.service(Some(&bob)));
    let (packed, line) = (forest(4, QueryMode::Packed), linear(5));
    owner.push("packed", &packed.server).unwrap();
    owner.push("line", &line.server).unwrap();
    owner.push("other", &line.server).unwrap();
    let mut data = DataOwner::new(&packed.client, 1);
    let key = client
        .put_key("packed", &data.evaluation_key().unwrap())
        .unwrap()
        .key;
    let query = DataOwner::new(&line.client, 1).query(1).0;
    let start = |path: &str, query: &[u8]| EndlessBatch::start(server.address, path, &bob, query);
    let batches = [
        start(
            &format!("/v1/models/packed/predict?key={key}"),
            &data.query(1).0,
        ),
        start("/v1/models/line/predict", &query),
        start("/v1/models/other/predict", &query),
    ];
    thread::sleep(Duration::from_millis(300));
    client.delete_key("packed", &key).unwrap();
    owner.delete_model("line").unwrap();
    // Other weights, the same client spec.
    owner.push("other", &linear(6).server).unwrap();
    let start = Instant::now();
    let problems = batches.map(EndlessBatch::problem);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        problems,
        ["key-not-found", "model-not-found", "model-replaced"]
    );
}

/// A body that is announced and not sent holds no more memory than what is sent.
#[test]
fn half_sent_bodies_of_one_client_leave_another_its_memory() {
    let (store, [owner, bob, eve]) = two_clients();
    let model = forest(20, QueryMode::Direct);
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let limits = Limits {
        body_bytes: 8 * query.len() as u64,
        ..Limits::default()
    };
    let server = InProcess::start(store, limits, false);
    server
        .service(Some(&owner))
        .push("forest", &model.server)
        .unwrap();
    let path = "/v1/models/forest/predict";
    let half = |sent: usize| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {eve}\r\nContent-Length: {}\r\n\r\n",
            query.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&query[..sent]).unwrap();
        stream
    };
    let held: Vec<_> = (0..20).map(|_| half(1000)).collect();
    thread::sleep(Duration::from_millis(200));
    for _ in 0..5 {
        assert_eq!(
            ask(server.address, "POST", path, Some(&bob), &query).status,
            200
        );
    }
    drop(held);
}

/// More idle connections than there may be: new ones take their places.
#[test]
fn idle_connections_make_room() {
    let limits = Limits {
        connections: 20,
        ..Limits::default()
    };
    let server = InProcess::open(limits);
    let held: Vec<_> = (0..40)
        .map(|_| TcpStream::connect(server.address))
        .collect();
    thread::sleep(Duration::from_millis(1200));
    for _ in 0..10 {
        assert_eq!(
            ask(server.address, "GET", "/healthz", None, b"").status,
            200
        );
    }
    drop(held);
}

/// Bad tokens are refused while a crowd sends them, and good ones are not.
#[test]
fn bad_tokens_are_refused_at_once() {
    let (store, [_, bob, _]) = two_clients();
    let server = InProcess::start(store, Limits::default(), false);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (stop, address) = (&stop, server.address);
            scope.spawn(move || {
                let mut count = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let bad = format!("tnb_{worker:032}{count:032}");
                    assert_eq!(
                        ask(address, "GET", "/v1/models", Some(&bad), b"").status,
                        401
                    );
                    count += 1;
                }
            });
        }
        for _ in 0..50 {
            let start = Instant::now();
            assert_eq!(
                ask(server.address, "GET", "/v1/models", Some(&bob), b"").status,
                200
            );
            assert!(start.elapsed() < Duration::from_millis(500));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let start = Instant::now();
    assert_eq!(
        ask(server.address, "GET", "/v1/models", Some("tnb_guess"), b"").status,
        401
    );
    assert!(start.elapsed() < Duration::from_millis(200));
}

/// A client that has asked all it wants closes its half, and gets its answer; one that is gone is not worked for.
#[test]
fn half_closed_is_not_gone() {
    let limits = Limits {
        workers: 1,
        threads: 1,
        waiting: 20,
        ..Limits::default()
    };
    let server = InProcess::open(limits);
    let (line, trees) = (linear(5), forest(400, QueryMode::Direct));
    server.service(None).push("line", &line.server).unwrap();
    server.service(None).push("trees", &trees.server).unwrap();
    let send = |model: &str, query: &[u8]| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let head = format!(
            "POST /v1/models/{model}/predict HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            query.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(query).unwrap();
        stream
    };
    let query = DataOwner::new(&trees.client, 1).query(1).0;
    for (model, query) in [
        ("line", &DataOwner::new(&line.client, 1).query(1).0),
        ("trees", &query),
    ] {
        let mut stream = send(model, query);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        assert!(answer.windows(4).any(|window| window == b"TNBR"));
    }
    for _ in 0..20 {
        drop(send("trees", &query));
    }
    let start = Instant::now();
    let page = || {
        let page = ask(server.address, "GET", "/metrics", None, b"").body;
        String::from_utf8(page).unwrap()
    };
    while !page().contains("tenebra_evaluations_admitted 0") {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", page());
        thread::sleep(Duration::from_millis(50));
    }
    let line = r#"tenebra_evaluations_total{result="done"} "#;
    let page = page();
    let done = page.lines().find_map(|it| it.strip_prefix(line)).unwrap();
    assert!(
        done.parse::<u32>().unwrap() < 15,
        "{done} of 22 were evaluated to their end"
    );
}

/// Of uploads that are announced as the largest there may be.
#[test]
fn uploads_of_owners_and_clients_are_apart() {
    let (store, [owner, bob, eve]) = two_clients();
    let server = InProcess::start(store, Limits::default(), false);
    let packed = forest(4, QueryMode::Packed);
    server
        .service(Some(&owner))
        .push("packed", &packed.server)
        .unwrap();
    let file = DataOwner::new(&packed.client, 1).evaluation_key().unwrap();
    let large = to_frame(Kind::ServerProgram, SpecId([0; 16]), KeyTag::NONE, b"");
    let half = |token: &str, path: &str, body: &[u8]| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 9999999\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body[..30]).unwrap();
        stream
    };
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(half(&eve, "/v1/models/packed/keys", &file));
        held.push(half(&owner, "/v1/models/large", &large));
    }
    thread::sleep(Duration::from_millis(300));
    let put = ask(
        server.address,
        "PUT",
        "/v1/models/packed/keys",
        Some(&bob),
        &file,
    );
    assert_eq!(put.status, 201, "{}", put.head);
    let busy = ask(
        server.address,
        "PUT",
        "/v1/models/packed/keys",
        Some(&eve),
        &file,
    );
    assert_eq!((busy.status, busy.kind().as_str()), (503, "busy"));
}

/// A page of another site, or whose name was made to point here, is not a program of this machine.
#[test]
fn an_open_server_is_for_this_machine() {
    let server = InProcess::open(Limits::default());
    let status = |headers: &str| {
        let answer = ask_with(server.address, "GET", "/v1/models", headers, b"");
        if answer.status != 200 {
            assert_eq!(
                (answer.status, answer.kind().as_str()),
                (403, "foreign-host")
            );
        }
        answer.status
    };
    for good in [
        "Host: 127.0.0.1:8080",
        "Host: localhost",
        "Host: localhost\r\nOrigin: http://localhost:3000",
    ] {
        assert_eq!(status(good), 200, "{good}");
    }
    for bad in [
        "Host: evil.example:8080",
        "Host: localhost\r\nOrigin: https://evil.example",
        "Host: localhost\r\nOrigin: null",
    ] {
        assert_eq!(status(bad), 403, "{bad}");
    }
}
