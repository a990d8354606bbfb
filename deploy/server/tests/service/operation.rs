//! A server as its operator meets it: the store goes, certificates are renewed, processes are told to stop, what happened is
//! written down.

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use tenebra_circuit::QueryMode;
use tenebra_server::Limits;
use tenebra_server::names::Version;
use tenebra_server::store::Store;
use tenebra_server::tokens::{Role, Token};

use crate::models::{DataOwner, forest, linear};
use crate::support::{InProcess, Process, add_token, ask, ask_with, location};

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Gone, empty, another one: 503 for everything but a model in memory, nothing acknowledged, and back as it was.
#[test]
fn a_store_that_went_is_not_answered_for() {
    let parent = tempfile::tempdir().unwrap();
    let (here, away) = (parent.path().join("store"), parent.path().join("away"));
    let store = Store::open(location(&here)).unwrap();
    let owner = add_token(&store, "owner", Role::Owner);
    let server = InProcess::start(store, Limits::default(), false);
    let model = linear(5);
    let service = server.service(Some(&owner));
    service.push("line", &model.server).unwrap();
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let status = |method: &str, path: &str, body: &[u8]| {
        ask(server.address, method, path, Some(&owner), body).status
    };
    let (old, packed) = (Token::generate().unwrap(), forest(4, QueryMode::Packed));
    let make = |case: &str| match case {
        "empty" => fs::create_dir(&here).unwrap(),
        "another" => {
            let other = Store::open(location(&here)).unwrap();
            add_token(&other, "owner", Role::Owner);
        }
        // Whoever opens the marker waits, as for a disk that does not answer.
        "hung" => {
            fs::create_dir(&here).unwrap();
            let made = Command::new("mkfifo").arg(here.join("store.json")).status();
            assert!(made.unwrap().success());
        }
        _ => {}
    };
    for case in ["gone", "empty", "another", "hung"] {
        fs::rename(&here, &away).unwrap();
        make(case);
        wait_until("unready", || status("GET", "/readyz", b"") == 503);
        assert_eq!(
            status("PUT", "/v1/models/new", &packed.server),
            503,
            "{case}"
        );
        assert_eq!(status("GET", "/v1/models", b""), 503, "{case}");
        assert_eq!(status("GET", "/v1/models/unknown", b""), 503, "{case}");
        assert_eq!(status("DELETE", "/v1/models/line", b""), 503, "{case}");
        assert_eq!(
            status("POST", "/v1/models/line/predict", &query),
            200,
            "{case}"
        );
        let bad = ask(server.address, "GET", "/v1/models", Some(old.secret()), b"");
        assert!([401, 503].contains(&bad.status), "{case}: {}", bad.status);
        assert_eq!(status("GET", "/healthz", b""), 200, "{case}");
        let page = ask(server.address, "GET", "/metrics", Some(&owner), b"");
        assert!(
            String::from_utf8(page.body)
                .unwrap()
                .contains("tenebra_store_up 0")
        );
        if case == "hung" {
            // Those that wait are let go.
            drop(
                fs::OpenOptions::new()
                    .write(true)
                    .open(here.join("store.json")),
            );
        }
        let _ = fs::remove_dir_all(&here);
        fs::rename(&away, &here).unwrap();
        wait_until("ready again", || status("GET", "/readyz", b"") == 200);
        assert_eq!(service.models().unwrap().len(), 1, "{case}");
    }
}

