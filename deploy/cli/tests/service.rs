//! The service by the command line: an owner deploys, a client predicts, and what it decrypts is what the simulator says.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;
use tenebra_client::KeyId;
use tenebra_client::frame::{HEADER_LEN, TRAILER_LEN};

const TRAIN: &str = include_str!("cmd/flow.in/train.csv");
const TEST: &str = include_str!("cmd/flow.in/test.csv");

/// A server process over a store; it is killed when this is dropped.
struct Server {
    url: String,
    child: Child,
    /// What it logs.
    log: Option<thread::JoinHandle<String>>,
}

impl Server {
    fn start(store: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenebra"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "json"])
            .arg("--store")
            .arg(store)
            .args(arguments)
            .env("TENEBRA_LOG", "trace")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it did not start");
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["address"].as_str() {
                break address.to_owned();
            }
        };
        // A full pipe would stop the server.
        let log = thread::spawn(move || {
            log.read_to_string(&mut line).unwrap();
            line
        });
        let scheme = if arguments.contains(&"--tls-key") {
            "https"
        } else {
            "http"
        };
        Self {
            url: format!("{scheme}://{address}"),
            child,
            log: Some(log),
        }
    }

    /// Stops it by SIGTERM; how it ended, and what it logged.
    #[cfg(unix)]
    fn stop(mut self) -> (ExitStatus, String) {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        let status = self.child.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person at a command line: a folder, a server's address, perhaps a token.
struct Person {
    folder: TempDir,
    server: String,
    token: Option<String>,
}

impl Person {
    fn new(server: &str, token: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("train.csv"), TRAIN).unwrap();
        fs::write(folder.path().join("test.csv"), TEST).unwrap();
        Self {
            folder,
            server: server.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn tenebra(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenebra"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env("TENEBRA_SERVER", &self.server)
            .env_remove("TENEBRA_TOKEN");
        if let Some(token) = &self.token {
            command.env("TENEBRA_TOKEN", token);
        }
        command.output().unwrap()
    }

    /// Runs a command that must succeed; its stdout and stderr.
    fn run_both(&self, arguments: &str) -> (String, String) {
        let output = self.tenebra(arguments);
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{arguments}: {stderr}");
        (stdout, stderr)
    }

    fn run(&self, arguments: &str) -> String {
        self.run_both(arguments).0
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }

    /// Runs a command that must fail with status 1; its stderr.
    fn fail(&self, arguments: &str) -> String {
        let output = self.tenebra(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments}");
        stderr
    }

    /// Trains and compiles a model into a folder.
    fn compile(&self, estimator: &str, options: &str, folder: &str) {
        self.run(&format!(
            "train {estimator} --data train.csv --target sold -o model.json"
        ));
        self.run(&format!("compile model.json {options} -o {folder}"));
    }
}

fn open_server() -> (TempDir, Server) {
    let store = tempfile::tempdir().unwrap();
    let server = Server::start(store.path(), &["--open"]);
    (store, server)
}

#[test]
fn predictions_are_the_simulators() {
    let (_store, server) = open_server();
    let owner = Person::new(&server.url, None);
    let client = Person::new(&server.url, None);
    let models = [
        ("LogisticRegression", "", "linear", false),
        ("LogisticRegression", "--hide-model", "hidden", true),
        ("DecisionTreeClassifier", "--query direct", "direct", false),
        ("DecisionTreeClassifier", "--query packed", "packed", true),
    ];
    for (estimator, options, name, has_key) in models {
        owner.compile(estimator, options, name);
        owner.run(&format!("push {name}"));
        let simulated = owner.json(&format!(
            "eval {name} --data test.csv --mode simulate --raw --json"
        ));

        let predict = format!("predict --model {name} --keys {name} --data test.csv");
        let (first, said) = client.run_both(&format!("{predict} --json"));
        let first: Value = serde_json::from_str(&first).unwrap();
        assert!(said.contains(&format!("made keys for `{name}`")), "{said}");
        assert_eq!(said.contains("sent the evaluation key"), has_key, "{said}");
        assert_eq!(first["rows"], 12);
        for field in ["predictions", "raw"] {
            assert_eq!(first[field], simulated[field], "{name}: {field}");
        }

        // The keys stay, and the evaluation key at the server.
        let (again, said) = client.run_both(&format!("{predict} --json"));
        assert_eq!(said, "", "{name}");
        assert_eq!(first, serde_json::from_str::<Value>(&again).unwrap());
        let keys = client.json(&format!("keys --model {name} list --json"));
        assert_eq!(
            keys["keys"].as_array().unwrap().len(),
            usize::from(has_key),
            "{name}"
        );

        let csv = client.run(&format!("{predict} --rows 5"));
        let labels: Vec<_> = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap())
            .collect();
        let expected: Vec<_> = (0..5)
            .map(|row| simulated["predictions"][row].as_str().unwrap())
            .collect();
        assert_eq!(labels, expected, "{name}");
    }
    // The float model stays with its owner, in a file of its own.
    let listed = client.json("models --json");
    for model in listed["models"].as_array().unwrap() {
        let file = owner.path(model["model"].as_str().unwrap());
        assert!(file.join("float_model.json").exists());
        let sent = fs::read(file.join("server.tnb")).unwrap();
        assert_eq!(model["size_bytes"].as_u64().unwrap(), sent.len() as u64);
        let text = String::from_utf8_lossy(&sent);
        assert!(!text.contains("tenebra-model"), "{model}");
    }
}

#[test]
fn an_evaluation_key_that_the_server_lost_is_sent_again() {
    let (_store, server) = open_server();
    let person = Person::new(&server.url, None);
    for (estimator, options, model) in [
        ("DecisionTreeClassifier", "--query packed", "tree"),
        ("LogisticRegression", "--hide-model", "hidden"),
    ] {
        person.compile(estimator, options, model);
        person.run(&format!("push {model}"));
        let predict = |keys: &str| format!("predict --model {model} --keys {keys} --data test.csv");
        let [its, made] = ["its", "made"].map(|keys| format!("{keys}_{model}"));
        let first = person.run(&predict(&its));
        let listed = person.json(&format!("keys --model {model} list --json"));
        let key = listed["keys"][0]["key"].as_str().unwrap();
        person.run(&format!("keys --model {model} delete {key}"));
        let (again, said) = person.run_both(&predict(&its));
        assert!(said.starts_with("sent the evaluation key"), "{said}");
        assert_eq!(first, again);
        // By hand: a folder of `keygen` is as good.
        person.run(&format!("keys --model {model} delete {key}"));
        person.run(&format!("keygen {model} -o {made}"));
        let put = person.run(&format!("keys --model {model} put {made}/evaluation.key"));
        let listed = person.run(&format!("keys --model {model}"));
        assert!(listed.contains(put.trim()), "{listed}");
        let (by_hand, said) = person.run_both(&predict(&made));
        assert_eq!((by_hand, said.as_str()), (first, ""));
        assert!(person.path(&format!("{made}/client.tnb")).exists());
    }
}

#[test]
fn a_model_that_was_replaced_needs_new_keys() {
    let (_store, server) = open_server();
    let person = Person::new(&server.url, None);
    person.compile("LogisticRegression", "", "one");
    person.compile("LogisticRegression", "--n-bits 6", "other");
    person.run("push one --name sales");
    let predict = |keys: &str| format!("predict --model sales --keys {keys} --data test.csv");
    person.run(&predict("keys"));
    person.run("push other --name sales");
    let stderr = person.fail(&predict("keys"));
    assert!(
        stderr.contains("409") && stderr.contains("hint: if the model was deployed anew"),
        "{stderr}"
    );
    person.run(&predict("new_keys"));
    person.run("models --delete sales");
    assert_eq!(
        person.run("models"),
        "",
        "an empty list is a note to people, not data"
    );
    let stderr = person.fail(&predict("new_keys"));
    assert!(stderr.contains("hint: `tenebra models"), "{stderr}");
}

#[test]
fn tokens_say_who_may_do_what() {
    let store = tempfile::tempdir().unwrap();
    let location = store.path().to_str().unwrap();
    let operator = Person::new("", None);
    let add = |name: &str, role: &str| {
        let token = operator.run(&format!(
            "token add {name} --role {role} --store {location}"
        ));
        token.trim().to_owned()
    };
    let (owner, client) = (add("ada", "owner"), add("bob", "client"));
    assert_eq!(
        operator.run(&format!("token list --store {location}")),
        "ada\towner\nbob\tclient\n"
    );
    let stderr = operator.fail(&format!("token add ada --role client --store {location}"));
    assert!(stderr.contains("there is a token of that name"), "{stderr}");

    let server = Server::start(store.path(), &[]);
    let (owner, client) = (
        Person::new(&server.url, Some(&owner)),
        Person::new(&server.url, Some(&client)),
    );
    owner.compile("LogisticRegression", "", "sales");
    owner.run("push sales");
    client.run("predict --model sales --keys keys --data test.csv");
    client.compile("LogisticRegression", "", "mine");
    let stderr = client.fail("push mine");
    assert!(stderr.contains("hint: `tenebra token add"), "{stderr}");
    for nobody in [None, Some("tnb_0")] {
        let nobody = Person::new(&server.url, nobody);
        for command in [
            "models",
            "models --delete sales",
            "keys --model sales",
            "predict --model sales --keys keys --data test.csv",
        ] {
            let stderr = nobody.fail(command);
            assert!(
                stderr.contains("401") && stderr.contains("hint: `--token`"),
                "{command}: {stderr}"
            );
        }
        assert!(!nobody.path("keys").exists());
    }
    // On the command line instead.
    let token = client.token.as_deref().unwrap();
    let nobody = Person::new("", None);
    nobody.run(&format!("models --server {} --token {token}", server.url));
}

/// A server may answer anything: parameters that are not secure are refused before a key is made.
#[test]
fn insecure_specs_are_refused() {
    let person = Person::new("", None);
    person.compile("LogisticRegression", "", "model");
    let mut spec = fs::read(person.path("model/client.tnb")).unwrap();
    // log2 of p_fail, inputs, outputs, scheme and length, hidden or not, number of plans, k, N: then the noise bound of the first plan.
    spec[HEADER_LEN + 8 + 4 + 4 + 5 + 1 + 1 + 1 + 2] = 3;
    let end = spec.len() - TRAILER_LEN;
    // The id of a spec is the head of its SHA-256, as that of a key.
    let id = KeyId::of(&spec[HEADER_LEN..end]).to_string();
    for (byte, digits) in spec[8..24].iter_mut().zip(id.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(digits).unwrap(), 16).unwrap();
    }
    let checksum = crc32fast::hash(&spec[..end]);
    spec[end..].copy_from_slice(&checksum.to_le_bytes());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        assert!(request[..read].starts_with(b"GET /v1/models/model HTTP/1.1\r\n"));
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            spec.len()
        );
        stream
            .write_all(&[head.as_bytes(), &spec].concat())
            .unwrap();
    });
    let stderr = person.fail(&format!(
        "predict --server {url} --model model --keys keys --data test.csv"
    ));
    answering.join().unwrap();
    assert!(
        stderr.contains("was refused, and no keys were made")
            && stderr.contains("under 128-bit security"),
        "{stderr}"
    );
    assert!(!person.path("keys").exists());
}

