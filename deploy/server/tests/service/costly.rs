//! Uploads that would cost more than their size is good for: refused within a stated multiple of memory and time.
#![cfg(target_os = "linux")]

use core::fmt::Write;
use core::time::Duration;
use std::fs;
use std::thread;
use std::time::Instant;

use tenebra_circuit::QueryMode;
use tenebra_tfhe::server_program::ServerFile;

use crate::models::{Compiled, DataOwner, forest, linear, wide_forest};
use crate::support::{Answer, InProcess, Process, ask, location};

fn memory_kib(server: &Process, field: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse().unwrap()
}

/// The model with another circuit.
fn with_circuit(model: &Compiled, circuit: &str) -> Vec<u8> {
    let file = ServerFile::parse(&model.server).unwrap();
    let sections = ServerFile {
        circuit,
        ..file.sections
    };
    sections.encode().unwrap()
}

fn circuit(model: &Compiled) -> String {
    ServerFile::parse(&model.server)
        .unwrap()
        .sections
        .circuit
        .to_owned()
}

/// Text of a megabyte whose linear form takes `count` squared steps: a sum of elements that are each looked for in a long row.
fn slow(count: usize) -> Vec<u8> {
    let model = linear(5);
    let text = circuit(&model);
    let mut text = text.split("output").next().unwrap().to_owned();
    let row = |item: &str| vec![item; count].join(", ");
    write!(
        text,
        "%2 = linear %0, sparse(1, 30) [\n], bias [0]\n%3 = concat {}\n",
        row("%2")
    )
    .unwrap();
    write!(
        text,
        "%4 = linear %3, dense [\n  [{}],\n], bias [0]\n",
        row("1")
    )
    .unwrap();
    text.push_str("%5 = add %1, %4\noutput y: %5\n");
    with_circuit(&model, &text)
}

/// Trees that each split at another of 65536 codes: what is booked of each in each interval is their number squared.
fn large(count: usize) -> Vec<u8> {
    let model = wide_forest();
    let text = circuit(&model);
    let (trees, end) = text.rsplit_once("]\noutput").unwrap();
    let mut text = trees.to_owned();
    for threshold in 1..=count {
        let second = threshold * 7919 % 65_535 + 1;
        write!(
            text,
            "  [\n 0: if x[0] < {threshold} then 1 else 2,\n 1: [0],\n 2: if x[1] < {second} then 3 else 4,\n 3: [0],\n 4: [0],\n  ],\n"
        )
        .unwrap();
    }
    write!(text, "]\noutput{end}").unwrap();
    with_circuit(&model, &text)
}

fn refused(answer: &Answer) -> String {
    assert_eq!(
        (answer.status, answer.kind().as_str()),
        (422, "model-refused"),
        "{answer:?}"
    );
    answer.problem()["detail"].to_string()
}

