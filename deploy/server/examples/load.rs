//! The figures of `docs/deployment.md`: what the service adds to an evaluation, and what it does at twice its capacity.
//!
//! ```text
//! cargo build --release -p tenebra-server && cargo run --release -p tenebra-server --example load -- overhead
//! cargo run --release -p tenebra-server --example load -- load [linear|forest] [SECONDS] [CONNECTIONS]
//! cargo run --release -p tenebra-server --example load -- memory
//! ```
//! Everything on loopback. The server is a process of its own; the generator holds a bounded number of connections.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints and stops where anything fails"
)]
#![expect(dead_code, reason = "shares the models of the tests")]

#[path = "../tests/service/models.rs"]
mod models;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use models::{Compiled, DataOwner, forest, linear};
use tenebra_circuit::QueryMode;
use tenebra_service_client::Service;
use tenebra_tfhe::server_program::ServerProgram;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    let number = |index, preset| argument(index).map_or(preset, |text| text.parse().unwrap());
    match argument(0) {
        Some("overhead") => overhead(),
        Some("load") => {
            let model = match argument(1) {
                Some("forest") => forest(100, QueryMode::Direct),
                _ => linear(5),
            };
            load(&model, Duration::from_secs(number(2, 60)), number(3, 32));
        }
        Some("memory") => memory(),
        _ => println!("overhead | load [linear|forest] [SECONDS] [CONNECTIONS] | memory"),
    }
}

/// A server process with one model, `m`.
struct Process {
    address: SocketAddr,
    child: Child,
    _store: tempfile::TempDir,
}

impl Process {
    fn start(model: &Compiled) -> Self {
        let store = tempfile::tempdir().unwrap();
        // target/release/examples/load and target/release/tenebra-server
        let program = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .with_file_name("tenebra-server");
        let mut child = Command::new(program)
            .args([
                "serve",
                "--open",
                "--log",
                "json",
                "--listen",
                "127.0.0.1:0",
                "--keys-per-client",
                "100",
                "--store",
            ])
            .arg(store.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0);
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["address"].as_str() {
                break address.parse().unwrap();
            }
        };
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let service = Service::new(&format!("http://{address}"), None).unwrap();
        service.push("m", &model.server).unwrap();
        Self {
            address,
            child,
            _store: store,
        }
    }

    /// Memory that the process holds now.
    fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that is kept open.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, query: &[u8]) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let head = format!(
            "POST /v1/models/m/predict HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            query.len()
        );
        Self {
            stream,
            request: [head.as_bytes(), query].concat(),
            buffer: Vec::new(),
        }
    }

    /// Asks once; the status.
    fn ask(&mut self) -> std::io::Result<u16> {
        self.stream.write_all(&self.request)?;
        self.buffer.clear();
        let mut chunk = [0; 16 * 1024];
        loop {
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..read]);
            let Some(end) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            else {
                continue;
            };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next()?.parse().ok());
            if self.buffer.len() >= end + 4 + length.unwrap_or(0) {
                return Ok(head.split(' ').nth(1).unwrap().parse().unwrap());
            }
        }
    }
}

/// Median and percentiles of times.
fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    times.get(index).copied().unwrap_or_default()
}

fn overhead() {
    const ROUNDS: usize = 5000;
    let model = linear(5);
    let (query, _) = DataOwner::new(&model.client, 1).query(1);
    let program = ServerProgram::parse(&model.server).unwrap();
    let time = |work: &mut dyn FnMut()| {
        (0..200).for_each(|_| work());
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                work();
                start.elapsed()
            })
            .collect();
        (percentile(&mut times, 0.5), percentile(&mut times, 0.99))
    };
    let evaluate = time(&mut || drop(program.evaluate(None, &query).unwrap()));
    let server = Process::start(&model);
    let mut connection = Connection::open(server.address, &query);
    let asked = time(&mut || assert_eq!(connection.ask().unwrap(), 200));
    println!(
        "query {} bytes, {ROUNDS} rounds, one connection",
        query.len()
    );
    println!("evaluate: median {:?}, p99 {:?}", evaluate.0, evaluate.1);
    println!("request:  median {:?}, p99 {:?}", asked.0, asked.1);
    println!("overhead: median {:?}", asked.0.saturating_sub(evaluate.0));
}

