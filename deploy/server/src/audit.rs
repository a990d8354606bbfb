//! Who did what when: a line of JSON for every request that reaches the service, and one more at the end of a batch.
//!
//! `docs/audit.md` describes the fields. There is no feature, no ciphertext, no token and no query string in it.

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::SystemTime;

use prometheus::IntCounter;
use serde::Serialize;

/// Lines that wait for the disk; more are lost, and counted.
const WAITING: usize = 8192;

/// An event, as it is written.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Event<'a> {
    /// When it was answered, RFC 3339 in UTC.
    pub(crate) time: String,
    pub(crate) request: &'a str,
    pub(crate) action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Evaluation key, or the client that was purged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<&'a str>,
    pub(crate) status: u16,
    /// Kind of the problem document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<&'a str>,
    /// Queries answered, at the end of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queries: Option<u64>,
    pub(crate) ms: f64,
}

enum Message {
    Line(Vec<u8>),
    Reopen,
}

/// The file that events are written to, if there is one.
#[derive(Default)]
pub(crate) struct Audit {
    sender: RwLock<Option<SyncSender<Message>>>,
    lost: OnceLock<IntCounter>,
}

impl Audit {
    /// Appends to a file from now on, which its owner alone may read.
    ///
    /// # Errors
    /// If it cannot be written, or no thread be started.
    pub(crate) fn open(&self, path: &Path, lost: IntCounter) -> std::io::Result<()> {
        let mut file = append(path)?;
        let path = path.to_owned();
        let (sender, receiver) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || {
            while let Ok(message) = receiver.recv() {
                match message {
                    Message::Line(line) => write(&mut file, &line, &path),
                    Message::Reopen => match append(&path) {
                        Ok(opened) => file = opened,
                        Err(error) => {
                            tracing::error!(%error, "the audit log could not be opened again")
                        }
                    },
                }
            }
        })?;
        *self.sender.write().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        let _ = self.lost.set(lost);
        Ok(())
    }

    /// Opens the file again, after somebody renamed it.
    pub(crate) fn reopen(&self) {
        if let Some(sender) = &*self.sender.read().unwrap_or_else(PoisonError::into_inner) {
            // It waits: this comes once a day.
            let _ = sender.send(Message::Reopen);
        }
    }

    /// Writes an event.
    pub(crate) fn write(&self, event: &Event<'_>) {
        let sender = self.sender.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*sender else { return };
        let mut line = serde_json::json!(event).to_string().into_bytes();
        line.push(b'\n');
        if sender.try_send(Message::Line(line)).is_err()
            && let Some(lost) = self.lost.get()
        {
            lost.inc();
        }
    }
}

impl Event<'_> {
    /// One that ends now.
    pub(crate) fn at(mut self, took: Duration) -> Self {
        self.time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        self.ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        self
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write(file: &mut File, line: &[u8], path: &Path) {
    if let Err(error) = file.write_all(line) {
        tracing::error!(%error, path = %path.display(), "the audit log could not be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_where_the_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let [log, old] = ["audit.log", "old.log"].map(|name| folder.path().join(name));
        let audit = Audit::default();
        audit
            .open(&log, IntCounter::new("lost", "lost").unwrap())
            .unwrap();
        let event = |request| {
            let event = Event {
                request,
                action: "predict",
                status: 200,
                ..Event::default()
            };
            audit.write(&event.at(Duration::from_micros(1500)));
        };
        let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let wait_for = |path: &Path, text: &str| {
            let start = std::time::Instant::now();
            while !lines(path).contains(text) {
                assert!(start.elapsed() < Duration::from_secs(5), "{text}");
            }
        };
        event("one");
        wait_for(&log, r#""request":"one""#);
        std::fs::rename(&log, &old).unwrap();
        audit.reopen();
        event("two");
        wait_for(&log, r#""request":"two""#);
        let first: serde_json::Value = serde_json::from_str(lines(&old).trim()).unwrap();
        assert_eq!(
            (first["ms"].as_f64(), first["status"].as_u64()),
            (Some(1.5), Some(200))
        );
        assert!(first["client"].is_null());
    }
}
