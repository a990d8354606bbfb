//! How the command line treats the person before it: mistakes, strangers' texts, and what a machine reads.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;

const TRAIN: &str = include_str!("cmd/flow.in/train.csv");
const TEST: &str = include_str!("cmd/flow.in/test.csv");

fn tenebra(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenebra"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(folder: &Path, arguments: &str) -> String {
    let output = tenebra(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn fail(folder: &Path, arguments: &str, status: i32) -> String {
    let output = tenebra(folder, arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments}: {stderr}");
    stderr
}

fn models() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("train.csv"), TRAIN).unwrap();
    fs::write(path.join("test.csv"), TEST).unwrap();
    for command in [
        "train LogisticRegression --data train.csv --target sold -o line.json",
        "train DecisionTreeClassifier --data train.csv --target sold -o tree.json",
        "compile line.json -o line",
        "compile tree.json -o tree",
        "keygen line -o keys",
        "encrypt line --keys keys --data test.csv --row 0 -o query.tnb",
    ] {
        run(path, command);
    }
    folder
}

#[test]
fn options_without_effect_and_wrong_usage_exit_with_2() {
    let folder = models();
    let path = folder.path();
    for (command, message) in [
        ("eval line --data test.csv --mode simulate --raw", "--json"),
        (
            "eval line --data test.csv --mode clear --raw --json",
            "`--raw` has no effect",
        ),
        (
            "eval line --data test.csv --mode simulate --batch",
            "`--batch` has no effect",
        ),
        (
            "eval line --data test.csv --mode clear --batch",
            "`--batch` has no effect",
        ),
        (
            "eval line --data test.csv --mode clear --threads 2",
            "`--threads` has no effect",
        ),
        (
            "compile line.json -o out --bins thresholds",
            "`--bins` has no effect",
        ),
        (
            "compile line.json -o out --bins uniform",
            "`--bins` has no effect",
        ),
        (
            "compile line.json -o out --decoy-bits 0",
            "`--decoy-bits` has no effect",
        ),
        (
            "compile line.json -o out --leaf-bits 4",
            "`--leaf-bits` has no effect",
        ),
        (
            "compile line.json -o out --query packed",
            "`--query packed` has no effect",
        ),
        (
            "compile tree.json -o out --n-bits 6",
            "`--n-bits` has no effect",
        ),
        (
            "compile tree.json -o out --bins uniform --decoy-bits 0",
            "`--decoy-bits` has no effect",
        ),
        (
            "run line --evaluation-key keys/secret.key query.tnb -o out",
            "`--evaluation-key` has no effect",
        ),
        (
            "train Ridge --data train.csv --target size --set alpha=1 --set alpha=2 -o out",
            "given twice",
        ),
        (
            "train Ridge --data train.csv --target size -o - --json",
            "both print to stdout",
        ),
        (
            "train Ridge --data train.csv --target size --set alpha=-1 -o out",
            "expected a number",
        ),
        ("compile line.json -o out --n-bits 17", "it must be 2 to 16"),
        ("compile line.json -o out --p-fail 1", "it must lie between"),
        ("models --server example.org", "not the address of a server"),
        ("man nothing", "there is no command `nothing`"),
    ] {
        let stderr = fail(path, command, 2);
        assert!(stderr.contains(message), "{command}: {stderr}");
        assert!(!path.join("out").exists(), "{command}");
    }
}

#[test]
fn mistyped_names_get_suggestions() {
    let folder = models();
    let path = folder.path();
    let train = "train LinearRegression --data train.csv -o out";
    for (command, status, suggestion) in [
        (
            "train LinearRegresion --data train.csv --target size -o out".to_owned(),
            2,
            "LinearRegression",
        ),
        (
            "train random-forrest --data train.csv --target size -o out".to_owned(),
            2,
            "random-forest",
        ),
        (
            format!("{train} --target size --set fit_intersept=true"),
            2,
            "fit_intercept",
        ),
        (format!("{train} --target sise"), 1, "size"),
        (
            "eval line --data test.csv --target sold --mode clear --metric acuracy".to_owned(),
            2,
            "accuracy",
        ),
        (
            "eval line --data test.csv --mode simulatte".to_owned(),
            2,
            "simulate",
        ),
        (
            "eval line --dta test.csv --mode clear".to_owned(),
            2,
            "--data",
        ),
        ("evla line".to_owned(), 2, "eval"),
        ("man comple".to_owned(), 2, "compile"),
    ] {
        let stderr = fail(path, &command, status);
        let (_, tip) = stderr.split_once(['\n', ';']).unwrap_or((&stderr, &stderr));
        assert!(tip.contains(suggestion), "{command}: {stderr}");
    }
}

