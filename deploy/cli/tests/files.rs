//! What is taken is what it should be before it is used or sent; what is written is whole, where it should be, or not there.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::time::Duration;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, sleep};
use std::time::Instant;

const TRAIN: &str = include_str!("cmd/flow.in/train.csv");
const TEST: &str = include_str!("cmd/flow.in/test.csv");

fn tenebra(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenebra"));
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn sh(folder: &Path, script: &str) -> Output {
    let output = Command::new("sh")
        .args(["-c", script])
        .env("TENEBRA", env!("CARGO_BIN_EXE_tenebra"))
        .current_dir(folder)
        .output();
    output.unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn run(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = tenebra(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", stderr(&output));
    output.stdout
}

/// Runs a command that must fail with this status; its stderr.
fn fail(folder: &Path, arguments: &str, status: i32) -> String {
    let output = tenebra(folder, arguments).output().unwrap();
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(status), "{arguments}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments}");
    stderr
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A linear model and a tree whose queries are packed, with keys, a query and a response of the former.
fn everything() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("train.csv"), TRAIN).unwrap();
    fs::write(path.join("test.csv"), TEST).unwrap();
    for command in [
        "train LogisticRegression --data train.csv --target sold -o model.json",
        "compile model.json -o model",
        "keygen model -o keys",
        "encrypt model --keys keys --data test.csv --row 0 -o query.tnb",
        "run model query.tnb -o response.tnb",
        "train DecisionTreeClassifier --data train.csv --target sold --set max_depth=2 -o tree.json",
        "compile tree.json --query packed -o tree",
        "keygen tree -o tree_keys",
        "encrypt tree --keys tree_keys --data test.csv --row 0 -o tree_query.tnb",
    ] {
        run(path, command);
    }
    folder
}

#[test]
fn nothing_but_an_evaluation_key_is_sent_as_one() {
    let folder = everything();
    let path = folder.path();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("--server http://{}", listener.local_addr().unwrap());
    // Copies, for names say nothing.
    fs::copy(path.join("keys/secret.key"), path.join("evaluation.key")).unwrap();
    let secret = "evaluation.key: this is a secret key, an evaluation key is needed";
    for (file, message) in [
        ("evaluation.key", secret),
        (
            "keys/secret.key",
            "this is a secret key, an evaluation key is needed",
        ),
        ("query.tnb", "this is a query, an evaluation key is needed"),
        (
            "model/client.tnb",
            "this is a client spec, an evaluation key is needed",
        ),
        ("train.csv", "this is not a tenebra file"),
        ("none.key", "No such file"),
    ] {
        let stderr = fail(path, &format!("keys {server} --model m put {file}"), 1);
        assert!(stderr.contains(message), "{stderr}");
    }
    // A folder of keys whose evaluation key is another file.
    let keys = path.join("tree_keys");
    fs::copy(path.join("tree/client.tnb"), keys.join("client.tnb")).unwrap();
    let predict = format!("predict {server} --model m --keys tree_keys --data test.csv");
    run(path, "keygen tree -o others");
    for (other, message) in [
        (
            "tree_keys/secret.key",
            "this is a secret key, an evaluation key is needed",
        ),
        ("others/evaluation.key", "belongs to another secret key"),
    ] {
        fs::copy(path.join(other), keys.join("evaluation.key")).unwrap();
        let stderr = fail(path, &predict, 1);
        assert!(
            stderr.contains("tree_keys/evaluation.key: ") && stderr.contains(message),
            "{stderr}"
        );
    }
    fs::copy(path.join("keys/secret.key"), path.join("model/server.tnb")).unwrap();
    let stderr = fail(path, &format!("push model {server}"), 1);
    assert!(
        stderr.contains("this is a secret key, a server program is needed"),
        "{stderr}"
    );
    // Nobody even connected.
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
}

#[test]
fn every_command_says_what_it_got_and_wanted() {
    let folder = everything();
    let path = folder.path();
    let before = names(path);
    for (command, message) in [
        (
            "train Ridge --data keys/secret.key --target y -o out",
            "keys/secret.key: this is a secret key, a CSV is needed",
        ),
        (
            "import keys/secret.key -o out",
            "keys/secret.key: this is a secret key, a model of another library is needed",
        ),
        (
            "import query.tnb --from onnx -o out",
            "query.tnb: this is a query, a model of another library is needed",
        ),
        (
            "compile model/server.tnb -o out",
            "model/server.tnb: this is a server program, the JSON of a model is needed",
        ),
        (
            "compile model.json --calibrate model/client.tnb -o out",
            "this is a client spec, a CSV is needed",
        ),
        (
            "eval model --data response.tnb --mode clear",
            "this is a response, a CSV is needed",
        ),
        (
            "encrypt model --keys keys --data keys/secret.key --row 0 -o out",
            "this is a secret key, a CSV is needed",
        ),
        (
            "run model keys/secret.key -o out",
            "this is a secret key, a query is needed",
        ),
        (
            "run model response.tnb -o out",
            "this is a response, a query is needed",
        ),
        (
            "run tree --evaluation-key tree_keys/secret.key tree_query.tnb -o out",
            "this is a secret key, an evaluation key is needed",
        ),
        (
            "decrypt model --keys keys query.tnb",
            "this is a query, a response is needed",
        ),
        (
            "predict --server http://127.0.0.1:1 --model m --keys k --data keys/secret.key",
            "this is a secret key, a CSV is needed",
        ),
        (
            "models --server https://127.0.0.1:1 --ca keys/secret.key",
            "this is a secret key, a certificate in PEM form is needed",
        ),
    ] {
        let stderr = fail(path, command, 1);
        assert!(stderr.contains(message), "{command}: {stderr}");
        assert_eq!(names(path), before, "{command}");
    }
}

#[test]
fn links_are_followed_and_pipes_are_written_into() {
    let folder = everything();
    let path = folder.path();
    let train = "train LogisticRegression --data train.csv --target sold -o";
    let model = fs::read(path.join("model.json")).unwrap();
    fs::create_dir(path.join("far")).unwrap();
    fs::write(path.join("far/real.json"), "old").unwrap();
    symlink("far/real.json", path.join("link.json")).unwrap();
    symlink("far/new.json", path.join("dangling.json")).unwrap();
    for (link, real) in [
        ("link.json", "far/real.json"),
        ("dangling.json", "far/new.json"),
    ] {
        run(path, &format!("{train} {link}"));
        assert!(fs::symlink_metadata(path.join(link)).unwrap().is_symlink());
        assert_eq!(fs::read(path.join(real)).unwrap(), model);
    }
    assert_eq!(names(&path.join("far")), ["new.json", "real.json"]);

    sh(path, "mkfifo pipe");
    let pipe = path.join("pipe");
    let reader = {
        let pipe = pipe.clone();
        thread::spawn(move || fs::read(pipe).unwrap())
    };
    run(path, &format!("{train} pipe"));
    assert_eq!(reader.join().unwrap(), model);
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());

    for out in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        assert_eq!(run(path, &format!("{train} {out}")), model, "{out}");
    }
    run(path, &format!("{train} /dev/null"));
    let null = fs::metadata("/dev/null").unwrap().file_type();
    assert!(null.is_char_device());
    // What others wrote to the same file stays.
    let script = format!("{{ echo first; $TENEBRA {train} /dev/stdout; echo last; }} > out.txt");
    assert!(sh(path, &script).status.success());
    let expected = [b"first\n", model.as_slice(), b"last\n"].concat();
    assert_eq!(fs::read(path.join("out.txt")).unwrap(), expected);
}

