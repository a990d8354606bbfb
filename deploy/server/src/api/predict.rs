//! Predictions: framed queries in, framed responses out, in the same order.

use alloc::sync::Arc;
use core::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tenebra_client::{FrameError, Kind};
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

use super::{FRAMES, parse_name};
use crate::app::{App, Key, Model};
use crate::frames::{BodyError, Expected, FrameReader, Length, Loaded};
use crate::names::Name;
use crate::pool::{Done, Slot};
use crate::problem::Problem;
use crate::tokens::Identity;

/// Responses that wait for a client to take them; then its queries wait.
const RESPONSES_WAITING: usize = 4;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The evaluation key to use.
#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    key: Option<String>,
}

/// Evaluates queries. The body is one framed query, or several one after the other, and so is the response. The first
/// response is awaited before the status is sent; if a later query is refused, a problem document, which starts with `{` as
/// no frame does, stands in place of its response, and nothing follows it. Read while you send, or send few queries at a
/// time: the server stops reading while you take no responses, and gives up after 30 seconds.
#[utoipa::path(post, path = "/v1/models/{model}/predict", tag = "predictions",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("key" = Option<String>, Query, description = "Id of your evaluation key, where the model needs one"),
    ),
    request_body(content = [u8], content_type = "application/octet-stream", description = "Framed queries, docs/wire-format.md"),
    responses(
        (status = 200, description = "As many framed responses, in the same order; Server-Timing tells the time of a single one", body = [u8], content_type = "application/octet-stream"),
        (status = 400, description = "Malformed, damaged, of a wrong length or version", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model or key", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Query or key of another model or version", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Larger than the model's queries", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A key is needed, or none is", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Every evaluation slot is taken; Retry-After says when to come again", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name: Name = parse_name("model", &name)?;
    let model = app.model(&name).await?;
    // Before the body is read, which may be large.
    if app.pool.is_full() {
        return Err(busy(&app));
    }
    let received = app.metrics.received_bytes.clone();
    let mut reader = FrameReader::new(body, app.memory.clone(), received);
    let (model, first) = first_query(&app, &name, model, &mut reader).await?;
    let more = check_more(&headers, first.bytes.len(), &model)?;
    let key = find_key(&app, &identity, &name, &model, parameters).await?;
    let slot = app.pool.try_slot().ok_or_else(|| busy(&app))?;
    let job = Job {
        app,
        name,
        model,
        key,
    };
    let Done {
        value: response,
        queued,
        ran,
    } = job.evaluate(slot, first).await?;
    let content_type = [(header::CONTENT_TYPE, FRAMES)];
    if !more {
        let timing = [(SERVER_TIMING, server_timing(queued, ran)?)];
        return Ok((content_type, timing, response).into_response());
    }
    let (sender, receiver) = channel(RESPONSES_WAITING);
    tokio::spawn(job.rest(response, reader, sender));
    Ok((
        content_type,
        Body::from_stream(ReceiverStream::new(receiver)),
    )
        .into_response())
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

fn expected(model: &Model) -> Expected<'_> {
    Expected {
        kind: Kind::Query,
        spec_id: Some(model.program.spec_id()),
        length: Length::OneOf(&model.query_lengths),
    }
}

async fn find_key(
    app: &App,
    identity: &Identity,
    name: &Name,
    model: &Arc<Model>,
    parameters: Parameters,
) -> Result<Option<Arc<Key>>, Problem> {
    match (model.key_length, parameters.key) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Problem::key_not_needed()),
        (Some(_), None) => Err(Problem::key_needed()),
        (Some(_), Some(id)) => {
            let id = parse_name("key", &id)?;
            let key = app.key(&identity.name, name, model, id).await?;
            Ok(Some(key))
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

/// Everything that the queries of one request share.
struct Job {
    app: Arc<App>,
    name: Name,
    model: Arc<Model>,
    key: Option<Arc<Key>>,
}

impl Job {
    /// Evaluates one query on a thread of the pool.
    async fn evaluate(&self, slot: Slot, query: Loaded) -> Result<Done<Bytes>, Problem> {
        let metrics = &self.app.metrics;
        let count = |result: &str| metrics.evaluations.with_label_values(&[result]).inc();
        let (app, name) = (Arc::clone(&self.app), self.name.clone());
        let (model, key) = (Arc::clone(&self.model), self.key.clone());
        let work = move || {
            let key = key.as_ref().map(|key| &key.prepared);
            let response = app.evaluate(&name, &model, key, &query.bytes);
            drop(query.memory);
            response
        };
        let Ok(done) = self.app.pool.run(slot, work).await else {
            count("panicked");
            tracing::error!("an evaluation panicked");
            return Err(Problem::internal());
        };
        metrics.queue_seconds.observe(done.queued.as_secs_f64());
        metrics.evaluate_seconds.observe(done.ran.as_secs_f64());
        count(if done.value.is_ok() {
            "done"
        } else {
            "refused"
        });
        let (queued, ran) = (done.queued, done.ran);
        let value = Bytes::from(done.value?);
        metrics.sent_bytes.inc_by(value.len() as u64);
        Ok(Done { value, queued, ran })
    }

    /// Sends the first response and evaluates the other queries, as fast as the client takes the responses.
    async fn rest(
        self,
        first: Bytes,
        mut reader: FrameReader,
        sender: Sender<Result<Bytes, core::convert::Infallible>>,
    ) {
        let mut next: Result<_, Problem> = Ok(Some(first));
        let mut done = 0;
        loop {
            let response = match next {
                Ok(Some(response)) => response,
                Ok(None) => return,
                Err(problem) => {
                    let _ = sender.send(Ok(problem.to_json().into())).await;
                    return;
                }
            };
            // The client went away.
            if sender.send(Ok(response)).await.is_err() {
                return;
            }
            done += 1;
            next = self.next(&mut reader, done).await;
        }
    }

    /// The response to the next query, if there is one; waits for a slot, as the request was admitted.
    async fn next(&self, reader: &mut FrameReader, done: usize) -> Result<Option<Bytes>, Problem> {
        let Some(query) = reader.next(&expected(&self.model), true).await? else {
            return Ok(None);
        };
        let limit = self.app.limits.batch;
        if done >= limit {
            return Err(BodyError::TooMany {
                kind: Kind::Query,
                limit,
            }
            .into());
        }
        let slot = self.app.pool.slot().await.ok_or_else(Problem::stopping)?;
        Ok(Some(self.evaluate(slot, query).await?.value))
    }
}
