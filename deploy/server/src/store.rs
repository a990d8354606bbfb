//! The store: a folder or an S3 bucket with everything that the service knows.
//!
//! ```text
//! store.json                         marker: which store it is
//! models/{model}.tnb                 a framed server program
//! history/{model}/{time}.{version}.{owner}.tnb   every deployment of late: milliseconds since 1970, SHA-256, who
//! keys/{holder}/{model}/{spec id}.{key id}.tnb   a framed evaluation key
//! tokens/{name}.json                 hash, role and more of a token
//! ```
//! Every object is written whole or not at all, and is on the disk when the write returns: to a temporary file, `fsync`,
//! rename, `fsync` of the folder; S3 promises the same of a `PUT`. No object depends on another, so any number of servers
//! may share a store without locks: of two writers of one name, the later one wins.
//!
//! What is not ours is passed over, counted and named in the log once. A store without its marker, or with another one, is not
//! the store that was opened: every answer is [`StoreError::Gone`] until it is back. A store that does not answer in time is left
//! alone, but for one look a second, until it does.

mod error;
mod folder;
mod health;
mod history;
mod location;
mod models;

use alloc::sync::Arc;
use std::path::PathBuf;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Error as ObjectError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use tenebra_client::SpecId;

use crate::cache::Tag;
use crate::names::{Holder, KeyId, Name, from_hex};
use crate::tokens::TokenRecord;
use health::State;

pub use error::StoreError;
pub(crate) use health::StoreMetrics;
pub use history::Deployment;

/// An object with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of the model or token.
    pub name: Name,
    /// Changes with the contents.
    pub tag: Tag,
    /// Bytes of the object.
    pub size: u64,
}

/// An evaluation key in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Its name.
    pub id: KeyId,
    /// The spec it was made for.
    pub spec_id: SpecId,
    /// Bytes of the framed key.
    pub size: u64,
}

/// A folder or a bucket.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The folder, if it is one.
    folder: Option<PathBuf>,
    state: Arc<State>,
}

/// What is done to objects: a label of the metrics, and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    List,
    Look,
    Read,
    Write,
    Delete,
}

