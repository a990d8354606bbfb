//! A CSV that is about to be read.

use alloc::collections::BTreeMap;
use core::fmt;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use tenebra_client::frame::HEADER_LEN;
use tenebra_models::DataError;
use tenebra_models::data::{CsvReader, CsvSpec, DataSet, Words, read_csv, read_words};

use super::{open, read_start, refuse_frame};
use crate::error::Error;

/// A CSV that is open, and no file of ours. It is opened once: what comes from a pipe is not there a second time.
pub struct TableFile {
    path: PathBuf,
    length: u64,
    start: Vec<u8>,
    file: File,
}

impl fmt::Debug for TableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl TableFile {
    /// Opens it and looks at its first bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::InFile`] with [`Error::OtherFile`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |e| Error::io(path, &e);
        let mut file = open(path).map_err(io)?;
        let mut start = vec![0; HEADER_LEN];
        let there = read_start(&mut file, &mut start).map_err(io)?;
        start.truncate(there);
        refuse_frame(&start, "a CSV").map_err(|e| e.in_file(path))?;
        Ok(Self {
            path: path.to_owned(),
            length: file.metadata().map_err(io)?.len(),
            start,
            file,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes, where the system says; 0 for a pipe.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// [`Error::InFile`] with [`Error::Data`].
    pub fn read(self, spec: &CsvSpec) -> Result<DataSet, Error> {
        let data = read_csv(Cursor::new(self.start).chain(self.file), spec);
        data.map_err(|e| Error::from(e).in_file(&self.path))
    }

    /// Reads all of it, and which features hold words: those are read as the places of their words in order.
    ///
    /// # Errors
    /// [`Error::InFile`] with [`Error::Io`] or [`Error::Data`].
    pub fn read_with_words(
        mut self,
        spec: &CsvSpec,
    ) -> Result<(DataSet, BTreeMap<String, Words>), Error> {
        let mut text = self.start;
        let read = self.file.read_to_end(&mut text);
        read.map_err(|e| Error::io(&self.path, &e))?;
        let in_file = |e: DataError| Error::from(e).in_file(&self.path);
        let words = read_words(text.as_slice(), spec).map_err(in_file)?;
        let spec = CsvSpec {
            words: words.clone(),
            ..spec.clone()
        };
        let data = read_csv(text.as_slice(), &spec).map_err(in_file)?;
        Ok((data, words))
    }

    /// Reads its header.
    pub(crate) fn reader(self, spec: &CsvSpec) -> Result<CsvReader<'static>, DataError> {
        CsvReader::new(Cursor::new(self.start).chain(self.file), spec)
    }
}
