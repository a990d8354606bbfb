//! Where bytes that are written to a path go.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Most links that lead to a file that is not there yet; as many as Linux follows.
const MOST_LINKS: usize = 40;

/// Where bytes go.
#[derive(Debug)]
pub(super) enum Target {
    /// Into a FIFO, a device, or what a process holds open.
    Open(File),
    /// To a new file, which takes this name when it is whole. Behind all links.
    Replace {
        path: PathBuf,
        /// Those of the file that is replaced.
        permissions: Option<Permissions>,
    },
}

impl Target {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let data = match fs::metadata(path) {
            Ok(data) => data,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Ok(Self::Replace {
                    path: follow(path)?,
                    permissions: None,
                });
            }
            Err(e) => return Err(e),
        };
        if data.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if !data.is_file() || is_descriptor(path) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self::Open(file));
        }
        Ok(Self::Replace {
            path: fs::canonicalize(path)?,
            permissions: Some(data.permissions()),
        })
    }
}

/// Whether two paths, however they are spelled, lead to one file, there or not.
#[must_use]
pub fn is_same_target(one: &Path, other: &Path) -> bool {
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

/// Where a file is or will be, by a name without links; none if there is no folder for it.
fn place(path: &Path) -> Option<PathBuf> {
    let path = follow(path).ok()?;
    if let Ok(there) = fs::canonicalize(&path) {
        return Some(there);
    }
    let folder = path.parent()?;
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
}

/// The name behind links that end at nothing.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Whether a path names what a process holds open, as `/dev/fd/3` does, and not a file.
fn is_descriptor(path: &Path) -> bool {
    let names = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
    let folder = path
        .parent()
        .and_then(|folder| fs::canonicalize(folder).ok());
    names.iter().any(|name| path == Path::new(name))
        || folder.is_some_and(|folder| folder.starts_with("/proc") || folder.ends_with("dev/fd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        for there in [false, true] {
            if there {
                fs::write(at("file"), b"").unwrap();
            }
            for name in ["file", "./file", "sub/../file"] {
                assert!(is_same_target(&at("file"), &at(name)), "{name}");
            }
            #[cfg(unix)]
            assert!(is_same_target(&at("file"), &at("link")));
            for name in ["other", "sub/file", "none/file", "sub", "file/file"] {
                assert!(!is_same_target(&at("file"), &at(name)), "{name}");
            }
        }
        // Where there is no folder, names are compared as they are.
        assert!(is_same_target(&at("none/file"), &at("none/file")));
        assert!(!is_same_target(&at("none/file"), &at("none/other")));
        // In the working folder.
        for name in ["Cargo.toml", "none"] {
            let spelled = Path::new(".").join(name);
            assert!(is_same_target(Path::new(name), &spelled), "{name}");
            let absolute = std::path::absolute(name).unwrap();
            assert!(is_same_target(Path::new(name), &absolute), "{name}");
        }
    }
}
