//! A client that is refused while it still sends would find its connection reset before it has read why. So what it
//! sends is read and thrown away for a while, before the refusal is sent.

use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

/// No more is thrown away.
const MOST_BYTES: usize = 64 << 20;
/// No longer is waited.
const LONGEST: Duration = Duration::from_secs(5);

/// A body that its handler reads, and who comes after it; `None` once it ended or broke.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<BodyDataStream>>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Never contended: the handler is done before anybody else reads.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = slot.as_mut() else {
            return Poll::Ready(None);
        };
        let next = stream.poll_next_unpin(cx);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            *slot = None;
        }
        next
    }
}

/// Reads what a refused client still sends.
pub(super) async fn refused(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Who asks before it sends is told not to; reading would tell it to.
    let asks = parts.headers.contains_key(header::EXPECT);
    let shared = Shared(Arc::new(Mutex::new(Some(body.into_data_stream()))));
    let lent = Body::from_stream(shared.clone());
    let response = next.run(Request::from_parts(parts, lent)).await;
    if !asks && !response.status().is_success() {
        let _ = timeout(LONGEST, discard(shared)).await;
    }
    response
}

async fn discard(mut body: Shared) {
    let mut bytes = 0;
    while let Some(Ok(chunk)) = body.next().await {
        bytes += chunk.len();
        if bytes > MOST_BYTES {
            return;
        }
    }
}
