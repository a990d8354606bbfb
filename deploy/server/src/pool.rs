//! Threads that evaluate, apart from those that speak HTTP, shared fairly.
//!
//! Every client has so many places of its own, running or waiting; its next evaluation is refused, or waits if it belongs to a
//! batch. A free thread takes the oldest evaluation of the client that was worked for least: start-time fair queueing (Goyal,
//! Vin and Cheng 1996), with time as measured. While several clients are here, one thread stays free of each client's evaluations:
//! who comes need not wait for what runs. So a client waits for its share, whatever the others send.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::names::Holder;

/// Evaluations of all clients together that may run or wait, as a multiple of those of one client. A client that has none is
/// admitted beyond.
const CLIENTS: usize = 16;
/// A client is here for so long after its last evaluation.
const PRESENCE: Duration = Duration::from_secs(1);

/// Worker threads, and what waits for them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    places_per_client: usize,
    taken: Arc<AtomicUsize>,
}

struct Shared {
    workers: usize,
    queues: Mutex<Queues>,
    filled: Condvar,
}

/// Times are in nanoseconds of work.
#[derive(Default)]
struct Queues {
    clients: HashMap<Holder, Queue>,
    /// Work that whoever is served next was given so far: what a client that comes starts with.
    now: u64,
    closed: bool,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Work done for it, or that it missed while it had nothing to do.
    served: u64,
    running: usize,
    /// When its last evaluation ended.
    left: Option<Instant>,
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.running == 0
    }

    fn is_here(&self) -> bool {
        !self.is_idle() || self.left.is_some_and(|left| left.elapsed() < PRESENCE)
    }
}

/// The places of a client.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

/// A place in the pool, running or waiting.
pub(crate) struct Slot {
    client: Holder,
    _permit: OwnedSemaphorePermit,
    taken: Arc<AtomicUsize>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
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

/// Why a job gave nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It panicked.
    Panicked,
    /// It was not done in time, and was told to stop.
    Late,
}

/// Tells a job that nobody waits for it.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Pool {
    /// `workers` threads; of each client, `waiting` more jobs may wait.
    ///
    /// # Errors
    /// If the system starts no threads.
    pub(crate) fn new(workers: usize, waiting: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            workers: workers.max(1),
            queues: Mutex::default(),
            filled: Condvar::new(),
        });
        let pool = Self {
            shared,
            places_per_client: workers.max(1) + waiting,
            taken: Arc::default(),
        };
        for index in 0..workers.max(1) {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("evaluate-{index}"));
            thread.spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// The places of a client; to be kept while it is here.
    pub(crate) fn places(&self) -> Places {
        Places(Arc::new(Semaphore::new(self.places_per_client)))
    }

    /// Jobs that run or wait.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Jobs that wait, by client.
    pub(crate) fn waiting(&self) -> Vec<(Holder, usize)> {
        let queues = self.shared.lock();
        let clients = queues.clients.iter();
        clients
            .filter(|(_, queue)| !queue.is_idle())
            .map(|(client, queue)| (client.clone(), queue.jobs.len() + queue.running))
            .collect()
    }

    /// Whether the client's next job would be refused.
    pub(crate) fn is_full(&self, places: &Places) -> bool {
        let free = places.0.available_permits();
        free == 0
            || free < self.places_per_client && self.taken() >= CLIENTS * self.places_per_client
    }

    /// A place, if the client has one left.
    pub(crate) fn try_slot(&self, client: &Holder, places: &Places) -> Option<Slot> {
        if self.is_full(places) {
            return None;
        }
        let permit = Arc::clone(&places.0).try_acquire_owned().ok()?;
        Some(self.take(client, permit))
    }

    /// A place, once the client has one.
    pub(crate) async fn slot(&self, client: &Holder, places: &Places) -> Option<Slot> {
        let permit = Arc::clone(&places.0).acquire_owned().await.ok()?;
        Some(self.take(client, permit))
    }

    fn take(&self, client: &Holder, permit: OwnedSemaphorePermit) -> Slot {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Slot {
            client: client.clone(),
            _permit: permit,
            taken: Arc::clone(&self.taken),
        }
    }

    /// Runs `job` on a worker. A caller that goes away before it starts is not worked for; one that goes away later, or for whom it
    /// takes longer than `limit`, waiting included, sets the flag that the job is given.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        slot: Slot,
        limit: Duration,
        job: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<Done<T>, Failed> {
        let (sender, receiver) = oneshot::channel();
        let admitted = Instant::now();
        let abandoned = Arc::new(AtomicBool::new(false));
        let _abandon = Abandon(Arc::clone(&abandoned));
        let client = slot.client.clone();
        let job: Job = Box::new(move || {
            // Given back before the answer is sent: who has the answer finds the place free.
            let slot = slot;
            if sender.is_closed() {
                return;
            }
            let started = Instant::now();
            let value = catch_unwind(AssertUnwindSafe(|| job(&abandoned)));
            let ran = started.elapsed();
            drop(slot);
            let done = value.map(|value| Done {
                value,
                queued: started - admitted,
                ran,
            });
            let _ = sender.send(done.map_err(|_| Failed::Panicked));
        });
        self.shared.submit(client, job);
        match timeout(limit, receiver).await {
            Ok(done) => done.map_err(|_| Failed::Panicked)?,
            Err(_) => Err(Failed::Late),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
    }
}