/// What models and keys take once they are used: the same under many names.
fn memory() {
    const COPIES: u64 = 50;
    let kinds = [
        ("linear", linear(5)),
        ("forest, direct", forest(100, QueryMode::Direct)),
        ("forest, packed", forest(100, QueryMode::Packed)),
    ];
    for (name, model) in kinds {
        let server = Process::start(&model);
        let service = Service::new(&format!("http://{}", server.address), None).unwrap();
        let mut owner = DataOwner::new(&model.client, 1);
        let (query, _) = owner.query(1);
        let key = owner.evaluation_key();
        let ask = |model: &str| {
            let id = key
                .as_ref()
                .map(|key| service.put_key(model, key).unwrap().key);
            service.predict(model, id.as_deref(), &query).unwrap().len()
        };
        let response = (0..10).map(|_| ask("m")).max();
        let before = server.rss_kib();
        for copy in 0..COPIES {
            let copy = format!("copy{copy}");
            service.push(&copy, &model.server).unwrap();
            ask(&copy);
        }
        let program = ServerProgram::parse(&model.server).unwrap();
        let counted = (program.working_bytes(1) + model.server.len() as u64) / 1024;
        let each = server.rss_kib().saturating_sub(before) / COPIES;
        println!(
            "{name}: server.tnb {} bytes, query {} bytes, response {} bytes, evaluation key {} bytes: one model in use {before} KiB in all, {each} KiB for each other ({counted} KiB counted)",
            model.server.len(),
            query.len(),
            response.unwrap_or(0),
            key.as_ref().map_or(0, Vec::len)
        );
    }
}

/// What the threads of the generator found.
#[derive(Default)]
struct Found {
    accepted: Vec<Duration>,
    busy: u64,
    failed: u64,
}

fn load(model: &Compiled, time: Duration, connections: u64) {
    let (query, _) = DataOwner::new(&model.client, 1).query(1);
    let server = Process::start(model);
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    // As many as are admitted at a time, running and waiting.
    let slots = 3 * cores;
    let warm = generate(
        &server,
        &query,
        Duration::from_secs(5),
        slots,
        f64::INFINITY,
    );
    let capacity = warm.accepted.len() as f64 / 5.0;
    println!(
        "query {} bytes; capacity with {slots} connections: {capacity:.0} requests/s",
        query.len()
    );
    let before = server.rss_kib();
    let mut memory = Vec::new();
    let done = AtomicBool::new(false);
    let mut found = thread::scope(|scope| {
        let sampling = scope.spawn(|| {
            let mut samples = Vec::new();
            while !done.load(Ordering::Relaxed) {
                samples.push(server.rss_kib());
                thread::sleep(Duration::from_secs(1));
            }
            samples
        });
        let found = generate(&server, &query, time, connections, 2.0 * capacity);
        done.store(true, Ordering::Relaxed);
        memory = sampling.join().unwrap();
        found
    });
    let total = found.accepted.len() as u64 + found.busy + found.failed;
    let seconds = time.as_secs_f64();
    println!(
        "offered {:.0} requests/s for {seconds} s over {connections} connections: sent {:.0}/s",
        2.0 * capacity,
        total as f64 / seconds
    );
    println!(
        "accepted {:.0}/s, 503 {:.0}/s, other errors {}",
        found.accepted.len() as f64 / seconds,
        found.busy as f64 / seconds,
        found.failed
    );
    let (median, p99) = (
        percentile(&mut found.accepted, 0.5),
        percentile(&mut found.accepted, 0.99),
    );
    println!(
        "accepted: median {median:?}, p99 {p99:?}, ratio {:.2}",
        p99.as_secs_f64() / median.as_secs_f64()
    );
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = (memory.len() as f64 * share) as usize;
        memory[index.min(memory.len() - 1)]
    };
    println!(
        "memory of the server, KiB: before {before}, after a quarter {}, half {}, end {}, most {}",
        at(0.25),
        at(0.5),
        at(1.0),
        memory.iter().max().unwrap()
    );
}

/// Sends `rate` requests a second, as far as the connections are free.
fn generate(server: &Process, query: &[u8], time: Duration, connections: u64, rate: f64) -> Found {
    let found = Mutex::new(Found::default());
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let run = || {
        let mut connection = Connection::open(server.address, query);
        let mut mine = Found::default();
        loop {
            let due = next.fetch_add(1, Ordering::Relaxed) as f64 / rate;
            let due = Duration::from_secs_f64(due);
            if due.max(start.elapsed()) >= time {
                break;
            }
            thread::sleep(due.saturating_sub(start.elapsed()));
            let asked = Instant::now();
            match connection.ask() {
                Ok(200) => mine.accepted.push(asked.elapsed()),
                Ok(503) => {
                    mine.busy += 1;
                    // Large bodies are refused unread, and the connection is closed then.
                    if query.len() > 16 * 1024 {
                        connection = Connection::open(server.address, query);
                    }
                }
                Ok(_) => mine.failed += 1,
                Err(_) => {
                    mine.failed += 1;
                    connection = Connection::open(server.address, query);
                }
            }
        }
        let mut found = found.lock().unwrap();
        found.accepted.extend(mine.accepted);
        found.busy += mine.busy;
        found.failed += mine.failed;
    };
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(run);
        }
    });
    found.into_inner().unwrap()
}
