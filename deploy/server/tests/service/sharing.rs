//! Two server processes on one S3-compatible server: moto, from PyPI, started here.
//!
//! `TENEBRA_MOTO` names a Python that has `moto[server]` (`pip install 'moto[server]'`); without it `python3` is tried, and
//! the test passes with a message if that has none.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use tenebra_circuit::QueryMode;
use tenebra_client::ClientSpec;
use tenebra_service_client::{Error, Service};

use crate::models::{DataOwner, forest, linear};
use crate::support::{Process, ask};

struct Moto {
    address: SocketAddr,
    child: Child,
}

impl Moto {
    fn start() -> Option<Self> {
        let python = std::env::var("TENEBRA_MOTO").unwrap_or_else(|_| "python3".to_owned());
        let import = Command::new(&python)
            .args(["-c", "import moto.server"])
            .stderr(Stdio::null())
            .status();
        if !import.is_ok_and(|status| status.success()) {
            return None;
        }
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new(python)
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &address.port().to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { address, child };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "moto did not start");
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(ask(address, "PUT", "/tenebra", None, b"").status, 200);
        Some(moto)
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ]
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const STORE: &str = "s3://tenebra/some/prefix";

fn add_token(environment: &[(&str, &str)], name: &str, role: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tenebra-server"))
        .args(["token", "add", name, "--role", role, "--store", STORE])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn servers_share_a_bucket() {
    let Some(moto) = Moto::start() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no moto; `pip install 'moto[server]'` and set TENEBRA_MOTO to its python"
        );
        return;
    };
    let environment = moto.environment();
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let owner = add_token(&environment, "owner", "owner");
    let client = add_token(&environment, "client", "client");
    let [mut first, second] = [(), ()].map(|()| Process::start(STORE, &[], &environment));
    let (one, two) = (first.service(Some(&owner)), second.service(Some(&client)));

    // Deployed at one, used at the other.
    let (packed, line, newer) = (forest(4, QueryMode::Packed), linear(5), linear(6));
    one.push("packed", &packed.server).unwrap();
    let mut data = DataOwner::new(&packed.client, 1);
    let key = two
        .put_key("packed", &data.evaluation_key().unwrap())
        .unwrap()
        .key;
    let (query, codes) = data.query(1);
    for server in [&first, &second] {
        let response = server
            .service(Some(&client))
            .predict("packed", Some(&key), &query)
            .unwrap();
        assert!(data.agrees(&packed.circuit, &codes, &response));
    }

    // Both write the same name at once: it is one of the two, whole, and both say the same.
    let both = [first.service(Some(&owner)), second.service(Some(&owner))];
    thread::scope(|scope| {
        for (service, model) in both.iter().zip([&line, &newer]) {
            scope.spawn(move || {
                (0..10).for_each(|_| drop(service.push("line", &model.server).unwrap()))
            });
        }
    });
    let listed = one.models().unwrap();
    assert_eq!(listed, two.models().unwrap());
    let id = &listed
        .iter()
        .find(|info| info.model == "line")
        .unwrap()
        .spec_id;
    let is_winner = ClientSpec::parse(&line.client).unwrap().id().to_string() == *id;
    let winner = if is_winner { &line } else { &newer };
    agree_on(&both, winner);

    // Gone at one, gone at the other within a second or so; a key as well.
    both[1].push("line", &line.server).unwrap();
    both[0].delete_model("line").unwrap();
    two.delete_key("packed", &key).unwrap();
    thread::sleep(Duration::from_millis(1200));
    assert!(
        matches!(two.client_spec("line"), Err(Error::Refused(problem)) if problem.status == 404)
    );
    let refused = first
        .service(Some(&client))
        .predict("packed", Some(&key), &query);
    assert!(matches!(refused, Err(Error::Refused(problem)) if problem.status == 404));

    // One is killed, the other goes on, and a third takes its place.
    first.kill();
    let third = Process::start(STORE, &[], &environment);
    assert_eq!(
        third.service(Some(&client)).models().unwrap(),
        two.models().unwrap()
    );
}

/// Both servers evaluate the version that won, whichever they have in memory.
fn agree_on(services: &[Service], winner: &crate::models::Compiled) {
    let mut data = DataOwner::new(&winner.client, 2);
    let (query, codes) = data.query(1);
    for service in services {
        let response = service.predict("line", None, &query).unwrap();
        assert!(data.agrees(&winner.circuit, &codes, &response));
    }
}
