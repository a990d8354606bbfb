//! The commands `serve` and `token`: of the binary `tenebra-server`, and of `tenebra`.

mod token;

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::{Args, ValueEnum};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::app::{App, StartError};
use crate::config::Limits;
use crate::listen::{Server, Tls};
use crate::store::Store;
use crate::trial::{self, Trial};

pub use token::TokenArguments;

/// Serve models: owners deploy them, clients send encrypted queries.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenebra serve --store /var/lib/tenebra --listen 127.0.0.1:8080 --open      (this machine alone)
  tenebra token add alice --role owner --store /var/lib/tenebra
  tenebra serve --store /var/lib/tenebra --listen 0.0.0.0:8443 --tls-certificate chain.pem --tls-key key.pem
  tenebra serve --store s3://bucket/prefix --listen 0.0.0.0:8080             (behind a proxy; AWS_* as usual)")]
pub struct ServeArguments {
    /// A folder, which is made if it is not there, or s3://BUCKET/PREFIX
    #[arg(long, env = "TENEBRA_STORE", required_unless_present = "trial")]
    store: Option<String>,
    /// Address and port
    #[arg(long, default_value = "127.0.0.1:8080", env = "TENEBRA_LISTEN")]
    listen: SocketAddr,
    /// Another address, for /healthz, /readyz and /metrics alone, which no crowd of clients closes. On loopback it asks for no
    /// token; elsewhere /metrics does
    #[arg(long, value_name = "ADDRESS", env = "TENEBRA_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,
    /// Make no store: refuse to start where there is none, as on a disk that was not mounted
    #[arg(long)]
    no_create: bool,
    /// Ask for no tokens: whoever reaches the address owns the server; on loopback only
    #[arg(long)]
    open: bool,
    /// Chain of certificates, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Certificates, PEM: clients have to show one that one of these signed, besides their token
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_client_ca: Option<PathBuf>,
    /// Append a line of JSON for every request to this file; SIGHUP opens it again
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Form of the log on stderr; `TENEBRA_LOG` filters it, as in `debug` or `tenebra_server=debug`
    #[arg(long, value_enum, default_value_t = LogForm::Text)]
    log: LogForm,
    /// Instead of serving, verify the server program on stdin: what a server starts for each upload
    #[arg(long, hide = true)]
    trial: bool,
    #[command(flatten)]
    limits: LimitArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogForm {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// Limits that have other defaults than [`Limits::default`] only where they are given.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArguments {
    /// Evaluations at a time [default: the processor's threads]
    #[arg(long, value_name = "N", value_parser = count())]
    workers: Option<u16>,
    /// Evaluations of one client that may wait; its next is refused with 503 [default: twice the workers]
    #[arg(long, value_name = "N")]
    waiting: Option<u16>,
    /// Threads that one evaluation of a forest may use [default: the processor's threads]
    #[arg(long, value_name = "N", value_parser = count())]
    threads: Option<u16>,
    /// Open connections
    #[arg(long, value_name = "N", default_value_t = 1024)]
    connections: u32,
    /// Open connections of one address [default: half of all, or 64]
    #[arg(long, value_name = "N", value_parser = count())]
    connections_per_address: Option<u16>,
    /// Longest time of a query, seconds, waiting included
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    query_seconds: u32,
    /// How long it answers on, unready, once it was told to stop, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace_seconds: u32,
    /// Bodies of requests held in memory, MiB
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    body_mib: u32,
    /// Largest model, MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    model_mib: u32,
    /// Longest verification of an uploaded model: so many seconds, and as many for each MiB of it
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    model_seconds: u32,
    /// Models held prepared, MiB of memory
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    models_cached_mib: u32,
    /// Evaluation keys held in memory, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    keys_cached_mib: u32,
    /// Evaluation keys of one client
    #[arg(long, value_name = "N", default_value_t = 16)]
    keys_per_client: u32,
    /// Size of the store, MiB
    #[arg(long, value_name = "MIB", default_value_t = 64 * 1024)]
    store_mib: u32,
}

fn count() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=1024)
}

