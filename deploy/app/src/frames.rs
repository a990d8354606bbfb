//! Files of several messages: frames one after the other, read one at a time.

use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use tenebra_client::Kind;
use tenebra_client::frame::{HEADER_LEN, MAGIC, TRAILER_LEN};

use crate::error::Error;
use crate::files;

/// The frames of a file, in the memory of one. What each holds is for its reader to check.
#[derive(Debug)]
pub struct FrameFile {
    path: PathBuf,
    reader: BufReader<Chain<Cursor<Vec<u8>>, File>>,
    length: u64,
    position: u64,
    frames: usize,
    /// Whether the last frame was the file's last, as far as its header can be trusted.
    ended: bool,
}

impl FrameFile {
    /// Opens a file whose frames are of this kind. Of a file of another kind no more than a header is read.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::InFile`] with [`FrameError::Kind`](tenebra_client::FrameError::Kind).
    pub fn open(path: &Path, kind: Kind) -> Result<Self, Error> {
        let io = |e| Error::io(path, &e);
        let mut file = files::open(path).map_err(io)?;
        let mut start = vec![0; HEADER_LEN];
        let there = files::read_start(&mut file, &mut start).map_err(io)?;
        start.truncate(there);
        files::check_kind(&start, kind).map_err(|e| e.in_file(path))?;
        Ok(Self {
            path: path.to_owned(),
            length: file.metadata().map_err(io)?.len(),
            reader: BufReader::new(Cursor::new(start).chain(file)),
            position: 0,
            frames: 0,
            ended: false,
        })
    }

    /// The bytes of the next frame, or of what stands in its place; `None` at the end of the file. A file has one at least,
    /// if an empty one.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::InFile`] with [`Error::Appended`].
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let bytes = self.frame().map_err(|e| Error::io(&self.path, &e))?;
        if bytes.is_empty() && self.frames > 0 {
            self.ended = true;
            return Ok(None);
        }
        if self.frames > 0 && !bytes.starts_with(&MAGIC) {
            let number = self.frames;
            return Err(Error::Appended { number }.in_file(&self.path));
        }
        self.position += bytes.len() as u64;
        self.frames += 1;
        Ok(Some(bytes))
    }

    fn frame(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(HEADER_LEN as u64, &mut bytes)?;
        let rest = match bytes.first_chunk::<HEADER_LEN>() {
            Some(header) if header.starts_with(&MAGIC) => {
                payload_len(header).saturating_add(TRAILER_LEN as u64)
            }
            // The reader of this frame will refuse it; so nothing after it matters.
            _ => {
                self.ended = true;
                return Ok(bytes);
            }
        };
        self.take(rest, &mut bytes)?;
        Ok(bytes)
    }

    /// No more memory than the file has bytes, whatever a header announces.
    fn take(&mut self, count: u64, bytes: &mut Vec<u8>) -> std::io::Result<()> {
        self.reader.by_ref().take(count).read_to_end(bytes)?;
        Ok(())
    }

    /// Which file and, where it has several frames, which of them an error was found in.
    #[must_use]
    pub fn in_frame(&self, error: Error) -> Error {
        let several = self.frames > 1 || (!self.ended && self.position < self.length);
        let error = if several && !matches!(&error, Error::InFile { .. }) {
            let number = self.frames;
            let source = Box::new(error);
            Error::Message { number, source }
        } else {
            error
        };
        error.in_file(&self.path)
    }

    /// Bytes of the file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// What a header announces (`docs/wire-format.md`, "Frames").
fn payload_len(header: &[u8; HEADER_LEN]) -> u64 {
    let mut length = [0; 8];
    length.copy_from_slice(&header[HEADER_LEN - 8..]);
    u64::from_le_bytes(length)
}

#[cfg(test)]
mod tests {
    use tenebra_client::{KeyTag, SpecId};

    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        tenebra_client::to_frame(Kind::Query, SpecId([7; 16]), KeyTag::NONE, payload)
    }

    fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut reader = FrameFile::open(file.path(), Kind::Query).unwrap();
        core::iter::from_fn(|| reader.next_frame().unwrap()).collect()
    }

    #[test]
    fn frames_come_one_by_one() {
        let (one, other) = (frame(b"first"), frame(b""));
        let both = [one.clone(), other.clone()].concat();
        assert_eq!(frames(&both), [one.clone(), other.clone()]);
        assert_eq!(frames(&one), core::slice::from_ref(&one));
        // Cut off, or nothing at all: bytes that no reader of frames accepts.
        assert_eq!(
            frames(&both[..one.len() + 9]),
            [one.clone(), both[one.len()..one.len() + 9].to_vec()]
        );
        assert_eq!(frames(b""), [b""]);
    }

    #[test]
    fn what_is_appended_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [frame(b"first"), b"more".to_vec()].concat()).unwrap();
        let mut reader = FrameFile::open(file.path(), Kind::Query).unwrap();
        assert_eq!(reader.next_frame().unwrap(), Some(frame(b"first")));
        let error = reader.next_frame().unwrap_err();
        assert!(matches!(error.root(), Error::Appended { number: 1 }));
        assert!(matches!(reader.next_frame(), Ok(None)));
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        let mut lying = frame(b"first");
        lying[HEADER_LEN - 8..HEADER_LEN].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(frames(&lying), [lying]);
    }
}
