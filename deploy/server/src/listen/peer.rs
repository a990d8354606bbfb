//! The other end of a connection: what it is doing, and whether it is still there.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::watch;

/// One connection's.
#[derive(Clone, Debug)]
pub(crate) struct Peer(Arc<State>);

#[derive(Debug)]
struct State {
    address: SocketAddr,
    /// Requests that are answered now.
    answering: AtomicUsize,
    /// Bodies that are not here yet.
    receiving: AtomicUsize,
    idle_since: Mutex<Instant>,
    /// Sends no more, and may still read.
    half_closed: watch::Sender<bool>,
    closed: watch::Sender<bool>,
    /// Nothing more comes from the client.
    ended: AtomicBool,
    /// Who reads a body found nothing since then: it will never be whole.
    starving: AtomicBool,
    /// Who reads a body.
    reading: Mutex<Option<Waker>>,
    /// Who waits for the answers to be done.
    waiting: Mutex<Option<Waker>>,
}

/// What to do with the end of what a client sends.
pub(super) enum End {
    /// A whole request waits for its answer.
    Answering,
    /// A body may be whole, once what came of it is looked at.
    Receiving,
    /// It is the end.
    Now,
}

impl Peer {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self(Arc::new(State {
            address,
            answering: AtomicUsize::new(0),
            receiving: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            half_closed: watch::Sender::new(false),
            closed: watch::Sender::new(false),
            ended: AtomicBool::new(false),
            starving: AtomicBool::new(false),
            reading: Mutex::new(None),
            waiting: Mutex::new(None),
        }))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Ready once the client sends no more: it waits for its answer, or is gone.
    pub(crate) async fn half_closed(&self) {
        // The sender lives as long as this.
        let _ = self
            .0
            .half_closed
            .subscribe()
            .wait_for(|closed| *closed)
            .await;
    }

    pub(super) fn note_half_closed(&self) {
        self.0.half_closed.send_replace(true);
    }

    pub(super) fn close(&self) {
        self.0.closed.send_replace(true);
    }

    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        *self.0.closed.borrow()
    }

    pub(super) async fn told_to_close(&self) {
        let _ = self.0.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// How long nothing was asked; `None` while something is answered.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let idle = self.0.answering.load(Ordering::Acquire) == 0;
        idle.then(|| lock(&self.0.idle_since).elapsed())
    }

    /// A request is here; it is answered when what this returns is dropped.
    pub(super) fn begin(&self) -> Answer {
        self.0.answering.fetch_add(1, Ordering::AcqRel);
        Answer(self.clone())
    }

    /// The client sends no more. Unless it is the end, `waker` is woken when that may have changed.
    pub(super) fn end(&self, waker: &Waker) -> End {
        let state = &self.0;
        *lock(&state.waiting) = Some(waker.clone());
        if !state.ended.swap(true, Ordering::AcqRel)
            && let Some(reading) = lock(&state.reading).take()
        {
            reading.wake();
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::Acquire);
        if count(&state.answering) == 0 || state.starving.load(Ordering::Acquire) {
            return End::Now;
        }
        if count(&state.receiving) == 0 {
            End::Answering
        } else {
            End::Receiving
        }
    }

    /// Who reads a body found nothing yet.
    fn starve(&self, waker: &Waker) {
        *lock(&self.0.reading) = Some(waker.clone());
        if self.0.ended.load(Ordering::Acquire) {
            self.0.starving.store(true, Ordering::Release);
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = lock(&self.0.waiting).take() {
            waker.wake();
        }
    }
}

/// A request that is answered.
pub(super) struct Answer(Peer);

impl Drop for Answer {
    fn drop(&mut self) {
        *lock(&self.0.0.idle_since) = Instant::now();
        self.0.0.answering.fetch_sub(1, Ordering::AcqRel);
        self.0.wake();
    }
}

/// The body of a response; the request is answered when it is sent.
pub(super) struct Answering {
    body: Body,
    _answer: Answer,
}

impl Answering {
    pub(super) fn new(body: Body, answer: Answer) -> Self {
        Self {
            body,
            _answer: answer,
        }
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request, until it is here or nobody wants it.
pub(super) struct Receiving {
    body: Incoming,
    /// `None`: it is here.
    peer: Option<Peer>,
}

impl Receiving {
    pub(super) fn new(body: Incoming, peer: &Peer) -> Self {
        let peer = (!body.is_end_stream()).then(|| peer.clone());
        if let Some(peer) = &peer {
            peer.0.receiving.fetch_add(1, Ordering::AcqRel);
        }
        Self { body, peer }
    }

    fn is_here(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.0.receiving.fetch_sub(1, Ordering::AcqRel);
            peer.wake();
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.is_here();
    }
}

impl HttpBody for Receiving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream() {
            self.is_here();
        } else if polled.is_pending()
            && let Some(peer) = &self.peer
        {
            peer.starve(cx.waker());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
