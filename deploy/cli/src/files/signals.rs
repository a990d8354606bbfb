//! What is unfinished is removed when the process is told to end: by Ctrl-C, `kill`, or a terminal that is closed.

use core::sync::atomic::{AtomicBool, Ordering};
use std::fs;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::FILES;

/// Whether the next Ctrl-C asks for an end and does not make one.
static PATIENT: AtomicBool = AtomicBool::new(false);
/// Whether Ctrl-C asked for an end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on, the first Ctrl-C asks for an end; the next one ends the process. Whether it was asked.
pub(super) fn ask_first() -> bool {
    let asked = ASKED.load(Ordering::Relaxed);
    PATIENT.store(!asked, Ordering::Relaxed);
    asked
}

/// Ctrl-C ends the process again.
pub(super) fn ask_no_more() {
    PATIENT.store(false, Ordering::Relaxed);
}

/// Starts the thread that waits for signals. Where there can be none, files of killed processes stay.
pub(super) fn listen() {
    let ignored = ignored_signals();
    let ending: Vec<i32> = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
        .into_iter()
        .filter(|signal| ignored >> (signal - 1) & 1 == 0)
        .collect();
    // A file that grows over the limit of its size is an error of writing then, with a message.
    let _ = signal_hook::flag::register(SIGXFSZ, alloc::sync::Arc::default());
    let Ok(mut signals) = Signals::new(ending) else {
        return;
    };
    let wait = move || {
        for signal in signals.forever() {
            if signal == SIGINT && PATIENT.swap(false, Ordering::Relaxed) {
                ASKED.store(true, Ordering::Relaxed);
                continue;
            }
            // Held until the end.
            let _held = FILES.abandon();
            // Whoever waits for this process sees that the signal ended it.
            let _ = emulate_default_handler(signal);
            std::process::exit(128 + signal);
        }
    };
    // Without the thread, signals would be caught and nothing would come of them.
    if thread::Builder::new().spawn(wait).is_err() {
        std::process::exit(1);
    }
}

/// Signals that whoever started this process wants ignored, as `nohup` does: bit `s − 1` is signal `s`. Where the system does
/// not say, none.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}
