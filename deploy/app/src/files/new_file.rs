//! A file in the making.

use core::time::Duration;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tenebra_client::Kind;

use super::target::Target;
use super::unfinished::{Files, Unfinished};
use crate::error::Error;

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever might read the file that is replaced; for a new one, as the umask says.
    Public,
    /// The owner alone (mode 0600).
    Secret,
}

/// A file that is written piece by piece, and appears when all of it is there; into a FIFO or a device the pieces are written as
/// they come.
#[derive(Debug)]
pub struct NewFile<'a> {
    files: &'a Files,
    path: PathBuf,
    sink: Sink,
    length: u64,
}

#[derive(Debug)]
enum Sink {
    Open(BufWriter<File>),
    Staged(BufWriter<Staged>),
}

impl<'a> NewFile<'a> {
    /// Starts a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::OverSecret`] if a secret key is there, and it is for others to read.
    pub fn create(files: &'a Files, path: &Path, access: Access) -> Result<Self, Error> {
        let io = |e| Error::io(path, &e);
        let sink = match Target::of(path).map_err(io)? {
            Target::Open(file) => Sink::Open(BufWriter::new(file)),
            Target::Replace { path: there, .. }
                if access == Access::Public && is_secret(&there) =>
            {
                return Err(Error::OverSecret {
                    path: path.to_owned(),
                });
            }
            Target::Replace { path, permissions } => {
                let staged = Staged::create(files, path, access, permissions).map_err(io)?;
                Sink::Staged(BufWriter::new(staged))
            }
        };
        Ok(Self {
            files,
            path: path.to_owned(),
            sink,
            length: 0,
        })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        let written = match &mut self.sink {
            Sink::Open(out) => out.write_all(bytes),
            Sink::Staged(out) => out.write_all(bytes),
        };
        written.map_err(|e| Error::io(&self.path, &e))
    }

    /// Lets it take its name; returns its length in bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<u64, Error> {
        let (length, files) = (self.length, self.files);
        let whole = self.complete()?;
        whole.persist(true, &mut files.unfinished())?;
        Ok(length)
    }

    /// Everything is on its way to the disk, but for the name.
    pub(super) fn complete(self) -> Result<Whole, Error> {
        let staged = match self.sink {
            Sink::Open(mut out) => out.flush().map(|()| None),
            Sink::Staged(out) => out
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|staged| staged.file.as_file().sync_all().map(|()| Some(staged))),
        };
        Ok(Whole {
            staged: staged.map_err(|e| Error::io(&self.path, &e))?,
            path: self.path,
        })
    }
}

/// Whether a secret key is there.
fn is_secret(path: &Path) -> bool {
    let mut start = [0; 16];
    let read = super::open(path).and_then(|mut file| super::read_start(&mut file, &mut start));
    read.is_ok_and(|there| super::kind_of(&start[..there]) == Some(Kind::SecretKey))
}

/// A file that is whole and has no name yet, if it gets one.
#[derive(Debug)]
pub(super) struct Whole {
    path: PathBuf,
    staged: Option<Staged>,
}

impl Whole {
    /// Lets it take its name; unless it may `replace` another, [`Error::Exists`] if there is one.
    pub(super) fn persist(self, replace: bool, unfinished: &mut Unfinished) -> Result<(), Error> {
        let Some(staged) = self.staged else {
            return Ok(());
        };
        let temporary = staged.file.path().to_owned();
        let persisted = if replace {
            staged.file.persist(&staged.path)
        } else {
            staged.file.persist_noclobber(&staged.path)
        };
        unfinished.forget_file(&temporary);
        match persisted {
            Ok(_) => Ok(()),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::Exists { path: self.path })
            }
            Err(e) => Err(Error::io(&self.path, &e.error)),
        }
    }
}

impl Files {
    /// Writes a file whole or not at all, which others may read.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut file = NewFile::create(self, path, Access::Public)?;
        file.append(bytes)?;
        file.finish()?;
        Ok(())
    }
}