impl LimitArguments {
    fn limits(&self) -> Limits {
        let bytes = |mib: u32| u64::from(mib) << 20;
        let preset = Limits::default();
        let workers = self.workers.map_or(preset.workers, usize::from);
        Limits {
            workers,
            waiting: self.waiting.map_or(2 * workers, usize::from),
            threads: self.threads.map_or(preset.threads, usize::from),
            connections: self.connections as usize,
            connections_per_address: self.connections_per_address.map(usize::from),
            patience: Duration::from_secs(self.query_seconds.into()),
            grace: Duration::from_secs(self.grace_seconds.into()),
            body_bytes: bytes(self.body_mib),
            model_bytes: usize::try_from(bytes(self.model_mib)).unwrap_or(usize::MAX),
            trial_seconds: self.model_seconds,
            models_cached_bytes: bytes(self.models_cached_mib),
            keys_cached_bytes: bytes(self.keys_cached_mib),
            keys_per_client: self.keys_per_client as usize,
            store_bytes: bytes(self.store_mib),
            ..preset
        }
    }
}

impl ServeArguments {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn run(&self) -> Result<ExitCode, StartError> {
        let mut limits = self.limits.limits();
        if self.trial {
            return Ok(trial::answer(&limits));
        }
        self.start_log();
        let threads = limits.threads.to_string();
        let trial = Trial::of_this_program(&["serve", "--trial", "--threads", &threads]);
        limits.trial = Some(trial.map_err(|source| StartError::Io {
            action: "the program's own file is not known".to_owned(),
            source,
        })?);
        make_files_private();
        let runtime = runtime()?;
        let served = runtime.block_on(self.serve(limits));
        // A store that hangs would be waited for.
        runtime.shutdown_background();
        served
    }

    async fn serve(&self, limits: Limits) -> Result<ExitCode, StartError> {
        let tls = match (&self.tls_certificate, &self.tls_key) {
            (Some(chain), Some(key)) => Some(Tls::read(chain, key, self.tls_client_ca.as_deref())?),
            _ => None,
        };
        // Asked for by the arguments.
        let location = self.store.as_deref().unwrap_or_default();
        let store = if self.no_create {
            Store::open_existing(location)?
        } else {
            Store::open(location)?
        };
        let app = App::new(store, limits, self.open).await?;
        if let Some(path) = &self.audit_log {
            app.open_audit_log(path)?;
        }
        let tokens = app.token_count();
        let mut server = Server::bind(Arc::clone(&app), self.listen, tls.clone()).await?;
        if let Some(admin) = self.admin_listen {
            server = server.with_admin(admin)?;
        }
        let (address, admin) = (server.address()?, server.admin_address()?);
        let signals = Signals::new()?;
        let admin_address = admin.map(tracing::field::display);
        tracing::info!(%address, admin_address, store = location, tokens, "listening");
        if tokens == Some(0) {
            tracing::warn!(
                "the store has no tokens, so every request is refused; make one with `token add`"
            );
        }
        server.run(signals.stop(app, tls)).await;
        Ok(ExitCode::SUCCESS)
    }

    fn start_log(&self) {
        let filter =
            EnvFilter::try_from_env("TENEBRA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(AutoStream::choice(&std::io::stderr()) != ColorChoice::Never)
            .with_writer(std::io::stderr);
        // Fails if the program logs already, which is as good.
        let _ = match self.log {
            LogForm::Text => log.try_init(),
            LogForm::Json => log.json().flatten_event(true).try_init(),
        };
    }
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| StartError::Io {
            action: "threads could not be started".to_owned(),
            source,
        })
}

/// What this process writes from now on, its owner alone may read.
pub(crate) fn make_files_private() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, StartError> {
        let listen = |kind| {
            signal(kind).map_err(|source| StartError::Io {
                action: "signals cannot be listened for".to_owned(),
                source,
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Ready on SIGTERM or SIGINT; a second one ends the grace time. On SIGHUP the certificate is read and the audit log opened again.
    async fn stop(mut self, app: Arc<App>, tls: Option<Tls>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                _ = self.hangup.recv() => {
                    tracing::info!("SIGHUP: the certificate is read and the audit log opened again");
                    app.reopen_audit_log();
                    if let Some(tls) = tls.clone() {
                        tokio::task::spawn_blocking(move || tls.reload());
                    }
                }
            }
        }
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = self.terminate.recv() => app.hurry(),
                    _ = self.interrupt.recv() => app.hurry(),
                    _ = self.hangup.recv() => {}
                }
            }
        });
    }
}
