//! The tokens of the store, as they were when it was last read.

use alloc::sync::Arc;
use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use tokio::time::Instant;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Identity, TokenRecord, hash, seconds_since_1970};
use crate::cache::Tag;
use crate::names::{Holder, Name, from_hex};
use crate::store::{Store, StoreError};

/// How often the tokens of the store are read again.
pub(crate) const REFRESH: Duration = Duration::from_secs(1);
/// How long tokens are believed while the store does not answer.
const TRUST: Duration = Duration::from_secs(60);
/// If the tokens are older, an unknown one may be new.
const OLD: Duration = Duration::from_secs(5);
/// A token that may have been made a moment ago waits for the next reading, which comes anyway, no longer than this.
const PATIENCE: Duration = Duration::from_millis(1500);
/// So many wait at a time.
const WAITING: usize = 64;
/// Unknown tokens that waited and are not to wait again.
const REFUSED: usize = 1024;

/// A token of the store.
#[derive(Clone, Debug)]
struct Known {
    identity: Identity,
    expires: Option<u64>,
    tag: Tag,
}

/// Why a token was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such token.
    Unknown,
    /// It was one, and has ended.
    Expired,
    /// The store has not answered for so long that tokens may have been revoked.
    Stale,
}

/// The tokens of the store, read now and then. Requests never read it.
#[derive(Debug)]
pub(crate) struct Tokens {
    known: RwLock<Arc<Vec<Known>>>,
    read: Mutex<Instant>,
    readings: watch::Sender<u64>,
    waiting: tokio::sync::Semaphore,
    refused: Mutex<HashSet<[u8; 32]>>,
}

impl Tokens {
    /// Reads the tokens of a store.
    pub(crate) async fn read(store: &Store) -> Result<Self, StoreError> {
        let tokens = Self {
            known: RwLock::default(),
            read: Mutex::new(Instant::now()),
            readings: watch::Sender::new(0),
            waiting: tokio::sync::Semaphore::new(WAITING),
            refused: Mutex::default(),
        };
        tokens.refresh(store).await?;
        Ok(tokens)
    }

    /// How many names there are.
    pub(crate) fn count(&self) -> usize {
        let known = self.current();
        let names: HashSet<&Name> = known.iter().map(|known| &known.identity.name).collect();
        names.len()
    }

    /// Reads those that changed.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let before = self.current();
        let mut unchanged: HashMap<&Name, Vec<&Known>> = HashMap::new();
        for known in before.iter() {
            unchanged
                .entry(&known.identity.name)
                .or_default()
                .push(known);
        }
        let mut known = Vec::new();
        for entry in store.tokens().await? {
            match unchanged.get(&entry.name) {
                Some(same) if same.iter().all(|one| one.tag == entry.tag) => {
                    known.extend(same.iter().map(|one| (*one).clone()));
                }
                _ => {
                    let record = store.token(&entry.name).await?;
                    known.extend(
                        record
                            .iter()
                            .flat_map(|it| tokens_of(&entry.name, it, &entry.tag)),
                    );
                }
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        *lock(&self.read) = Instant::now();
        self.readings.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Whose token it is.
    pub(crate) async fn identify(&self, presented: &str) -> Result<Identity, Refusal> {
        let sha256 = hash(presented);
        if let Some(known) = find(&self.current(), &sha256) {
            return self.accept(known);
        }
        if self.age() > OLD {
            return Err(Refusal::Stale);
        }
        if !is_well_formed(presented) || lock(&self.refused).contains(&sha256) {
            return Err(Refusal::Unknown);
        }
        let Ok(_turn) = self.waiting.try_acquire() else {
            return Err(Refusal::Unknown);
        };
        let mut readings = self.readings.subscribe();
        readings.mark_unchanged();
        // If it does not come, there is nothing new to look at.
        let _ = timeout(PATIENCE, readings.changed()).await;
        match find(&self.current(), &sha256) {
            Some(known) => self.accept(known),
            None => {
                let mut refused = lock(&self.refused);
                if refused.len() >= REFUSED {
                    refused.clear();
                }
                refused.insert(sha256);
                Err(Refusal::Unknown)
            }
        }
    }

    /// Whether the token by which somebody was known is still one, of the same role.
    pub(crate) fn recheck(&self, identity: &Identity) -> Result<(), Refusal> {
        match find(&self.current(), &identity.sha256) {
            Some(known) => match self.accept(known)? {
                now if now == *identity => Ok(()),
                _ => Err(Refusal::Unknown),
            },
            None => Err(Refusal::Unknown),
        }
    }

    fn accept(&self, known: Known) -> Result<Identity, Refusal> {
        if self.age() > TRUST {
            return Err(Refusal::Stale);
        }
        if known.expires.is_some_and(|end| end <= seconds_since_1970()) {
            return Err(Refusal::Expired);
        }
        Ok(known.identity)
    }

    fn current(&self) -> Arc<Vec<Known>> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn age(&self) -> Duration {
        lock(&self.read).elapsed()
    }
}

/// The token of a record, and those that it replaces.
fn tokens_of(name: &Name, record: &TokenRecord, tag: &Tag) -> Vec<Known> {
    let models: Option<Arc<[Name]>> = record.models.as_deref().map(Into::into);
    let known = |sha256: &str, expires| {
        let Some(sha256) = from_hex(sha256) else {
            tracing::warn!(token = %name, "the record of a token is malformed and was passed over");
            return None;
        };
        Some(Known {
            identity: Identity {
                name: name.clone(),
                role: record.role,
                holder: Holder::new(name, record.generation.as_deref()),
                models: models.clone(),
                sha256,
            },
            expires,
            tag: tag.clone(),
        })
    };
    let previous = record.previous.iter();
    let previous = previous.filter_map(|it| known(&it.sha256, Some(it.expires)));
    known(&record.sha256, record.expires)
        .into_iter()
        .chain(previous)
        .collect()
}

/// `tnb_` and 64 digits.
fn is_well_formed(presented: &str) -> bool {
    let digits = presented.strip_prefix("tnb_");
    digits.is_some_and(|digits| from_hex::<32>(digits).is_some())
}

/// Looks at every token, whichever matches: the time says nothing about them.
fn find(known: &[Known], presented: &[u8; 32]) -> Option<Known> {
    let mut found = u64::MAX;
    for (index, token) in (0u64..).zip(known) {
        let same: Choice = token.identity.sha256.ct_eq(presented);
        found.conditional_assign(&index, same);
    }
    let index = usize::try_from(found).ok()?;
    known.get(index).cloned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Role, Token};

    fn known(name: &str, token: &Token, role: Role) -> Known {
        let known = tokens_of(&name.parse().unwrap(), &token.record(role), &"1".into());
        known.into_iter().next().unwrap()
    }

    #[test]
    fn a_token_is_found_by_its_hash_alone() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let list = [
            known("one", &one, Role::Owner),
            known("other", &other, Role::Client),
        ];
        let found = find(&list, &hash(other.secret())).unwrap();
        assert_eq!(found.identity, list[1].identity);
        assert!(find(&list, &hash("tnb_")).is_none());
        assert!(find(&[], &hash(one.secret())).is_none());
        assert_eq!(format!("{one:?}"), "Token(..)");
        assert_eq!(one.secret().len(), 4 + 64);
    }

