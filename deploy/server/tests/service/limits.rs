//! What the server does not take on.

use core::time::Duration;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use tenebra_circuit::QueryMode;
use tenebra_server::Limits;

use crate::models::{DataOwner, forest, linear};
use crate::support::{InProcess, ask};

#[test]
fn a_full_pool_answers_503_and_says_when_to_come_again() {
    let limits = Limits {
        workers: 1,
        waiting: 1,
        threads: 1,
        ..Limits::default()
    };
    let server = InProcess::open(limits);
    let model = forest(60, QueryMode::Direct);
    server.service(None).push("forest", &model.server).unwrap();
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let predict = || {
        ask(
            server.address,
            "POST",
            "/v1/models/forest/predict",
            None,
            &query,
        )
    };
    assert_eq!(predict().status, 200);
    let answers: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..10).map(|_| predict()).collect::<Vec<_>>()))
            .collect();
        asking
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!(count(200) + count(503), 80);
    // How many are answered depends on how quick evaluation is against refusal.
    assert!(
        count(200) >= 1 && count(503) >= 10,
        "{} and {}",
        count(200),
        count(503)
    );
    for answer in answers.iter().filter(|answer| answer.status == 503) {
        assert_eq!(answer.kind(), "busy");
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    }
}

#[test]
fn clients_keep_so_many_keys_and_the_store_so_many_bytes() {
    let (model, other) = (forest(4, QueryMode::Packed), linear(5));
    let mut keys = (0..3).map(|seed| {
        DataOwner::new(&model.client, seed)
            .evaluation_key()
            .unwrap()
    });
    let (one, two, three) = (
        keys.next().unwrap(),
        keys.next().unwrap(),
        keys.next().unwrap(),
    );
    let limits = Limits {
        keys_per_client: 2,
        store_bytes: (model.server.len() + 2 * one.len() + 100) as u64,
        ..Limits::default()
    };
    let server = InProcess::open(limits);
    let put = |path: &str, body: &[u8]| ask(server.address, "PUT", path, None, body);
    assert_eq!(put("/v1/models/forest", &model.server).status, 201);
    for key in [&one, &two, &two] {
        assert_eq!(put("/v1/models/forest/keys", key).status, 201);
    }
    let full = put("/v1/models/forest/keys", &three);
    assert_eq!((full.status, full.kind().as_str()), (409, "too-many-keys"));
    let full = put("/v1/models/other", &other.server);
    assert_eq!((full.status, full.kind().as_str()), (507, "store-full"));
    let listed = server.service(None).models().unwrap();
    assert_eq!(listed.len(), 1);
}

#[test]
fn models_are_as_large_as_the_limit() {
    let model = linear(5).server;
    for (model_bytes, status) in [(model.len(), 201), (model.len() - 1, 413)] {
        let server = InProcess::open(Limits {
            model_bytes,
            ..Limits::default()
        });
        assert_eq!(
            ask(server.address, "PUT", "/v1/models/m", None, &model).status,
            status
        );
    }
}

#[test]
fn bodies_take_a_bounded_amount_of_memory() {
    let model = forest(4, QueryMode::Direct);
    let query = DataOwner::new(&model.client, 1).query(1).0;
    // Room for the model, then for one query at a time.
    let body_bytes = (query.len().max(model.server.len()) + 2048) as u64;
    let server = InProcess::open(Limits {
        body_bytes,
        ..Limits::default()
    });
    server.service(None).push("forest", &model.server).unwrap();
    let path = "/v1/models/forest/predict";
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        query.len()
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    // It takes a moment until the server has read the slow one's header; if it does so while another is answered, the slow one
    // is refused and comes again.
    let slow = loop {
        let mut slow = TcpStream::connect(server.address).unwrap();
        slow.write_all(head.as_bytes()).unwrap();
        slow.write_all(&query[..query.len() / 2]).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        if ask(server.address, "POST", path, None, &query).status == 503 {
            break slow;
        }
        assert!(Instant::now() < deadline, "a second body was held as well");
    };
    drop(slow);
    while ask(server.address, "POST", path, None, &query).status != 200 {
        assert!(
            Instant::now() < deadline,
            "the memory of the first did not come back"
        );
    }
}

#[test]
fn connections_are_counted() {
    let server = InProcess::open(Limits {
        connections: 2,
        ..Limits::default()
    });
    let held: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    let refused = || {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
        answer.is_empty()
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    while !refused() {
        assert!(Instant::now() < deadline, "a third connection was served");
    }
    drop(held);
    while refused() {
        assert!(
            Instant::now() < deadline,
            "the connections did not come back"
        );
    }
}

#[test]
fn what_runs_is_finished_before_the_server_stops() {
    let limits = Limits {
        workers: 1,
        waiting: 8,
        threads: 1,
        ..Limits::default()
    };
    let mut server = InProcess::open(limits);
    let model = forest(60, QueryMode::Direct);
    server.service(None).push("forest", &model.server).unwrap();
    let mut owner = DataOwner::new(&model.client, 1);
    let (query, codes) = owner.query(1);
    let address = server.address;
    let answers: Vec<_> = thread::scope(|scope| {
        let ask = || ask(address, "POST", "/v1/models/forest/predict", None, &query);
        let running: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        // All four are in the server; one runs, three wait.
        let deadline = Instant::now() + Duration::from_secs(5);
        while admitted(address) < 4
            && Instant::now() < deadline
            && !running.iter().all(|asking| asking.is_finished())
        {}
        server.tell_to_stop();
        running
            .into_iter()
            .map(|asking| asking.join().unwrap())
            .collect()
    });
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert!(owner.agrees(&model.circuit, &codes, &answer.body));
    }
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}

fn admitted(address: core::net::SocketAddr) -> u32 {
    let page = String::from_utf8(ask(address, "GET", "/metrics", None, b"").body).unwrap();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("tenebra_evaluations_admitted "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}
