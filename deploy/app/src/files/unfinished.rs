//! What is not finished yet, to be removed if it never will be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::error::Error;

/// Writes files and folders, and knows those that are not finished. A program has one, and hands it to whatever writes.
#[derive(Debug, Default)]
pub struct Files(Mutex<Unfinished>);

impl Files {
    /// Nothing is unfinished.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Unfinished {
            files: Vec::new(),
            folders: Vec::new(),
            trees: Vec::new(),
        }))
    }

    /// Removes all that is unfinished: for a program that is told to end. Until what is returned is dropped, which would be at
    /// the end of the process, nothing else is begun or finished.
    pub fn abandon(&self) -> Abandoned<'_> {
        let mut unfinished = self.unfinished();
        unfinished.remove();
        Abandoned(unfinished)
    }

    /// An empty folder, which goes with all that is in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn temporary_folder(&self) -> Result<TemporaryFolder<'_>, Error> {
        let mut unfinished = self.unfinished();
        let folder = tempfile::Builder::new().prefix("tenebra-").tempdir();
        let folder = folder.map_err(|e| Error::io(&std::env::temp_dir(), &e))?;
        unfinished.trees.push(folder.path().to_owned());
        Ok(TemporaryFolder {
            files: self,
            folder,
        })
    }

    pub(super) fn unfinished(&self) -> MutexGuard<'_, Unfinished> {
        // Every entry is whole, whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds everything back that would be written.
#[derive(Debug)]
pub struct Abandoned<'a>(#[expect(dead_code, reason = "held")] MutexGuard<'a, Unfinished>);

/// What is there and should not stay. Whoever creates or renames holds the lock meanwhile: the process ends before or after it.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    files: Vec<PathBuf>,
    /// Made in this order.
    folders: Vec<PathBuf>,
    /// With all that is in them.
    trees: Vec<PathBuf>,
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

/// A folder of temporary files, which goes with all that is in it, whatever ends the process.
#[derive(Debug)]
pub struct TemporaryFolder<'a> {
    files: &'a Files,
    folder: TempDir,
}

impl TemporaryFolder<'_> {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for TemporaryFolder<'_> {
    fn drop(&mut self) {
        let mut unfinished = self.files.unfinished();
        let _ = fs::remove_dir_all(self.path());
        unfinished.trees.retain(|tree| tree != self.folder.path());
    }
}

/// Folders that were made for files to come; removed again unless they are kept.
#[derive(Debug)]
pub(super) struct NewFolders<'a> {
    files: &'a Files,
    made: Vec<PathBuf>,
}

impl<'a> NewFolders<'a> {
    /// Makes `path` and those above it that are not there.
    pub(super) fn create(files: &'a Files, path: &Path) -> io::Result<Self> {
        let mut unfinished = files.unfinished();
        let mut new = Self {
            files,
            made: Vec::new(),
        };
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        while let Some(folder) = missing.pop() {
            match fs::create_dir(folder) {
                Ok(()) => {
                    unfinished.add_folder(folder);
                    new.made.push(folder.to_owned());
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
            Ok(new)
        } else {
            drop(unfinished);
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    pub(super) fn keep(mut self, unfinished: &mut Unfinished) {
        for folder in self.made.drain(..) {
            unfinished.forget_folder(&folder);
        }
    }
}

impl Drop for NewFolders<'_> {
    fn drop(&mut self) {
        if self.made.is_empty() {
            return;
        }
        let mut unfinished = self.files.unfinished();
        for folder in self.made.drain(..).rev() {
            unfinished.forget_folder(&folder);
            let _ = fs::remove_dir(folder);
        }
    }
}
