//! What the handlers share: the store, what was read from it, the threads that evaluate, the counters.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tenebra_client::{ClientSpec, SpecId};
use tenebra_tfhe::{EvaluateError, EvaluationKey};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::cache::{Cache, Tag};
use crate::config::Limits;
use crate::frames::Memory;
use crate::info::ModelInfo;
use crate::metrics::Metrics;
use crate::names::{KeyId, Name};
use crate::pool::Pool;
use crate::problem::Problem;
use crate::program::{ServerProgram, prepared_key_bytes, query_lengths};
use crate::store::{Entry, Store, StoreError};
use crate::tokens::Tokens;

/// How long an answer of the store about its health is believed.
const PROBE_AGE: Duration = Duration::from_secs(1);
/// How long the store may take to answer about its health.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a server did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Threads or addresses were refused.
    #[error("{action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A combination of arguments that would be unsafe.
    #[error("{0}")]
    Arguments(&'static str),
    /// A counter was registered twice: a defect.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// A model ready to answer.
pub(crate) struct Model {
    pub(crate) program: ServerProgram,
    /// Lengths of its queries.
    pub(crate) query_lengths: Vec<usize>,
    /// Length of its evaluation keys, if it needs them.
    pub(crate) key_length: Option<usize>,
    /// Memory that a prepared key takes.
    prepared_key_bytes: u64,
    /// Memory that it took before anything was evaluated.
    bytes: u64,
    /// Evaluations that run now, and the most that ever ran at a time.
    running: AtomicUsize,
    most_running: AtomicUsize,
}

impl Model {
    /// Verifies and prepares a server program; takes time that no async thread should spend.
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        let program = ServerProgram::parse(bytes, limits.threads)?;
        let spec = ClientSpec::parse(program.client()).map_err(|_| Problem::internal())?;
        Ok(Self {
            query_lengths: query_lengths(&spec),
            key_length: spec.evaluation_key_len(),
            prepared_key_bytes: prepared_key_bytes(&spec),
            bytes: bytes.len() as u64 + program.working_bytes(0),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            program,
        })
    }

    /// Bytes that it takes, once `evaluations` ran at the same time.
    fn bytes_after(&self, evaluations: usize) -> u64 {
        self.bytes + self.program.working_bytes(evaluations) - self.program.working_bytes(0)
    }
}

/// A prepared evaluation key.
pub(crate) struct Key {
    /// The spec it was made for.
    spec_id: SpecId,
    pub(crate) prepared: EvaluationKey,
}

/// Client, model and name of a key.
pub(crate) type KeyPlace = (Name, Name, KeyId);

/// The service.
pub struct App {
    pub(crate) limits: Limits,
    pub(crate) store: Store,
    /// `None`: everybody is the owner.
    pub(crate) tokens: Option<Tokens>,
    pub(crate) pool: Pool,
    pub(crate) memory: Memory,
    pub(crate) uploads: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) models: Cache<Name, Model>,
    pub(crate) keys: Cache<KeyPlace, Key>,
    pub(crate) infos: Mutex<HashMap<Name, (Tag, ModelInfo)>>,
    /// Counting what the store holds and adding to it is one step.
    pub(crate) adding: tokio::sync::Mutex<()>,
    probed: tokio::sync::Mutex<Option<(Instant, bool)>>,
    stopping: AtomicBool,
}

