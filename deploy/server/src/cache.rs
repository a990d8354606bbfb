//! What was read from the store and prepared, kept while it is used, bounded by bytes.
//!
//! The store is the truth: an entry carries the tag of the object that it was made from, and is trusted for
//! [`MAX_AGE`] before the tag is compared again. So what another server replaced or deleted is seen within that time.

use alloc::sync::Arc;
use core::hash::{BuildHasher, Hash};
use core::time::Duration;
use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

use prometheus::IntCounter;

/// How long an entry is trusted without looking at the store.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(1);
/// Loads that may wait for each other without cause: those of keys that share a lock.
const LOCKS: usize = 16;

/// Identity of the contents of an object.
pub(crate) type Tag = Arc<str>;

/// Values by key; the least recently used leave first.
pub(crate) struct Cache<K, V> {
    state: Mutex<State<K, V>>,
    capacity_bytes: u64,
    locks: [tokio::sync::Mutex<()>; LOCKS],
    hasher: RandomState,
    hits: IntCounter,
    misses: IntCounter,
}

struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: u64,
    clock: u64,
}

struct Entry<V> {
    value: Arc<V>,
    tag: Tag,
    checked: Instant,
    bytes: u64,
    used: u64,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    /// An empty cache of at most `capacity_bytes`, which counts its hits and misses.
    pub(crate) fn new(capacity_bytes: u64, hits: IntCounter, misses: IntCounter) -> Self {
        Self {
            state: Mutex::new(State {
                entries: HashMap::new(),
                bytes: 0,
                clock: 0,
            }),
            capacity_bytes,
            locks: core::array::from_fn(|_| tokio::sync::Mutex::new(())),
            hasher: RandomState::new(),
            hits,
            misses,
        }
    }

    /// A value whose tag was compared within [`MAX_AGE`].
    pub(crate) fn fresh(&self, key: &K) -> Option<Arc<V>> {
        let value = self
            .lock()
            .touch(key, |entry| entry.checked.elapsed() < MAX_AGE);
        if value.is_some() {
            self.hits.inc();
        }
        value
    }

    /// A value whose tag was compared within `age`, for when it cannot be compared now.
    pub(crate) fn trusted(&self, key: &K, age: Duration) -> Option<Arc<V>> {
        self.lock()
            .touch(key, |entry| entry.checked.elapsed() < age)
    }

    /// A value with the tag that the object has now; it is trusted again.
    pub(crate) fn tagged(&self, key: &K, tag: &Tag) -> Option<Arc<V>> {
        let value = self.lock().touch(key, |entry| {
            let same = entry.tag == *tag;
            if same {
                entry.checked = Instant::now();
            }
            same
        });
        if value.is_some() {
            self.hits.inc();
        }
        value
    }

