//! Files that this process writes, and its standard output.

pub(crate) mod interrupts;
mod out_file;
mod signals;

use std::sync::Once;

use tenebra_app::files::Files;

pub(crate) use out_file::{Content, OutFile, is_stdout, write};

/// Where `-` reads from.
pub(crate) const STDIN: &str = "/dev/stdin";

static FILES: Files = Files::new();

/// Writes files; from now on, what is unfinished goes when a signal ends the process.
pub(crate) fn files() -> &'static Files {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(signals::listen);
    &FILES
}