#[test]
fn nothing_is_sent_before_all_rows_are_good() {
    let (_store, server) = open_server();
    let person = Person::new(&server.url, None);
    person.compile("LogisticRegression", "", "model");
    person.run("push model");
    fs::write(person.path("bad.csv"), "size,shift,rooms\n1,2,3\n1,,3\n").unwrap();
    let stderr = person.fail("predict --model model --keys keys --data bad.csv");
    assert!(
        stderr.contains("bad.csv") && stderr.contains("row 2") && stderr.contains("`shift`"),
        "{stderr}"
    );
    fs::write(
        person.path("far.csv"),
        "size,shift,rooms\n1,2,3\n1000,2,3\n",
    )
    .unwrap();
    let (_, said) = person.run_both("predict --model model --keys keys --data far.csv");
    assert!(said.contains("note: 1 value lies outside"), "{said}");
}

/// Even at the most talkative level.
#[test]
#[cfg(unix)]
fn logs_hold_no_tokens_and_no_query_strings() {
    let store = tempfile::tempdir().unwrap();
    let location = store.path().to_str().unwrap();
    let operator = Person::new("", None);
    let token = operator.run(&format!("token add ada --role owner --store {location}"));
    let token = token.trim();
    let server = Server::start(store.path(), &[]);
    let person = Person::new(&server.url, Some(token));
    person.compile("DecisionTreeClassifier", "--query packed", "tree");
    person.run("push tree");
    person.run("predict --model tree --keys keys --data test.csv");
    Person::new(&server.url, Some("tnb_guess")).fail("models");
    let (status, log) = server.stop();
    assert!(status.success(), "{status}");
    for said in [
        "deployed",
        "key kept",
        "stopping",
        "/v1/models/{model}/predict",
    ] {
        assert!(log.contains(said), "{said} is not in\n{log}");
    }
    for secret in [&token[4..], "tnb_", "key=", "Bearer", "bearer"] {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}

#[test]
fn tls_protects_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let [chain, key] = &files;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.unwrap();
    fs::write(chain, made.cert.pem()).unwrap();
    fs::write(key, made.signing_key.serialize_pem()).unwrap();
    let [chain, key] = files.each_ref().map(|path| path.to_str().unwrap());
    let arguments = ["--open", "--tls-certificate", chain, "--tls-key", key];
    let server = Server::start(&folder.path().join("store"), &arguments);
    let person = Person::new(&server.url, None);
    person.compile("LogisticRegression", "", "model");
    let stderr = person.fail("push model");
    assert!(stderr.contains("certificate"), "{stderr}");
    person.run(&format!("push model --ca {chain}"));
    let csv = person.run(&format!(
        "predict --model model --keys keys --data test.csv --ca {chain}"
    ));
    assert_eq!(csv.lines().count(), 13);
    // A server that asks for a certificate is shown one.
    let client = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let shown = ["client.pem", "client.key"].map(|name| folder.path().join(name));
    fs::write(&shown[0], client.cert.pem()).unwrap();
    fs::write(&shown[1], client.signing_key.serialize_pem()).unwrap();
    let [client, client_key] = shown.each_ref().map(|path| path.to_str().unwrap());
    let arguments = [&arguments[..], &["--tls-client-ca", client]].concat();
    let strict = Server::start(&folder.path().join("store"), &arguments);
    let models = format!("models --server {} --ca {chain}", strict.url);
    let stderr = person.fail(&models);
    assert!(stderr.contains("certificate"), "{stderr}");
    let listed = person.run(&format!(
        "{models} --client-cert {client} --client-key {client_key}"
    ));
    assert!(listed.contains("model"), "{listed}");
    let stderr = person.fail(&format!(
        "{models} --client-cert {client} --client-key {key}"
    ));
    assert!(stderr.contains("does not fit"), "{stderr}");
    let stderr = person.fail("models --ca test.csv");
    assert!(
        stderr.contains("test.csv: there is no certificate"),
        "{stderr}"
    );
    let plain = server.url.replace("https", "http");
    person.fail(&format!("models --server {plain}"));
}