    /// Waits until nobody else loads `key`.
    pub(crate) async fn loading(&self, key: &K) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(key) % LOCKS as u64;
        self.locks[usize::try_from(hash).unwrap_or(0)].lock().await
    }

    /// Keeps a value of `bytes`, unless it alone is more than the cache holds.
    pub(crate) fn insert(&self, key: K, tag: Tag, value: V, bytes: u64) -> Arc<V> {
        self.misses.inc();
        let value = Arc::new(value);
        let mut state = self.lock();
        state.remove(&key);
        if bytes > self.capacity_bytes {
            return value;
        }
        while state.bytes + bytes > self.capacity_bytes && state.evict() {}
        state.clock += 1;
        state.bytes += bytes;
        let entry = Entry {
            value: Arc::clone(&value),
            tag,
            checked: Instant::now(),
            bytes,
            used: state.clock,
        };
        state.entries.insert(key, entry);
        value
    }

    /// A value takes more memory than when it was inserted: others leave for it. Does nothing if it was replaced meanwhile.
    pub(crate) fn resize(&self, key: &K, value: &Arc<V>, bytes: u64) {
        let mut state = self.lock();
        state.clock += 1;
        let clock = state.clock;
        let Some(entry) = state.entries.get_mut(key) else {
            return;
        };
        if !Arc::ptr_eq(&entry.value, value) {
            return;
        }
        entry.used = clock;
        let before = core::mem::replace(&mut entry.bytes, bytes);
        state.bytes = state.bytes - before + bytes;
        while state.bytes > self.capacity_bytes && state.entries.len() > 1 && state.evict() {}
    }

    /// Forgets a value.
    pub(crate) fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    /// Forgets the values whose keys are such.
    pub(crate) fn remove_all(&self, such: impl Fn(&K) -> bool) {
        let mut state = self.lock();
        let keys: Vec<K> = state
            .entries
            .keys()
            .filter(|key| such(key))
            .cloned()
            .collect();
        keys.iter().for_each(|key| state.remove(key));
    }

    /// The values there are.
    pub(crate) fn values(&self) -> Vec<(K, Arc<V>)> {
        let state = self.lock();
        let values = state.entries.iter();
        values
            .map(|(key, entry)| (key.clone(), Arc::clone(&entry.value)))
            .collect()
    }

    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone, V> State<K, V> {
    fn touch(&mut self, key: &K, accept: impl FnOnce(&mut Entry<V>) -> bool) -> Option<Arc<V>> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        if !accept(entry) {
            return None;
        }
        entry.used = self.clock;
        Some(Arc::clone(&entry.value))
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    /// Removes the entry that was not used for longest; false if there is none.
    fn evict(&mut self) -> bool {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
        let Some(key) = oldest.map(|(key, _)| key.clone()) else {
            return false;
        };
        self.remove(&key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(capacity: u64) -> Cache<&'static str, u32> {
        let counter = |name: &str| IntCounter::new(name, name).unwrap();
        Cache::new(capacity, counter("hits"), counter("misses"))
    }

    #[test]
    fn the_least_recently_used_leaves_first() {
        let cache = cache(10);
        let tag: Tag = "1".into();
        cache.insert("a", tag.clone(), 1, 4);
        cache.insert("b", tag.clone(), 2, 4);
        assert_eq!(cache.fresh(&"a").as_deref(), Some(&1));
        // 4 + 4 + 4 > 10, and `b` was used before `a`.
        cache.insert("c", tag.clone(), 3, 4);
        assert_eq!(cache.fresh(&"b"), None);
        assert_eq!(cache.fresh(&"a").as_deref(), Some(&1));
        assert_eq!(cache.bytes(), 8);
        // Replacing does not count twice; too large a value is not kept, nor is what it replaces.
        cache.insert("a", tag.clone(), 4, 6);
        assert_eq!(cache.bytes(), 10);
        assert_eq!(*cache.insert("a", tag, 5, 11), 5);
        assert_eq!(cache.fresh(&"a"), None);
        assert_eq!(cache.bytes(), 4);
    }

    #[test]
    fn a_value_that_grows_makes_others_leave() {
        let cache = cache(10);
        let tag: Tag = "1".into();
        let a = cache.insert("a", tag.clone(), 1, 4);
        cache.insert("b", tag.clone(), 2, 4);
        cache.resize(&"a", &a, 6);
        assert_eq!(cache.bytes(), 10);
        cache.resize(&"a", &a, 7);
        assert_eq!((cache.fresh(&"b"), cache.bytes()), (None, 7));
        // The last one stays, however large: it is in use.
        cache.resize(&"a", &a, 20);
        assert_eq!(
            (cache.fresh(&"a").as_deref(), cache.bytes()),
            (Some(&1), 20)
        );
        cache.insert("a", tag, 3, 1);
        cache.resize(&"a", &a, 9);
        assert_eq!(cache.bytes(), 1);
    }

    #[test]
    fn other_contents_are_another_value() {
        let cache = cache(10);
        cache.insert("a", "1".into(), 1, 1);
        assert_eq!(cache.tagged(&"a", &"2".into()), None);
        assert_eq!(cache.tagged(&"a", &"1".into()).as_deref(), Some(&1));
        cache.remove(&"a");
        assert_eq!(cache.fresh(&"a"), None);
        assert_eq!((cache.hits.get(), cache.misses.get()), (1, 1));
    }

    #[test]
    fn trust_ends() {
        let cache = cache(10);
        cache.insert("a", "1".into(), 1, 1);
        let old = Instant::now().checked_sub(MAX_AGE * 2).unwrap();
        cache.lock().entries.get_mut("a").unwrap().checked = old;
        assert_eq!(cache.fresh(&"a"), None);
        assert!(cache.trusted(&"a", MAX_AGE * 3).is_some());
        assert!(cache.trusted(&"a", MAX_AGE).is_none());
        assert!(cache.tagged(&"a", &"1".into()).is_some());
        assert!(cache.fresh(&"a").is_some());
        cache.remove_all(|key| *key == "b");
        assert_eq!(cache.values().len(), 1);
        cache.remove_all(|key| *key == "a");
        assert_eq!((cache.values().len(), cache.bytes()), (0, 0));
    }
}
