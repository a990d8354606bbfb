//! The frame around every file and message; `docs/wire-format.md` specifies it byte by byte.
//!
//! ```text
//! magic "TNBR" | version u16 | kind u16 | spec id [16] | key tag [8] | payload length u64 | payload | CRC-32 u32
//! ```
//! Integers are little-endian. The checksum covers everything before it; it finds accidents, not attacks.

use thiserror::Error;

use crate::checksum::{Checksum, checksum};

/// First bytes of every frame.
pub const MAGIC: [u8; 4] = *b"TNBR";
/// Version of the format that this crate reads and writes.
pub const VERSION: u16 = 5;
/// Bytes before the payload.
pub const HEADER_LEN: usize = 40;
/// Bytes after the payload.
pub const TRAILER_LEN: usize = 4;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Public: codecs, parameters, post-processing.
    ClientSpec,
    /// The model owner's: the circuit and the model.
    ServerProgram,
    /// Stays with the data owner.
    SecretKey,
    /// What a server needs to evaluate.
    EvaluationKey,
    /// Encrypted codes.
    Query,
    /// Encrypted results.
    Response,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::ClientSpec,
        Self::ServerProgram,
        Self::SecretKey,
        Self::EvaluationKey,
        Self::Query,
        Self::Response,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::ClientSpec => 1,
            Self::ServerProgram => 2,
            Self::SecretKey => 3,
            Self::EvaluationKey => 4,
            Self::Query => 5,
            Self::Response => 6,
        }
    }

    /// In words, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSpec => "client spec",
            Self::ServerProgram => "server program",
            Self::SecretKey => "secret key",
            Self::EvaluationKey => "evaluation key",
            Self::Query => "query",
            Self::Response => "response",
        }
    }

    /// `a` or `an`, as its name takes.
    #[must_use]
    pub const fn article(self) -> &'static str {
        if matches!(self, Self::EvaluationKey) {
            "an"
        } else {
            "a"
        }
    }
}

impl core::fmt::Display for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Names a client spec: the first 16 bytes of the SHA-256 of its payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpecId(pub [u8; 16]);

impl core::fmt::Display for SpecId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for SpecId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SpecId({self})")
    }
}

/// Names a secret key: drawn with it, and on everything that was made with it or answers something that was. It says
/// nothing about the key, but messages of one key can be told to be of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyTag(pub [u8; 8]);

impl KeyTag {
    /// On specs and server programs, which no key made.
    pub const NONE: Self = Self([0; 8]);
}

/// Why bytes are not a frame that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It does not start with the magic bytes.
    #[error("this is not a tenebra file: it does not start with \"TNBR\"")]
    Magic,
    /// Written by another version of the format.
    #[error(
        "format version {found}, this program reads version {VERSION}; compile the model again with this program"
    )]
    Version {
        /// Version in the header.
        found: u16,
    },
    /// Another kind of file.
    #[error("this is {} {found}, {} {wanted} is needed", found.article(), wanted.article())]
    Kind {
        /// What was asked for.
        wanted: Kind,
        /// What the header says.
        found: Kind,
    },
    /// A kind that this version does not know.
    #[error("unknown kind {0} of file; it was written by a newer program or is damaged")]
    UnknownKind(u16),
    /// It ends too early or goes on too long.
    #[error(
        "{len} bytes where the header announces {announced}; the file was cut off or something was appended"
    )]
    Length {
        /// Bytes there are.
        len: usize,
        /// Bytes there should be.
        announced: u64,
    },
    /// Shorter than a header.
    #[error("{0} bytes are too short for a tenebra file; it was cut off")]
    Short(usize),
    /// The checksum does not agree.
    #[error("the checksum does not agree; the file was damaged on the way")]
    Checksum,
    /// It belongs to another model.
    #[error(
        "this {kind} belongs to model {found}, not to {wanted}; use the files of one compilation together"
    )]
    Model {
        /// Kind of the frame.
        kind: Kind,
        /// Spec id wanted.
        wanted: SpecId,
        /// Spec id in the header.
        found: SpecId,
    },
    /// It was made with another secret key.
    #[error(
        "this {kind} belongs to another secret key of this model; use the files of one key together"
    )]
    Key {
        /// Kind of the frame.
        kind: Kind,
    },
}