impl Shared {
    fn submit(&self, client: Holder, job: Job) {
        let mut queues = self.lock();
        let now = queues.now;
        let queue = queues.clients.entry(client).or_default();
        if queue.is_idle() {
            queue.served = queue.served.max(now);
        }
        queue.jobs.push_back(job);
        drop(queues);
        self.filled.notify_one();
    }

    fn work(&self) {
        while let Some((client, job)) = self.next() {
            let start = Instant::now();
            job();
            let time = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let mut queues = self.lock();
            if let Some(queue) = queues.clients.get_mut(&client) {
                queue.served = queue.served.saturating_add(time);
                queue.running -= 1;
                queue.left = Some(Instant::now());
            }
            queues.clients.retain(|_, queue| queue.is_here());
            drop(queues);
            // Another thread may have left this client's next to whoever is done.
            self.filled.notify_one();
        }
    }

    /// The oldest job of the client that was served least, counting what runs for it as done; waits until there is one.
    fn next(&self) -> Option<(Holder, Job)> {
        let mut queues = self.lock();
        loop {
            if queues.closed {
                return None;
            }
            let here = queues.clients.values().filter(|queue| queue.is_here());
            let most = if here.count() > 1 {
                (self.workers - 1).max(1)
            } else {
                self.workers
            };
            let waiting = queues.clients.iter_mut();
            let waiting =
                waiting.filter(|(_, queue)| !queue.jobs.is_empty() && queue.running < most);
            if let Some((client, queue)) =
                waiting.min_by_key(|(_, queue)| (queue.running, queue.served))
            {
                let client = client.clone();
                let job = queue.jobs.pop_front()?;
                queue.running += 1;
                let served = queue.served;
                queues.now = queues.now.max(served);
                return Some((client, job));
            }
            // Others leave without saying so.
            let held_back = queues.clients.values().any(|queue| !queue.is_idle());
            let limit = if held_back {
                PRESENCE / 10
            } else {
                PRESENCE * 3600
            };
            let waited = self.filled.wait_timeout(queues, limit);
            queues = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn client(name: &str) -> Holder {
        Holder::new(&name.parse().unwrap(), None)
    }

    #[tokio::test]
    async fn a_client_that_has_all_its_places_is_refused_and_others_are_not() {
        let pool = Arc::new(Pool::new(1, 1).unwrap());
        let (ada, bob) = (client("ada"), client("bob"));
        let (places, of_bob) = (pool.places(), pool.places());
        let (release, wait) = mpsc::channel::<()>();
        let slot = pool.try_slot(&ada, &places).unwrap();
        let running = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(slot, LONG, move |_| wait.recv()).await.is_ok() }
        });
        let waiting = pool.try_slot(&ada, &places).unwrap();
        assert!(pool.is_full(&places) && pool.try_slot(&ada, &places).is_none());
        let other = pool.try_slot(&bob, &of_bob).unwrap();
        assert_eq!(pool.taken(), 3);
        release.send(()).unwrap();
        assert!(running.await.unwrap());
        assert_eq!(pool.run(waiting, LONG, |_| 5).await.unwrap().value, 5);
        assert_eq!(pool.run(other, LONG, |_| 6).await.unwrap().value, 6);
        assert_eq!(pool.taken(), 0);
    }

    #[tokio::test]
    async fn a_panic_costs_one_job() {
        let pool = Pool::new(1, 0).unwrap();
        let (ada, places) = (client("ada"), pool.places());
        let slot = pool.slot(&ada, &places).await.unwrap();
        let failed = pool.run(slot, LONG, |_| panic!("on purpose")).await;
        assert_eq!(failed.err(), Some(Failed::Panicked));
        let slot = pool.slot(&ada, &places).await.unwrap();
        assert_eq!(pool.run(slot, LONG, |_| 5).await.unwrap().value, 5);
    }

    #[tokio::test]
    async fn what_takes_too_long_is_told_to_stop() {
        let pool = Pool::new(1, 0).unwrap();
        let (ada, places) = (client("ada"), pool.places());
        let slot = pool.slot(&ada, &places).await.unwrap();
        let (stopped, has_stopped) = mpsc::channel();
        let late = pool.run(slot, Duration::from_millis(20), move |stop| {
            while !stop.load(Ordering::Relaxed) {}
            stopped.send(()).unwrap();
        });
        assert_eq!(late.await.err(), Some(Failed::Late));
        has_stopped.recv().unwrap();
        let slot = pool.slot(&ada, &places).await.unwrap();
        assert_eq!(pool.run(slot, LONG, |_| 5).await.unwrap().value, 5);
    }

    #[tokio::test]
    async fn nobody_works_for_those_who_left() {
        let pool = Pool::new(1, 2).unwrap();
        let (ada, places) = (client("ada"), pool.places());
        let slot = || pool.try_slot(&ada, &places).unwrap();
        let (ran, has_run) = mpsc::channel::<()>();
        let first = pool.run(slot(), LONG, |stop| while !stop.load(Ordering::Relaxed) {});
        let second = pool.run(slot(), LONG, move |_| ran.send(()));
        {
            let (mut first, mut second) = (Box::pin(first), Box::pin(second));
            tokio::select! { biased; _ = &mut first => {}, _ = &mut second => {}, () = core::future::ready(()) => {} }
        }
        let slot = pool.slot(&ada, &places).await.unwrap();
        pool.run(slot, LONG, |_| ()).await.unwrap();
        assert!(has_run.try_recv().is_err());
    }

    /// One sends a hundred, the other one: it is the second or third to be worked for.
    #[tokio::test]
    async fn a_crowd_of_one_client_does_not_come_before_another() {
        let pool = Arc::new(Pool::new(1, 100).unwrap());
        let (order, done) = mpsc::channel();
        let (release, wait) = mpsc::channel::<()>();
        let mut tasks = Vec::new();
        let mut submit = |name: &'static str, job: Box<dyn FnOnce() + Send>| {
            let (pool, client) = (Arc::clone(&pool), client(name));
            let (places, order) = (pool.places(), order.clone());
            let slot = pool.try_slot(&client, &places).unwrap();
            tasks.push(tokio::spawn(async move {
                let job = move |_: &AtomicBool| {
                    job();
                    order.send(name).unwrap();
                };
                pool.run(slot, LONG, job).await.unwrap();
            }));
        };
        submit("crowd", Box::new(move || wait.recv().unwrap()));
        for _ in 0..50 {
            submit(
                "crowd",
                Box::new(|| thread::sleep(Duration::from_millis(1))),
            );
        }
        submit("one", Box::new(|| ()));
        // All are in their queues before the first is done.
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        release.send(()).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        let order: Vec<_> = done.try_iter().collect();
        let place = order.iter().position(|name| *name == "one").unwrap();
        assert!(place <= 2, "{order:?}");
    }

    /// One thread is free for whoever comes, while somebody else was here a moment ago.
    #[tokio::test]
    async fn a_thread_stays_free_while_several_are_here() {
        let pool = Arc::new(Pool::new(2, 10).unwrap());
        let (crowd, other) = (client("crowd"), client("other"));
        let (places, of_other) = (pool.places(), pool.places());
        let slot = pool.try_slot(&other, &of_other).unwrap();
        pool.run(slot, LONG, |_| ()).await.unwrap();
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let task = |_| {
            let slot = pool.try_slot(&crowd, &places).unwrap();
            let (pool, running, most) = (pool.clone(), running.clone(), most.clone());
            tokio::spawn(async move {
                let job = move |_: &AtomicBool| {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(20));
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                pool.run(slot, LONG, job).await.unwrap();
            })
        };
        let tasks: Vec<_> = (0..8).map(task).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
