//! Two parties on two machines: what crosses between them are files, and each needs its own alone.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const TRAIN: &str = include_str!("cmd/flow.in/train.csv");
const TEST: &str = include_str!("cmd/flow.in/test.csv");

fn tenebra(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenebra"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs a command that must succeed; its stdout.
fn run(folder: &Path, arguments: &str) -> String {
    let output = tenebra(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail with status 1; its stderr.
fn fail(folder: &Path, arguments: &str) -> String {
    let output = tenebra(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
    assert!(
        stderr.starts_with("error: ") && !stderr.contains("panicked"),
        "{arguments}: {stderr}"
    );
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

/// A trained and compiled model, keys, a query and its response, all in one folder.
fn everything() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("train.csv"), TRAIN).unwrap();
    fs::write(path.join("test.csv"), TEST).unwrap();
    run(
        path,
        "train LogisticRegression --data train.csv --target sold -o model.json",
    );
    run(path, "compile model.json -o model");
    run(path, "keygen model -o keys");
    run(
        path,
        "encrypt model --keys keys --data test.csv --row 0 -o query.tnb",
    );
    run(path, "run model query.tnb -o response.tnb");
    folder
}

#[test]
fn files_move_between_the_parties() {
    let owner = tempfile::tempdir().unwrap();
    let server = tempfile::tempdir().unwrap();
    let (owner, server) = (owner.path(), server.path());
    fs::write(server.join("train.csv"), TRAIN).unwrap();
    fs::write(owner.join("test.csv"), TEST).unwrap();

    run(
        server,
        "train LogisticRegression --data train.csv --target sold -o model.json",
    );
    run(server, "compile model.json -o compiled");
    fs::create_dir(owner.join("model")).unwrap();
    fs::rename(
        server.join("compiled/client.tnb"),
        owner.join("model/client.tnb"),
    )
    .unwrap();
    run(owner, "keygen model -o keys");
    assert_eq!(names(&owner.join("keys")), ["secret.key"]);

    for (rows, count) in [("--row 3", 1), ("--rows 0..12", 12)] {
        run(
            owner,
            &format!("encrypt model --keys keys --data test.csv {rows} -o query.tnb"),
        );
        fs::rename(owner.join("query.tnb"), server.join("query.tnb")).unwrap();
        assert_eq!(
            names(&server.join("compiled")),
            ["float_model.json", "server.tnb"]
        );
        run(server, "run compiled query.tnb -o response.tnb");
        fs::rename(server.join("response.tnb"), owner.join("response.tnb")).unwrap();
        let decrypted = run(owner, "decrypt model --keys keys response.tnb");
        assert_eq!(decrypted.lines().count(), count + 1, "{decrypted}");

        // What both files together say without encryption.
        let both = tempfile::tempdir().unwrap();
        let both = both.path();
        fs::copy(owner.join("model/client.tnb"), both.join("client.tnb")).unwrap();
        fs::copy(server.join("compiled/server.tnb"), both.join("server.tnb")).unwrap();
        fs::copy(owner.join("test.csv"), both.join("test.csv")).unwrap();
        let json = run(both, "eval . --data test.csv --mode simulate --json");
        let simulated: serde_json::Value = serde_json::from_str(&json).unwrap();
        let first = if count == 1 { 3 } else { 0 };
        let labels = decrypted
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap());
        for (at, label) in labels.enumerate() {
            assert_eq!(
                simulated["predictions"][first + at],
                label,
                "row {}",
                first + at
            );
        }
    }
}

#[test]
fn damaged_files_are_refused_and_nothing_is_written() {
    let folder = everything();
    let path = folder.path();
    let files = [
        (
            "model/client.tnb",
            "encrypt model --keys keys --data test.csv --row 0 -o out.tnb",
        ),
        (
            "keys/secret.key",
            "encrypt model --keys keys --data test.csv --row 0 -o out.tnb",
        ),
        ("model/client.tnb", "keygen model -o new_keys"),
        ("model/server.tnb", "run model query.tnb -o out.tnb"),
        ("query.tnb", "run model query.tnb -o out.tnb"),
        ("response.tnb", "decrypt model --keys keys response.tnb"),
    ];
    let before = names(path);
    for (file, command) in files {
        let whole = fs::read(path.join(file)).unwrap();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let version = |version: u8| {
            let mut bytes = whole.clone();
            bytes[4] = version;
            bytes
        };
        let damages = [
            (whole[..0].to_vec(), "too short"),
            (whole[..3].to_vec(), "too short"),
            (whole[..20].to_vec(), "too short"),
            (whole[..whole.len() - 1].to_vec(), "cut off"),
            (
                [whole.as_slice(), &[0]].concat(),
                "cut off or something was appended",
            ),
            (flipped(0), "not a tenebra file"),
            (version(0), "format version 0"),
            (version(1), "format version 1"),
            (flipped(7), "unknown kind"),
            (flipped(whole.len() / 2), "checksum"),
            (flipped(whole.len() - 1), "checksum"),
        ];
        for (bytes, message) in damages {
            fs::write(path.join(file), bytes).unwrap();
            let stderr = fail(path, command);
            assert!(
                stderr.contains(file) && stderr.contains(message),
                "{command}: {stderr}"
            );
            assert_eq!(names(path), before, "{command}");
        }
        fs::write(path.join(file), whole).unwrap();
    }
    run(path, "decrypt model --keys keys response.tnb");
}

#[test]
fn a_circuit_too_wide_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let features = 3000;
    let ones = vec!["1.0"; features].join(",");
    let stats = vec![r#"{"min":0.0,"max":1.0,"mean":0.5}"#; features].join(",");
    let model = format!(
        r#"{{"format":"tenebra-model","version":1,"kind":"linear","estimator":"wide","n_features":{features},
        "coef":[[{ones}]],"intercept":[0.0],"inverse_link":"identity","decision":"none","feature_stats":[{stats}]}}"#
    );
    fs::write(path.join("model.json"), model).unwrap();
    // 16 bits of code, 16 of weight, and log2(3000) = 11.6 for the sum: 43 bits with the sign.
    let stderr = fail(path, "compile model.json --n-bits 16 -o model");
    assert!(
        stderr.contains("the widest output needs 43 bits"),
        "{stderr}"
    );
    assert!(stderr.contains("hint: a smaller `--n-bits`"), "{stderr}");
    assert_eq!(names(path), ["model.json"]);
    run(path, "compile model.json --n-bits 8 -o model");
}

