//! A search that is ended by Ctrl-C keeps what is done, shows it, and goes on from there; a file that goes to stdout stands there
//! alone.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Instant;

use serde_json::Value;

const PIMA: &str = include_str!("../data/pima_train.csv");

/// Trainings of the search: 20 candidates, three folds.
const TRAININGS: usize = 60;

fn search(folder: &Path, more: &[&str]) -> Command {
    let sizes: Vec<String> = (1000..1020).map(|n| n.to_string()).collect();
    let space = format!("n_estimators={}", sizes.join(","));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenebra"));
    command
        .args(["search", "gradient-boosting(max_depth=2)"])
        .args(["--data", "pima.csv", "--target", "diabetes", "--cv", "3"])
        .args(["--threads", "1", "--json", "--try", &space])
        .args(more)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn results(output: &Output) -> Vec<Option<f64>> {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let candidates = json["candidates"].as_array().unwrap().iter();
    candidates.map(|c| c["mean_score"].as_f64()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn kept(folder: &Path) -> usize {
    let text = fs::read_to_string(folder.join("kept.jsonl")).unwrap_or_default();
    // The first line says which search it is.
    text.lines().count().saturating_sub(1)
}

/// Whether whoever started the tests ignores Ctrl-C, as shells do for what runs in the background; children inherit it.
fn is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0) >> 1 & 1 == 1
}

#[test]
fn ctrl_c_keeps_what_is_done() {
    if is_ignored() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("pima.csv"), PIMA).unwrap();
    let keep = ["--keep", "kept.jsonl", "-o", "best.json"];
    let child = search(path, &keep).spawn().unwrap();
    let start = Instant::now();
    while kept(path) < 7 {
        assert!(start.elapsed() < Duration::from_secs(120), "no trainings");
        sleep(Duration::from_millis(2));
    }
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let message = stderr(&ended);
    assert!(ended.status.success(), "{}: {message}", ended.status);
    let done = kept(path);
    assert!((7..TRAININGS).contains(&done), "{done}");
    assert!(
        message.contains(&format!(
            "ended by Ctrl-C after {done} of {TRAININGS} trainings"
        )) && message.contains("goes on from kept.jsonl"),
        "{message}"
    );
    // What is done has scores, and the best of it is there, trained on all rows.
    let scored = results(&ended);
    let known = scored.iter().flatten().count();
    assert!((2..TRAININGS / 3).contains(&known), "{scored:?}");
    assert!(path.join("best.json").exists());

    let resumed = search(path, &keep).output().unwrap();
    let message = stderr(&resumed);
    assert!(
        message.contains(&format!("{done} trainings are done already")),
        "{message}"
    );
    assert_eq!(kept(path), TRAININGS);
    let uninterrupted = search(path, &[]).output().unwrap();
    assert_eq!(results(&resumed), results(&uninterrupted));
    assert!(results(&resumed).iter().all(Option::is_some));
}

#[test]
fn stdout_carries_one_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("pima.csv"), PIMA).unwrap();
    let tenebra = |command: &str| {
        let mut tenebra = Command::new(env!("CARGO_BIN_EXE_tenebra"));
        tenebra.args(command.split(' ')).current_dir(path);
        tenebra.stdin(Stdio::null()).output().unwrap()
    };
    let search =
        "search decision-tree --data pima.csv --target diabetes --cv 3 --try max_depth=1,2";
    let tune = "tune best.json --calibrate pima.csv --target diabetes --min-bits 4 --max-bits 5";
    // Tables are told beside what stdout carries, unless somebody asked for quiet.
    for (command, heading) in [
        (format!("{search} -o -"), Some("rank  accuracy")),
        (format!("{search} -o /dev/stdout"), Some("rank  accuracy")),
        (format!("{search} -o - -q"), None),
        (
            format!("{search} --plot - -o best.json"),
            Some("rank  accuracy"),
        ),
        (format!("{tune} --plot -"), Some("codes ")),
    ] {
        let output = tenebra(&command);
        let told = stderr(&output);
        assert!(output.status.success(), "{command}: {told}");
        let has = |heading: &str| told.lines().any(|line| line.starts_with(heading));
        assert!(heading.map_or(!has("rank"), has), "{command}: {told}");
        let text = String::from_utf8(output.stdout).unwrap();
        if command.contains("--plot") {
            let whole = text.starts_with("<svg") && text.trim_end().ends_with("</svg>");
            assert!(whole, "{command}: {text}");
        } else {
            let model: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(model["format"], "tenebra-model");
        }
    }
    for command in [
        format!("{search} -o - --plot -"),
        format!("{search} --plot - --json"),
        format!("{search} -o - --json"),
        format!("{tune} --plot - --json"),
    ] {
        let output = tenebra(&command);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {told}");
        assert!(told.contains("both print to stdout"), "{command}: {told}");
        assert!(output.stdout.is_empty(), "{command}");
    }
}