#[test]
fn json_has_what_the_text_has_and_more() {
    let folder = models();
    let path = folder.path();
    let json = |arguments: &str| -> Value { serde_json::from_str(&run(path, arguments)).unwrap() };
    let trained =
        json("train LogisticRegression --data train.csv --target sold -o again.json --json");
    assert_eq!(trained["rows"], 80);
    assert_eq!(trained["features"], 3);
    assert_eq!(trained["classes"], serde_json::json!(["no", "yes"]));
    assert_eq!(trained["metric"]["name"], "accuracy");
    let on_training = json("eval line --data train.csv --target sold --mode clear --json");
    assert_eq!(trained["metric"]["value"], on_training["metric"]["value"]);

    let clear =
        json("eval line --data test.csv --target sold --mode clear --metric roc_auc --json");
    let simulated = json(
        "eval line --data test.csv --target sold --mode simulate --metric roc_auc --json --raw",
    );
    assert_eq!(simulated["metric"]["float"], clear["metric"]["value"]);
    assert_eq!(
        simulated["metrics"][0]["float"],
        clear["metrics"][0]["value"]
    );
    assert_eq!(simulated["float"]["class_agreement"], 1.0);
    let mut largest: f64 = 0.0;
    for row in 0..12 {
        let of = |json: &Value, list: &str| json[list][row].as_array().unwrap().clone();
        let score = |json: &Value| of(json, "scores")[0].as_f64().unwrap();
        for json in [&clear, &simulated] {
            // The probability of a class is the logistic function of its score.
            let p = of(json, "probabilities");
            let p: Vec<f64> = p.iter().map(|p| p.as_f64().unwrap()).collect();
            assert!((p[1] - 1.0 / (1.0 + (-score(json)).exp())).abs() < 1e-12);
            assert!((p[0] + p[1] - 1.0).abs() < 1e-12);
            let more = usize::from(p[1] > p[0]);
            assert_eq!(json["predictions"][row], json["classes"][more]);
        }
        largest = largest.max((score(&clear) - score(&simulated)).abs());
        assert_eq!(of(&simulated, "raw").len(), 1);
    }
    assert_eq!(simulated["float"]["max_score_error"], largest);
    let text = run(
        path,
        "eval line --data test.csv --target sold --mode simulate",
    );
    assert!(text.contains("(float model: 1.0000)"), "{text}");
}

#[test]
fn clipped_values_are_named() {
    let folder = models();
    let path = folder.path();
    let mut rows: Vec<String> = TEST.lines().map(str::to_owned).collect();
    let header: Vec<&str> = TEST.lines().next().unwrap().split(',').collect();
    let column = header.iter().position(|name| *name == "size").unwrap();
    for row in [3, 7] {
        let mut cells: Vec<&str> = rows[row].split(',').collect();
        cells[column] = "99999";
        rows[row] = cells.join(",");
    }
    fs::write(path.join("far.csv"), rows.join("\n") + "\n").unwrap();
    let json = run(path, "eval line --data far.csv --mode simulate --json");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["clipped"], 2);
    for (at, row) in [3, 7].into_iter().enumerate() {
        let cell = &json["clipped_cells"][at];
        assert_eq!(
            (&cell["row"], &cell["column"], &cell["value"]),
            (&row.into(), &"size".into(), &99999.0.into())
        );
    }
    for command in [
        "eval line --data far.csv --mode simulate",
        "encrypt line --keys keys --data far.csv --rows .. -o far.tnb",
    ] {
        let output = tenebra(path, command);
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains("2 values lie outside")
                && stderr.contains("row 3, column `size`: 99999 outside"),
            "{stderr}"
        );
    }
}

const ESCAPES: [char; 3] = ['\u{1b}', '\u{9b}', '\u{7}'];

#[test]
fn cells_and_models_do_not_command_the_terminal() {
    let folder = models();
    let path = folder.path();
    let bad = "\u{1b}]0;owned\u{7}\u{9b}31m";
    fs::write(path.join("cell.csv"), format!("a,y\n1,2\n{bad},3\n")).unwrap();
    fs::write(path.join("name.csv"), format!("{bad},y\n1,2\nx,3\n")).unwrap();
    let model = fs::read_to_string(path.join("line.json")).unwrap();
    let renamed = model.replace(
        "\"LogisticRegression\"",
        "\"\\u001b]0;owned\\u0007\\u009b31m\"",
    );
    assert_ne!(model, renamed);
    fs::write(path.join("model.json"), renamed).unwrap();
    for command in [
        "train Ridge --data cell.csv --target y -o out",
        "train Ridge --data name.csv --target y -o out",
        "train Ridge --data name.csv --target z -o out",
        "eval line --data name.csv --mode clear",
        "compile model.json -o model",
        "inspect model",
        "inspect model --json",
        "eval model --data test.csv --mode simulate",
        "eval model --data test.csv --mode simulate --json",
    ] {
        let output = tenebra(path, command);
        let stderr = text(&output.stderr);
        assert!(!stderr.contains(ESCAPES), "{command}: {stderr:?}");
        let stdout = text(&output.stdout);
        assert!(
            !stdout.contains(['\u{1b}', '\u{7}']),
            "{command}: {stdout:?}"
        );
    }
    // A cell cannot pretend to be a line of ours.
    fs::write(
        path.join("lines.csv"),
        "a,y\n1,2\n\"x\nhint: run this\",3\n",
    )
    .unwrap();
    let stderr = fail(path, "train Ridge --data lines.csv --target y -o out", 1);
    assert!(
        !stderr.lines().any(|line| line.starts_with("hint: run")),
        "{stderr}"
    );
}

