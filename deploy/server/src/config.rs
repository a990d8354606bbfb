//! Limits of a server; every one has a default that suits one machine.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::thread::available_parallelism;

use crate::trial::Trial;

/// How much a server takes on.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Threads that evaluate.
    pub workers: usize,
    /// Evaluations of one client that may wait for a thread.
    pub waiting: usize,
    /// Threads that one evaluation of a forest may use.
    pub threads: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one address; `None`: half of all, or 64 if that is more.
    pub connections_per_address: Option<usize>,
    /// Longest time of a query, waiting included, however long its evaluation is predicted to take.
    pub patience: Duration,
    /// How long a server that was told to stop answers on, unready.
    pub grace: Duration,
    /// Bytes of all bodies that are being read or evaluated.
    pub body_bytes: u64,
    /// Bytes of a server program.
    pub model_bytes: usize,
    /// How an uploaded program is verified apart; `None`: without bounds of time and memory but those on its size.
    pub trial: Option<Trial>,
    /// Seconds that verifying may take, and as many for each MiB.
    pub trial_seconds: u32,
    /// Bytes of memory, about, of models kept prepared.
    pub models_cached_bytes: u64,
    /// Bytes of prepared evaluation keys kept in memory.
    pub keys_cached_bytes: u64,
    /// Evaluation keys of one client.
    pub keys_per_client: usize,
    /// Bytes of the whole store.
    pub store_bytes: u64,
    /// Queries of one request.
    pub batch: usize,
    /// Uploads of models at a time, and as many of keys.
    pub uploads: usize,
}

const MIB: u64 = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            workers: cores,
            waiting: 2 * cores,
            threads: cores,
            connections: 1024,
            connections_per_address: None,
            patience: Duration::from_secs(300),
            grace: Duration::ZERO,
            body_bytes: 512 * MIB,
            model_bytes: 256 << 20,
            trial: None,
            trial_seconds: 10,
            models_cached_bytes: 1024 * MIB,
            keys_cached_bytes: 1024 * MIB,
            keys_per_client: 16,
            store_bytes: 64 * 1024 * MIB,
            batch: 65_536,
            uploads: 4,
        }
    }
}