#[test]
fn files_of_two_compilations_do_not_go_together() {
    let folder = everything();
    let path = folder.path();
    run(path, "compile model.json --n-bits 6 -o other");
    fs::copy(path.join("other/server.tnb"), path.join("model/server.tnb")).unwrap();
    let stderr = fail(path, "eval model --data test.csv --mode clear");
    assert!(
        stderr.contains("the server program belongs to model"),
        "{stderr}"
    );
    let stderr = fail(path, "run model query.tnb -o out.tnb");
    assert!(
        stderr.contains("query.tnb: this query belongs to model"),
        "{stderr}"
    );
}

/// A response that another key decrypted would be numbers without a meaning.
#[test]
fn keys_of_one_model_do_not_mix() {
    let folder = everything();
    let path = folder.path();
    run(path, "keygen model -o others");
    let stderr = fail(path, "decrypt model --keys others response.tnb");
    assert!(
        stderr.contains("this response belongs to another secret key"),
        "{stderr}"
    );

    run(
        path,
        "train DecisionTreeClassifier --data train.csv --target sold -o tree.json",
    );
    run(path, "compile tree.json --query packed -o tree");
    run(path, "keygen tree -o keys_a");
    run(path, "keygen tree -o keys_b");
    run(
        path,
        "encrypt tree --keys keys_a --data test.csv --row 0 -o a.tnb",
    );
    let stderr = fail(
        path,
        "run tree --evaluation-key keys_b/evaluation.key a.tnb -o out.tnb",
    );
    assert!(
        stderr.contains("this query belongs to another secret key"),
        "{stderr}"
    );
    run(
        path,
        "run tree --evaluation-key keys_a/evaluation.key a.tnb -o out.tnb",
    );
}

#[test]
#[cfg(unix)]
fn the_secret_key_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = everything();
    let key = folder.path().join("keys/secret.key");
    let mode = || fs::metadata(&key).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let old = fs::read(&key).unwrap();
    fail(folder.path(), "keygen model -o keys");
    assert_eq!(fs::read(&key).unwrap(), old);
    run(folder.path(), "keygen model -o keys --force");
    assert_ne!(fs::read(&key).unwrap(), old);
    assert_eq!(mode(), 0o600);
}

#[test]
fn the_demo_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let json: serde_json::Value = serde_json::from_str(&run(folder.path(), "demo --json")).unwrap();
    let cases = json["cases"].as_array().unwrap();
    let with_key = cases.iter().map(|case| case["evaluation_key_bytes"] != 0);
    assert_eq!(with_key.collect::<Vec<_>>(), [false, false, true]);
    for case in cases {
        assert_eq!(case["mismatches"], 0, "{case}");
        assert_eq!(case["rows"], 114);
        assert_eq!(case["metric"]["simulated"], case["metric"]["encrypted"]);
        // Through a server: the way there and back takes time as well.
        let median = |of: &str| case[of]["median"].as_f64().unwrap();
        let (evaluate, round_trip) = (median("evaluate_ms"), median("round_trip_ms"));
        assert!(0.0 < evaluate && evaluate < round_trip, "{case}");
        let score = |of: &str| case["metric"][of].as_f64().unwrap();
        assert!(score("encrypted") > score("float") - 0.01, "{case}");
    }
    let text = run(folder.path(), "demo");
    assert!(text.contains("Encrypted results that differ from the quantized ones: 0 of 114."));
    assert!(names(folder.path()).is_empty());
}
