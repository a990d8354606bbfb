//! Frames out of a request's body, one after the other: refused by their header before the rest is read, within a time, and
//! within the memory that the bodies of a client, and all bodies together, may take. Memory is charged as bytes arrive.

use core::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use prometheus::IntCounter;
use tenebra_client::frame::{HEADER_LEN, Header, MAGIC};
use tenebra_client::{FrameError, Kind, SpecId};
use thiserror::Error;
use tokio::time::{Instant, timeout, timeout_at};

use crate::memory::{Charge, Memory};

/// How long a frame may take at least.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long a client that is told to stop may go on sending before its connection is closed.
const LINGER: Duration = Duration::from_secs(1);
/// Room that is made before bytes arrive.
const FIRST_ROOM: usize = 64 * 1024;
/// Beyond that, a frame may take its bytes at this rate.
const SLOWEST_BYTES_PER_SECOND: u64 = 16 * 1024;

/// Why a body was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum BodyError {
    /// The header of a frame is not what belongs here, or the frame was cut off.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// There is no frame.
    #[error("the body is empty; send a frame, see docs/wire-format.md")]
    Empty,
    /// A frame of a length that does not belong to the model.
    #[error("this {kind} has {announced} bytes; this model's have {}", wanted(.allowed))]
    Length {
        /// What it should be.
        kind: Kind,
        /// Bytes of the frame, as its header says.
        announced: u64,
        /// Bytes it may have.
        allowed: Vec<usize>,
    },
    /// More bytes than are accepted.
    #[error("{announced} bytes, at most {limit} are accepted here")]
    TooLarge {
        /// Bytes, as the header says.
        announced: u64,
        /// The limit.
        limit: usize,
    },
    /// More frames than one request may hold.
    #[error("more than {limit} {kind} frames in one request; send several requests")]
    TooMany {
        /// What they are.
        kind: Kind,
        /// The limit.
        limit: usize,
    },
    /// It did not arrive in time.
    #[error("the body did not arrive within {} s; send it faster, or in smaller pieces", .limit.as_secs())]
    Slow {
        /// Time there was.
        limit: Duration,
    },
    /// The connection or the transfer coding broke.
    #[error("the body broke off")]
    Broken,
    /// All bodies together would take too much memory.
    #[error("the server holds as many bytes of requests, or of yours, as it may")]
    NoMemory,
}

fn wanted(allowed: &[usize]) -> String {
    match allowed {
        [] => "no such frames".to_owned(),
        [only] => only.to_string(),
        [least, .., most] => format!("{least} to {most}, in steps by rows"),
    }
}

/// What a frame must be.
pub(crate) struct Expected<'a> {
    /// Its kind.
    pub(crate) kind: Kind,
    /// The spec it belongs to, if that is known.
    pub(crate) spec_id: Option<SpecId>,
    /// Its length.
    pub(crate) length: Length<'a>,
}

/// Lengths that a frame may have, with header and checksum.
pub(crate) enum Length<'a> {
    /// One of these, in increasing order.
    OneOf(&'a [usize]),
    /// Any up to this.
    UpTo(usize),
}

/// A whole frame; its checksum is not verified yet.
pub(crate) struct Loaded {
    /// The frame.
    pub(crate) bytes: Bytes,
    /// Its share of the memory, given back when this is dropped.
    pub(crate) memory: Charge,
}

/// Reads frames.
pub(crate) struct FrameReader {
    stream: BodyDataStream,
    buffer: BytesMut,
    ended: bool,
    memory: Memory,
    /// For what the buffer holds.
    charge: Charge,
    received: IntCounter,
}

impl FrameReader {
    pub(crate) fn new(body: Body, memory: Memory, received: IntCounter) -> Self {
        Self {
            stream: body.into_data_stream(),
            buffer: BytesMut::new(),
            ended: false,
            charge: memory.nothing(),
            memory,
            received,
        }
    }

    /// Reads what still comes and throws it away, for a while.
    pub(crate) async fn discard(&mut self) {
        let everything = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(LINGER, everything).await;
    }

    /// The next frame; `None` after the last. `wait` for memory, or refuse if there is none.
    pub(crate) async fn next(
        &mut self,
        expected: &Expected<'_>,
        wait: bool,
    ) -> Result<Option<Loaded>, BodyError> {
        let mut arrival = Arrival {
            deadline: Instant::now() + PATIENCE,
            limit: PATIENCE,
            wait,
        };
        self.fill(HEADER_LEN, arrival).await?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let Some(header) = self.buffer.first_chunk::<HEADER_LEN>() else {
            return Err(
                if self.buffer.starts_with(&MAGIC) || self.buffer.len() < MAGIC.len() {
                    FrameError::Short(self.buffer.len())
                } else {
                    FrameError::Magic
                }
                .into(),
            );
        };
        let len = check_header(header, expected)?;
        let more = Duration::from_secs(len as u64 / SLOWEST_BYTES_PER_SECOND);
        arrival.limit += more;
        arrival.deadline += more;
        self.fill(len, arrival).await?;
        if self.buffer.len() < len {
            return Err(FrameError::Length {
                len: self.buffer.len(),
                announced: len as u64,
            }
            .into());
        }
        let bytes = self.buffer.split_to(len).freeze();
        let memory = self.charge.split(len);
        Ok(Some(Loaded { bytes, memory }))
    }

