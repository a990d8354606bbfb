//! What was deployed when, and by whom: `history/{model}/{milliseconds}.{version}.{owner}.tnb`, a copy of the server program.
//!
//! In a folder a copy is a second name of the same file and takes no room. The name says everything, so that a list needs no
//! reading, and the latest owner is whose the model is.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::models::model_path;
use super::{Action, Store, StoreError, found};
use crate::names::{Name, Version};

/// Deployments of a model that are kept.
pub(crate) const KEPT: usize = 10;

/// A deployment of a model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deployment {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    pub version: Version,
    /// By whom.
    pub owner: Name,
    /// Bytes of the server program.
    pub size: u64,
}

/// Milliseconds since 1970, later than at any call before: deployments one after the other are told apart by their times.
fn now_ms() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
    let later = |last: u64| now.max(last.saturating_add(1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(later(last))
    });
    later(last.unwrap_or_default())
}

impl Deployment {
    pub(super) fn now(version: Version, owner: &Name, size: u64) -> Self {
        Self {
            at_ms: now_ms(),
            version,
            owner: owner.clone(),
            size,
        }
    }

    pub(super) fn path(&self, model: &Name) -> Path {
        // As many digits as any time has until the year 2286: names sort by time.
        let file = format!("{:013}.{}.{}.tnb", self.at_ms, self.version, self.owner);
        Path::from_iter(["history", model.as_str(), &file])
    }

    fn of(meta: &ObjectMeta) -> Option<Self> {
        let file = meta.location.filename()?.strip_suffix(".tnb")?;
        let (at_ms, rest) = file.split_once('.')?;
        let (version, owner) = rest.split_once('.')?;
        Some(Self {
            at_ms: at_ms.parse().ok()?,
            version: version.parse().ok()?,
            owner: owner.parse().ok()?,
            size: meta.size,
        })
    }
}

impl Store {
    /// Deployments of a model that are kept, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history(&self, model: &Name) -> Result<Vec<Deployment>, StoreError> {
        let folder = Path::from_iter(["history", model.as_str()]);
        let metas = self.list(&folder).await?;
        let mut history: Vec<Deployment> = metas.iter().filter_map(Deployment::of).collect();
        history.sort_unstable_by(|one, other| other.cmp(one));
        Ok(history)
    }

    /// Makes an earlier deployment the model again. `false` if there is no such version any longer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn roll_back(
        &self,
        model: &Name,
        version: Version,
        owner: &Name,
    ) -> Result<bool, StoreError> {
        let history = self.history(model).await?;
        let Some(earlier) = history.iter().find(|one| one.version == version) else {
            return Ok(false);
        };
        self.verify().await?;
        let again = Deployment::now(version, owner, earlier.size).path(model);
        self.copy(&earlier.path(model), &again).await?;
        self.copy(&again, &model_path(model)).await?;
        self.prune(model).await?;
        self.verify().await?;
        Ok(true)
    }

    pub(super) async fn copy(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let (objects, from, to) = (Arc::clone(&self.objects), from.clone(), to.clone());
        let copy = async move { objects.copy(&from, &to).await };
        self.change(Action::Write, copy).await
    }

    /// Removes deployments beyond those that are kept.
    pub(super) async fn prune(&self, model: &Name) -> Result<(), StoreError> {
        for old in self.history(model).await?.iter().skip(KEPT) {
            self.remove(&old.path(model)).await?;
        }
        Ok(())
    }

    /// Whether there was anything to remove, as far as the store knows.
    pub(super) async fn remove(&self, path: &Path) -> Result<bool, StoreError> {
        let (objects, path) = (Arc::clone(&self.objects), path.clone());
        let delete = async move { found(objects.delete(&path).await) };
        let deleted = self.change(Action::Delete, delete).await?;
        Ok(deleted.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::now_ms;

    #[test]
    fn no_two_deployments_have_the_same_time() {
        let times: Vec<u64> = (0..100).map(|_| now_ms()).collect();
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    }
}
