//! Connections: accepted up to a limit, given up when they are slow, finished before the server stops.

mod admission;
mod peer;
mod stall;
mod tls;

use alloc::sync::Arc;
use core::convert::Infallible;
use core::net::SocketAddr;
use core::time::Duration;
use std::thread;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{interval, sleep, timeout};

use crate::app::{App, StartError};
use crate::tokens::REFRESH;
use admission::{Admission, Open};
use peer::{Answering, Receiving};
use stall::StallGuard;

pub(crate) use peer::Peer;
pub use tls::Tls;

/// A connection sends the head of its next request within this time, and is closed otherwise.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// A TLS handshake takes no longer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes no byte of a response for so long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// What runs when the server is told to stop may take so long.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// A request's head, and what is read of a body at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// Connections of the listener for health and metrics.
const ADMIN_CONNECTIONS: usize = 64;
/// How often, in seconds, the files of the certificate are read again.
const RELOAD: u64 = 10;

/// A server that listens.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Tls>,
    admin: Option<std::net::TcpListener>,
}

impl Server {
    /// Takes an address. A server without tokens takes only addresses that this machine alone reaches.
    ///
    /// # Errors
    /// [`StartError::Io`], [`StartError::Arguments`].
    pub async fn bind(
        app: Arc<App>,
        address: SocketAddr,
        tls: Option<Tls>,
    ) -> Result<Self, StartError> {
        if app.tokens.is_none() && !address.ip().is_loopback() {
            return Err(StartError::Arguments(
                "without tokens the server listens on loopback only, as 127.0.0.1:8080; leave out --open for other addresses",
            ));
        }
        let listener = TcpListener::bind(address).await;
        Ok(Self {
            app,
            listener: listener.map_err(|source| cannot_listen(address, source))?,
            tls,
            admin: None,
        })
    }

    /// Takes another address for `/healthz`, `/readyz` and `/metrics` alone, with a thread and connections of its own. On loopback
    /// it asks for no token; elsewhere `/metrics` does. It speaks HTTP without TLS.
    ///
    /// # Errors
    /// [`StartError::Io`].
    pub fn with_admin(mut self, address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source| cannot_listen(address, source);
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        self.admin = Some(listener);
        Ok(self)
    }

    /// Where it listens; the port is the system's choice if 0 was asked for.
    ///
    /// # Errors
    /// [`StartError::Io`].
    pub fn address(&self) -> Result<SocketAddr, StartError> {
        self.listener.local_addr().map_err(unknown_address)
    }

    /// Where it listens for questions about health, if it does.
    ///
    /// # Errors
    /// [`StartError::Io`].
    pub fn admin_address(&self) -> Result<Option<SocketAddr>, StartError> {
        let admin = self.admin.as_ref().map(std::net::TcpListener::local_addr);
        admin.transpose().map_err(unknown_address)
    }

    /// Answers requests until `stop` is ready. Then it is unready, and answers on for the grace time of its limits, so that whoever
    /// sends requests hears of it; then takes no more, and finishes those that run.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            app,
            listener,
            tls,
            admin,
        } = self;
        let _admin = admin.and_then(|listener| answer_health(&app, listener));
        let limits = &app.limits;
        let per_address = limits.connections_per_address;
        let per_address = per_address.unwrap_or((limits.connections / 2).max(64));
        let doors = Doors {
            admission: Admission::new(limits.connections, per_address, &app.metrics),
            router: app.router(),
            tls,
            graceful: GracefulShutdown::new(),
        };
        let mut tick = interval(REFRESH);
        let mut seconds = 0;
        let grace = async {
            stop.await;
            app.stop();
            tracing::info!(
                seconds = limits.grace.as_secs(),
                "stopping: unready, and answers on for a while"
            );
            tokio::select! {
                () = sleep(limits.grace) => {}
                () = app.hurried() => {}
            }
        };
        let mut stopped = core::pin::pin!(grace);
        loop {
            tokio::select! {
                accepted = listener.accept() => doors.open(accepted).await,
                _ = tick.tick() => {
                    seconds += 1;
                    let (app, tls) = (Arc::clone(&app), doors.tls.clone());
                    tokio::spawn(async move { app.tick().await });
                    if let Some(tls) = tls.filter(|_| seconds % RELOAD == 0) {
                        tokio::task::spawn_blocking(move || tls.reload());
                    }
                }
                () = &mut stopped => break,
            }
        }
        drop(listener);
        let running = doors.graceful.count();
        tracing::info!(running, "stopping: what runs is finished");
        if timeout(STOP_TIMEOUT, doors.graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not finish in time");
        }
    }
}

