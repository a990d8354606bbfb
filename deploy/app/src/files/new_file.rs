//! A file in the making.

use std::fs::{File, Permissions};
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
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tenebra-").suffix(".tmp");
        #[cfg(unix)]
        if access == Access::Public {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(Permissions::from_mode(0o666));
        }
        let mut unfinished = files.unfinished();
        let file = builder.tempfile_in(folder)?;
        unfinished.add_file(file.path());
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
    use std::fs;

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
