//! Who may do what: tokens, kept as SHA-256, compared in constant time.
//!
//! A token is 32 random bytes, so that a fast hash hides it as well as a slow one would; the store holds
//! `tokens/{name}.json` with the hash and the role, and the token itself is shown once, when it is made.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::cache::Tag;
use crate::names::{Name, from_hex, to_hex};
use crate::store::{Store, StoreError};

/// How often the tokens of the store are read again: a token that was removed works for no longer.
pub(crate) const REFRESH: Duration = Duration::from_secs(5);
/// How long tokens are believed while the store does not answer.
const TRUST: Duration = Duration::from_secs(60);
/// An unknown token makes the store be read at most this often.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Deploys and deletes models, reads metrics, and does what a client does.
    Owner,
    /// Lists models, keeps evaluation keys of its own, asks for predictions.
    Client,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Client => "client",
        })
    }
}

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the token; keys belong to it.
    pub name: Name,
    /// What it may do.
    pub role: Role,
}

/// A token in the clear.
pub struct Token(String);

impl Token {
    /// A fresh one, from the randomness of the operating system.
    ///
    /// # Errors
    /// If the system gives none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("tnb_{}", to_hex(&bytes))))
    }

    /// The **secret** text that a client sends as `Authorization: Bearer …`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn record(&self, role: Role) -> TokenRecord {
        TokenRecord {
            role,
            sha256: to_hex(&hash(&self.0)),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What the store keeps of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// What it allows.
    pub role: Role,
    /// SHA-256 of the token, hexadecimal.
    pub sha256: String,
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A token of the store.
#[derive(Clone, Debug)]
struct Known {
    identity: Identity,
    sha256: [u8; 32],
    tag: Tag,
}

/// The tokens of the store, read now and then.
#[derive(Debug)]
pub(crate) struct Tokens {
    known: RwLock<Arc<Vec<Known>>>,
    read: Mutex<Instant>,
    reading: tokio::sync::Mutex<Option<Instant>>,
}

/// Why a token was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No such token.
    Unknown,
    /// The store has not answered for so long that tokens may have been revoked.
    Stale,
}

impl Tokens {
    /// Reads the tokens of a store.
    pub(crate) async fn read(store: &Store) -> Result<Self, StoreError> {
        let tokens = Self {
            known: RwLock::default(),
            read: Mutex::new(Instant::now()),
            reading: tokio::sync::Mutex::new(None),
        };
        tokens.refresh(store).await?;
        Ok(tokens)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.current().len()
    }

    /// Reads those that changed.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let before = self.current();
        let before: HashMap<&Name, &Known> = before
            .iter()
            .map(|known| (&known.identity.name, known))
            .collect();
        let mut known = Vec::new();
        for entry in store.tokens().await? {
            match before.get(&entry.name) {
                Some(same) if same.tag == entry.tag => known.push((*same).clone()),
                _ => known.extend(self.read_one(store, entry.name, entry.tag).await?),
            }
        }
        let mut slot = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Arc::new(known);
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(())
    }

    async fn read_one(
        &self,
        store: &Store,
        name: Name,
        tag: Tag,
    ) -> Result<Option<Known>, StoreError> {
        let Some(record) = store.token(&name).await? else {
            return Ok(None);
        };
        let Some(sha256) = from_hex(&record.sha256) else {
            tracing::warn!(token = %name, "the record of a token is malformed and was passed over");
            return Ok(None);
        };
        let identity = Identity {
            name,
            role: record.role,
        };
        Ok(Some(Known {
            identity,
            sha256,
            tag,
        }))
    }

    /// Whose token it is.
    pub(crate) async fn identify(
        &self,
        store: &Store,
        presented: &str,
    ) -> Result<Identity, Refusal> {
        let presented = hash(presented);
        if let Some(identity) = find(&self.current(), &presented) {
            return if self.age() < TRUST {
                Ok(identity)
            } else {
                Err(Refusal::Stale)
            };
        }
        // It may have been made a moment ago.
        let mut last = self.reading.lock().await;
        if last.is_none_or(|last| last.elapsed() > IMPATIENCE) {
            if let Err(error) = self.refresh(store).await {
                tracing::warn!(%error, "the tokens of the store could not be read");
            }
            *last = Some(Instant::now());
        }
        drop(last);
        find(&self.current(), &presented).ok_or(Refusal::Unknown)
    }

    fn current(&self) -> Arc<Vec<Known>> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn age(&self) -> Duration {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}

/// Looks at every token, whichever matches: the time says nothing about them.
fn find(known: &[Known], presented: &[u8; 32]) -> Option<Identity> {
    let mut found = u64::MAX;
    for (index, token) in (0u64..).zip(known) {
        let same: Choice = token.sha256.ct_eq(presented);
        found.conditional_assign(&index, same);
    }
    let index = usize::try_from(found).ok()?;
    known.get(index).map(|token| token.identity.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, token: &Token, role: Role) -> Known {
        Known {
            identity: Identity {
                name: name.parse().unwrap(),
                role,
            },
            sha256: hash(token.secret()),
            tag: "1".into(),
        }
    }

    #[test]
    fn a_token_is_found_by_its_hash_alone() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let list = [
            known("one", &one, Role::Owner),
            known("other", &other, Role::Client),
        ];
        assert_eq!(
            find(&list, &hash(other.secret())),
            Some(list[1].identity.clone())
        );
        assert_eq!(find(&list, &hash("tnb_")), None);
        assert_eq!(find(&[], &hash(one.secret())), None);
        assert_eq!(format!("{one:?}"), "Token(..)");
        assert_eq!(one.secret().len(), 4 + 64);
    }

    #[tokio::test]
    async fn tokens_come_and_go_with_the_store() {
        let store = Store::in_memory();
        let token = Token::generate().unwrap();
        let name: Name = "ada".parse().unwrap();
        let tokens = Tokens::read(&store).await.unwrap();
        assert!(tokens.identify(&store, token.secret()).await.is_err());
        assert!(
            store
                .put_token(&name, &token.record(Role::Client))
                .await
                .unwrap()
        );
        // Within the second of impatience it stays unknown; a refresh finds it.
        assert!(tokens.identify(&store, token.secret()).await.is_err());
        tokens.refresh(&store).await.unwrap();
        let identity = tokens.identify(&store, token.secret()).await.unwrap();
        assert_eq!(
            (identity.name.as_str(), identity.role),
            ("ada", Role::Client)
        );
        // A name is not taken twice.
        assert!(
            !store
                .put_token(&name, &token.record(Role::Owner))
                .await
                .unwrap()
        );
        assert!(store.delete_token(&name).await.unwrap());
        tokens.refresh(&store).await.unwrap();
        assert!(tokens.identify(&store, token.secret()).await.is_err());
    }
}
