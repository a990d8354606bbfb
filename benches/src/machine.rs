//! What a figure means nothing without.

use std::fs;
use std::process::Command;

/// Machine, threads and commit, in one line.
#[must_use]
pub fn machine() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let widest = ["avx512f", "avx2", "sse2"]
        .into_iter()
        .find(|flag| cpu_info.contains(flag));
    let cores = std::thread::available_parallelism().map_or(0, core::num::NonZero::get);
    format!(
        "{} ({}), {cores} cores, 1 thread used, commit {}",
        model.unwrap_or("unknown processor"),
        widest.unwrap_or("no vector unit known"),
        commit()
    )
}

fn commit() -> String {
    // Of the sources, wherever the program runs.
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-C", env!("CARGO_MANIFEST_DIR")]);
        let output = command.args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "unknown".into();
    };
    let clean = git(&["status", "--porcelain", "--untracked-files=no"])
        .is_some_and(|changes| changes.is_empty());
    if clean {
        commit
    } else {
        commit + " with changes"
    }
}
