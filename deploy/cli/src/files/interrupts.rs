//! Ctrl-C that asks first, for work whose part is worth keeping.

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
