//! Whether the store is the one that was opened, and whether it answers.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use object_store::path::Path;
use object_store::{Error as ObjectError, ObjectStoreExt, PutMode, PutOptions};
use prometheus::{HistogramVec, IntCounterVec, IntGauge};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Action, Store, StoreError, found};
use crate::names::to_hex;

/// Name of the marker.
pub(super) const MARKER: &str = "store.json";
const FORMAT: &str = "tenebra-store 1";
/// How long one operation may take; models are large, and S3 tries again.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a look at a name may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the store may take to show its marker.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a store that is down is looked at.
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// Operations at a time: those that a hung disk never finishes hold a thread each.
const TOGETHER: usize = 64;
/// Names of entries passed over that are remembered, so that each is logged once.
const SKIPPED: usize = 1024;

/// What is counted of a store.
#[derive(Clone, Debug)]
pub(crate) struct StoreMetrics {
    /// By operation.
    pub(crate) seconds: HistogramVec,
    /// By operation.
    pub(crate) errors: IntCounterVec,
    /// Entries passed over.
    pub(crate) skipped: IntGauge,
    /// 1 while it is there and answers.
    pub(crate) up: IntGauge,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: String,
    id: String,
}

/// What is known of a store.
#[derive(Debug)]
pub(super) struct State {
    /// Whether a store without a marker gets one.
    create: bool,
    id: OnceLock<String>,
    /// Why it is not asked for the time being.
    down: Mutex<Option<&'static str>>,
    probed: Mutex<Option<Instant>>,
    /// A look at the marker is under way, and may be for ever.
    probing: AtomicBool,
    together: Semaphore,
    skipped: Mutex<HashSet<String>>,
    metrics: OnceLock<StoreMetrics>,
}

impl State {
    pub(super) fn new(create: bool) -> Self {
        Self {
            create,
            id: OnceLock::new(),
            down: Mutex::new(None),
            probed: Mutex::new(None),
            probing: AtomicBool::new(false),
            together: Semaphore::new(TOGETHER),
            skipped: Mutex::default(),
            metrics: OnceLock::new(),
        }
    }

    /// Passes over an entry that is not ours or is broken; says so once.
    pub(super) fn skip(&self, entry: &str, reason: &str) {
        let mut skipped = lock(&self.skipped);
        if skipped.len() < SKIPPED && skipped.insert(entry.to_owned()) {
            tracing::warn!(entry, reason, "an entry of the store was passed over");
        }
        if let Some(metrics) = self.metrics.get() {
            metrics
                .skipped
                .set(i64::try_from(skipped.len()).unwrap_or(i64::MAX));
        }
    }

    fn set(&self, down: Option<&'static str>) {
        let before = core::mem::replace(&mut *lock(&self.down), down);
        match (before, down) {
            (None, Some(reason)) => tracing::error!(reason, "the store is down"),
            (Some(_), None) => tracing::info!("the store is back"),
            _ => {}
        }
        if let Some(metrics) = self.metrics.get() {
            metrics.up.set(i64::from(down.is_none()));
        }
    }

    fn down(&self) -> Option<&'static str> {
        *lock(&self.down)
    }
}

impl Action {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Look => "look",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::List => "list its objects",
            Self::Look => "look for an object",
            Self::Read => "read an object",
            Self::Write => "write an object",
            Self::Delete => "delete an object",
        }
    }

    fn timeout(self) -> Duration {
        match self {
            Self::Look => LOOK_TIMEOUT,
            _ => OPERATION_TIMEOUT,
        }
    }
}

impl Store {
    /// Counts from now on.
    pub(crate) fn observe(&self, metrics: StoreMetrics) {
        metrics.up.set(1);
        // Fails if somebody counts already: an `App` of the same store.
        let _ = self.state.metrics.set(metrics);
    }

