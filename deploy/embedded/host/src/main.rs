#![doc = include_str!("../../README.md")]

mod check;
mod models;
mod qemu;
mod result;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: tenebra-embedded-host models MODELS
       tenebra-embedded-host check MODELS FIRMWARE
models trains three models and writes what the firmware is built from into the folder MODELS.
check runs the firmware, whose executables lie in the folder FIRMWARE, in QEMU and answers its queries.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["models", models] => models::write_all(Path::new(models)),
        ["check", models, firmware] => check::check_all(Path::new(models), Path::new(firmware)),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command line program's errors")]
            {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