fn cannot_listen(address: SocketAddr, source: std::io::Error) -> StartError {
    StartError::Io {
        action: format!("{address} cannot be listened on"),
        source,
    }
}

fn unknown_address(source: std::io::Error) -> StartError {
    StartError::Io {
        action: "the address is not known".to_owned(),
        source,
    }
}

/// What connections come through.
struct Doors {
    admission: Admission,
    router: Router,
    tls: Option<Tls>,
    graceful: GracefulShutdown,
}

impl Doors {
    async fn open(&self, accepted: std::io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, address)) => {
                if let Some(open) = self.admission.admit(address) {
                    self.serve(stream, open);
                }
            }
            Err(error) => {
                // As of too many open files: those that close will help.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    fn serve(&self, stream: TcpStream, open: Open) {
        // Small responses should not wait for more.
        let _ = stream.set_nodelay(true);
        let (router, watcher) = (self.router.clone(), self.graceful.watcher());
        let tls = self.tls.as_ref().map(Tls::acceptor);
        tokio::spawn(async move {
            let peer = open.peer().clone();
            let talk = async {
                match tls {
                    None => converse(stream, &peer, router, watcher).await,
                    Some(acceptor) => {
                        let shaken = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
                        if let Ok(Ok(stream)) = shaken {
                            converse(stream, &peer, router, watcher).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = talk => {}
                // Another connection needs its place.
                () = peer.told_to_close() => {}
            }
            drop(open);
        });
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + stall::Gone + Unpin + Send + 'static,
    peer: &Peer,
    router: Router,
    watcher: Watcher,
) {
    let stream = TokioIo::new(StallGuard::new(stream, WRITE_TIMEOUT, peer.clone()));
    let inner = TowerToHyperService::new(router);
    let peer = peer.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let answer = peer.begin();
        request.extensions_mut().insert(peer.clone());
        let called = inner.call(request.map(|body| Receiving::new(body, &peer)));
        async move {
            let response = called.await?;
            Ok::<_, Infallible>(response.map(|body| Answering::new(body, answer)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(stream, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answers questions about health in a thread of its own, which no crowd at the other door delays, until the sender is dropped.
fn answer_health(app: &Arc<App>, listener: std::net::TcpListener) -> Option<oneshot::Sender<()>> {
    let trusted = app.tokens.is_none()
        || listener
            .local_addr()
            .is_ok_and(|address| address.ip().is_loopback());
    let doors = Doors {
        admission: Admission::new(ADMIN_CONNECTIONS, ADMIN_CONNECTIONS, &app.metrics),
        router: app.admin_router(trusted),
        tls: None,
        graceful: GracefulShutdown::new(),
    };
    let (sender, mut ended) = oneshot::channel::<()>();
    let answer = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };
            loop {
                tokio::select! {
                    accepted = listener.accept() => doors.open(accepted).await,
                    _ = &mut ended => return,
                }
            }
        });
        // A store that hangs would be waited for.
        runtime.shutdown_background();
    };
    let thread = thread::Builder::new().name("health".to_owned());
    let started = thread.spawn(answer);
    if let Err(error) = &started {
        tracing::error!(%error, "no thread for health and metrics could be started");
    }
    started.is_ok().then_some(sender)
}
