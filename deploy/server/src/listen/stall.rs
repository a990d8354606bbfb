//! A stream that fails when its other end takes nothing for too long: a client that does not read its response holds no
//! connection for ever. And that does not end while a whole request waits for its answer: a client may close its half when it has
//! asked all it wants.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::peer::{End, Peer};

/// How often it is asked whether an end that closed its half is gone.
const LOOK: Duration = Duration::from_millis(100);

/// Whether the other end said that it takes nothing more.
pub(super) trait Gone {
    fn gone(&self) -> bool;
}

impl Gone for TcpStream {
    fn gone(&self) -> bool {
        !matches!(self.take_error(), Ok(None))
    }
}

impl<S: Gone> Gone for TlsStream<S> {
    fn gone(&self) -> bool {
        self.get_ref().0.gone()
    }
}

/// Writes make progress within a time.
pub(super) struct StallGuard<S> {
    stream: S,
    limit: Duration,
    /// Runs while a write waits.
    timer: Pin<Box<Sleep>>,
    waiting: bool,
    peer: Peer,
    /// The other end sends no more.
    ended: bool,
    /// When to look whether it is gone.
    look: Pin<Box<Sleep>>,
}

impl<S> StallGuard<S> {
    pub(super) fn new(stream: S, limit: Duration, peer: Peer) -> Self {
        Self {
            stream,
            limit,
            timer: Box::pin(sleep(limit)),
            waiting: false,
            peer,
            ended: false,
            look: Box::pin(sleep(LOOK)),
        }
    }

    /// Passes on what a write says, and starts or ends the wait.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waiting = false;
            return wrote;
        }
        if !self.waiting {
            self.waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.limit);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: Gone> StallGuard<S> {
    /// The end of what is read, once no request waits for its answer.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.peer.end(cx.waker()) {
            End::Now => return Poll::Ready(Ok(())),
            End::Receiving => {}
            End::Answering => self.peer.note_half_closed(),
        }
        while self.look.as_mut().poll(cx).is_ready() {
            if self.stream.gone() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            self.look.as_mut().reset(Instant::now() + LOOK);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Gone + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended {
            return self.poll_end(cx);
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let nothing = matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before;
        if nothing && buffer.remaining() > 0 {
            self.ended = true;
            return self.poll_end(cx);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    impl Gone for tokio::io::DuplexStream {
        fn gone(&self) -> bool {
            false
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_answer() {
        let (ours, theirs) = duplex(4);
        let peer = Peer::new(([127, 0, 0, 1], 1).into());
        let mut ours = StallGuard::new(ours, Duration::from_secs(30), peer.clone());
        drop(theirs);
        let answer = peer.begin();
        let mut byte = [0];
        let early = tokio::time::timeout(Duration::from_secs(1), ours.read(&mut byte)).await;
        assert!(early.is_err());
        peer.half_closed().await;
        drop(answer);
        assert_eq!(ours.read(&mut byte).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let limit = Duration::from_secs(30);
        let (ours, mut theirs) = duplex(4);
        let peer = Peer::new(([127, 0, 0, 1], 1).into());
        let mut ours = StallGuard::new(ours, limit, peer);
        ours.write_all(b"1234").await.unwrap();
        let start = Instant::now();
        let error = ours.write_all(b"5").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= limit);
        // Progress starts the time anew.
        let mut taken = [0; 4];
        theirs.read_exact(&mut taken).await.unwrap();
        ours.write_all(b"5678").await.unwrap();
    }
}