#[test]
#[cfg(unix)]
fn broken_entries_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(location(folder.path())).unwrap();
    let owner = add_token(&store, "owner", Role::Owner);
    for name in ["models", "tokens", "keys"] {
        let place = folder.path().join(name);
        fs::create_dir(place.join("lost+found")).unwrap();
        std::os::unix::fs::symlink("loop", place.join("loop")).unwrap();
    }
    fs::write(folder.path().join("models/empty.tnb"), "").unwrap();
    fs::write(folder.path().join("models/broken.tnb"), "TNBR").unwrap();
    fs::create_dir(folder.path().join("tokens/folder.json")).unwrap();
    fs::write(folder.path().join("tokens/broken.json"), "{").unwrap();
    let server = InProcess::start(store, Limits::default(), false);
    let service = server.service(Some(&owner));
    service.push("line", &linear(5).server).unwrap();
    assert_eq!(service.models().unwrap().len(), 1);
    let broken = ask(
        server.address,
        "GET",
        "/v1/models/broken",
        Some(&owner),
        b"",
    );
    assert_eq!(
        (broken.status, broken.kind().as_str()),
        (503, "model-damaged")
    );
    // What another version wrote is said to be that.
    let path = folder.path().join("models/line.tnb");
    let mut older = fs::read(&path).unwrap();
    older[4] -= 1;
    fs::write(folder.path().join("models/older.tnb"), older).unwrap();
    let older = ask(server.address, "GET", "/v1/models/older", Some(&owner), b"");
    let body = String::from_utf8(older.body.clone()).unwrap();
    assert_eq!(
        (older.status, older.kind().as_str()),
        (503, "model-damaged")
    );
    assert!(body.contains("compile the model again"), "{body}");
    // It may be replaced.
    service.push("broken", &linear(6).server).unwrap();
    // The client spec within the file of the other version is of this one.
    assert_eq!(service.models().unwrap().len(), 3);
    let page = ask(server.address, "GET", "/metrics", Some(&owner), b"");
    let page = String::from_utf8(page.body).unwrap();
    assert!(!page.contains("tenebra_store_skipped_entries 0"), "{page}");
    assert_eq!(ask(server.address, "GET", "/readyz", None, b"").status, 200);
}

/// Two models of one client spec and other weights.
#[test]
fn versions_are_told_apart_and_come_back() {
    let store = Store::in_memory();
    let [ada, bob, client] = [
        ("ada", Role::Owner),
        ("bob", Role::Owner),
        ("eve", Role::Client),
    ]
    .map(|(name, role)| add_token(&store, name, role));
    let admin = add_token(&store, "root", Role::Admin);
    let server = InProcess::start(store, Limits::default(), false);
    let (one, other) = (linear(5), linear(5));
    // The report is part of a version, and of no client spec.
    let file = tenebra_tfhe::server_program::ServerFile::parse(&one.server).unwrap();
    let two = tenebra_tfhe::server_program::ServerFile {
        report: "{ }",
        ..file.sections
    }
    .encode()
    .unwrap();
    assert_eq!(one.client, other.client);
    let [first, second] = [&one.server, &two].map(|bytes| Version::of(bytes).to_string());
    let path = "/v1/models/m";
    let send = |method: &str, path: &str, token: &str, headers: &str, body: &[u8]| {
        let headers = format!("Host: a\r\nAuthorization: Bearer {token}{headers}");
        ask_with(server.address, method, path, &headers, body)
    };
    let put = send("PUT", path, &ada, "\r\nIf-None-Match: *", &one.server);
    assert_eq!(put.status, 201);
    assert!(
        put.head
            .contains(&format!("tenebra-model-version: {first}")),
        "{}",
        put.head
    );
    let again = send("PUT", path, &ada, "\r\nIf-None-Match: *", &two);
    assert_eq!(
        (again.status, again.kind().as_str()),
        (412, "version-mismatch")
    );
    let stale = send(
        "PUT",
        path,
        &ada,
        &format!("\r\nIf-Match: \"{second}\""),
        &two,
    );
    assert_eq!(stale.status, 412);
    let good = send(
        "PUT",
        path,
        &ada,
        &format!("\r\nIf-Match: \"{first}\""),
        &two,
    );
    assert_eq!(good.status, 201);
    let spec = send("GET", path, &client, "", b"");
    assert!(
        spec.head.contains(&format!("etag: \"{second}\"")),
        "{}",
        spec.head
    );

    // Clients that pin a version.
    let query = DataOwner::new(&one.client, 1).query(1).0;
    let pinned = |version: &str| {
        let predict = "/v1/models/m/predict";
        send(
            "POST",
            predict,
            &client,
            &format!("\r\nIf-Match: \"{version}\""),
            &query,
        )
    };
    assert_eq!((pinned(&first).status, pinned(&second).status), (412, 200));
    assert!(
        pinned(&second)
            .head
            .contains(&format!("tenebra-model-version: {second}"))
    );

    // Other owners.
    for (method, path) in [
        ("PUT", path),
        ("DELETE", path),
        ("POST", &format!("{path}/versions/{first}")),
    ] {
        let other = send(method, path, &bob, "", &one.server);
        assert_eq!(
            (other.status, other.kind().as_str()),
            (403, "other-owner"),
            "{method} {path}"
        );
    }
    let history = send("GET", &format!("{path}/versions"), &client, "", b"");
    let history: serde_json::Value = serde_json::from_slice(&history.body).unwrap();
    assert_eq!(history["current"], second);
    assert_eq!(history["deployments"][0]["version"], second);
    assert_eq!(history["deployments"][1]["version"], first);
    assert_eq!(history["deployments"][1]["owner"], "ada");
    let back = send("POST", &format!("{path}/versions/{first}"), &ada, "", b"");
    assert_eq!(back.status, 200, "{}", back.head);
    assert_eq!((pinned(&first).status, pinned(&second).status), (200, 412));
    let none = send(
        "POST",
        &format!("{path}/versions/{}", Version::of(b"")),
        &ada,
        "",
        b"",
    );
    assert_eq!(
        (none.status, none.kind().as_str()),
        (404, "version-not-found")
    );
    assert_eq!(send("DELETE", path, &admin, "", b"").status, 204);
    assert_eq!(send("PUT", path, &bob, "", &one.server).status, 201);
}