/// Both kinds at a scale at which they are harmless are accepted: they are models, only slow ones.
#[test]
fn what_is_slow_at_scale_is_a_model_at_none() {
    let server = InProcess::open(tenebra_server::Limits::default());
    for model in [slow(50), large(20)] {
        let answer = ask(server.address, "PUT", "/v1/models/m", None, &model);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[test]
fn hostile_circuits_are_given_up_in_time_and_leave_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--open", "--model-seconds", "1"];
    let server = Process::start(location(folder.path()), &arguments, &[]);
    let line = linear(5);
    server.service(None).push("line", &line.server).unwrap();
    let mut owner = DataOwner::new(&line.client, 1);
    let before = memory_kib(&server, "VmRSS:");
    let (slow, large) = (slow(300_000), large(30_000));
    for (bytes, said) in [(&slow, " s; use fewer"), (&large, "bytes of memory")] {
        let start = Instant::now();
        thread::scope(|scope| {
            let upload = scope.spawn(|| ask(server.address, "PUT", "/v1/models/m", None, bytes));
            // Others are answered meanwhile.
            while !upload.is_finished() {
                let (query, codes) = owner.query(1);
                let response = server.service(None).predict("line", None, &query).unwrap();
                assert!(owner.agrees(&line.circuit, &codes, &response));
                thread::sleep(Duration::from_millis(50));
            }
            let detail = refused(&upload.join().unwrap());
            println!(
                "{} bytes refused in {:?}: {detail}",
                bytes.len(),
                start.elapsed()
            );
            assert!(detail.contains(said), "{detail}");
        });
        // A second, another for each MiB, and a second to send, to look and to answer in.
        let allowed = 2.0 + bytes.len() as f64 / f64::from(1 << 20);
        assert!(
            start.elapsed().as_secs_f64() < allowed,
            "{:?}",
            start.elapsed()
        );
    }
    let most = memory_kib(&server, "VmHWM:");
    println!("memory of the server: {before} KiB before, {most} at most");
    assert!((most - before) * 1024 <= 4 * large.len() + (20 << 20));
    assert_eq!(server.service(None).models().unwrap().len(), 1);
    assert!(children(&server).is_empty(), "{:?}", children(&server));
}

/// A server that is killed leaves no process behind that goes on verifying.
#[test]
fn verification_ends_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(location(folder.path()), &["--open"], &[]);
    let (address, slow) = (server.address, slow(300_000));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let head = format!(
                "PUT /v1/models/m HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
                slow.len()
            );
            let _ = std::io::Write::write_all(&mut stream, head.as_bytes());
            let _ = std::io::Write::write_all(&mut stream, &slow);
            let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
        });
        let start = Instant::now();
        while children(&server).is_empty() {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "no process verifies"
            );
        }
        let verifying = children(&server);
        server.kill();
        let alive = || verifying.iter().any(|id| is_running(id));
        while alive() {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{verifying:?} goes on"
            );
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Processes that a server started.
fn children(server: &Process) -> Vec<String> {
    let id = server.id();
    let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let lists = tasks
        .flatten()
        .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let ids = lists.collect::<Vec<_>>().concat();
    ids.split_whitespace().map(str::to_owned).collect()
}

/// A process that ended and that nobody asked about is not running.
fn is_running(id: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// A hundred thousand trees of one leaf are a short text and much memory; `TENEBRA_COSTLY_MB` is the size in the figures of
/// `docs/deployment.md`.
#[test]
fn costly_models_are_refused_within_a_multiple_of_their_size() {
    let megabytes: usize =
        std::env::var("TENEBRA_COSTLY_MB").map_or(40, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(location(folder.path()), &["--open"], &[]);
    let model = forest(4, QueryMode::Direct);
    let file = ServerFile::parse(&model.server).unwrap();
    let (head, _) = file.sections.circuit.split_once("[\n").unwrap();
    let mut circuit = format!("{head}[\n");
    while circuit.len() < megabytes * 1_000_000 {
        circuit.push_str("[0:[1]],\n");
    }
    circuit.push_str("]\noutput y: %1\n");
    let costly = ServerFile {
        circuit: &circuit,
        ..file.sections
    };
    let costly = costly.encode().unwrap();
    let kib = |field: &str| memory_kib(&server, field);
    let before = kib("VmRSS:");
    let start = Instant::now();
    let answer = ask(server.address, "PUT", "/v1/models/m", None, &costly);
    println!("{} bytes refused in {:?}", costly.len(), start.elapsed());
    assert_eq!(
        (answer.status, answer.kind().as_str()),
        (422, "model-refused")
    );
    let detail = answer.problem()["detail"].to_string();
    assert!(detail.contains("bytes of memory"), "{detail}");
    let most = kib("VmHWM:");
    thread::sleep(Duration::from_millis(300));
    let after = kib("VmRSS:");
    println!("memory: {before} KiB before, {most} at most, {after} after");
    assert!((most - before) * 1024 <= 4 * costly.len(), "{most} KiB");
    assert!(after <= before + 20 * 1024, "{after} KiB");
}