    #[tokio::test]
    async fn tokens_come_and_go_with_the_store() {
        let store = Store::in_memory();
        let token = Token::generate().unwrap();
        let name: Name = "ada".parse().unwrap();
        let tokens = Tokens::read(&store).await.unwrap();
        let record = token.record(Role::Client);
        assert!(store.put_token(&name, &record).await.unwrap());
        // It waits for the next reading.
        let (identity, ()) = tokio::join!(tokens.identify(token.secret()), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            tokens.refresh(&store).await.unwrap();
        });
        let identity = identity.unwrap();
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
        tokens.recheck(&identity).unwrap();
        assert!(store.delete_token(&name).await.unwrap());
        tokens.refresh(&store).await.unwrap();
        assert_eq!(tokens.recheck(&identity), Err(Refusal::Unknown));
        assert_eq!(tokens.identify(token.secret()).await, Err(Refusal::Unknown));
        // The second time it does not wait.
        let start = Instant::now();
        assert_eq!(tokens.identify(token.secret()).await, Err(Refusal::Unknown));
        assert_eq!(tokens.identify("tnb_guess").await, Err(Refusal::Unknown));
        assert!(start.elapsed() < Duration::from_millis(500));
    }

    #[tokio::test]
    async fn tokens_expire_and_rotate_with_an_overlap() {
        let store = Store::in_memory();
        let name: Name = "ada".parse().unwrap();
        let [old, new, short] = [(), (), ()].map(|()| Token::generate().unwrap());
        let mut record = old.record(Role::Client);
        record.rotate(&new, Duration::from_secs(60));
        store.put_token(&name, &record).await.unwrap();
        let mut ended = short.record(Role::Client);
        ended.expire_after(Duration::ZERO);
        store
            .put_token(&"bob".parse().unwrap(), &ended)
            .await
            .unwrap();
        let tokens = Tokens::read(&store).await.unwrap();
        assert_eq!(tokens.count(), 2);
        let (one, other) = (
            tokens.identify(old.secret()).await.unwrap(),
            tokens.identify(new.secret()).await.unwrap(),
        );
        assert_eq!(one.holder, other.holder);
        assert_eq!(tokens.identify(short.secret()).await, Err(Refusal::Expired));
        record.previous[0].expires = seconds_since_1970();
        store.replace_token(&name, &record).await.unwrap();
        tokens.refresh(&store).await.unwrap();
        assert_eq!(tokens.identify(old.secret()).await, Err(Refusal::Expired));
        tokens.recheck(&other).unwrap();
        assert!(tokens.recheck(&one).is_err());
    }

    /// A name that is given again is another holder.
    #[test]
    fn names_are_not_inherited() {
        let [first, second] = [(), ()].map(|()| Token::generate().unwrap());
        let holders =
            [&first, &second].map(|token| known("ada", token, Role::Client).identity.holder);
        assert_ne!(holders[0], holders[1]);
    }
}