/// How the names of temporary files begin and end.
const TEMPORARY: (&str, &str) = (".tenebra-", ".tmp");
/// A temporary file that nobody holds is given so long: versions before this one held none.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Removes the temporary files of processes that were killed: nothing was written to them for an hour, and nobody holds them.
fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let (prefix, suffix) = TEMPORARY;
        if name.starts_with(prefix) && name.ends_with(suffix) && is_abandoned(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_abandoned(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().ok().filter(fs::Metadata::is_file);
    let age = modified.and_then(|data| data.modified().ok()?.elapsed().ok());
    let held = || File::open(entry.path()).map_or(true, |file| file.try_lock().is_err());
    age.is_some_and(|age| age > ABANDONED) && !held()
}

/// A temporary file in the folder of the one it will be.
#[derive(Debug)]
struct Staged {
    file: NamedTempFile,
    path: PathBuf,
}

impl Staged {
    fn create(
        files: &Files,
        path: PathBuf,
        access: Access,
        permissions: Option<Permissions>,
    ) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        remove_abandoned(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
        #[cfg(unix)]
        if access == Access::Public {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(Permissions::from_mode(0o666));
        }
        let mut unfinished = files.unfinished();
        let file = builder.tempfile_in(folder)?;
        unfinished.add_file(file.path());
        // Held as long as the process lives, where the system can.
        let _ = file.as_file().try_lock();
        drop(unfinished);
        let staged = Self { file, path };
        if let Some(permissions) = permissions.filter(|_| access == Access::Public) {
            staged.file.as_file().set_permissions(permissions)?;
        }
        Ok(staged)
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::files::read;

    static FILES: Files = Files::new();

    /// A query goes nowhere near a key.
    #[test]
    fn nothing_public_replaces_a_secret_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let (id, tag) = (
            tenebra_client::SpecId([1; 16]),
            tenebra_client::KeyTag::NONE,
        );
        let key = tenebra_client::to_frame(Kind::SecretKey, id, tag, b"abc");
        fs::write(&path, &key).unwrap();
        let refused = FILES.write(&path, b"a query");
        assert!(matches!(refused, Err(Error::OverSecret { path: kept }) if kept == path));
        assert_eq!(*read(&path).unwrap(), key);
        let mut other = NewFile::create(&FILES, &path, Access::Secret).unwrap();
        other.append(b"another key").unwrap();
        other.finish().unwrap();
        assert_eq!(*read(&path).unwrap(), b"another key");
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_in_pieces_appears_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let mut file = NewFile::create(&FILES, &path, Access::Public).unwrap();
        file.append(b"one").unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names(folder.path()).is_empty());
        let mut file = NewFile::create(&FILES, &path, Access::Public).unwrap();
        file.append(b"one").unwrap();
        file.append(b", two").unwrap();
        assert_eq!(file.finish().unwrap(), 8);
        assert_eq!(*read(&path).unwrap(), b"one, two");
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    fn what_killed_processes_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * ABANDONED;
        let make = |name: &str, modified: SystemTime| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(modified).unwrap();
            file
        };
        drop(make(".tenebra-old.tmp", old));
        drop(make(".tenebra-new.tmp", SystemTime::now()));
        drop(make("tenebra.tmp", old));
        let held = make(".tenebra-held.tmp", old);
        held.lock().unwrap();
        let staged = NewFile::create(&FILES, &folder.path().join("new"), Access::Public).unwrap();
        let written: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
        for entry in written {
            let known = ["old", "new", "held"].map(|name| format!(".tenebra-{name}.tmp"));
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with(".tenebra-") && !known.contains(&name) {
                // Its owner lives, however long it waits.
                let file = File::options().write(true).open(entry.path()).unwrap();
                file.set_modified(old).unwrap();
            }
        }
        FILES.write(&folder.path().join("other"), b"").unwrap();
        staged.finish().unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(
            left,
            [
                ".tenebra-held.tmp",
                ".tenebra-new.tmp",
                "new",
                "other",
                "tenebra.tmp"
            ]
        );
        drop(held);
        FILES.write(&folder.path().join("other"), b"").unwrap();
        assert!(!names(folder.path()).contains(&".tenebra-held.tmp".to_owned()));
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_and_modes_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("far")).unwrap();
        fs::write(at("far/real"), b"old").unwrap();
        fs::set_permissions(at("far/real"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("far/real", at("link")).unwrap();
        symlink("link", at("chain")).unwrap();
        symlink("far/to_come", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        FILES.write(&at("chain"), b"new").unwrap();
        FILES.write(&at("dangling"), b"came").unwrap();
        assert!(FILES.write(&at("loop"), b"").is_err());
        for link in ["link", "chain", "dangling", "loop"] {
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
        }
        assert_eq!(*read(&at("far/real")).unwrap(), b"new");
        assert_eq!(*read(&at("far/to_come")).unwrap(), b"came");
        let mode = fs::metadata(at("far/real")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    #[cfg(unix)]
    fn devices_are_written_into() {
        use std::os::unix::fs::FileTypeExt;
        FILES.write(Path::new("/dev/null"), b"gone").unwrap();
        let kind = fs::metadata("/dev/null").unwrap().file_type();
        assert!(kind.is_char_device());
        let full = Path::new("/dev/full");
        if full.exists() {
            assert!(FILES.write(full, b"no room").is_err());
            assert!(fs::metadata(full).unwrap().file_type().is_char_device());
        }
    }
}
