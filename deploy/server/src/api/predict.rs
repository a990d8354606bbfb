//! Predictions: framed queries in, framed responses out, in the same order.

use alloc::sync::Arc;
use core::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tenebra_client::FrameError;
use tokio::sync::mpsc::channel;
use tokio_stream::wrappers::ReceiverStream;

use super::guard::Turn;
use super::models::wanted_version;
use super::observe::RequestId;
use super::request::{FRAMES, Frames, Place, parse_name};
use crate::app::App;
use crate::batch::{Job, expected};
use crate::frames::{BodyError, FrameReader, Loaded};
use crate::listen::Peer;
use crate::model::{Key, Model};
use crate::names::{KeyId, Name};
use crate::pool::Done;
use crate::problem::Problem;
use crate::shares::Share;
use crate::tokens::Identity;

/// Responses that wait for a client to take them; then its queries wait.
const RESPONSES_WAITING: usize = 4;
/// A client that closed its half of the connection may be gone. If its response is not there after this, the head is sent before
/// it: one that is gone answers that.
const HALF_CLOSED: Duration = Duration::from_millis(250);

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The evaluation key to use.
#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    key: Option<String>,
}

/// Evaluates queries. The body is one framed query, or several one after the other, and so is the response. The first
/// response is awaited before the status is sent; if a later query is refused, a problem document, which starts with `{` as
/// no frame does, stands in place of its response, and nothing follows it. Read while you send, or send few queries at a
/// time: the server stops reading while you take no responses, and gives up after 30 seconds. A batch ends when its token, its
/// model or its key does.
#[utoipa::path(post, path = "/v1/models/{model}/predict", tag = "predictions", operation_id = "predict",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("key" = Option<String>, Query, description = "Id of your evaluation key, where the model needs one"),
        ("If-Match" = Option<String>, Header, description = "Refused with 412 if this is not the model's version"),
    ),
    request_body(content = Frames, content_type = "application/octet-stream", description = "Framed queries, docs/wire-format.md"),
    responses((status = 200, description = "As many framed responses, in the same order; Server-Timing tells the time of a single one, Tenebra-Model-Version the model's version", body = Frames, content_type = "application/octet-stream")))]
#[expect(clippy::too_many_arguments, reason = "what a request is made of")]
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Extension(share): Extension<Arc<Share>>,
    Extension(turn): Extension<Turn>,
    Extension(request): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    Place(name): Place<String>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::malformed_address(e.body_text()))?;
    let name: Name = parse_name("model", &name)?;
    let model = app.model_of(&identity, &name).await?;
    let model = wanted_version(&app, &name, model, &headers).await?;
    // Before the body is read, which may be large.
    if app.pool.is_full(&share.places) {
        return Err(busy(&app));
    }
    let received = app.metrics.received_bytes.clone();
    let mut reader = FrameReader::new(body, share.bodies.clone(), received);
    let (model, first) = first_query(&app, &name, model, &mut reader).await?;
    let model = wanted_version(&app, &name, model, &headers).await?;
    let more = check_more(&headers, first.bytes.len(), &model)?;
    let key = find_key(&app, &identity, &name, &model, parameters).await?;
    let slot = app.pool.try_slot(&share.client, &share.places);
    let slot = slot.ok_or_else(|| busy(&app))?;
    let version = Extension(model.version);
    let content_type = [(header::CONTENT_TYPE, FRAMES)];
    let job = Job::new(app, identity, share, turn, request, name, model, key);
    let mut evaluation = Box::pin(async move {
        let done = job.evaluate(slot, first).await;
        (done, job)
    });
    let (sender, receiver) = channel(RESPONSES_WAITING);
    let rest = Body::from_stream(ReceiverStream::new(receiver));
    let (done, job) = tokio::select! {
        biased;
        ended = &mut evaluation => ended,
        () = half_closed(peer) => {
            tokio::spawn(async move {
                tokio::select! {
                    (done, job) = evaluation => job.rest(done.map(|done| done.value), reader, sender).await,
                    () = sender.closed() => {}
                }
            });
            return Ok((version, content_type, rest).into_response());
        }
    };
    let Done { value, queued, ran } = done?;
    if !more {
        let timing = [(SERVER_TIMING, server_timing(queued, ran)?)];
        return Ok((version, content_type, timing, value).into_response());
    }
    tokio::spawn(job.rest(Ok(value), reader, sender));
    Ok((version, content_type, rest).into_response())
}

/// A while after the client closed its half of the connection.
async fn half_closed(peer: Option<Extension<Peer>>) {
    match peer {
        Some(Extension(peer)) => peer.half_closed().await,
        None => core::future::pending().await,
    }
    tokio::time::sleep(HALF_CLOSED).await;
}

/// Reads the first query. If it is for another spec than the model in memory, another server may have deployed a new version.
async fn first_query(
    app: &Arc<App>,
    name: &Name,
    mut model: Arc<Model>,
    reader: &mut FrameReader,
) -> Result<(Arc<Model>, Loaded), Problem> {
    let mut first = reader.next(&expected(&model), false).await;
    if let Err(BodyError::Frame(FrameError::Model { .. })) = first {
        model = app.model_now(name).await?;
        first = reader.next(&expected(&model), false).await;
    }
    Ok((model, first?.ok_or(BodyError::Empty)?))
}

/// Milliseconds that an evaluation waited and took (W3C Server Timing), for clients that measure.
fn server_timing(queued: Duration, ran: Duration) -> Result<HeaderValue, Problem> {
    let [queued, ran] = [queued, ran].map(|time| time.as_secs_f64() * 1e3);
    let text = format!("queue;dur={queued:.3}, evaluate;dur={ran:.3}");
    HeaderValue::try_from(text).map_err(|_| Problem::internal())
}

async fn find_key(
    app: &App,
    identity: &Identity,
    name: &Name,
    model: &Arc<Model>,
    parameters: Parameters,
) -> Result<Option<(KeyId, Arc<Key>)>, Problem> {
    match (model.key_length, parameters.key) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Problem::key_not_needed()),
        (Some(_), None) => Err(Problem::key_needed()),
        (Some(_), Some(id)) => {
            let id = parse_name("key", &id)?;
            let key = app.key(identity, name, model, id).await?;
            Ok(Some((id, key)))
        }
    }
}

/// Whether more queries may follow the first; what is too short for one is refused before anything is evaluated.
fn check_more(headers: &HeaderMap, first: usize, model: &Model) -> Result<bool, BodyError> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let Some(length) = length.and_then(|text| text.parse::<usize>().ok()) else {
        return Ok(true);
    };
    let least = model.query_lengths.first().copied().unwrap_or(0);
    match length.saturating_sub(first) {
        0 => Ok(false),
        rest if rest < least => Err(BodyError::Frame(FrameError::Length {
            len: length,
            announced: first as u64,
        })),
        _ => Ok(true),
    }
}

fn busy(app: &App) -> Problem {
    app.metrics.busy.inc();
    Problem::busy()
}
