//! Bounds-checked little-endian reading and writing of payloads.

/// Reads a payload from its start; every method is `None` past the end.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
}

macro_rules! read_number {
    ($($name:ident: $number:ty),*) => {
        $(pub(crate) fn $name(&mut self) -> Option<$number> {
            let (head, rest) = self.bytes.split_first_chunk()?;
            self.bytes = rest;
            Some(<$number>::from_le_bytes(*head))
        })*
    };
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    read_number!(u8: u8, u16: u16, u32: u32, i32: i32, i64: i64, f64: f64);

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(head)
    }

    /// A string of at most 255 bytes behind its length.
    pub(crate) fn str(&mut self) -> Option<&'a str> {
        let len = self.u8()?;
        core::str::from_utf8(self.take(usize::from(len))?).ok()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}
