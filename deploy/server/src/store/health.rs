//! Whether the store is the one that was opened, and whether it answers.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use object_store::path::Path;
use object_store::{Error as ObjectError, ObjectStoreExt, PutMode, PutOptions};
use prometheus::{HistogramVec, IntCounterVec, IntGauge};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinError;
use tokio::time::{Instant, timeout};

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
/// Operations at a time, and as many looks at the marker: those that a hung disk never finishes hold a thread each.
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
    down: watch::Sender<Option<&'static str>>,
    probed: Mutex<Option<Instant>>,
    /// A look at the marker is under way, and may be for ever.
    probing: AtomicBool,
    together: Arc<Semaphore>,
    looking: Arc<Semaphore>,
    /// Changes are made one after the other.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// A change that nobody waits for any longer is not done yet.
    stuck: AtomicBool,
    skipped: Mutex<HashSet<String>>,
    metrics: OnceLock<StoreMetrics>,
}

impl State {
    pub(super) fn new(create: bool) -> Self {
        Self {
            create,
            id: OnceLock::new(),
            down: watch::Sender::new(None),
            probed: Mutex::new(None),
            probing: AtomicBool::new(false),
            together: Arc::new(Semaphore::new(TOGETHER)),
            looking: Arc::new(Semaphore::new(TOGETHER)),
            changing: Arc::default(),
            stuck: AtomicBool::new(false),
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
        let before = self.down.send_replace(down);
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
        *self.down.borrow()
    }

    /// Why it is down, once it is.
    async fn went_down(&self) -> &'static str {
        let mut watched = self.down.subscribe();
        // The sender lives as long as this.
        let down = watched.wait_for(Option::is_some).await;
        down.ok().and_then(|down| *down).unwrap_or_default()
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
        self.come_back().await?;
        let store = self.clone();
        let look = to_its_end(
            &self.state.looking,
            async move { store.check_marker().await },
        );
        let checked = match timeout(LOOK_TIMEOUT, look).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(_)) => Err(StoreError::Gone("looking for its marker failed")),
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

    /// Looks whether a store that was down is back, but not more often than it is worth.
    async fn come_back(&self) -> Result<(), StoreError> {
        let Some(reason) = self.state.down() else {
            return Ok(());
        };
        let due = lock(&self.state.probed).is_none_or(|at| at.elapsed() > PROBE_PAUSE);
        if due {
            self.probe().await
        } else {
            Err(StoreError::Gone(reason))
        }
    }

    /// Asks the store something, within a time, counted; nothing while it is down, or once it is found to be.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        action: Action,
        work: impl Future<Output = Result<T, ObjectError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let asked = self.within_time(action, async {
            to_its_end(&self.state.together, work).await?
        });
        // It was up when it was asked, or is asked whether it is.
        tokio::select! {
            biased;
            answer = asked => answer,
            reason = self.state.went_down(), if self.state.down().is_none() => Err(StoreError::Gone(reason)),
        }
    }

    /// As [`ask`](Self::ask), of what changes objects. What hung and was not acknowledged may happen yet: nothing that comes after
    /// it is done before.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        action: Action,
        work: impl Future<Output = Result<T, ObjectError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.state.stuck.load(Ordering::Acquire) {
            return Err(StoreError::Gone("an earlier change is not done yet"));
        }
        let state = Arc::clone(&self.state);
        let changed = async {
            let turn = Arc::clone(&state.changing).lock_owned().await;
            let state = Arc::clone(&state);
            let work = async move {
                let done = work.await;
                state.stuck.store(false, Ordering::Release);
                drop(turn);
                done
            };
            to_its_end(&self.state.together, work).await?
        };
        let done = self.within_time(action, changed).await;
        if matches!(done, Err(StoreError::Slow { .. })) && self.state.changing.try_lock().is_err() {
            tracing::error!("a change of the store hangs; there are no others until it is done");
            self.state.stuck.store(true, Ordering::Release);
        }
        done
    }

    async fn within_time<T>(
        &self,
        action: Action,
        work: impl Future<Output = Result<T, ObjectError>>,
    ) -> Result<T, StoreError> {
        self.come_back().await?;
        let start = Instant::now();
        let limit = action.timeout();
        let done = match timeout(limit, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(StoreError::Backend {
                action: action.words(),
                source,
            }),
            Err(_) => {
                // It may be read all the same if changes hang.
                if !matches!(action, Action::Write | Action::Delete) {
                    self.state.set(Some("it does not answer"));
                }
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

/// Does something once there is a permit, which it holds to its end, whether somebody waits for it or not.
async fn to_its_end<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    // Never closed.
    let permit = Arc::clone(permits).acquire_owned().await;
    let task = tokio::spawn(async move {
        let done = work.await;
        drop(permit);
        done
    });
    task.await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
