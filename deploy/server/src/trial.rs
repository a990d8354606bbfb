//! A model that is uploaded is verified and prepared in a process of its own first, whose time and memory are bounded: how much a
//! hostile circuit takes ends with it. Only a model that passed within the bounds is prepared in the service.
//!
//! The process is the same program, told so by a hidden argument. On its stdin it gets the length of the server program, 8 bytes,
//! little-endian, and the server program; the end of its stdin is the end of whoever waits for it, and its own.

mod error;

pub(crate) use error::TrialError;

use core::time::Duration;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio, exit};
use std::thread;
use std::time::Instant;

use tenebra_tfhe::server_program::{PREPARING_BYTES, PREPARING_FACTOR};

use crate::config::Limits;
use crate::model::Model;
use crate::problem::Problem;

/// How often its time and memory are looked at, at most and at least.
const LOOK: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];
const MIB: u64 = 1 << 20;

/// How the process is started: program and arguments.
#[derive(Clone, Debug)]
pub struct Trial {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Trial {
    /// This program, with arguments that lead it to [`answer`].
    pub(crate) fn of_this_program(arguments: &[&str]) -> std::io::Result<Self> {
        // Whatever was put in the program's place since it was started.
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Self {
            program,
            arguments: arguments.iter().map(OsString::from).collect(),
        })
    }

    /// Whether these bytes can be prepared within `seconds`, and as many for each MiB, and within the stated multiple of memory; a
    /// refusal for another reason is not given here. Blocks.
    pub(crate) fn check(&self, bytes: &[u8], seconds: u32) -> Result<(), Problem> {
        let size = bytes.len() as u64;
        let time = Duration::from_secs_f64(f64::from(seconds) * (1.0 + size as f64 / MIB as f64));
        // It holds the bytes as well.
        let memory = PREPARING_BYTES + (PREPARING_FACTOR + 1) * size;
        let mut child = self.start().map_err(|error| {
            tracing::error!(%error, "no process could be started that verifies a model");
            Problem::internal()
        })?;
        thread::scope(|scope| {
            let stdin = child.stdin.take();
            // It stays open until the process ends; a process that is killed takes no more.
            let sent = scope.spawn(move || {
                let mut stdin = stdin?;
                let whole = stdin
                    .write_all(&size.to_le_bytes())
                    .and_then(|()| stdin.write_all(bytes));
                whole.is_ok().then_some(stdin)
            });
            let ended = watch(&mut child, time, memory);
            drop(sent.join());
            ended
        })
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }
}

/// Waits until the process ends; ends it if it takes too much.
fn watch(child: &mut Child, time: Duration, memory: u64) -> Result<(), Problem> {
    let start = Instant::now();
    let mut pause = LOOK[0];
    let refused = loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                tracing::error!(%status, "the process that verified a model broke down");
                return Err(TrialError::BrokeDown.into());
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "the process that verifies a model is lost");
                break Problem::internal();
            }
        }
        if start.elapsed() > time {
            break TrialError::Slow {
                seconds: time.as_secs(),
            }
            .into();
        }
        if resident(child.id()).is_some_and(|bytes| bytes > memory) {
            break TrialError::Large { allowed: memory }.into();
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LOOK[1]);
    };
    // Fails if it just ended.
    let _ = child.kill();
    let _ = child.wait();
    Err(refused)
}

/// Bytes of memory of a process, where the system tells.
fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// What the process does: prepares the server program on its stdin. What it is refused for, the service finds out as well.
pub(crate) fn answer(limits: &Limits) -> ExitCode {
    let mut stdin = std::io::stdin();
    let mut length = [0; 8];
    if stdin.read_exact(&mut length).is_err() {
        return ExitCode::FAILURE;
    }
    let mut bytes = Vec::new();
    let length = u64::from_le_bytes(length);
    let read = stdin.by_ref().take(length).read_to_end(&mut bytes);
    if !read.is_ok_and(|read| read as u64 == length) {
        return ExitCode::FAILURE;
    }
    thread::spawn(move || {
        let _ = stdin.read(&mut [0]);
        // Nobody waits for it any longer.
        exit(1);
    });
    drop(Model::parse(&bytes, limits));
    ExitCode::SUCCESS
}
