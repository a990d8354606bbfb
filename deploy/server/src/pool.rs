//! Threads that evaluate, apart from those that speak HTTP: a bounded number of evaluations runs or waits, and the next one is
//! refused.

use alloc::sync::Arc;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Worker threads and their slots.
pub(crate) struct Pool {
    slots: Arc<Semaphore>,
    slot_count: usize,
    jobs: Sender<Job>,
}

/// A place in the pool, running or waiting.
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    fn of(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: permit }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// How a job ended.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// What it returned.
    pub(crate) value: T,
    /// How long it waited.
    pub(crate) queued: Duration,
    /// How long it ran.
    pub(crate) ran: Duration,
}

/// The job panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

impl Pool {
    /// `workers` threads; `waiting` more jobs may wait.
    ///
    /// # Errors
    /// If the system starts no threads.
    pub(crate) fn new(workers: usize, waiting: usize) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for index in 0..workers.max(1) {
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new().name(format!("evaluate-{index}"));
            thread.spawn(move || work(&receiver))?;
        }
        let slot_count = workers.max(1) + waiting;
        Ok(Self {
            slots: Arc::new(Semaphore::new(slot_count)),
            slot_count,
            jobs: sender,
        })
    }

    /// Jobs that run or wait.
    pub(crate) fn taken(&self) -> usize {
        self.slot_count - self.slots.available_permits()
    }

    /// Whether the next job would be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// A slot, if one is free.
    pub(crate) fn try_slot(&self) -> Option<Slot> {
        Arc::clone(&self.slots)
            .try_acquire_owned()
            .ok()
            .map(Slot::of)
    }

    /// A slot, once one is free.
    pub(crate) async fn slot(&self) -> Option<Slot> {
        Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .ok()
            .map(Slot::of)
    }

    /// Runs `job` on a worker. A caller that goes away before it starts is not worked for.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        slot: Slot,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Done<T>, Panicked> {
        let (sender, receiver) = oneshot::channel();
        let admitted = Instant::now();
        let job: Job = Box::new(move || {
            // Given back before the answer is sent: who has the answer finds the slot free.
            let slot = slot;
            if sender.is_closed() {
                return;
            }
            let started = Instant::now();
            let value = catch_unwind(AssertUnwindSafe(job));
            let ran = started.elapsed();
            drop(slot);
            let done = value.map(|value| Done {
                value,
                queued: started - admitted,
                ran,
            });
            let _ = sender.send(done.map_err(|_| Panicked));
        });
        // Workers live as long as the pool, and a job always answers unless nobody listens.
        self.jobs.send(job).map_err(|_| Panicked)?;
        receiver.await.map_err(|_| Panicked)?
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_full_pool_refuses() {
        let pool = Arc::new(Pool::new(1, 1).unwrap());
        let (release, wait) = mpsc::channel::<()>();
        let slot = pool.try_slot().unwrap();
        let running = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(slot, move || wait.recv()).await.is_ok() }
        });
        let waiting = pool.try_slot().unwrap();
        assert!(pool.is_full() && pool.try_slot().is_none());
        assert_eq!(pool.taken(), 2);
        release.send(()).unwrap();
        assert!(running.await.unwrap());
        let done = pool.run(waiting, || 5).await.unwrap();
        assert_eq!(done.value, 5);
        assert_eq!(pool.taken(), 0);
    }

    #[tokio::test]
    async fn a_panic_costs_one_job() {
        let pool = Pool::new(1, 0).unwrap();
        let slot = pool.slot().await.unwrap();
        assert!(pool.run(slot, || panic!("on purpose")).await.is_err());
        let slot = pool.slot().await.unwrap();
        assert_eq!(pool.run(slot, || 5).await.unwrap().value, 5);
    }

    #[tokio::test]
    async fn nobody_works_for_those_who_left() {
        let pool = Pool::new(1, 2).unwrap();
        let (release, wait) = mpsc::channel::<()>();
        let (ran, has_run) = mpsc::channel::<()>();
        let first = pool.run(pool.try_slot().unwrap(), move || wait.recv());
        let second = pool.run(pool.try_slot().unwrap(), move || ran.send(()));
        {
            let (mut first, mut second) = (Box::pin(first), Box::pin(second));
            let submitted = async {
                tokio::select! { biased; _ = &mut first => {}, _ = &mut second => {}, () = core::future::ready(()) => {} }
            };
            submitted.await;
        }
        release.send(()).unwrap();
        let slot = pool.slot().await.unwrap();
        pool.run(slot, || ()).await.unwrap();
        assert!(has_run.try_recv().is_err());
    }
}
