//! What the handlers share: the store, what was read from it, the threads that evaluate, the counters.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

use bytes::Bytes;
use tenebra_tfhe::server_program::ServerFile;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::cache::{Cache, Tag};
use crate::config::Limits;
use crate::info::ModelInfo;
use crate::metrics::Metrics;
use crate::model::{Key, KeyPlace, Model};
use crate::names::{KeyId, Name};
use crate::pool::Pool;
use crate::problem::Problem;
use crate::shares::Shares;
use crate::store::{Entry, Store, StoreError};
use crate::tokens::{Identity, Refusal, Tokens};

/// How long an answer of the store about its health is believed.
const PROBE_AGE: Duration = Duration::from_secs(1);
/// How long models and keys in memory are used while the store does not answer; tokens are as well.
const TRUST: Duration = Duration::from_secs(60);
/// Programs and keys that are verified and prepared at a time, of each, and programs that are tried apart.
const PREPARING: usize = 2;

/// Why a server did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A command that changes or lists what a store holds was given none.
    #[error(
        "{location}: there is no store here, its marker `store.json` is missing; check the path, or mount its disk; `token add` and `serve` make one"
    )]
    NoStore {
        /// As given.
        location: String,
    },
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

/// The service.
pub struct App {
    pub(crate) limits: Limits,
    pub(crate) store: Store,
    /// `None`: everybody is the owner.
    pub(crate) tokens: Option<Tokens>,
    pub(crate) pool: Pool,
    pub(crate) shares: Shares,
    /// Uploads that are read, of all owners.
    pub(crate) program_uploads: Semaphore,
    /// Uploads that are read, of all clients.
    pub(crate) key_uploads: Semaphore,
    trying_programs: Arc<Semaphore>,
    preparing_programs: Arc<Semaphore>,
    preparing_keys: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    pub(crate) audit: Audit,
    pub(crate) models: Cache<Name, Model>,
    pub(crate) keys: Cache<KeyPlace, Key>,
    pub(crate) infos: Mutex<HashMap<Name, (Tag, ModelInfo)>>,
    /// Counting what the store holds and adding to it is one step.
    pub(crate) adding: tokio::sync::Mutex<()>,
    probed: tokio::sync::Mutex<Option<(Instant, bool)>>,
    stopping: AtomicBool,
    hurry: tokio::sync::Notify,
}

