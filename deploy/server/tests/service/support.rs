//! Servers in this process and in others, and a client that may say anything.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use tenebra_server::store::Store;
use tenebra_server::tokens::{Role, Token};
use tenebra_server::{Background, Limits};
use tenebra_service_client::Service;
use tokio::runtime::Runtime;

/// A server in this process; it stops when this is dropped.
pub(crate) struct InProcess {
    pub(crate) address: SocketAddr,
    store: Store,
    server: Background,
}

impl InProcess {
    pub(crate) fn start(store: Store, limits: Limits, open: bool) -> Self {
        let server = Background::start(store.clone(), limits, open).unwrap();
        let address = server.address();
        Self {
            address,
            store,
            server,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// A server for everybody, with a store of its own.
    pub(crate) fn open(limits: Limits) -> Self {
        Self::start(Store::in_memory(), limits, true)
    }

    pub(crate) fn service(&self, token: Option<&str>) -> Service {
        Service::new(&format!("http://{}", self.address), token).unwrap()
    }

    /// Tells it to stop, without waiting.
    pub(crate) fn tell_to_stop(&mut self) {
        self.server.stop();
    }
}

/// A server process; it is killed when this is dropped.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    child: Child,
}

impl Process {
    /// Starts `tenebra-server` and waits until it listens.
    pub(crate) fn start(store: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenebra-server"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "json",
                "--store",
                store,
            ])
            .args(arguments)
            .envs(environment.iter().copied())
            .env("TENEBRA_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let (address, admin) = loop {
            let mut line = String::new();
            assert!(
                log.read_line(&mut line).unwrap() > 0,
                "it did not start:\n{seen}"
            );
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["address"].as_str() {
                let admin = entry["admin_address"].as_str();
                let admin = admin.map(|admin| admin.parse().unwrap());
                break (address.parse().unwrap(), admin);
            }
            seen.push_str(&line);
        };
        // A full pipe would stop the server.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            address,
            admin,
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits until it ended; how.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn service(&self, token: Option<&str>) -> Service {
        Service::new(&format!("http://{}", self.address), token).unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds a token to a store.
pub(crate) fn add_token(store: &Store, name: &str, role: Role) -> String {
    let token = Token::generate().unwrap();
    let (name, record) = (name.parse().unwrap(), token.record(role));
    let runtime = Runtime::new().unwrap();
    assert!(runtime.block_on(store.put_token(&name, &record)).unwrap());
    token.secret().to_owned()
}

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What a problem document says, which every refusal is.
    pub(crate) fn problem(&self) -> serde_json::Value {
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        assert!(problem["detail"].as_str().unwrap().len() > 10);
        problem
    }

    pub(crate) fn kind(&self) -> String {
        let kind = self.problem()["type"].as_str().unwrap().to_owned();
        kind.strip_prefix("urn:tenebra:problem:")
            .unwrap()
            .to_owned()
    }
}

/// Sends a request with exactly this body.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &[u8],
) -> Answer {
    let mut stream = send(address, method, path, token, body, body.len());
    parse(&read(&mut stream)).unwrap_or_else(|| panic!("{method} {path}: no answer"))
}

/// Sends a request with these headers, lines but for the last line's end.
pub(crate) fn ask_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // A server that refuses early may close before all is sent.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    parse(&read(&mut stream)).unwrap_or_else(|| panic!("{method} {path}: no answer"))
}

/// Sends a request that announces `length` bytes and breaks off after `body`; the answer, if there is still one.
pub(crate) fn ask_and_break_off(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &[u8],
    length: usize,
) -> Option<Answer> {
    let mut stream = send(address, method, path, None, body, length);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    parse(&read(&mut stream))
}

fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &[u8],
    length: usize,
) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let token = token
        .map(|token| format!("Authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{token}Content-Length: {length}\r\n\r\n"
    );
    // A server that refuses early may close before all is sent.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    stream
}

fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before a connection was reset counts.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head,
        body: bytes[end + 4..].to_vec(),
    })
}

/// A store's location as an argument.
pub(crate) fn location(folder: &Path) -> &str {
    folder.to_str().unwrap()
}
