//! Tables that are no plain files: pipes, which can be read once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const ROWS: usize = 150;

fn tenebra(folder: &Path, arguments: &[&str], input: &[u8]) -> serde_json::Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenebra"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Smaller than what a pipe holds.
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
fn piped_tables_are_read_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let mut table = "a,b,y\n".to_owned();
    for row in 0..ROWS {
        let (a, b) = (row % 10, row % 7);
        let y = if a > b { "more" } else { "less" };
        table.push_str(&format!("{a},{b},{y}\n"));
    }
    let table = table.as_bytes();
    let train = [
        "train",
        "LogisticRegression",
        "--target",
        "y",
        "-o",
        "m.json",
        "--data",
    ];
    tenebra(path, &[&train[..], &["/dev/stdin"]].concat(), table);
    let compile = [
        "compile",
        "m.json",
        "--target",
        "y",
        "--json",
        "-o",
        "m",
        "--calibrate",
    ];
    let report = tenebra(path, &[&compile[..], &["/dev/stdin"]].concat(), table);
    assert_eq!(report["quantization"]["calibration_rows"], ROWS);
    let eval = [
        "eval", "m", "--target", "y", "--mode", "simulate", "--json", "--data",
    ];
    let results = tenebra(path, &[&eval[..], &["/dev/stdin"]].concat(), table);
    assert_eq!(results["rows"], ROWS);
    assert!(results["metric"]["value"].as_f64().unwrap() > 0.9);
    std::fs::write(path.join("t.csv"), table).unwrap();
    let from_file = tenebra(path, &[&eval[..], &["t.csv"]].concat(), b"");
    assert_eq!(results["predictions"], from_file["predictions"]);
}
