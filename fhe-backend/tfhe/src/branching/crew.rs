//! Threads that work on the independent parts of an evaluation.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::EvaluateError;

/// Threads that help callers, who work as well: they would have to wait for them to wake up otherwise. One crew for each number of
/// threads that was asked for.
pub(crate) struct Crews<W>(Mutex<Vec<Arc<Helpers<W>>>>);

/// Threads of our own, with a worker each, so that a lock never waits.
pub(crate) struct Helpers<W> {
    pool: ThreadPool,
    workers: Vec<Mutex<W>>,
}

impl<W: Send> Crews<W> {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The threads that help the caller to work on `threads` threads; started when they are first asked for.
    pub(crate) fn helpers(
        &self,
        threads: usize,
        worker: impl Fn() -> W,
    ) -> Result<Option<Arc<Helpers<W>>>, EvaluateError> {
        let count = threads.saturating_sub(1);
        if count == 0 {
            return Ok(None);
        }
        let mut crews = lock(&self.0);
        if let Some(crew) = crews.iter().find(|crew| crew.workers.len() == count) {
            return Ok(Some(Arc::clone(crew)));
        }
        let pool = ThreadPoolBuilder::new().num_threads(count).build();
        let crew = Arc::new(Helpers {
            pool: pool.map_err(|_| EvaluateError::Threads(threads))?,
            workers: (0..count).map(|_| Mutex::new(worker())).collect(),
        });
        crews.push(Arc::clone(&crew));
        Ok(Some(crew))
    }
}

/// The workers of one evaluation.
pub(crate) struct Crew<'a, W> {
    pub(crate) caller: &'a mut W,
    pub(crate) helpers: Option<&'a Helpers<W>>,
    pub(crate) stop: &'a AtomicBool,
}

impl<W: Send> Crew<'_, W> {
    /// Works on every item, with its index; everybody takes one at a time, for some take far longer than others. Leaves the rest
    /// when it is told to stop.
    pub(crate) fn each<T: Send>(
        &mut self,
        items: &mut [T],
        work: impl Fn(&mut W, usize, &mut T) + Sync,
    ) {
        let queue = Mutex::new(items.iter_mut().enumerate());
        let stop = self.stop;
        let drain = |worker: &mut W| {
            while !stop.load(Ordering::Relaxed)
                && let Some((index, item)) = next(&queue)
            {
                work(worker, index, item);
            }
        };
        let Some(Helpers { pool, workers }) = self.helpers else {
            return drain(self.caller);
        };
        pool.in_place_scope(|scope| {
            for _ in workers {
                scope.spawn(|_| {
                    let thread = rayon::current_thread_index().unwrap_or(0);
                    drain(&mut lock(&workers[thread]));
                });
            }
            drain(self.caller);
        });
    }

    /// Threads that work.
    pub(crate) fn size(&self) -> usize {
        1 + self.helpers.map_or(0, |helpers| helpers.workers.len())
    }
}

fn next<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    lock(queue).next()
}

/// What a thread left behind when it panicked is overwritten before it is read.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
