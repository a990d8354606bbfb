//! The command `token`.

use core::time::Duration;
use std::time::UNIX_EPOCH;

use clap::{Args, Subcommand};

use super::{make_files_private, runtime};
use crate::app::StartError;
use crate::names::Name;
use crate::store::{Store, StoreError};
use crate::tokens::{Role, Token, seconds_since_1970};

/// The last second of the year 9999, since 1970: RFC 3339 has years of four digits.
const LAST_EXPIRY: u64 = 253_402_300_799;

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
        /// Name of its holder; evaluation keys and models belong to it
        name: Name,
        /// What it allows: owners deploy models of their own, clients use them, admins do all, metrics reads /metrics alone
        #[arg(long, value_enum)]
        role: Role,
        /// When it ends, as 90d or 12h; never, if it is left out
        #[arg(long, value_name = "TIME", value_parser = time_to_live)]
        expires: Option<Duration>,
        /// A model it may use, and no others; may be repeated
        #[arg(long = "model", value_name = "ID")]
        models: Vec<Name>,
        /// The server's store
        #[arg(long, env = "TENEBRA_STORE")]
        store: String,
    },
    /// Make a new token for its holder and print it; the old one works on for a while
    Rotate {
        /// Name of its holder
        name: Name,
        /// How long the old token works on, as 24h
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration)]
        overlap: Duration,
        /// When the new one ends, as 90d; when the old one would have, if it is left out
        #[arg(long, value_name = "TIME", value_parser = time_to_live)]
        expires: Option<Duration>,
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
    /// Remove a token, and the evaluation keys of its holder; servers refuse it within two seconds
    Remove {
        /// Name of its holder
        name: Name,
        /// The server's store
        #[arg(long, env = "TENEBRA_STORE")]
        store: String,
    },
}

impl TokenArguments {
    /// Does it, and returns what goes to stdout.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn run(&self) -> Result<String, StartError> {
        make_files_private();
        runtime()?.block_on(self.command.run())
    }
}

impl TokenCommand {
    async fn run(&self) -> Result<String, StartError> {
        match self {
            Self::Add {
                name,
                role,
                expires,
                models,
                store,
            } => {
                let token = generate()?;
                let mut record = token.record(*role);
                record.models = (!models.is_empty()).then(|| models.clone());
                if let Some(time) = expires {
                    record.expire_after(*time);
                }
                if !Store::open(store)?.put_token(name, &record).await? {
                    return Err(StartError::Arguments(
                        "there is a token of that name; remove it first, or choose another name",
                    ));
                }
                Ok(format!("{}\n", token.secret()))
            }
            Self::Rotate {
                name,
                overlap,
                expires,
                store,
            } => {
                let found = existing(store)?;
                let record = found.token(name).await;
                let Some(mut record) = record.map_err(|e| missing(e.into(), store))? else {
                    return Err(NO_SUCH_TOKEN);
                };
                let token = generate()?;
                record.rotate(&token, *overlap);
                if let Some(time) = expires {
                    record.expire_after(*time);
                }
                found.replace_token(name, &record).await?;
                Ok(format!("{}\n", token.secret()))
            }
            Self::List { store } => list(&existing(store)?).await.map_err(|e| missing(e, store)),
            Self::Remove { name, store } => {
                let deleted = existing(store)?.delete_token(name).await;
                if deleted.map_err(|e| missing(e.into(), store))? {
                    return Ok(String::new());
                }
                Err(NO_SUCH_TOKEN)
            }
        }
    }
}

/// How long a token works: no longer than its end can be written.
fn time_to_live(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    if seconds_since_1970().saturating_add(time.as_secs()) > LAST_EXPIRY {
        let last = written(LAST_EXPIRY);
        return Err(format!(
            "the token would end after {last}, the last time that can be written; give a shorter time"
        ));
    }
    Ok(time)
}

/// A time in seconds since 1970, as RFC 3339 has it; one that is later than it has any, as earlier versions took, as it is.
fn written(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    match time.filter(|_| seconds <= LAST_EXPIRY) {
        Some(time) => humantime::format_rfc3339_seconds(time).to_string(),
        None => format!("{seconds} s after 1970-01-01T00:00:00Z"),
    }
}

/// A store that is there already: a mistyped path would be a new, empty one.
fn existing(location: &str) -> Result<Store, StartError> {
    Store::open_existing(location).map_err(|e| missing(e.into(), location))
}

/// With the location that has no store; of a bucket, that is known once it is asked.
fn missing(error: StartError, location: &str) -> StartError {
    match error {
        StartError::Store(StoreError::Missing) => StartError::NoStore {
            location: location.to_owned(),
        },
        other => other,
    }
}

const NO_SUCH_TOKEN: StartError = StartError::Arguments("there is no token of that name");

fn generate() -> Result<Token, StartError> {
    Token::generate().map_err(|e| StartError::Io {
        action: "the operating system gave no randomness".to_owned(),
        source: e.into(),
    })
}

/// Name and role; then, where there are any, when it ends and the models it may use.
async fn list(store: &Store) -> Result<String, StartError> {
    let mut lines = String::new();
    for entry in store.tokens().await? {
        let Some(record) = store.token(&entry.name).await? else {
            continue;
        };
        let mut fields = vec![entry.name.to_string(), record.role.to_string()];
        if let Some(seconds) = record.expires {
            fields.push(format!("expires {}", written(seconds)));
        }
        if let Some(models) = &record.models {
            let models: Vec<&str> = models.iter().map(Name::as_str).collect();
            fields.push(format!("models {}", models.join(",")));
        }
        lines.push_str(&fields.join("\t"));
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_while_times_can_be_written() {
        assert_eq!(time_to_live("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert!(time_to_live("7000y").is_ok());
        // The last is beyond what the system's clock holds.
        for time in ["8000y", "300000000000y"] {
            let message = time_to_live(time).unwrap_err();
            assert!(message.contains("9999-12-31T23:59:59Z"), "{message}");
        }
        assert!(time_to_live("soon").is_err());
    }

    /// Earlier versions took any time.
    #[tokio::test]
    async fn every_store_is_listed() {
        let store = Store::in_memory();
        for (name, expires) in [
            ("a", LAST_EXPIRY),
            ("b", LAST_EXPIRY + 1),
            ("c", 1 << 63),
            ("d", u64::MAX),
        ] {
            let mut record = generate().unwrap().record(Role::Client);
            record.expires = Some(expires);
            assert!(
                store
                    .put_token(&name.parse().unwrap(), &record)
                    .await
                    .unwrap()
            );
        }
        assert_eq!(
            list(&store).await.unwrap(),
            "a\tclient\texpires 9999-12-31T23:59:59Z\n\
             b\tclient\texpires 253402300800 s after 1970-01-01T00:00:00Z\n\
             c\tclient\texpires 9223372036854775808 s after 1970-01-01T00:00:00Z\n\
             d\tclient\texpires 18446744073709551615 s after 1970-01-01T00:00:00Z\n"
        );
    }
}