/// A frame whose header, length and checksum were verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it holds.
    pub kind: Kind,
    /// The spec it belongs to.
    pub spec_id: SpecId,
    /// The secret key it belongs to.
    pub key_tag: KeyTag,
    /// What is inside; its form is not checked yet.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame of kind `wanted` that fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`FrameError`] with the first thing that is wrong, in the order magic, version, kind, length, checksum.
    pub fn parse(bytes: &'a [u8], wanted: Kind) -> Result<Self, FrameError> {
        let magic = bytes.get(..4).ok_or(FrameError::Short(bytes.len()))?;
        if magic != MAGIC {
            return Err(FrameError::Magic);
        }
        let (header, rest) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(FrameError::Short(bytes.len()))?;
        let header = Header::read(header, wanted)?;
        let (payload, trailer) = rest
            .split_last_chunk::<TRAILER_LEN>()
            .filter(|(payload, _)| payload.len() as u64 == header.payload_len)
            .ok_or(FrameError::Length {
                len: bytes.len(),
                announced: header.frame_len(),
            })?;
        let covered = &bytes[..HEADER_LEN + payload.len()];
        if checksum(covered) != u32::from_le_bytes(*trailer) {
            return Err(FrameError::Checksum);
        }
        Ok(Self {
            kind: wanted,
            spec_id: header.spec_id,
            key_tag: header.key_tag,
            payload,
        })
    }

    /// As [`parse`](Self::parse), and refuses a frame of another model than `spec_id`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), and [`FrameError::Model`].
    pub fn parse_for(bytes: &'a [u8], wanted: Kind, spec_id: SpecId) -> Result<Self, FrameError> {
        let frame = Self::parse(bytes, wanted)?;
        check_model(wanted, frame.spec_id, spec_id)?;
        Ok(frame)
    }

    /// Refuses a frame of another secret key.
    ///
    /// # Errors
    ///
    /// [`FrameError::Key`].
    pub fn check_key_tag(&self, key_tag: KeyTag) -> Result<(), FrameError> {
        check_key_tag(self.kind, self.key_tag, key_tag)
    }
}

pub(crate) fn check_model(kind: Kind, found: SpecId, wanted: SpecId) -> Result<(), FrameError> {
    if found == wanted {
        return Ok(());
    }
    Err(FrameError::Model {
        kind,
        wanted,
        found,
    })
}

pub(crate) fn check_key_tag(kind: Kind, found: KeyTag, wanted: KeyTag) -> Result<(), FrameError> {
    if found == wanted {
        return Ok(());
    }
    Err(FrameError::Key { kind })
}

/// A frame that is written piece by piece, for payloads larger than memory.
pub(crate) struct FrameHeader {
    checksum: Checksum,
}

impl FrameHeader {
    /// Writes the header of a frame whose payload will have `payload_len` bytes.
    pub(crate) fn start<E>(
        kind: Kind,
        spec_id: SpecId,
        key_tag: KeyTag,
        payload_len: usize,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut frame = Self {
            checksum: Checksum::new(),
        };
        let header = Header {
            kind,
            spec_id,
            key_tag,
            payload_len: payload_len as u64,
        };
        frame.push(&header.to_bytes(), sink)?;
        Ok(frame)
    }

    /// Writes a piece of the payload.
    pub(crate) fn push<E>(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.checksum.update(bytes);
        sink(bytes)
    }

    /// Writes the checksum.
    pub(crate) fn finish<E>(self, sink: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        sink(&self.checksum.finalize().to_le_bytes())
    }
}

/// The bytes before a payload, and what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame holds.
    pub kind: Kind,
    /// The spec it belongs to.
    pub spec_id: SpecId,
    /// The secret key it belongs to.
    pub key_tag: KeyTag,
    /// Bytes of the payload.
    pub payload_len: u64,
}

impl Header {
    /// Reads the header of a frame of kind `wanted`; its payload may not be there yet.
    ///
    /// # Errors
    ///
    /// [`FrameError`]: magic, version, kind.
    pub fn read(header: &[u8; HEADER_LEN], wanted: Kind) -> Result<Self, FrameError> {
        if header[..4] != MAGIC {
            return Err(FrameError::Magic);
        }
        let version = u16::from_le_bytes([header[4], header[5]]);
        if version != VERSION {
            return Err(FrameError::Version { found: version });
        }
        let code = u16::from_le_bytes([header[6], header[7]]);
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or(FrameError::UnknownKind(code))?;
        if kind != wanted {
            return Err(FrameError::Kind {
                wanted,
                found: kind,
            });
        }
        let mut read = Self {
            kind,
            spec_id: SpecId([0; 16]),
            key_tag: KeyTag::NONE,
            payload_len: 0,
        };
        let mut length = [0; 8];
        read.spec_id.0.copy_from_slice(&header[8..24]);
        read.key_tag.0.copy_from_slice(&header[24..32]);
        length.copy_from_slice(&header[32..]);
        read.payload_len = u64::from_le_bytes(length);
        Ok(read)
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub fn frame_len(&self) -> u64 {
        self.payload_len.saturating_add(frame_len(0) as u64)
    }

    fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&VERSION.to_le_bytes());
        out[6..8].copy_from_slice(&self.kind.code().to_le_bytes());
        out[8..24].copy_from_slice(&self.spec_id.0);
        out[24..32].copy_from_slice(&self.key_tag.0);
        out[32..].copy_from_slice(&self.payload_len.to_le_bytes());
        out
    }
}