#[test]
fn roles_and_models_limit_tokens() {
    let store = Store::in_memory();
    let [owner, metrics] = [("owner", Role::Owner), ("watch", Role::Metrics)]
        .map(|(name, role)| add_token(&store, name, role));
    let limited = Token::generate().unwrap();
    let mut record = limited.record(Role::Client);
    record.models = Some(vec!["one".parse().unwrap()]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(store.put_token(&"bob".parse().unwrap(), &record))
        .unwrap();
    let server = InProcess::start(store, Limits::default(), false);
    let model = linear(5);
    for name in ["one", "two"] {
        server
            .service(Some(&owner))
            .push(name, &model.server)
            .unwrap();
    }
    let bob = server.service(Some(limited.secret()));
    let names: Vec<String> = bob
        .models()
        .unwrap()
        .into_iter()
        .map(|info| info.model)
        .collect();
    assert_eq!(names, ["one"]);
    let query = DataOwner::new(&model.client, 1).query(1).0;
    bob.predict("one", None, &query).unwrap();
    for name in ["two", "three"] {
        for (method, path, body) in [
            ("GET", format!("/v1/models/{name}"), &b""[..]),
            ("GET", format!("/v1/models/{name}/keys"), b""),
            ("GET", format!("/v1/models/{name}/versions"), b""),
            ("POST", format!("/v1/models/{name}/predict"), &query),
        ] {
            let answer = ask(server.address, method, &path, Some(limited.secret()), body);
            assert_eq!(
                (answer.status, answer.kind().as_str()),
                (403, "model-not-allowed"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(
        ask(server.address, "GET", "/metrics", Some(&metrics), b"").status,
        200
    );
    for (method, path) in [
        ("GET", "/v1/models"),
        ("PUT", "/v1/models/one"),
        ("POST", "/v1/models/one/predict"),
    ] {
        assert_eq!(
            ask(server.address, method, path, Some(&metrics), b"").status,
            403,
            "{method} {path}"
        );
    }
}

#[test]
fn what_is_kept_of_someone_is_purged() {
    let store = Store::in_memory();
    let [owner, bob] = [("owner", Role::Owner), ("bob", Role::Client)]
        .map(|(name, role)| add_token(&store, name, role));
    let admin = add_token(&store, "root", Role::Admin);
    let server = InProcess::start(store, Limits::default(), false);
    let packed = forest(4, QueryMode::Packed);
    server
        .service(Some(&owner))
        .push("packed", &packed.server)
        .unwrap();
    let mut data = DataOwner::new(&packed.client, 1);
    let client = server.service(Some(&bob));
    let key = client
        .put_key("packed", &data.evaluation_key().unwrap())
        .unwrap()
        .key;
    let query = data.query(1).0;
    client.predict("packed", Some(&key), &query).unwrap();
    let purge = |token: &str| {
        ask(
            server.address,
            "DELETE",
            "/v1/clients/bob",
            Some(token),
            b"",
        )
    };
    assert_eq!(purge(&owner).status, 403);
    let purged: serde_json::Value = serde_json::from_slice(&purge(&admin).body).unwrap();
    assert_eq!(purged["keys"], 1);
    assert!(client.predict("packed", Some(&key), &query).is_err());
    assert!(client.keys("packed").unwrap().is_empty());
    assert_eq!(purge(&bob).status, 200);
}

/// SIGHUP is not the end, SIGTERM is one in order; health is answered at its own door all the while.
#[test]
#[cfg(unix)]
fn signals_and_the_audit_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(location(&folder.path().join("store"))).unwrap();
    let owner = add_token(&store, "ada", Role::Owner);
    let log = folder.path().join("audit.log");
    let arguments = [
        "--audit-log",
        location(&log),
        "--admin-listen",
        "127.0.0.1:0",
        "--grace-seconds",
        "2",
    ];
    let mut server = Process::start(location(&folder.path().join("store")), &arguments, &[]);
    let model = linear(5);
    server
        .service(Some(&owner))
        .push("line", &model.server)
        .unwrap();
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let admin = server.admin.unwrap();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(admin, "GET", path, None, b"").status, 200, "{path}");
    }
    assert_eq!(
        ask(admin, "GET", "/v1/models", Some(&owner), b"").status,
        404
    );
    server.signal("HUP");
    let headers = format!("Host: a\r\nX-Request-Id: my-request.1\r\nAuthorization: Bearer {owner}");
    let predict = || {
        ask_with(
            server.address,
            "POST",
            "/v1/models/line/predict",
            &headers,
            &query,
        )
    };
    let answer = predict();
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("x-request-id: my-request.1"),
        "{}",
        answer.head
    );
    assert_eq!(
        ask(server.address, "GET", "/v1/models", Some("tnb_no"), b"").status,
        401
    );
    server.signal("TERM");
    wait_until("unready", || {
        ask(admin, "GET", "/readyz", None, b"").status == 503
    });
    assert_eq!(predict().status, 200);
    assert!(server.ended().success());

    let text = fs::read_to_string(&log).unwrap();
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let version = Version::of(&model.server).to_string();
    let event = |action: &str, status: u16| {
        let found = events
            .iter()
            .find(|it| it["action"] == action && it["status"] == status);
        found.unwrap_or_else(|| panic!("{action} {status} is not in\n{text}"))
    };
    let deployed = event("deploy", 201);
    assert_eq!(
        (&deployed["client"], &deployed["model"]),
        (&"ada".into(), &"line".into())
    );
    assert_eq!(deployed["version"], version);
    let predicted = event("predict", 200);
    assert_eq!(
        (&predicted["request"], &predicted["version"]),
        (&"my-request.1".into(), &version.into())
    );
    assert_eq!(event("list-models", 401)["problem"], "token-needed");
    assert!(!text.contains("tnb_"));
    assert_private(&log);
    assert_private(&folder.path().join("store/models/line.tnb"));
}

#[cfg(unix)]
fn assert_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{}", file.display());
}