#[test]
fn a_dash_is_stdin_or_stdout() {
    let folder = everything();
    let path = folder.path();
    let script = "
        $TENEBRA train LogisticRegression --data - --target sold -o - < train.csv | $TENEBRA compile - -o piped &&
        $TENEBRA keygen piped -o piped_keys &&
        $TENEBRA encrypt piped --keys piped_keys --data - --rows .. -o - < test.csv |
            $TENEBRA run piped - -o - | $TENEBRA decrypt piped --keys piped_keys - > piped.csv &&
        $TENEBRA eval piped --data - --target sold --mode simulate --json < test.csv > eval.json";
    let output = sh(path, script);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        fs::read_to_string(path.join("piped.csv"))
            .unwrap()
            .lines()
            .count(),
        13
    );
    let json = fs::read(path.join("eval.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["rows"], 12);
    let same = fs::read(path.join("piped/client.tnb")).unwrap();
    assert_eq!(same, fs::read(path.join("model/client.tnb")).unwrap());
    assert!(!path.join("-").exists());

    let stdin = sh(
        path,
        "$TENEBRA run tree --evaluation-key - - -o out < tree_query.tnb",
    );
    assert_eq!(stdin.status.code(), Some(2), "{}", stderr(&stdin));
    for command in ["compile model.json -o -", "keygen model -o -"] {
        let stderr = fail(path, command, 2);
        assert!(stderr.contains("here a folder is needed"), "{stderr}");
    }
}

#[test]
fn models_and_keys_are_replaced_only_by_force() {
    let folder = everything();
    let path = folder.path();
    let server = fs::read(path.join("model/server.tnb")).unwrap();
    let stderr = fail(path, "compile model.json --n-bits 6 -o model", 1);
    assert!(
        stderr.contains("model/server.tnb exists") && stderr.contains("hint: `--force`"),
        "{stderr}"
    );
    assert_eq!(fs::read(path.join("model/server.tnb")).unwrap(), server);
    // One of the two is enough.
    fs::remove_file(path.join("model/server.tnb")).unwrap();
    let stderr = fail(path, "compile model.json -o model", 1);
    assert!(stderr.contains("model/client.tnb exists"), "{stderr}");
    run(path, "compile model.json --n-bits 6 -o model --force");
    let stderr = fail(path, "keygen model -o keys", 1);
    assert!(stderr.contains("keys/secret.key exists"), "{stderr}");
    run(path, "keygen model -o keys --force");
    // What can be made again from other files is.
    run(
        path,
        "encrypt model --keys keys --data test.csv --row 1 -o query.tnb",
    );
    run(path, "run model query.tnb -o response.tnb");
}

/// Waits until `done` says so.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(10));
    }
}

