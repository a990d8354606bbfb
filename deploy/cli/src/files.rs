//! Files that this process writes, and its standard output.

mod out_file;
mod signals;

use std::sync::Once;

use tenebra_app::files::Files;

pub(crate) use out_file::{Content, OutFile, write};

/// Where `-` reads from.
pub(crate) const STDIN: &str = "/dev/stdin";

static FILES: Files = Files::new();

/// Writes files; from now on, what is unfinished goes when a signal ends the process.
pub(crate) fn files() -> &'static Files {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(signals::listen);
    &FILES
}

/// Ctrl-C that asks first, for work whose part is worth keeping.
pub(crate) mod interrupts {
    use super::{files, signals};

    /// From now on, the first Ctrl-C asks for an end and the second makes one. Whether it was asked already.
    pub(crate) fn ask_first() -> bool {
        // Whoever listens to signals listens to this one.
        files();
        signals::ask_first()
    }

    /// Ctrl-C ends the process again.
    pub(crate) fn ask_no_more() {
        signals::ask_no_more();
    }
}