    /// The only frame of a body.
    pub(crate) async fn only(&mut self, expected: &Expected<'_>) -> Result<Loaded, BodyError> {
        let loaded = self.next(expected, false).await?.ok_or(BodyError::Empty)?;
        let arrival = Arrival {
            deadline: Instant::now() + PATIENCE,
            limit: PATIENCE,
            wait: false,
        };
        self.fill(1, arrival).await?;
        if self.buffer.is_empty() {
            return Ok(loaded);
        }
        Err(FrameError::Length {
            len: loaded.bytes.len() + self.buffer.len(),
            announced: loaded.bytes.len() as u64,
        }
        .into())
    }

    /// Reads until the buffer holds `len` bytes or the body ends.
    async fn fill(&mut self, len: usize, arrival: Arrival) -> Result<(), BodyError> {
        let Arrival {
            deadline,
            limit,
            wait,
        } = arrival;
        while self.buffer.len() < len && !self.ended {
            let chunk = timeout_at(deadline, self.stream.next()).await;
            match chunk.map_err(|_| BodyError::Slow { limit })? {
                Some(Ok(chunk)) => {
                    self.received.inc_by(chunk.len() as u64);
                    let bytes = self.buffer.len() + chunk.len();
                    let grown = self.memory.grow(&mut self.charge, bytes, wait);
                    let grown = timeout_at(deadline, grown).await;
                    if !grown.is_ok_and(|grown| grown) {
                        return Err(BodyError::NoMemory);
                    }
                    self.make_room(chunk.len(), len);
                    self.buffer.extend_from_slice(&chunk);
                }
                Some(Err(_)) => return Err(BodyError::Broken),
                None => self.ended = true,
            }
        }
        Ok(())
    }

    /// Twice as much as there is, but no more than the frame's length: what is announced costs nothing until it is there.
    fn make_room(&mut self, arrived: usize, len: usize) {
        let have = self.buffer.len();
        if self.buffer.capacity() < have + arrived {
            let more = len.saturating_sub(have).min(have.max(FIRST_ROOM));
            self.buffer.reserve(more.max(arrived));
        }
    }
}

/// How long bytes may take to arrive, and whether they wait for memory.
#[derive(Clone, Copy)]
struct Arrival {
    deadline: Instant,
    limit: Duration,
    wait: bool,
}