/// Bytes of a frame around a payload of `payload_len` bytes; `usize::MAX` if there are more than that.
#[must_use]
pub const fn frame_len(payload_len: usize) -> usize {
    payload_len.saturating_add(HEADER_LEN + TRAILER_LEN)
}

/// Writes header and checksum around the payload that `fill` writes; `out` is [`frame_len`] bytes long.
///
/// # Errors
///
/// Whatever `fill` returns.
///
/// # Panics
///
/// If `out` is shorter than [`frame_len`]`(0)`.
pub fn write_frame<E>(
    out: &mut [u8],
    kind: Kind,
    spec_id: SpecId,
    key_tag: KeyTag,
    fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let payload_len = out.len() - frame_len(0);
    let header = Header {
        kind,
        spec_id,
        key_tag,
        payload_len: payload_len as u64,
    };
    out[..HEADER_LEN].copy_from_slice(&header.to_bytes());
    let (covered, trailer) = out.split_at_mut(HEADER_LEN + payload_len);
    fill(&mut covered[HEADER_LEN..])?;
    trailer.copy_from_slice(&checksum(covered).to_le_bytes());
    Ok(())
}

/// A frame around `payload`.
#[cfg(feature = "alloc")]
#[must_use]
pub fn to_frame(
    kind: Kind,
    spec_id: SpecId,
    key_tag: KeyTag,
    payload: &[u8],
) -> alloc::vec::Vec<u8> {
    let mut out = alloc::vec![0; frame_len(payload.len())];
    let written = write_frame(&mut out, kind, spec_id, key_tag, |slot| {
        slot.copy_from_slice(payload);
        Ok::<_, core::convert::Infallible>(())
    });
    match written {
        Ok(()) => out,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SpecId = SpecId([9; 16]);
    const TAG: KeyTag = KeyTag([5; 8]);

    fn sample() -> [u8; 49] {
        let mut out = [0; 49];
        write_frame(&mut out, Kind::Query, ID, TAG, |payload| {
            payload.copy_from_slice(b"hello");
            Ok::<_, ()>(())
        })
        .unwrap();
        out
    }

    #[test]
    fn round_trips() {
        let frame = sample();
        let parsed = Frame::parse_for(&frame, Kind::Query, ID).unwrap();
        assert_eq!(parsed.payload, b"hello");
        assert_eq!(parsed.check_key_tag(TAG), Ok(()));
        let other = FrameError::Key { kind: Kind::Query };
        assert_eq!(parsed.check_key_tag(KeyTag([6; 8])), Err(other));
    }

    #[test]
    fn says_what_is_wrong() {
        let edit = |at: usize, value: u8| {
            let mut frame = sample();
            frame[at] = value;
            frame
        };
        let parse = |bytes: &[u8]| Frame::parse_for(bytes, Kind::Query, ID).err();
        let model = FrameError::Model {
            kind: Kind::Query,
            wanted: SpecId([1; 16]),
            found: ID,
        };
        assert_eq!(
            Frame::parse_for(&sample(), Kind::Query, SpecId([1; 16])).err(),
            Some(model)
        );
        assert_eq!(parse(&edit(0, b'X')), Some(FrameError::Magic));
        assert_eq!(parse(&edit(4, 1)), Some(FrameError::Version { found: 1 }));
        assert_eq!(parse(&edit(6, 99)), Some(FrameError::UnknownKind(99)));
        let kind = FrameError::Kind {
            wanted: Kind::Query,
            found: Kind::Response,
        };
        assert_eq!(parse(&edit(6, 6)), Some(kind));
        assert_eq!(parse(&edit(41, b'u')), Some(FrameError::Checksum));
        let length = |len, announced| Some(FrameError::Length { len, announced });
        assert_eq!(parse(&sample()[..48]), length(48, 49));
        assert_eq!(parse(&sample()[..20]), Some(FrameError::Short(20)));
        assert_eq!(parse(b"TN"), Some(FrameError::Short(2)));
        let mut huge = sample();
        huge[32..40].fill(0xff);
        assert_eq!(parse(&huge), length(49, u64::MAX));
    }
}