    /// Whether it is the store that was opened, and answers; looks in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn probe(&self) -> Result<(), StoreError> {
        if self.state.probing.swap(true, Ordering::AcqRel) {
            return self
                .state
                .down()
                .map_or(Ok(()), |reason| Err(StoreError::Gone(reason)));
        }
        *lock(&self.state.probed) = Some(Instant::now());
        let store = self.clone();
        // A task of its own: it goes on if nobody waits any longer, and until it ends there is no second one.
        let look = tokio::spawn(async move {
            let checked = store.check_marker().await;
            store.state.probing.store(false, Ordering::Release);
            checked
        });
        let checked = match timeout(PROBE_TIMEOUT, look).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(_)) => Err(StoreError::Gone("looking for its marker failed")),
            Err(_) => Err(StoreError::Gone("it does not answer")),
        };
        match &checked {
            Ok(()) => self.state.set(None),
            Err(StoreError::Gone(reason)) => self.state.set(Some(reason)),
            Err(_) => self.state.set(Some("its marker cannot be read")),
        }
        checked
    }

    /// The store that was opened is still there; the first time, the marker says which one that is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify(&self) -> Result<(), StoreError> {
        let checked = match timeout(LOOK_TIMEOUT, self.check_marker()).await {
            Ok(checked) => checked,
            Err(_) => Err(StoreError::Gone("it does not answer")),
        };
        if let Err(StoreError::Gone(reason)) = &checked {
            self.state.set(Some(reason));
        }
        checked
    }

    async fn check_marker(&self) -> Result<(), StoreError> {
        let found = self.read_marker().await?;
        match (self.state.id.get(), found) {
            (Some(known), Some(marker)) if *known == marker.id => Ok(()),
            (Some(_), Some(_)) => Err(StoreError::Gone("another store is in its place")),
            (Some(_), None) => Err(StoreError::Gone("its marker `store.json` is not there")),
            (None, Some(marker)) => {
                // Of two who look at the same time, both found the same.
                let _ = self.state.id.set(marker.id);
                Ok(())
            }
            (None, None) if self.state.create => self.write_marker().await,
            (None, None) => Err(StoreError::Missing),
        }
    }

    async fn read_marker(&self) -> Result<Option<Marker>, StoreError> {
        let failed = |source| StoreError::Backend {
            action: "show its marker",
            source,
        };
        let Some(got) = found(self.objects.get(&Path::from(MARKER)).await).map_err(failed)? else {
            return Ok(None);
        };
        let bytes = got.bytes().await.map_err(failed)?;
        match serde_json::from_slice::<Marker>(&bytes) {
            Ok(marker) if marker.format == FORMAT => Ok(Some(marker)),
            Ok(_) => Err(StoreError::Gone(
                "its marker is of another version of the format",
            )),
            Err(_) => Err(StoreError::Gone("its marker is damaged")),
        }
    }

    async fn write_marker(&self) -> Result<(), StoreError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|e| StoreError::Io {
            action: "get a name",
            source: e.into(),
        })?;
        let marker = Marker {
            format: FORMAT.to_owned(),
            id: to_hex(&id),
        };
        let json = serde_json::json!(marker).to_string();
        let options = PutOptions::from(PutMode::Create);
        let path = Path::from(MARKER);
        match self.objects.put_opts(&path, json.into(), options).await {
            Ok(_) => {}
            // Another server was quicker.
            Err(ObjectError::AlreadyExists { .. } | ObjectError::Precondition { .. }) => {
                return Box::pin(self.check_marker()).await;
            }
            Err(source) => {
                return Err(StoreError::Backend {
                    action: "write its marker",
                    source,
                });
            }
        }
        let _ = self.state.id.set(marker.id);
        Ok(())
    }

    /// Does something to the store, within a time, counted; nothing while it is down.
    pub(super) async fn ask<T>(
        &self,
        action: Action,
        work: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, StoreError> {
        if let Some(reason) = self.state.down() {
            let due = lock(&self.state.probed).is_none_or(|at| at.elapsed() > PROBE_PAUSE);
            if !due {
                return Err(StoreError::Gone(reason));
            }
            self.probe().await?;
        }
        let start = Instant::now();
        let limit = action.timeout();
        let bounded = async {
            // Never closed.
            let _turn = self.state.together.acquire().await;
            work.await
        };
        let done = match timeout(limit, bounded).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(StoreError::Backend {
                action: action.words(),
                source,
            }),
            Err(_) => {
                self.state.set(Some("it does not answer"));
                Err(StoreError::Slow {
                    action: action.words(),
                    seconds: limit.as_secs(),
                })
            }
        };
        if let Some(metrics) = self.state.metrics.get() {
            let label = [action.label()];
            let seconds = start.elapsed().as_secs_f64();
            metrics.seconds.with_label_values(&label).observe(seconds);
            if done.is_err() {
                metrics.errors.with_label_values(&label).inc();
            }
        }
        done
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