/// Bytes of the frame with this header, if it is what is expected; in the order of [`tenebra_client::Frame::parse`], and
/// its messages.
fn check_header(header: &[u8; HEADER_LEN], expected: &Expected<'_>) -> Result<usize, BodyError> {
    let header = Header::read(header, expected.kind)?;
    let announced = header.frame_len();
    if let Some(wanted) = expected.spec_id.filter(|wanted| *wanted != header.spec_id) {
        return Err(FrameError::Model {
            kind: expected.kind,
            wanted,
            found: header.spec_id,
        }
        .into());
    }
    let limit = match expected.length {
        Length::OneOf(lengths) => lengths.last().copied().unwrap_or(0),
        Length::UpTo(limit) => limit,
    };
    let len = usize::try_from(announced).ok().filter(|len| *len <= limit);
    let len = len.ok_or(BodyError::TooLarge { announced, limit })?;
    match expected.length {
        Length::OneOf(lengths) if lengths.binary_search(&len).is_err() => Err(BodyError::Length {
            kind: expected.kind,
            announced,
            allowed: lengths.to_vec(),
        }),
        _ => Ok(len),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tenebra_client::{KeyTag, to_frame};

    use super::*;

    const ID: SpecId = SpecId([7; 16]);
    const EXPECTED: Expected<'_> = Expected {
        kind: Kind::Query,
        spec_id: Some(ID),
        // Frames around 5 and 9 bytes.
        length: Length::OneOf(&[49, 53]),
    };

    fn reader(bytes: &[u8], step: usize) -> FrameReader {
        let chunks: Vec<_> = bytes
            .chunks(step)
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
            .collect();
        let counter = IntCounter::new("a", "a").unwrap();
        FrameReader::new(
            Body::from_stream(stream::iter(chunks)),
            Memory::new(1 << 20).of_client(1 << 20),
            counter,
        )
    }

    async fn refused(bytes: &[u8]) -> BodyError {
        reader(bytes, 7).next(&EXPECTED, false).await.err().unwrap()
    }

    #[tokio::test]
    async fn frames_are_found_whatever_the_chunks() {
        let frames = [
            to_frame(Kind::Query, ID, KeyTag::NONE, b"hello"),
            to_frame(Kind::Query, ID, KeyTag::NONE, b"and again"),
        ];
        let body = frames.concat();
        for step in [1, 7, 49, 1000] {
            let mut reader = reader(&body, step);
            for frame in &frames {
                let loaded = reader.next(&EXPECTED, false).await.unwrap().unwrap();
                assert_eq!(loaded.bytes, frame);
            }
            assert!(reader.next(&EXPECTED, false).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn one_frame_is_not_two() {
        let frame = to_frame(Kind::Query, ID, KeyTag::NONE, b"hello");
        assert_eq!(
            reader(&frame, 50).only(&EXPECTED).await.unwrap().bytes,
            frame
        );
        let two = [frame.as_slice(), b"!"].concat();
        let error = reader(&two, 50).only(&EXPECTED).await.err().unwrap();
        assert_eq!(
            error,
            FrameError::Length {
                len: 50,
                announced: 49
            }
            .into()
        );
        assert_eq!(
            reader(b"", 1).only(&EXPECTED).await.err(),
            Some(BodyError::Empty)
        );
    }

    #[tokio::test]
    async fn headers_are_refused_before_the_rest_is_read() {
        let other = SpecId([8; 16]);
        let header = |kind, id, len: usize| {
            let mut frame = to_frame(kind, id, KeyTag::NONE, &vec![0; len]);
            frame.truncate(HEADER_LEN);
            frame
        };
        assert_eq!(refused(b"GIF89a").await, FrameError::Magic.into());
        assert_eq!(refused(b"TNBR").await, FrameError::Short(4).into());
        let kind = FrameError::Kind {
            wanted: Kind::Query,
            found: Kind::Response,
        };
        assert_eq!(refused(&header(Kind::Response, ID, 5)).await, kind.into());
        let model = FrameError::Model {
            kind: Kind::Query,
            wanted: ID,
            found: other,
        };
        assert_eq!(refused(&header(Kind::Query, other, 5)).await, model.into());
        let length = BodyError::Length {
            kind: Kind::Query,
            announced: 50,
            allowed: vec![49, 53],
        };
        assert_eq!(refused(&header(Kind::Query, ID, 6)).await, length);
        let large = BodyError::TooLarge {
            announced: 54,
            limit: 53,
        };
        assert_eq!(refused(&header(Kind::Query, ID, 10)).await, large);
        let cut = FrameError::Length {
            len: HEADER_LEN,
            announced: 49,
        };
        assert_eq!(refused(&header(Kind::Query, ID, 5)).await, cut.into());
        let mut endless = header(Kind::Query, ID, 5);
        endless[32..40].fill(0xff);
        let large = BodyError::TooLarge {
            announced: u64::MAX,
            limit: 53,
        };
        assert_eq!(refused(&endless).await, large);
    }

    #[tokio::test]
    async fn memory_is_charged_as_it_arrives() {
        let frame = to_frame(Kind::Query, ID, KeyTag::NONE, b"hello");
        let mut reader = reader(&frame, 50);
        // One unit, and a frame of 49 bytes takes one.
        let all = Memory::new(1024);
        reader.memory = all.of_client(1024);
        let mut held = reader.memory.nothing();
        assert!(reader.memory.grow(&mut held, 1, false).await);
        assert_eq!(
            reader.next(&EXPECTED, false).await.err(),
            Some(BodyError::NoMemory)
        );
        drop(held);
        let (head, rest) = frame.split_at(HEADER_LEN);
        let head = Bytes::copy_from_slice(head);
        let chunks = stream::iter([Ok::<_, std::io::Error>(head)]).chain(stream::pending());
        let counter = IntCounter::new("a", "a").unwrap();
        let memory = Memory::new(1 << 20).of_client(1 << 20);
        let mut large = EXPECTED;
        large.length = Length::UpTo(1 << 30);
        let mut reader = FrameReader::new(Body::from_stream(chunks), memory.clone(), counter);
        let _ = tokio::time::timeout(Duration::from_millis(20), reader.next(&large, false)).await;
        assert!(
            memory.taken() <= 1024,
            "{} for {} bytes",
            memory.taken(),
            rest.len()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_are_given_up() {
        let stuck = stream::pending::<Result<Bytes, std::io::Error>>();
        let counter = IntCounter::new("a", "a").unwrap();
        let mut reader = FrameReader::new(
            Body::from_stream(stuck),
            Memory::new(1 << 20).of_client(1 << 20),
            counter,
        );
        let error = reader.next(&EXPECTED, false).await.err();
        assert_eq!(error, Some(BodyError::Slow { limit: PATIENCE }));
    }
}
