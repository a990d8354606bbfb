//! The commands `serve` and `token`: of the binary `tenebra-server`, and of `tenebra`.

use core::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::app::{App, StartError};
use crate::config::Limits;
use crate::listen::{Server, Tls};
use crate::names::Name;
use crate::store::Store;
use crate::tokens::{Role, Token};

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
    #[arg(long, env = "TENEBRA_STORE")]
    store: String,
    /// Address and port
    #[arg(long, default_value = "127.0.0.1:8080", env = "TENEBRA_LISTEN")]
    listen: SocketAddr,
    /// Ask for no tokens: whoever reaches the address owns the server; on loopback only
    #[arg(long)]
    open: bool,
    /// Chain of certificates, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Form of the log on stderr; `TENEBRA_LOG` filters it, as in `debug` or `tenebra_server=debug`
    #[arg(long, value_enum, default_value_t = LogForm::Text)]
    log: LogForm,
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
    /// Admitted evaluations that may wait; the next is refused with 503 [default: twice the workers]
    #[arg(long, value_name = "N")]
    waiting: Option<u16>,
    /// Threads that one evaluation of a forest may use [default: the processor's threads]
    #[arg(long, value_name = "N", value_parser = count())]
    threads: Option<u16>,
    /// Open connections
    #[arg(long, value_name = "N", default_value_t = 1024)]
    connections: u32,
    /// Bodies of requests held in memory, MiB
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    body_mib: u32,
    /// Largest model, MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    model_mib: u32,
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
            body_bytes: bytes(self.body_mib),
            model_bytes: usize::try_from(bytes(self.model_mib)).unwrap_or(usize::MAX),
            models_cached_bytes: bytes(self.models_cached_mib),
            keys_cached_bytes: bytes(self.keys_cached_mib),
            keys_per_client: self.keys_per_client as usize,
            store_bytes: bytes(self.store_mib),
            ..preset
        }
    }
}

/// Make, list and remove tokens.
#[derive(Debug, Args)]
pub struct TokenArguments {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it; it is shown this once, the store keeps a hash
    Add {
        /// Name of its holder; evaluation keys belong to it
        name: Name,
        /// What it allows: owners deploy models, clients use them
        #[arg(long, value_enum)]
        role: Role,
        /// The server's store
        #[arg(long, env = "TENEBRA_STORE")]
        store: String,
    },
    /// Print names and roles
    List {
        /// The server's store
        #[arg(long, env = "TENEBRA_STORE")]
        store: String,
    },
    /// Remove a token; servers refuse it within five seconds
    Remove {
        /// Name of its holder
        name: Name,
        /// The server's store
        #[arg(long, env = "TENEBRA_STORE")]
        store: String,
    },
}

impl ServeArguments {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn run(&self) -> Result<ExitCode, StartError> {
        self.start_log();
        let limits = self.limits.limits();
        runtime()?.block_on(async {
            let tls = match (&self.tls_certificate, &self.tls_key) {
                (Some(certificates), Some(key)) => Some(Tls::read(certificates, key)?),
                _ => None,
            };
            let app = App::new(Store::open(&self.store)?, limits, self.open).await?;
            let tokens = app.token_count();
            let server = Server::bind(app, self.listen, tls).await?;
            let address = server.address()?;
            tracing::info!(%address, store = self.store, tokens, "listening");
            if tokens == Some(0) {
                tracing::warn!("the store has no tokens, so every request is refused; make one with `token add`");
            }
            let stop = stop_signal()?;
            server.run(stop).await;
            Ok(ExitCode::SUCCESS)
        })
    }

    fn start_log(&self) {
        let filter =
            EnvFilter::try_from_env("TENEBRA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        // Fails if the program logs already, which is as good.
        let _ = match self.log {
            LogForm::Text => log.try_init(),
            LogForm::Json => log.json().flatten_event(true).try_init(),
        };
    }
}

impl TokenArguments {
    /// Does it, and returns what goes to stdout.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn run(&self) -> Result<String, StartError> {
        runtime()?.block_on(async {
            match &self.command {
                TokenCommand::Add { name, role, store } => {
                    let token = Token::generate().map_err(|e| StartError::Io {
                        action: "the operating system gave no randomness".to_owned(),
                        source: e.into(),
                    })?;
                    if !Store::open(store)?.put_token(name, &token.record(*role)).await? {
                        return Err(StartError::Arguments(
                            "there is a token of that name; remove it first, or choose another name",
                        ));
                    }
                    Ok(format!("{}\n", token.secret()))
                }
                TokenCommand::List { store } => list(&Store::open(store)?).await,
                TokenCommand::Remove { name, store } => {
                    if Store::open(store)?.delete_token(name).await? {
                        return Ok(String::new());
                    }
                    Err(StartError::Arguments("there is no token of that name"))
                }
            }
        })
    }
}

async fn list(store: &Store) -> Result<String, StartError> {
    let mut lines = String::new();
    for entry in store.tokens().await? {
        if let Some(record) = store.token(&entry.name).await? {
            lines.push_str(&format!("{}\t{}\n", entry.name, record.role));
        }
    }
    Ok(lines)
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

/// Ready on SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    let listen = |kind| {
        signal(kind).map_err(|source| StartError::Io {
            action: "signals cannot be listened for".to_owned(),
            source,
        })
    };
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