impl Store {
    /// A store that ends with the process, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::over(Arc::new(object_store::memory::InMemory::new()))
    }

    fn over(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            folder: None,
            state: Arc::new(State::new(true)),
        }
    }

    /// Bytes of all objects. Of a model, what its history takes or what is deployed, whichever is more: they share their bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn size(&self) -> Result<u64, StoreError> {
        let mut sum = 0;
        for folder in ["keys", "tokens"] {
            let listed = self.list(&Path::from(folder)).await?;
            sum += listed.iter().map(|meta| meta.size).sum::<u64>();
        }
        Ok(sum + self.model_sizes().await?)
    }

    /// The keys of a client for a model.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self, holder: &Holder, model: &Name) -> Result<Vec<KeyEntry>, StoreError> {
        let metas = self
            .list(&Path::from_iter(["keys", holder.as_str(), model.as_str()]))
            .await?;
        Ok(metas.iter().filter_map(key_entry).collect())
    }

    /// How many keys a client has, for all models.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_keys(&self, holder: &Holder) -> Result<usize, StoreError> {
        let metas = self
            .list(&Path::from_iter(["keys", holder.as_str()]))
            .await?;
        Ok(metas.iter().filter_map(key_entry).count())
    }

    /// Looks for a key among those of a client for a model.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_entry(
        &self,
        holder: &Holder,
        model: &Name,
        id: KeyId,
    ) -> Result<Option<KeyEntry>, StoreError> {
        let keys = self.keys(holder, model).await?;
        Ok(keys.into_iter().find(|key| key.id == id))
    }

    /// A framed evaluation key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key(
        &self,
        holder: &Holder,
        model: &Name,
        key: &KeyEntry,
    ) -> Result<Option<Bytes>, StoreError> {
        let path = key_path(holder, model, key.spec_id, key.id);
        Ok(self.read(&path).await?.map(|(_, bytes)| bytes))
    }

    /// Writes a framed evaluation key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_key(
        &self,
        holder: &Holder,
        model: &Name,
        spec_id: SpecId,
        key: Bytes,
    ) -> Result<KeyId, StoreError> {
        let id = KeyId::of(&key);
        let path = key_path(holder, model, spec_id, id);
        self.write(&path, key, PutMode::Overwrite).await?;
        Ok(id)
    }

    /// Removes a key; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_key(
        &self,
        holder: &Holder,
        model: &Name,
        id: KeyId,
    ) -> Result<bool, StoreError> {
        match self.key_entry(holder, model, id).await? {
            Some(key) => self.delete(&key_path(holder, model, key.spec_id, id)).await,
            None => Ok(false),
        }
    }

    /// Removes every evaluation key of a name, of whichever token had it; how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge(&self, name: &Name) -> Result<usize, StoreError> {
        let mut deleted = 0;
        for meta in self.list(&Path::from("keys")).await? {
            let holder = meta.location.parts().nth(1);
            if holder.is_some_and(|holder| Holder::is_of(holder.as_ref(), name))
                && self.delete(&meta.location).await?
            {
                self.remove_empty_folders(&meta.location);
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<Entry>, StoreError> {
        self.entries("tokens", ".json").await
    }

    /// The record of a token; none too if it is not one or cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read at all.
    pub async fn token(&self, name: &Name) -> Result<Option<TokenRecord>, StoreError> {
        let path = token_path(name);
        let bytes = match self.read(&path).await {
            Ok(Some((_, bytes))) => bytes,
            Ok(None) => return Ok(None),
            Err(error) => {
                // One file that cannot be read is not a store that cannot be.
                self.verify().await?;
                self.state.skip(path.as_ref(), &error.to_string());
                return Ok(None);
            }
        };
        let record = serde_json::from_slice(&bytes);
        Ok(record
            .inspect_err(|error| self.state.skip(path.as_ref(), &error.to_string()))
            .ok())
    }

    /// Writes the record of a new token; false if there is one of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_token(&self, name: &Name, record: &TokenRecord) -> Result<bool, StoreError> {
        let json = serde_json::json!(record).to_string();
        let path = token_path(name);
        match self.write(&path, json.into(), PutMode::Create).await {
            Ok(_) => Ok(true),
            Err(StoreError::Backend {
                source: ObjectError::AlreadyExists { .. },
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the record of a token over the one of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace_token(&self, name: &Name, record: &TokenRecord) -> Result<(), StoreError> {
        let json = serde_json::json!(record).to_string();
        self.write(&token_path(name), json.into(), PutMode::Overwrite)
            .await
            .map(drop)
    }

    /// Removes a token, and every key that was kept for its name; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_token(&self, name: &Name) -> Result<bool, StoreError> {
        let deleted = self.delete(&token_path(name)).await?;
        self.purge(name).await?;
        Ok(deleted)
    }

    async fn entries(&self, folder: &str, suffix: &str) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = Vec::new();
        for meta in self.list(&Path::from(folder)).await? {
            let name = meta
                .location
                .filename()
                .and_then(|file| file.strip_suffix(suffix)?.parse().ok());
            match name {
                Some(name) if meta.location.parts().count() == 2 => {
                    entries.push(entry(name, &meta));
                }
                _ => self.state.skip(meta.location.as_ref(), "it is no name"),
            }
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// The objects below a prefix, ours or not.
    async fn list(&self, prefix: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        let (store, prefix) = (self.clone(), prefix.clone());
        let list = async move { store.list_now(&prefix).await };
        let listed = self.ask(Action::List, list).await?;
        self.verify().await?;
        Ok(listed)
    }

    async fn head(&self, path: &Path) -> Result<Option<ObjectMeta>, StoreError> {
        let (objects, path) = (Arc::clone(&self.objects), path.clone());
        let head = async move { found(objects.head(&path).await) };
        match self.ask(Action::Look, head).await? {
            Some(meta) => Ok(Some(meta)),
            None => self.verify().await.map(|()| None),
        }
    }

    async fn read(&self, path: &Path) -> Result<Option<(ObjectMeta, Bytes)>, StoreError> {
        let (store, path) = (self.clone(), path.clone());
        let read = async move {
            if !store.is_regular(&path).await {
                return Ok(None);
            }
            let Some(got) = found(store.objects.get(&path).await)? else {
                return Ok(None);
            };
            let meta = got.meta.clone();
            Ok(Some((meta, got.bytes().await?)))
        };
        match self.ask(Action::Read, read).await? {
            Some(read) => Ok(Some(read)),
            None => self.verify().await.map(|()| None),
        }
    }

    /// Writes an object; it is there, and in the store that was opened, when this returns. The tag is that of these bytes: whatever is
    /// looked up later may be somebody else's.
    async fn write(
        &self,
        path: &Path,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<Option<Tag>, StoreError> {
        self.verify().await?;
        let (objects, path) = (Arc::clone(&self.objects), path.clone());
        let write = async move {
            let put = objects.put_opts(&path, bytes.into(), PutOptions::from(mode));
            let put = put.await?;
            Ok(put.e_tag.map(Tag::from))
        };
        let tag = self.change(Action::Write, write).await?;
        self.verify().await?;
        Ok(tag)
    }

    async fn delete(&self, path: &Path) -> Result<bool, StoreError> {
        // S3 does not say whether there was anything to delete.
        if self.head(path).await?.is_none() {
            return Ok(false);
        }
        if !self.remove(path).await? {
            return Ok(false);
        }
        self.sync_parent(path).await?;
        self.verify().await?;
        Ok(true)
    }
}

fn token_path(name: &Name) -> Path {
    Path::from_iter(["tokens".to_owned(), format!("{name}.json")])
}

fn key_path(holder: &Holder, model: &Name, spec_id: SpecId, id: KeyId) -> Path {
    let file = format!("{spec_id}.{id}.tnb");
    Path::from_iter(["keys", holder.as_str(), model.as_str(), &file])
}

fn key_entry(meta: &ObjectMeta) -> Option<KeyEntry> {
    let (spec_id, id) = meta
        .location
        .filename()?
        .strip_suffix(".tnb")?
        .split_once('.')?;
    Some(KeyEntry {
        id: id.parse().ok()?,
        spec_id: SpecId(from_hex(spec_id)?),
        size: meta.size,
    })
}

fn entry(name: Name, meta: &ObjectMeta) -> Entry {
    Entry {
        name,
        tag: tag(meta),
        size: meta.size,
    }
}

/// What changes with the contents, also of a store that gives its objects no tags.
fn tag(meta: &ObjectMeta) -> Tag {
    match &meta.e_tag {
        Some(tag) => tag.as_str().into(),
        None => format!("{} {}", meta.last_modified, meta.size).into(),
    }
}

/// What was found, if there is anything of that name.
fn found<T>(result: Result<T, ObjectError>) -> Result<Option<T>, ObjectError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(ObjectError::NotFound { .. }) => Ok(None),
        Err(source) => Err(source),
    }
}

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod tests;
