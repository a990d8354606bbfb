//! What is unfinished is removed when the process is told to end: by Ctrl-C, `kill`, or a terminal that is closed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tempfile::TempDir;

use crate::error::Error;

/// What is there and should not stay. Whoever creates or renames holds the lock meanwhile: the process ends before or after it.
#[derive(Debug)]
pub(super) struct Unfinished {
    files: Vec<PathBuf>,
    /// Made in this order.
    folders: Vec<PathBuf>,
    /// With all that is in them.
    trees: Vec<PathBuf>,
}

static UNFINISHED: Mutex<Unfinished> = Mutex::new(Unfinished {
    files: Vec::new(),
    folders: Vec::new(),
    trees: Vec::new(),
});

/// The list; the first time, signals are listened for from now on.
pub(super) fn unfinished() -> MutexGuard<'static, Unfinished> {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(listen);
    lock()
}

fn lock() -> MutexGuard<'static, Unfinished> {
    // Every entry is whole, whatever panicked.
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Unfinished {
    pub(super) fn add_file(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    pub(super) fn forget_file(&mut self, path: &Path) {
        self.files.retain(|other| other != path);
    }

    pub(super) fn add_folder(&mut self, path: &Path) {
        self.folders.push(path.to_owned());
    }

    pub(super) fn forget_folder(&mut self, path: &Path) {
        self.folders.retain(|other| other != path);
    }

    /// Nothing better can be done about what cannot be removed. Folders go only if they are empty: somebody else may have put
    /// something there.
    fn remove(&mut self) {
        for file in self.files.drain(..) {
            let _ = fs::remove_file(file);
        }
        for tree in self.trees.drain(..) {
            // Other threads may still write there.
            let _ = (0..10).find(|_| fs::remove_dir_all(&tree).is_ok());
        }
        for folder in self.folders.drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Starts the thread that waits for signals. Where there can be none, files of killed processes stay.
fn listen() {
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
        if let Some(signal) = signals.forever().next() {
            // Held until the end.
            let mut unfinished = lock();
            unfinished.remove();
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

/// A folder of temporary files, which goes with all that is in it, whatever ends the process.
#[derive(Debug)]
pub struct TemporaryFolder(TempDir);

impl TemporaryFolder {
    /// An empty one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new() -> Result<Self, Error> {
        let mut unfinished = unfinished();
        let folder = tempfile::Builder::new().prefix("tenebra-").tempdir();
        let folder = folder.map_err(|e| Error::io(&std::env::temp_dir(), &e))?;
        unfinished.trees.push(folder.path().to_owned());
        Ok(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let mut unfinished = lock();
        let _ = fs::remove_dir_all(self.path());
        unfinished.trees.retain(|tree| tree != self.0.path());
    }
}

/// Folders that were made for files to come; removed again unless they are kept.
#[derive(Debug)]
pub(super) struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// Makes `path` and those above it that are not there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut unfinished = unfinished();
        let mut made = Self(Vec::new());
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        while let Some(folder) = missing.pop() {
            match fs::create_dir(folder) {
                Ok(()) => {
                    unfinished.add_folder(folder);
                    made.0.push(folder.to_owned());
                }
                // Somebody else made it meanwhile, or it is written as `a/../b`.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(e) => {
                    drop(unfinished);
                    return Err(e);
                }
            }
        }
        if path.is_dir() {
            Ok(made)
        } else {
            drop(unfinished);
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    pub(super) fn keep(mut self, unfinished: &mut Unfinished) {
        for folder in self.0.drain(..) {
            unfinished.forget_folder(&folder);
        }
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        let mut unfinished = lock();
        for folder in self.0.drain(..).rev() {
            unfinished.forget_folder(&folder);
            let _ = fs::remove_dir(folder);
        }
    }
}
