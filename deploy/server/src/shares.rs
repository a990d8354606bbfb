//! What one client may take of a server at a time.

use alloc::sync::Arc;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::memory::Memory;
use crate::names::Holder;
use crate::pool::{Places, Pool};
use crate::problem::Problem;

/// The shares of all clients that are here.
pub(crate) struct Shares {
    limits: Limits,
    /// A server without tokens has one client, who may take everything.
    alone: bool,
    /// For queries and keys.
    bodies: Memory,
    /// For server programs.
    programs: Memory,
    clients: Mutex<HashMap<Holder, Arc<Share>>>,
}

/// The share of a client.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) client: Holder,
    pub(crate) places: Places,
    pub(crate) bodies: Memory,
    pub(crate) programs: Memory,
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
}

impl Shares {
    pub(crate) fn new(limits: &Limits, alone: bool) -> Self {
        Self {
            limits: limits.clone(),
            alone,
            bodies: Memory::new(limits.body_bytes),
            programs: Memory::new(limits.body_bytes.max(limits.model_bytes as u64)),
            clients: Mutex::default(),
        }
    }

    /// The share of a client, the same one while the client is here.
    pub(crate) fn of(&self, client: &Holder, pool: &Pool) -> Arc<Share> {
        let mut clients = self.lock();
        if let Some(share) = clients.get(client) {
            return Arc::clone(share);
        }
        let limits = &self.limits;
        // A fourth, but where that would be hardly anything.
        let part = |all: u64, least: u64| {
            if self.alone {
                all
            } else {
                (all / 4).max(all.min(least))
            }
        };
        let count = |all: usize, least: u64| {
            let part = part(all as u64, least).max(1);
            Arc::new(Semaphore::new(usize::try_from(part).unwrap_or(usize::MAX)))
        };
        let share = Arc::new(Share {
            client: client.clone(),
            places: pool.places(),
            bodies: self.bodies.of_client(part(limits.body_bytes, 64 << 20)),
            programs: self.programs.of_client(limits.model_bytes as u64),
            requests: count(limits.connections, 16),
            uploads: count(limits.uploads, 2),
        });
        clients.insert(client.clone(), Arc::clone(&share));
        share
    }

    /// Forgets clients of whom nothing runs.
    pub(crate) fn forget_idle(&self) {
        self.lock().retain(|_, share| Arc::strong_count(share) > 1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Holder, Arc<Share>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// A request of the client, while it is answered.
    pub(crate) fn request(&self) -> Result<OwnedSemaphorePermit, Problem> {
        take(&self.requests)
    }

    /// An upload of the client.
    pub(crate) fn upload(&self) -> Result<OwnedSemaphorePermit, Problem> {
        take(&self.uploads)
    }
}

fn take(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(semaphore)
        .try_acquire_owned()
        .map_err(|_| Problem::share_taken())
}
