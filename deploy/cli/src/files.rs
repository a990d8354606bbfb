//! Files: read whole with their name in every error, written whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Error;

/// Name of the client spec in a model's folder.
pub const CLIENT_FILE: &str = "client.tnb";
/// Name of the server program in a model's folder.
pub const SERVER_FILE: &str = "server.tnb";
/// Name of the secret key in a folder of keys.
pub const SECRET_KEY_FILE: &str = "secret.key";
/// Name of the evaluation key in a folder of keys.
pub const EVALUATION_KEY_FILE: &str = "evaluation.key";

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As the umask says.
    Public,
    /// The owner alone (mode 0600), and no file of that name is replaced.
    NewSecret,
    /// The owner alone (mode 0600).
    Secret,
}

/// Reads a whole file.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|e| Error::io(path, &e))
}

/// Reads a whole file and what `parse` makes of it; errors name the file.
///
/// # Errors
/// [`Error::Io`], or what `parse` returns as [`Error::InFile`].
pub fn read_as<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    parse(&read(path)?).map_err(|e| e.in_file(path))
}

/// Creates a folder and those above it.
///
/// # Errors
/// [`Error::Io`].
pub fn create_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|e| Error::io(path, &e))
}

/// Writes a file, whole or not at all: to a temporary file beside it, which then takes its name.
///
/// # Errors
/// [`Error::Io`]; [`Error::KeyExists`] for [`Access::NewSecret`].
pub fn write(path: &Path, bytes: &[u8], access: Access) -> Result<(), Error> {
    write_all(&[(path.to_owned(), bytes)], access)
}

/// Writes several files; none takes its name before all are on the disk.
///
/// # Errors
/// As [`write()`].
pub fn write_all(files: &[(PathBuf, &[u8])], access: Access) -> Result<(), Error> {
    let staged = files
        .iter()
        .map(|(path, bytes)| stage(path, bytes, access).map_err(|e| Error::io(path, &e)))
        .collect::<Result<Vec<_>, _>>()?;
    for (file, (path, _)) in staged.into_iter().zip(files) {
        let persisted = if access == Access::NewSecret {
            file.persist_noclobber(path)
        } else {
            file.persist(path)
        };
        persisted.map_err(|e| match e.error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::KeyExists { path: path.clone() },
            _ => Error::io(path, &e.error),
        })?;
    }
    Ok(())
}

/// A file that is written piece by piece, and appears when all of it is there.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    length: u64,
}

impl NewFile {
    /// Starts a file that others may read.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = temporary(path, Access::Public).map_err(|e| Error::io(path, &e))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            length: 0,
        })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        written.map_err(|e| Error::io(&self.path, &e))
    }

    /// Lets it take its name; returns its length in bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<u64, Error> {
        let io = |e: std::io::Error| Error::io(&self.path, &e);
        let file = self.file.into_inner().map_err(|e| io(e.into_error()))?;
        file.as_file().sync_all().map_err(io)?;
        file.persist(&self.path).map_err(|e| io(e.error))?;
        Ok(self.length)
    }
}

fn stage(path: &Path, bytes: &[u8], access: Access) -> std::io::Result<NamedTempFile> {
    let mut file = temporary(path, access)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// An empty file in the folder of `path`, to take its name later.
fn temporary(path: &Path, access: Access) -> std::io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tenebra-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if access == Access::Public {
            0o666
        } else {
            0o600
        };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_appear_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("no/other"));
        let both: [(PathBuf, &[u8]); 2] = [(one.clone(), b"1"), (other, b"2")];
        assert!(matches!(
            write_all(&both, Access::Public),
            Err(Error::Io {
                not_found: true,
                ..
            })
        ));
        assert!(names(folder.path()).is_empty());
        write_all(&both[..1], Access::Public).unwrap();
        write(&one, b"again", Access::Public).unwrap();
        assert_eq!(names(folder.path()), ["one"]);
        assert_eq!(read(&one).unwrap(), b"again");
    }

    #[test]
    fn a_file_in_pieces_appears_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let mut file = NewFile::create(&path).unwrap();
        file.append(b"one").unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names(folder.path()).is_empty());
        let mut file = NewFile::create(&path).unwrap();
        file.append(b"one").unwrap();
        file.append(b", two").unwrap();
        assert_eq!(file.finish().unwrap(), 8);
        assert_eq!(read(&path).unwrap(), b"one, two");
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    #[cfg(unix)]
    fn secrets_are_private_and_are_not_replaced_unasked() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        write(&path, b"1", Access::NewSecret).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let refused = write(&path, b"2", Access::NewSecret);
        assert!(matches!(refused, Err(Error::KeyExists { path: kept }) if kept == path));
        assert_eq!(read(&path).unwrap(), b"1");
        write(&path, b"3", Access::Secret).unwrap();
        assert_eq!(read(&path).unwrap(), b"3");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(names(folder.path()), ["secret.key"]);
    }
}
