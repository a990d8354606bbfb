//! Files: read whole with their name in every error, written whole or not at all.
//!
//! What is read may be a secret key, by mistake or on purpose, so its bytes are wiped when they are dropped. What is written
//! goes to a temporary file first, which takes the name when all of it is there; links are followed, and a FIFO or a device is
//! written into. [`Files`] knows what is unfinished: a program that is told to end removes it by [`Files::abandon`].

mod folder;
mod new_file;
mod table;
mod target;
mod unfinished;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tenebra_client::frame::MAGIC;
use tenebra_client::{FrameError, Kind};
use zeroize::Zeroizing;

pub use folder::{Item, check_free};
pub use new_file::{Access, NewFile};
pub use table::TableFile;
pub use target::is_same_target;
pub use unfinished::{Abandoned, Files, TemporaryFolder};

use crate::error::Error;

/// Name of the client spec in a model's folder.
pub const CLIENT_FILE: &str = "client.tnb";
/// Name of the server program in a model's folder.
pub const SERVER_FILE: &str = "server.tnb";
/// Name of the float model in a model's folder: its owner's alone, for `tenebra eval --mode clear`.
pub const FLOAT_MODEL_FILE: &str = "float_model.json";
/// Name of the secret key in a folder of keys.
pub const SECRET_KEY_FILE: &str = "secret.key";
/// Name of the evaluation key in a folder of keys.
pub const EVALUATION_KEY_FILE: &str = "evaluation.key";

/// Reads a whole file.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    open(path)
        .and_then(|mut file| read_to_end(&mut file))
        .map_err(|e| Error::io(path, &e))
}

/// Reads a whole file and what `parse` makes of it; errors name the file.
///
/// # Errors
/// [`Error::Io`], or what `parse` returns as [`Error::InFile`].
pub fn read_as<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    parse(&read(path)?).map_err(|e| e.in_file(path))
}

/// Refuses bytes of ours where another kind of file is taken.
///
/// # Errors
/// [`Error::OtherFile`].
pub fn refuse_frame(bytes: &[u8], wanted: &'static str) -> Result<(), Error> {
    match kind_of(bytes) {
        Some(found) => Err(Error::OtherFile { found, wanted }),
        None => Ok(()),
    }
}

/// What the header at the start of `bytes` says that the file is.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<Kind> {
    let code = bytes.strip_prefix(&MAGIC)?.get(2..4)?;
    let kinds = [
        Kind::ClientSpec,
        Kind::ServerProgram,
        Kind::SecretKey,
        Kind::EvaluationKey,
        Kind::Query,
        Kind::Response,
    ];
    kinds
        .into_iter()
        .find(|kind| kind.code().to_le_bytes() == code)
}

/// Refuses what is known to be another kind of file of ours; damage is for the reader of the frame to find.
pub(crate) fn check_kind(bytes: &[u8], wanted: Kind) -> Result<(), Error> {
    match kind_of(bytes) {
        Some(found) if found != wanted => Err(FrameError::Kind { wanted, found }.into()),
        _ => Ok(()),
    }
}

/// Opens a file to read; a folder is an error at once.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// Fills the start of `buffer`; returns how much there was.
pub(crate) fn read_start(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut there = 0;
    while there < buffer.len() {
        match file.read(&mut buffer[there..]) {
            Ok(0) => break,
            Ok(count) => there += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(there)
}

/// As `Read::read_to_end`, but no copy of the bytes stays behind when the buffer grows.
fn read_to_end(file: &mut File) -> io::Result<Zeroizing<Vec<u8>>> {
    let announced = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut bytes = Zeroizing::new(vec![0; announced.saturating_add(1)]);
    let mut filled = 0;
    loop {
        let there = read_start(file, &mut bytes[filled..])?;
        filled += there;
        if filled < bytes.len() {
            bytes.truncate(filled);
            return Ok(bytes);
        }
        let mut longer = Zeroizing::new(vec![0; 2 * filled.max(4096)]);
        longer[..filled].copy_from_slice(&bytes);
        bytes = longer;
    }
}

#[cfg(test)]
mod tests {
    use tenebra_client::{KeyTag, SpecId, to_frame};

    use super::*;

    #[test]
    fn files_are_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for count in [0, 1, 4095, 4096, 100_000] {
            let bytes: Vec<u8> = (0..count).map(|at: u32| at.to_le_bytes()[0]).collect();
            std::fs::write(file.path(), &bytes).unwrap();
            assert_eq!(*read(file.path()).unwrap(), bytes);
        }
        // Files of /proc announce no length.
        let version = Path::new("/proc/version");
        if version.exists() {
            assert_eq!(*read(version).unwrap(), std::fs::read(version).unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.ends_with("is a directory"), "{message}");
    }

    #[test]
    fn our_files_are_told_from_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let frame = to_frame(Kind::SecretKey, SpecId([1; 16]), KeyTag::NONE, b"abc");
        std::fs::write(file.path(), &frame).unwrap();
        let error = TableFile::open(file.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("this is a secret key, a CSV is needed")
        );
        assert!(check_kind(&frame, Kind::SecretKey).is_ok());
        let error = check_kind(&frame, Kind::EvaluationKey).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is a secret key, an evaluation key is needed"
        );
        for other in [&b""[..], b"a,b\n1,2\n", b"TNBR", b"TNBRabcd"] {
            std::fs::write(file.path(), other).unwrap();
            assert!(TableFile::open(file.path()).is_ok());
        }
    }
}
