//! The queries of one request: each evaluated in its turn, while the client, its token, its model and its key are there.

use alloc::sync::Arc;
use core::convert::Infallible;
use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use tenebra_client::Kind;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use crate::api::{RequestId, Turn};
use crate::app::App;
use crate::audit::Event;
use crate::frames::{BodyError, Expected, FrameReader, Length, Loaded};
use crate::model::{Key, Model};
use crate::names::{KeyId, Name};
use crate::pool::{Done, Failed, Slot};
use crate::problem::Problem;
use crate::shares::Share;
use crate::tokens::Identity;

/// How long a batch goes on before it looks again whether its token, its model and its key are there.
const RECHECK: Duration = Duration::from_secs(1);

/// Everything that the queries of one request share.
pub(crate) struct Job {
    app: Arc<App>,
    identity: Identity,
    share: Arc<Share>,
    /// Given back when the last response is sent.
    _turn: Turn,
    request: RequestId,
    name: Name,
    model: Arc<Model>,
    key: Option<(KeyId, Arc<Key>)>,
    start: Instant,
}

/// What a query of the model must be.
pub(crate) fn expected(model: &Model) -> Expected<'_> {
    Expected {
        kind: Kind::Query,
        spec_id: Some(model.program.spec_id()),
        length: Length::OneOf(&model.query_lengths),
    }
}

impl Job {
    #[expect(clippy::too_many_arguments, reason = "what the handler found out")]
    pub(crate) fn new(
        app: Arc<App>,
        identity: Identity,
        share: Arc<Share>,
        turn: Turn,
        request: RequestId,
        name: Name,
        model: Arc<Model>,
        key: Option<(KeyId, Arc<Key>)>,
    ) -> Self {
        Self {
            app,
            identity,
            share,
            _turn: turn,
            request,
            name,
            model,
            key,
            start: Instant::now(),
        }
    }

    /// Evaluates one query on a thread of the pool.
    pub(crate) async fn evaluate(&self, slot: Slot, query: Loaded) -> Result<Done<Bytes>, Problem> {
        let metrics = &self.app.metrics;
        let count = |result: &str| metrics.evaluations.with_label_values(&[result]).inc();
        let (app, name) = (Arc::clone(&self.app), self.name.clone());
        let (model, key) = (Arc::clone(&self.model), self.key.clone());
        let work = move |stop: &core::sync::atomic::AtomicBool| {
            let key = key.as_ref().map(|(_, key)| &key.prepared);
            let grown = |bytes| app.models.resize(&name, &model, bytes);
            let response = model.evaluate(key, &query.bytes, stop, grown);
            if matches!(response, Err(tenebra_tfhe::EvaluateError::Stopped)) {
                let stopped = app.metrics.evaluations.with_label_values(&["stopped"]);
                stopped.inc();
            }
            drop(query.memory);
            response
        };
        let patience = self.model.patience;
        let ran = tokio::select! {
            biased;
            ran = self.app.pool.run(slot, patience, work) => ran,
            problem = self.revoked() => return Err(problem),
        };
        let done = match ran {
            Ok(done) => done,
            Err(Failed::Late) => {
                count("late");
                return Err(Problem::late(patience));
            }
            Err(Failed::Panicked) => {
                count("panicked");
                tracing::error!(request = &*self.request.0, "an evaluation panicked");
                return Err(Problem::internal());
            }
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

    /// Ready once the token, the model or the key is gone: an evaluation that runs or waits ends then, however long it would take.
    async fn revoked(&self) -> Problem {
        loop {
            sleep(RECHECK).await;
            if let Err(problem) = self.recheck().await {
                return problem;
            }
        }
    }

    async fn recheck(&self) -> Result<(), Problem> {
        let key = self.key.as_ref().map(|(id, _)| *id);
        let app = &self.app;
        app.recheck(&self.identity, &self.name, &self.model, key)
            .await
    }

    /// Sends the first response and evaluates the other queries, as fast as the client takes the responses; until the client has
    /// gone.
    pub(crate) async fn rest(
        self,
        first: Result<Bytes, Problem>,
        mut reader: FrameReader,
        sender: Sender<Result<Bytes, Infallible>>,
    ) {
        let mut done = 0;
        let problem = tokio::select! {
            problem = self.answer(first, &mut reader, &sender, &mut done) => problem,
            () = sender.closed() => None,
        };
        self.note(done, problem.as_ref());
    }

    async fn answer(
        &self,
        first: Result<Bytes, Problem>,
        reader: &mut FrameReader,
        sender: &Sender<Result<Bytes, Infallible>>,
        done: &mut usize,
    ) -> Option<Problem> {
        let mut next = first.map(Some);
        let mut checked = self.start;
        loop {
            let response = match next {
                Ok(Some(response)) => response,
                Ok(None) => return None,
                Err(problem) => {
                    let _ = sender.send(Ok(problem.to_json().into())).await;
                    // A connection that is closed on what nobody read is reset, and takes the problem with it.
                    reader.discard().await;
                    return Some(problem);
                }
            };
            // The client went away.
            if sender.send(Ok(response)).await.is_err() {
                return None;
            }
            *done += 1;
            next = self.next(reader, *done, &mut checked).await;
        }
    }

    /// The response to the next query, if there is one; waits for a place, as the request was admitted.
    async fn next(
        &self,
        reader: &mut FrameReader,
        done: usize,
        checked: &mut Instant,
    ) -> Result<Option<Bytes>, Problem> {
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
        let slot = self
            .app
            .pool
            .slot(&self.share.client, &self.share.places)
            .await;
        let slot = slot.ok_or_else(Problem::stopping)?;
        if checked.elapsed() > RECHECK {
            self.recheck().await?;
            *checked = Instant::now();
        }
        Ok(Some(self.evaluate(slot, query).await?.value))
    }

    fn note(&self, queries: usize, problem: Option<&Problem>) {
        let status = problem.map_or(200, |problem| problem.status().as_u16());
        let kind = problem.map(|problem| problem.kind().to_owned());
        let took = self.start.elapsed();
        tracing::debug!(
            request = &*self.request.0, client = %self.identity.name, model = %self.name,
            version = %self.model.version, queries, status, problem = kind, "a batch ended"
        );
        let event = Event {
            request: &self.request.0,
            action: "batch-end",
            client: Some(self.identity.name.as_str()),
            role: Some(self.identity.role.to_string()),
            model: Some(self.name.as_str()),
            version: Some(self.model.version.to_string()),
            status,
            problem: kind.as_deref(),
            queries: Some(queries as u64),
            ..Event::default()
        };
        self.app.audit.write(&event.at(took));
    }
}
