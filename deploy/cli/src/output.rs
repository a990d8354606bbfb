//! What is printed: data to stdout, everything else to stderr.

use std::io::{self, ErrorKind, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::hint::hint;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<E: Into<tenebra::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        Self {
            message: error.to_string(),
            hint: hint(&error),
        }
    }
}

/// Tells the person what they would not want to miss.
pub(crate) fn warning(text: &str) {
    note(&format!("warning: {text}"));
}

/// Prints data.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // Whoever read the output has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::new(format!("stdout: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints one JSON object.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(e.to_string()))?;
    data(&(text + "\n"))
}

/// Tells the person something.
pub(crate) fn note(text: &str) {
    // Where stderr is gone, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub(crate) fn failure(failure: &Failure) {
    note(&format!("error: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(&format!("hint: {hint}"));
    }
}

/// A bar on stderr, if that is a terminal.
pub(crate) fn bar(length: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} rows, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// A bar on stderr, if that is a terminal, for the bytes of a file whose rows nobody counted.
pub(crate) fn file_bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} %, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// `1,234 B`, `123 kB` or `12.3 MB`: bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..100_000 => format!("{},{:03} B", count / 1_000, count % 1_000),
        100_000..1_000_000 => format!("{} kB", (count + 500) / 1_000),
        _ => {
            let tenths = count / 100_000;
            format!("{}.{} MB", tenths / 10, tenths % 10)
        }
    }
}

/// Milliseconds for people.
pub(crate) fn milliseconds(time: f64) -> String {
    match time {
        t if t < 0.01 => format!("{t:.5} ms"),
        t if t < 10.0 => format!("{t:.3} ms"),
        t if t < 10_000.0 => format!("{t:.0} ms"),
        t => format!("{:.1} s", t / 1e3),
    }
}

/// Rows of cells, left-aligned under their headings; the first row is the headings.
pub(crate) fn table<R: AsRef<[String]>>(rows: &[R]) -> String {
    let mut widths = Vec::new();
    for row in rows {
        let row = row.as_ref();
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row
            .as_ref()
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        assert_eq!(bytes(7), "7 B");
        assert_eq!(bytes(1_007), "1,007 B");
        assert_eq!(bytes(99_999), "99,999 B");
        assert_eq!(bytes(249_600), "250 kB");
        assert_eq!(bytes(1_250_000), "1.2 MB");
    }

    #[test]
    fn tables_line_up() {
        let rows = [["a", "b"], ["long", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a     b\nlong  c\n");
    }
}
