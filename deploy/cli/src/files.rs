//! Files: read whole with their name in every error, written whole or not at all.

use std::fs;
use std::io::Write;
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

fn stage(path: &Path, bytes: &[u8], access: Access) -> std::io::Result<NamedTempFile> {
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
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
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