/// A server that says this and nothing else.
fn says(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let status = if body.contains("detail") {
                "400 Bad"
            } else {
                "200 OK"
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    url
}

#[test]
fn servers_do_not_command_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for body in [
        r#"{"type":"x","title":"\u001b[2J","status":400,"detail":"\u009b31m\nerror: \u0007"}"#,
        r#"{"models":[{"model":"\u001b[2J","spec_id":"\u0007","estimator":"\u009b31m\nx","columns":1,"outputs":1,"max_rows":1,
            "query_bytes":1,"response_bytes":1,"evaluation_key_bytes":0,"p_fail_log2":-128.0,"size_bytes":1}]}"#,
        r#"{"keys":[{"key":"\u001b[2J\nx","spec_id":"\u009b31m","size_bytes":1}]}"#,
    ] {
        let server = says(body);
        for command in ["models", "keys --model m", "models --delete m"] {
            let output = tenebra(folder.path(), &format!("{command} --server {server}"));
            for printed in [&output.stdout, &output.stderr] {
                let printed = text(printed);
                assert!(!printed.contains(ESCAPES), "{command}: {printed:?}");
                assert!(
                    !printed
                        .lines()
                        .skip(1)
                        .any(|line| line.starts_with("error: "))
                );
            }
        }
    }
}

#[test]
fn colors_and_notes_are_shown_as_asked_for() {
    let folder = models();
    let path = folder.path();
    let colored = |arguments: &str| {
        let output = tenebra(path, arguments);
        text(&output.stderr).contains('\u{1b}') || text(&output.stdout).contains('\u{1b}')
    };
    for command in ["inspect nothing", "nonsense", "eval --help", "--help"] {
        assert!(!colored(command), "{command}");
        assert!(!colored(&format!("{command} --color never")), "{command}");
        assert!(colored(&format!("{command} --color always")), "{command}");
    }
    let train = "train LogisticRegression --data train.csv --target sold -o out.json";
    let notes = |arguments: &str| text(&tenebra(path, arguments).stderr);
    assert!(notes(train).contains("trained"));
    for quiet in ["-q", "--quiet"] {
        assert_eq!(notes(&format!("{train} {quiet}")), "");
        assert_eq!(notes(&format!("{quiet} {train}")), "");
    }
    assert!(fail(path, "-q inspect nothing", 1).starts_with("error: "));
}

#[test]
fn completions_and_man_pages_know_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(path, &format!("completions {shell}"));
        for word in ["compile", "encrypt", "calibrate", "quiet"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert!(run(path, "man").starts_with(".ie"));
    assert!(run(path, "man compile").contains("\\-\\-calibrate"));
    run(path, "man -o pages");
    let pages = fs::read_dir(path.join("pages")).unwrap();
    let mut pages: Vec<_> = pages.map(|page| page.unwrap().file_name()).collect();
    pages.sort();
    for page in ["tenebra.1", "tenebra-compile.1", "tenebra-keys.1"] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
}

#[test]
fn features_have_names_in_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // Far from 0 for its width: no zero point reaches it.
    let rows: String = (0..20u32)
        .map(|row| format!("{},{},{row}\n", row * 7 % 5, 1_000_000_000 + row))
        .collect();
    fs::write(path.join("far.csv"), format!("a,id,y\n{rows}")).unwrap();
    run(
        path,
        "train LinearRegression --data far.csv --target y -o m.json",
    );
    let stderr = fail(path, "compile m.json --calibrate far.csv -o m", 1);
    assert!(stderr.contains("column `id`: the range"), "{stderr}");
    assert!(!path.join("m").exists());
    // Without names, places count from 1.
    let model = fs::read_to_string(path.join("m.json")).unwrap();
    let mut model: Value = serde_json::from_str(&model).unwrap();
    model.as_object_mut().unwrap().remove("feature_names");
    fs::write(path.join("n.json"), model.to_string()).unwrap();
    let stderr = fail(path, "compile n.json -o m", 1);
    assert!(stderr.contains("column 2: the range"), "{stderr}");
}

#[test]
fn names_too_long_for_a_client_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let long = "x".repeat(300);
    fs::write(
        path.join("t.csv"),
        format!("a,{long},y\n1,2,3\n2,1,5\n4,4,1\n"),
    )
    .unwrap();
    run(
        path,
        "train LinearRegression --data t.csv --target y -o m.json",
    );
    let stderr = fail(path, "compile m.json -o m", 1);
    assert!(
        stderr.contains("the name of column 2 has 300 bytes"),
        "{stderr}"
    );
    assert!(!path.join("m").exists());
}