impl App {
    /// A service over `store`. `open`: whoever reaches it is its owner.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn new(store: Store, limits: Limits, open: bool) -> Result<Arc<Self>, StartError> {
        let metrics = Metrics::new()?;
        let looks = |cache, result| metrics.cache.with_label_values(&[cache, result]);
        let models = Cache::new(
            limits.models_cached_bytes,
            looks("models", "hit"),
            looks("models", "miss"),
        );
        let keys = Cache::new(
            limits.keys_cached_bytes,
            looks("keys", "hit"),
            looks("keys", "miss"),
        );
        let pool = Pool::new(limits.workers, limits.waiting).map_err(|source| StartError::Io {
            action: format!("{} threads could not be started", limits.workers),
            source,
        })?;
        Ok(Arc::new(Self {
            tokens: if open {
                None
            } else {
                Some(Tokens::read(&store).await?)
            },
            pool,
            memory: Memory::new(limits.body_bytes),
            uploads: Semaphore::new(limits.uploads),
            metrics,
            models,
            keys,
            infos: Mutex::default(),
            adding: tokio::sync::Mutex::new(()),
            probed: tokio::sync::Mutex::new(None),
            stopping: AtomicBool::new(false),
            store,
            limits,
        }))
    }

    /// How many tokens the store holds; `None` if none is asked for.
    #[must_use]
    pub fn token_count(&self) -> Option<usize> {
        self.tokens.as_ref().map(Tokens::count)
    }

    /// Reads the tokens of the store again.
    pub(crate) async fn refresh_tokens(&self) {
        if let Some(tokens) = &self.tokens
            && let Err(error) = tokens.refresh(&self.store).await
        {
            tracing::warn!(%error, "the tokens of the store could not be read");
        }
    }

    /// From now on it is not ready: load balancers look elsewhere.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it takes requests and its store answers.
    pub(crate) async fn ready(&self) -> Result<(), Problem> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Problem::stopping());
        }
        let mut probed = self.probed.lock().await;
        let good = match *probed {
            Some((at, good)) if at.elapsed() < PROBE_AGE => good,
            _ => {
                let answer = tokio::time::timeout(PROBE_TIMEOUT, self.store.probe()).await;
                let good = matches!(answer, Ok(Ok(())));
                *probed = Some((Instant::now(), good));
                good
            }
        };
        if good {
            Ok(())
        } else {
            Err(Problem::tokens_unreadable())
        }
    }

    /// A model, from memory if the store still holds the same.
    pub(crate) async fn model(&self, name: &Name) -> Result<Arc<Model>, Problem> {
        match self.models.fresh(name) {
            Some(model) => Ok(model),
            None => self.model_now(name).await,
        }
    }

    /// As [`model`](Self::model), but looks into the store in any case.
    pub(crate) async fn model_now(&self, name: &Name) -> Result<Arc<Model>, Problem> {
        let Some(entry) = self.store.model_entry(name).await? else {
            self.models.remove(name);
            return Err(Problem::no_model(name.as_str()));
        };
        if let Some(model) = self.models.tagged(name, &entry.tag) {
            return Ok(model);
        }
        let _loading = self.models.loading(name).await;
        if let Some(model) = self.models.tagged(name, &entry.tag) {
            return Ok(model);
        }
        let Some((entry, bytes)) = self.store.model(name).await? else {
            return Err(Problem::no_model(name.as_str()));
        };
        let model = self.prepare(bytes).await.map_err(|problem| {
            // It was verified before it was stored.
            tracing::error!(model = %name, ?problem, "a model of the store cannot be read");
            Problem::internal()
        })?;
        Ok(self.keep_model(&entry, model))
    }

    /// Verifies and prepares a server program.
    pub(crate) async fn prepare(&self, bytes: Bytes) -> Result<Model, Problem> {
        let limits = self.limits.clone();
        let parsed = tokio::task::spawn_blocking(move || Model::parse(&bytes, &limits)).await;
        parsed.map_err(|_| Problem::internal())?
    }

    pub(crate) fn keep_model(&self, entry: &Entry, model: Model) -> Arc<Model> {
        let bytes = model.bytes;
        self.models
            .insert(entry.name.clone(), entry.tag.clone(), model, bytes)
    }

    /// Evaluates a query, and counts the memory that the model keeps from it.
    pub(crate) fn evaluate(
        &self,
        name: &Name,
        model: &Arc<Model>,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<u8>, EvaluateError> {
        let running = model.running.fetch_add(1, Ordering::Relaxed) + 1;
        if running > model.most_running.fetch_max(running, Ordering::Relaxed) {
            self.models.resize(name, model, model.bytes_after(running));
        }
        let response = model.program.evaluate(key, query);
        model.running.fetch_sub(1, Ordering::Relaxed);
        response
    }

    /// A client's evaluation key for a model; refuses one of another version of it.
    pub(crate) async fn key(
        &self,
        client: &Name,
        name: &Name,
        model: &Arc<Model>,
        id: KeyId,
    ) -> Result<Arc<Key>, Problem> {
        let place = (client.clone(), name.clone(), id);
        let key = match self.keys.fresh(&place) {
            Some(key) => key,
            None => self.find_key(place, model).await?,
        };
        let same = key.spec_id == model.program.spec_id();
        if same {
            Ok(key)
        } else {
            Err(Problem::key_of_other_spec())
        }
    }

    async fn find_key(&self, place: KeyPlace, model: &Arc<Model>) -> Result<Arc<Key>, Problem> {
        let (client, name, id) = &place;
        let Some(entry) = self.store.key_entry(client, name, *id).await? else {
            self.keys.remove(&place);
            return Err(Problem::no_key());
        };
        if entry.spec_id != model.program.spec_id() {
            return Err(Problem::key_of_other_spec());
        }
        let tag = key_tag(*id);
        let _loading = self.keys.loading(&place).await;
        if let Some(key) = self.keys.tagged(&place, &tag) {
            return Ok(key);
        }
        let bytes = self
            .store
            .key(client, name, &entry)
            .await?
            .ok_or_else(Problem::no_key)?;
        let key = self.prepare_key(Arc::clone(model), bytes).await?;
        Ok(self.keep_key(place, key, model))
    }

    pub(crate) fn keep_key(&self, place: KeyPlace, key: Key, model: &Model) -> Arc<Key> {
        let tag = key_tag(place.2);
        self.keys.insert(place, tag, key, model.prepared_key_bytes)
    }

    /// Verifies and prepares a framed evaluation key.
    pub(crate) async fn prepare_key(
        &self,
        model: Arc<Model>,
        bytes: Bytes,
    ) -> Result<Key, Problem> {
        let prepare = move || {
            Ok(Key {
                spec_id: model.program.spec_id(),
                prepared: model.program.prepare_key(&bytes)?,
            })
        };
        tokio::task::spawn_blocking(prepare)
            .await
            .map_err(|_| Problem::internal())?
    }

    /// Refuses what would make the store larger than it may be.
    pub(crate) async fn check_room(&self, bytes: usize) -> Result<(), Problem> {
        let limit = self.limits.store_bytes;
        if self.store.size().await?.saturating_add(bytes as u64) > limit {
            return Err(Problem::store_full(limit));
        }
        Ok(())
    }

    /// What was said of a model with this tag.
    pub(crate) fn info(&self, entry: &Entry) -> Option<ModelInfo> {
        let infos = self.infos.lock().unwrap_or_else(PoisonError::into_inner);
        infos
            .get(&entry.name)
            .filter(|(tag, _)| *tag == entry.tag)
            .map(|(_, info)| info.clone())
    }

    pub(crate) fn keep_info(&self, entry: &Entry, info: ModelInfo) {
        let mut infos = self.infos.lock().unwrap_or_else(PoisonError::into_inner);
        infos.insert(entry.name.clone(), (entry.tag.clone(), info));
    }
}

/// The name of a key is the hash of its bytes.
fn key_tag(id: KeyId) -> Tag {
    id.to_string().into()
}
