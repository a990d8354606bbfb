//! A server in a thread of this process: for demonstrations, tests, and programs that are client and server at once.

use core::net::SocketAddr;
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

use crate::app::{App, StartError};
use crate::arguments::runtime;
use crate::config::Limits;
use crate::listen::Server;
use crate::store::Store;

/// A server on a loopback address; it finishes what runs and stops when this is dropped.
#[derive(Debug)]
pub struct Background {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts a server on a port of the system's choice. `open`: whoever reaches it is its owner.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(store: Store, limits: Limits, open: bool) -> Result<Self, StartError> {
        let runtime = runtime()?;
        let server = runtime.block_on(async {
            let app = App::new(store, limits, open).await?;
            Server::bind(app, ([127, 0, 0, 1], 0).into(), None).await
        })?;
        let address = server.address()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let run = server.run(async {
            // Also ready if this was dropped.
            let _ = stopped.await;
        });
        let thread = Builder::new().name("server".to_owned());
        let thread = thread.spawn(move || runtime.block_on(run));
        let thread = thread.map_err(|source| StartError::Io {
            action: "a thread could not be started".to_owned(),
            source,
        })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells it to stop, without waiting.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended already.
            let _ = stop.send(());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed when it happened.
            let _ = thread.join();
        }
    }
}
