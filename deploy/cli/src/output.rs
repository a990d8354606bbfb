//! What is printed: data to stdout, everything else to stderr.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use crate::hint::{hint, is_usage};
use crate::terminal::{Terminal, escape, escape_line};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use serde::Serialize;
use tenebra_server::StartError;

/// Whether `--quiet` was given.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, notes and bars are left out.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    /// Whether the command cannot be what was meant, whatever the files hold.
    usage: bool,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            usage: false,
        }
    }

    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            usage: true,
            ..Self::new(message)
        }
    }

    /// An option that would change nothing.
    pub(crate) fn no_effect(option: &str, why: &str) -> Self {
        Self::usage(format!("`{option}` has no effect: {why}")).with_hint("leave it out")
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As clap exits: 2 for wrong usage.
    pub(crate) fn status(&self) -> ExitCode {
        if self.usage {
            ExitCode::from(2)
        } else {
            ExitCode::FAILURE
        }
    }
}

impl<E: Into<tenebra_app::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        Self {
            message: error.to_string(),
            hint: hint(&error),
            usage: is_usage(&error),
        }
    }
}

/// What a server says of its start.
pub(crate) fn start_failure(error: &StartError) -> Failure {
    Failure::new(error.to_string())
}

/// Stdout. A terminal gets no commands of whoever wrote the data; a file or a pipe gets the data as it is.
pub(crate) fn stdout() -> Box<dyn Write> {
    let out = io::stdout();
    if out.is_terminal() {
        Box::new(Terminal::new(out.lock()))
    } else {
        Box::new(out.lock())
    }
}

/// What became of writing to stdout.
pub(crate) fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        // Whoever read the output has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::new(format!("stdout: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints data.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = stdout();
    written(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

/// Prints one JSON object.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(e.to_string()))?;
    data(&(text + "\n"))
}

/// Tells the person something, unless they asked for quiet.
pub(crate) fn note(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        say(None, text);
    }
}

/// Prints a table; where stdout carries a file already, the person is told it, as by [`note`].
pub(crate) fn table_beside(file: bool, text: &str) -> Result<(), Failure> {
    if !file {
        return data(text);
    }
    if !QUIET.load(Ordering::Relaxed) {
        // Where stderr is gone, there is nobody to tell.
        let _ = anstream::stderr().lock().write_all(escape(text).as_bytes());
    }
    Ok(())
}

/// Tells the person what they would not want to miss.
pub(crate) fn warning(text: &str) {
    say(Some(("warning", AnsiColor::Yellow)), text);
}

pub(crate) fn failure(failure: &Failure) {
    say(Some(("error", AnsiColor::Red)), &failure.message);
    if let Some(hint) = &failure.hint {
        say(Some(("hint", AnsiColor::Cyan)), hint);
    }
}

/// A line on stderr, in colour where colours are shown; what it quotes cannot begin a line or command the terminal.
fn say(label: Option<(&str, AnsiColor)>, text: &str) {
    let label = label.map_or_else(String::new, |(label, color)| {
        let style = Style::new().bold().fg_color(Some(color.into()));
        format!("{style}{label}:{style:#} ")
    });
    let text = escape(text).replace('\n', "\n  ");
    // Where stderr is gone, there is nobody to tell.
    let _ = writeln!(anstream::stderr().lock(), "{label}{text}");
}

/// A bar on stderr, if that is a terminal; it goes when it is dropped.
fn new_bar(length: Option<u64>, what: &'static str, template: &str) -> ProgressBar {
    let target = if QUIET.load(Ordering::Relaxed) {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(length, target).with_finish(ProgressFinish::AndClear);
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// A bar for rows.
pub(crate) fn bar(length: usize, what: &'static str) -> ProgressBar {
    let template = "{msg} {wide_bar} {pos}/{len} rows, {eta} left";
    new_bar(Some(length as u64), what, template)
}

/// A bar for steps of some work.
pub(crate) fn steps(length: usize, what: &'static str) -> ProgressBar {
    let template = "{msg} {wide_bar} {pos}/{len}, {eta} left";
    new_bar(Some(length as u64), what, template)
}

/// A bar for the bytes of a file whose rows nobody counted.
pub(crate) fn file_bar(length: u64, what: &'static str) -> ProgressBar {
    let template = "{msg} {wide_bar} {percent} %, {eta} left";
    new_bar(Some(length), what, template)
}

/// That something is worked on, and for how long, where nobody knows how long it will be.
pub(crate) fn busy(what: &'static str) -> ProgressBar {
    let bar = new_bar(None, what, "{spinner} {msg}, {elapsed}");
    bar.enable_steady_tick(Duration::from_millis(100));
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

/// A score for people: four decimals, as far as they say something.
pub(crate) fn score(value: f64) -> String {
    if value.abs() < 1e6 {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

/// Rows of cells, left-aligned under their headings; the first row is the headings. A cell stays in its place whatever it
/// quotes.
pub(crate) fn table<R: AsRef<[String]>>(rows: &[R]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let cells = row.as_ref().iter();
            cells.map(|cell| escape_line(cell).into_owned()).collect()
        })
        .collect();
    let mut widths = Vec::new();
    for row in &rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row
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
        let rows = [["a\u{1b}[2J\n", "b"], ["c", "d"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a\\u001b[2J\\n  b\nc             d\n");
    }
}
