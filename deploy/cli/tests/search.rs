//! A search that is ended by Ctrl-C keeps what is done, shows it, and goes on from there.
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
