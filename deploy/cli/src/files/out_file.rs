//! A file in the making, or our standard output.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};

use tenebra_app::Error;
use tenebra_app::files::{Access, NewFile};

use super::files;
use crate::output::Failure;
use crate::terminal::Terminal;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// May be shown on a terminal.
    Text,
    /// May not: it would take bytes for commands.
    Binary,
}

/// A file that is written piece by piece, and appears when all of it is there. `-` is stdout, and so is every name of the same
/// file.
#[derive(Debug)]
pub(crate) struct OutFile {
    path: PathBuf,
    sink: Sink,
    length: u64,
}

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<Stdout>),
    Terminal(Terminal<Stdout>),
    File(NewFile<'static>),
}

impl OutFile {
    /// Starts a file that others may read.
    pub(crate) fn create(path: &Path, content: Content) -> Result<Self, Failure> {
        let sink = if !is_stdout(path) {
            Sink::File(NewFile::create(files(), path, Access::Public)?)
        } else if !io::stdout().is_terminal() {
            Sink::Stdout(BufWriter::new(io::stdout()))
        } else if content == Content::Text {
            Sink::Terminal(Terminal::new(io::stdout()))
        } else {
            let message = "a terminal would take these bytes for commands; write them to a file or into a pipe";
            return Err(Failure::usage(message));
        };
        Ok(Self {
            path: path.to_owned(),
            sink,
            length: 0,
        })
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.length += bytes.len() as u64;
        let written = match &mut self.sink {
            Sink::Stdout(out) => out.write_all(bytes),
            Sink::Terminal(out) => out.write_all(bytes),
            Sink::File(file) => return Ok(file.append(bytes)?),
        };
        Ok(written.map_err(|e| Error::io(&self.path, &e))?)
    }

    /// Lets it take its name; returns its length in bytes.
    pub(crate) fn finish(self) -> Result<u64, Failure> {
        let flushed = match self.sink {
            Sink::Stdout(mut out) => out.flush(),
            Sink::Terminal(mut out) => out.flush(),
            Sink::File(file) => return Ok(file.finish()?),
        };
        flushed.map_err(|e| Error::io(&self.path, &e))?;
        Ok(self.length)
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8], content: Content) -> Result<(), Failure> {
    let mut file = OutFile::create(path, content)?;
    file.append(bytes)?;
    file.finish()?;
    Ok(())
}

/// Whether a path is our standard output: `-`, or a name of the same file.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || fs::metadata(path).is_ok_and(|data| is_same_as_stdout(&data))
}

#[cfg(unix)]
fn is_same_as_stdout(data: &Metadata) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let stdout = stdout.and_then(|stdout| File::from(stdout).metadata());
    stdout.is_ok_and(|stdout| (stdout.dev(), stdout.ino()) == (data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn is_same_as_stdout(_: &Metadata) -> bool {
    false
}
