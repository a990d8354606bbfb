//! From the bytes of a file to text: unpacked, in UTF-8, with line feeds at the ends of lines, and bounded.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use std::io::{self, Cursor, Read};

use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use flate2::read::MultiGzDecoder;

use super::beginning::Beginning;
use crate::data::DataError;

/// Text of a file, and how much of the file was read for it.
pub(super) struct Input<'a> {
    text: Box<dyn Read + 'a>,
    beginning: Vec<u8>,
    whole: bool,
    read: Arc<AtomicU64>,
}

/// What a beginning needs to say about notation.
const BEGINNING: usize = 1 << 16;

impl<'a> Input<'a> {
    /// Looks at the beginning of `file`: packed by gzip or not, UTF-8 or UTF-16 with a byte-order mark.
    pub(super) fn new(file: impl Read + 'a, row_bytes: usize) -> Result<Self, DataError> {
        let read = Arc::new(AtomicU64::new(0));
        let mut file = Counted {
            inner: file,
            read: Arc::clone(&read),
        };
        let mut first = Vec::new();
        fill(&mut file, &mut first, 8)?;
        if let Some((_, what)) = NO_TEXT.iter().find(|(magic, _)| first.starts_with(magic)) {
            return Err(DataError::NotCsv { what });
        }
        let packed = first.starts_with(&[0x1f, 0x8b]);
        let file = Cursor::new(first).chain(file);
        let unpacked: Box<dyn Read + 'a> = if packed {
            Box::new(MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        let mut text = LineFeeds::new(utf8(unpacked));
        let (mut beginning, mut whole) = (Vec::new(), false);
        // The header and a row, however long they are.
        let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
        while !whole && lines(&beginning) < 2 && beginning.len() <= row_bytes {
            let wanted = beginning.len() + BEGINNING;
            fill(&mut text, &mut beginning, wanted)?;
            whole = beginning.len() < wanted;
        }
        Ok(Self {
            text: Box::new(text),
            beginning,
            whole,
            read,
        })
    }

    /// Its first rows.
    pub(super) fn beginning(&self) -> Beginning<'_> {
        Beginning {
            text: &self.beginning,
            whole: self.whole,
        }
    }

    /// All of it, which fails once a row took more than `row_bytes`; and the bytes read of the file.
    pub(super) fn into_text(self, row_bytes: usize) -> (RowGuard<'a>, Arc<AtomicU64>) {
        let guard = RowGuard {
            inner: Box::new(Cursor::new(self.beginning).chain(self.text)),
            since_row: 0,
            limit: row_bytes,
        };
        (guard, self.read)
    }
}

/// What files begin with that people give for CSV, beside gzip.
const NO_TEXT: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    (b"\xfd7zXZ\x00", "packed by xz"),
    (b"BZh", "packed by bzip2"),
    (b"\x93NUMPY", "a NumPy array"),
];

fn utf8<R: Read>(bytes: R) -> DecodeReaderBytes<R, Vec<u8>> {
    DecodeReaderBytesBuilder::new()
        .utf8_passthru(true)
        .strip_bom(true)
        .build(bytes)
}

/// Reads until `bytes` holds `length` bytes, or to the end.
fn fill(reader: impl Read, bytes: &mut Vec<u8>, length: usize) -> Result<(), DataError> {
    let more = length.saturating_sub(bytes.len()) as u64;
    match reader.take(more).read_to_end(bytes) {
        Ok(_) => Ok(()),
        Err(e) => Err(DataError::Read {
            row: 0,
            message: e.to_string(),
        }),
    }
}

/// Counts the bytes that pass.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Ends every line, the last one too, with a line feed instead of a carriage return or both: lines are counted by those.
struct LineFeeds<R> {
    inner: R,
    /// The byte before.
    last: u8,
}

impl<R> LineFeeds<R> {
    fn new(inner: R) -> Self {
        Self { inner, last: b'\n' }
    }
}

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let read = self.inner.read(buffer)?;
            if read == 0 && !matches!(self.last, b'\n' | b'\r') {
                self.last = b'\n';
                buffer[0] = b'\n';
                return Ok(1);
            }
            let mut kept = 0;
            for at in 0..read {
                let byte = buffer[at];
                let skip = byte == b'\n' && self.last == b'\r';
                self.last = byte;
                if !skip {
                    buffer[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }
            // A lone line feed may be all there was, and is not the end.
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

/// Fails once a row took more than `limit` bytes: an unclosed quote would otherwise read the file into one cell.
pub(super) struct RowGuard<'a> {
    inner: Box<dyn Read + 'a>,
    pub(super) since_row: usize,
    pub(super) limit: usize,
}

impl Read for RowGuard<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.read(buffer)?;
        self.since_row += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn text(bytes: &[u8]) -> Result<String, DataError> {
        let (mut guard, read) = Input::new(bytes, 1 << 20)?.into_text(1 << 20);
        let mut text = String::new();
        guard.read_to_string(&mut text).unwrap();
        assert_eq!(read.load(Ordering::Relaxed), bytes.len() as u64);
        Ok(text)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn every_form_of_a_text_reads_the_same() {
        let want = "a,ö\n1,2\n";
        let utf16 = |units: fn(u16) -> [u8; 2], mark: [u8; 2]| -> Vec<u8> {
            mark.into_iter()
                .chain(want.encode_utf16().flat_map(units))
                .collect()
        };
        let little = utf16(u16::to_le_bytes, [0xff, 0xfe]);
        for bytes in [
            want.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", want.as_bytes()].concat(),
            want.replace('\n', "\r\n").into_bytes(),
            want.replace('\n', "\r").into_bytes(),
            utf16(u16::to_be_bytes, [0xfe, 0xff]),
            gzip(want.as_bytes()),
            gzip(&little),
            // Two packed files one after the other are one.
            [gzip(b"a,\xc3\xb6\n"), gzip(b"1,2\n")].concat(),
            little,
        ] {
            assert_eq!(text(&bytes).unwrap(), want, "{bytes:?}");
        }
    }

    #[test]
    fn other_files_are_named() {
        for (bytes, what) in [
            (b"PK\x03\x04....".as_slice(), "an Excel workbook"),
            (b"PAR1....", "a Parquet file"),
            (b"\x28\xb5\x2f\xfd....", "zstd"),
        ] {
            let message = text(bytes).unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
        }
        // Cut off in the middle.
        let packed = gzip(b"a,b\n1,2\n");
        let error = text(&packed[..packed.len() - 9]).unwrap_err();
        assert!(matches!(error, DataError::Read { row: 0, .. }), "{error}");
    }

    proptest! {
        /// Wherever reads are cut, line ends are counted once.
        #[test]
        fn line_ends_do_not_depend_on_reads(text in "[ab\r\n]{0,40}", size in 1_usize..5) {
            struct Small<'a>(&'a [u8], usize);
            impl Read for Small<'_> {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    let most = self.1.min(buffer.len());
                    self.0.read(&mut buffer[..most])
                }
            }
            let mut found = String::new();
            LineFeeds::new(Small(text.as_bytes(), size)).read_to_string(&mut found).unwrap();
            let mut want = text.replace("\r\n", "\n").replace('\r', "\n");
            if !want.is_empty() && !want.ends_with('\n') {
                want.push('\n');
            }
            prop_assert_eq!(found, want);
        }
    }
}
