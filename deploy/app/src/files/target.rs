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
