//! Connections: accepted up to a limit, given up when they are slow, finished before the server stops.

mod stall;

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use std::path::Path;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use prometheus::IntGauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::app::{App, StartError};
use crate::tokens::REFRESH;
use stall::StallGuard;

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

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a chain of certificates and a private key, both PEM.
    ///
    /// # Errors
    /// [`StartError::Io`] with what is wrong with the files.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, StartError> {
        let failed = |path: &Path, e: &dyn core::fmt::Display| StartError::Io {
            action: format!("{} was refused", path.display()),
            source: std::io::Error::other(e.to_string()),
        };
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect)
            .map_err(|e| failed(certificates, &e))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|e| failed(key, &e))?;
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(key, &e))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|e| failed(key, &e))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl core::fmt::Debug for Tls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// A server that listens.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Tls>,
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
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| StartError::Io {
                action: format!("{address} cannot be listened on"),
                source,
            })?;
        Ok(Self { app, listener, tls })
    }

    /// Where it listens; the port is the system's choice if 0 was asked for.
    ///
    /// # Errors
    /// [`StartError::Io`].
    pub fn address(&self) -> Result<SocketAddr, StartError> {
        self.listener.local_addr().map_err(|source| StartError::Io {
            action: "the address is not known".to_owned(),
            source,
        })
    }

    /// Answers requests until `stop` is ready, then takes no more, and finishes those that run.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(self.app.limits.connections));
        let router = self.app.router();
        let graceful = GracefulShutdown::new();
        let mut refresh = interval(REFRESH);
        let mut stop = core::pin::pin!(stop);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => match Arc::clone(&connections).try_acquire_owned() {
                        Ok(permit) => self.serve(stream, permit, router.clone(), graceful.watcher()),
                        Err(_) => self.app.metrics.connections_refused.inc(),
                    },
                    Err(error) => {
                        // As of too many open files: those that close will help.
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(Duration::from_millis(50)).await;
                    }
                },
                _ = refresh.tick() => {
                    let app = Arc::clone(&self.app);
                    tokio::spawn(async move { app.refresh_tokens().await });
                }
                () = &mut stop => break,
            }
        }
        self.app.stop();
        drop(self.listener);
        tracing::info!(
            running = graceful.count(),
            "stopping: what runs is finished"
        );
        if timeout(STOP_TIMEOUT, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections did not finish in time");
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        permit: OwnedSemaphorePermit,
        router: Router,
        watcher: Watcher,
    ) {
        // Small responses should not wait for more.
        let _ = stream.set_nodelay(true);
        let tls = self.tls.clone();
        let open = Open::new(self.app.metrics.connections.clone(), permit);
        tokio::spawn(async move {
            match tls {
                None => converse(stream, router, watcher).await,
                Some(Tls(acceptor)) => {
                    if let Ok(Ok(stream)) =
                        timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await
                    {
                        converse(stream, router, watcher).await;
                    }
                }
            }
            drop(open);
        });
    }
}

/// Counts a connection while it is open.
struct Open {
    gauge: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Open {
    fn new(gauge: IntGauge, permit: OwnedSemaphorePermit) -> Self {
        gauge.inc();
        Self {
            gauge,
            _permit: permit,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: Watcher,
) {
    let stream = TokioIo::new(StallGuard::new(stream, WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(stream, TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}