/// `tenebra run` in the middle of its work: one response is written, and the pipe of queries stays open.
fn start_of_run(path: &Path, ignored: &str) -> (Child, File) {
    let script = format!("{ignored} exec $TENEBRA run model pipe -o out/response.tnb");
    let child = Command::new("sh")
        .args(["-c", &script])
        .env("TENEBRA", env!("CARGO_BIN_EXE_tenebra"))
        .current_dir(path)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = File::options().write(true).open(path.join("pipe")).unwrap();
    pipe.write_all(&fs::read(path.join("query.tnb")).unwrap())
        .unwrap();
    wait_for("a temporary file", || !names(&path.join("out")).is_empty());
    (child, pipe)
}

fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn interrupted_work_leaves_nothing() {
    let folder = everything();
    let path = folder.path();
    fs::create_dir(path.join("out")).unwrap();
    sh(path, "mkfifo pipe");
    for (signal, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1)] {
        if is_ignored(number) {
            continue;
        }
        let (mut child, pipe) = start_of_run(path, "");
        kill(&child, signal);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(number), "{signal}: {status}");
        assert!(names(&path.join("out")).is_empty(), "{signal}");
        drop(pipe);
    }
    // As under `nohup`: what is ignored stays ignored.
    let (mut child, pipe) = start_of_run(path, "trap '' HUP;");
    kill(&child, "-HUP");
    sleep(Duration::from_millis(200));
    drop(pipe);
    assert!(child.wait().unwrap().success());
    assert_eq!(names(&path.join("out")), ["response.tnb"]);
}

/// Whether whoever started the tests ignores a signal, as `nohup` does; children inherit it.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0) >> (signal - 1) & 1 == 1
}

/// Where there is no room for a file of so many blocks, as on a full disk.
#[test]
fn a_full_disk_leaves_nothing() {
    let folder = everything();
    let path = folder.path();
    fs::create_dir(path.join("out")).unwrap();
    let before = names(path);
    for command in [
        "train LogisticRegression --data train.csv --target sold -o out/model.json",
        "encrypt model --keys keys --data test.csv --row 0 -o out/query.tnb",
        "run model query.tnb -o out/response.tnb",
        "compile model.json -o new/folder",
        "keygen model -o new_keys",
        "man -o manual",
    ] {
        let output = sh(path, &format!("ulimit -f 0; exec $TENEBRA {command}"));
        let stderr = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{command}: {} {stderr}",
            output.status
        );
        assert!(
            stderr.contains("error: ") && stderr.to_lowercase().contains("file too large"),
            "{stderr}"
        );
        assert!(names(&path.join("out")).is_empty(), "{command}");
        assert_eq!(names(path), before, "{command}");
    }
    if Path::new("/dev/full").exists() {
        let output = sh(
            path,
            "$TENEBRA decrypt model --keys keys response.tnb > /dev/full",
        );
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let stderr = fail(path, "run model query.tnb -o /dev/full", 1);
        assert!(stderr.contains("/dev/full: No space left"), "{stderr}");
    }
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = tenebra(folder.path(), "demo")
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The server runs: its store is there.
    let mut first = [0; 8];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    kill(&child, "-TERM");
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert!(names(folder.path()).is_empty());
}