impl App {
    /// A service over `store`. `open`: whoever reaches it is its owner.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn new(store: Store, limits: Limits, open: bool) -> Result<Arc<Self>, StartError> {
        let metrics = Metrics::new()?;
        store.observe(metrics.store.clone());
        store.verify().await?;
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
            shares: Shares::new(&limits, open),
            program_uploads: Semaphore::new(limits.uploads),
            key_uploads: Semaphore::new(limits.uploads),
            trying_programs: Arc::new(Semaphore::new(PREPARING)),
            preparing_programs: Arc::new(Semaphore::new(PREPARING)),
            preparing_keys: Arc::new(Semaphore::new(PREPARING)),
            metrics,
            audit: Audit::default(),
            models,
            keys,
            infos: Mutex::default(),
            adding: tokio::sync::Mutex::new(()),
            probed: tokio::sync::Mutex::new(None),
            stopping: AtomicBool::new(false),
            hurry: tokio::sync::Notify::new(),
            store,
            limits,
        }))
    }

    /// How many tokens the store holds; `None` if none is asked for.
    #[must_use]
    pub fn token_count(&self) -> Option<usize> {
        self.tokens.as_ref().map(Tokens::count)
    }

    /// What is to be done every second: looks whether the store is there, reads its tokens, forgets clients of whom nothing runs.
    pub(crate) async fn tick(&self) {
        self.shares.forget_idle();
        // It says by itself what is wrong.
        if self.probe().await
            && let Some(tokens) = &self.tokens
            && let Err(error) = tokens.refresh(&self.store).await
        {
            tracing::warn!(%error, "the tokens of the store could not be read");
        }
    }

    /// Who a token belongs to; everybody owns a server that asks for none.
    pub(crate) async fn identify(&self, token: Option<&str>) -> Result<Identity, Refusal> {
        match (&self.tokens, token) {
            (None, _) => Ok(Identity::everybody()),
            (Some(tokens), Some(token)) => tokens.identify(token).await,
            (Some(_), None) => Err(Refusal::Unknown),
        }
    }

    /// What a batch goes on with is still there: the token, the model in this version, the key.
    pub(crate) async fn recheck(
        &self,
        identity: &Identity,
        name: &Name,
        model: &Arc<Model>,
        key: Option<KeyId>,
    ) -> Result<(), Problem> {
        if let Some(tokens) = &self.tokens {
            tokens.recheck(identity).map_err(Problem::from)?;
        }
        if self.model(name).await?.version != model.version {
            return Err(Problem::model_replaced());
        }
        if let Some(id) = key {
            self.key(identity, name, model, id).await?;
        }
        Ok(())
    }

    /// Appends to an audit log from now on: a line of JSON for each request, `docs/audit.md`.
    ///
    /// # Errors
    /// [`StartError::Io`].
    pub fn open_audit_log(&self, path: &std::path::Path) -> Result<(), StartError> {
        let opened = self.audit.open(path, self.metrics.audit_lost.clone());
        opened.map_err(|source| StartError::Io {
            action: format!("the audit log {} cannot be written", path.display()),
            source,
        })
    }

    /// Opens the audit log again, after somebody renamed it.
    pub fn reopen_audit_log(&self) {
        self.audit.reopen();
    }

    /// Ends the grace time of a server that was told to stop.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    pub(crate) async fn hurried(&self) {
        self.hurry.notified().await;
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
        if self.probe().await {
            Ok(())
        } else {
            Err(Problem::store_unavailable())
        }
    }

    async fn probe(&self) -> bool {
        let mut probed = self.probed.lock().await;
        match *probed {
            Some((at, good)) if at.elapsed() < PROBE_AGE => good,
            _ => {
                let good = self.store.probe().await.is_ok();
                *probed = Some((Instant::now(), good));
                good
            }
        }
    }

    /// A model, from memory if the store still holds the same.
    pub(crate) async fn model(&self, name: &Name) -> Result<Arc<Model>, Problem> {
        match self.models.fresh(name) {
            Some(model) => Ok(model),
            None => self.model_now(name).await,
        }
    }

    /// A client's model; refuses one that it may not use, there or not.
    pub(crate) async fn model_of(
        &self,
        identity: &Identity,
        name: &Name,
    ) -> Result<Arc<Model>, Problem> {
        if !identity.may_use(name) {
            return Err(Problem::model_not_allowed());
        }
        self.model(name).await
    }

    /// As [`model`](Self::model), but looks into the store in any case.
    pub(crate) async fn model_now(&self, name: &Name) -> Result<Arc<Model>, Problem> {
        let entry = match self.store.model_entry(name).await {
            Ok(entry) => entry,
            Err(error) => {
                return self.models.trusted(name, TRUST).ok_or_else(|| error.into());
            }
        };
        let Some(entry) = entry else {
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
            // It was verified before it was stored, or somebody put it there.
            self.store.skip_model(name, problem.detail());
            Problem::damaged_model(name.as_str(), problem.detail())
        })?;
        Ok(self.keep_model(&entry, model))
    }

    /// Verifies and prepares a server program that somebody uploads: apart first, as it may be hostile, so that models of the store
    /// do not wait for it.
    pub(crate) async fn prepare_upload(&self, bytes: Bytes) -> Result<Model, Problem> {
        if let Some(trial) = self.limits.trial.clone() {
            let turn = Arc::clone(&self.trying_programs).acquire_owned().await;
            let (bytes, seconds) = (bytes.clone(), self.limits.trial_seconds);
            let check = move || {
                // What is refused at once needs no trial.
                ServerFile::parse(&bytes)?.check_cost()?;
                let checked = trial.check(&bytes, seconds);
                // Until here: it goes on if nobody waits any longer.
                drop(turn);
                checked
            };
            let checked = tokio::task::spawn_blocking(check).await;
            checked.map_err(|_| Problem::internal())??;
        }
        self.prepare(bytes).await
    }

    /// Verifies and prepares a server program.
    pub(crate) async fn prepare(&self, bytes: Bytes) -> Result<Model, Problem> {
        let limits = self.limits.clone();
        let turn = Arc::clone(&self.preparing_programs).acquire_owned().await;
        let parse = move || {
            let parsed = Model::parse(&bytes, &limits);
            // Until here: it goes on if nobody waits any longer.
            drop(turn);
            parsed
        };
        let parsed = tokio::task::spawn_blocking(parse).await;
        parsed.map_err(|_| Problem::internal())?
    }

    pub(crate) fn keep_model(&self, entry: &Entry, model: Model) -> Arc<Model> {
        let bytes = model.bytes;
        self.models
            .insert(entry.name.clone(), entry.tag.clone(), model, bytes)
    }

    /// A client's evaluation key for a model; refuses one of another version of it.
    pub(crate) async fn key(
        &self,
        identity: &Identity,
        name: &Name,
        model: &Arc<Model>,
        id: KeyId,
    ) -> Result<Arc<Key>, Problem> {
        let place = (identity.holder.clone(), name.clone(), id);
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
        let entry = match self.store.key_entry(client, name, *id).await {
            Ok(entry) => entry,
            Err(error) => {
                return self.keys.trusted(&place, TRUST).ok_or_else(|| error.into());
            }
        };
        let Some(entry) = entry else {
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
        let turn = Arc::clone(&self.preparing_keys).acquire_owned().await;
        let prepare = move || {
            let key = Key::parse(&model, &bytes);
            drop(turn);
            key
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        prepared.map_err(|_| Problem::internal())?
    }

    /// Refuses what would make the store larger than it may be.
    pub(crate) async fn check_room(&self, bytes: usize) -> Result<(), Problem> {
        let limit = self.limits.store_bytes;
        if self.store.size().await?.saturating_add(bytes as u64) > limit {
            return Err(Problem::store_full(Some(limit)));
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
