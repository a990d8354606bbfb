//! The store: a folder or an S3 bucket with everything that the service knows.
//!
//! ```text
//! models/{model}.tnb                 a framed server program
//! keys/{client}/{model}/{spec id}.{key id}.tnb   a framed evaluation key
//! tokens/{name}.json                 hash and role of a token
//! ```
//! Every object is written whole or not at all, and is on the disk when the write returns: to a temporary file, `fsync`,
//! rename, `fsync` of the folder; S3 promises the same of a `PUT`. No object depends on another, so any number of servers
//! may share a store without locks: of two writers of one name, the later one wins.

mod location;

use alloc::sync::Arc;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Error as ObjectError, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use tenebra_client::SpecId;
use thiserror::Error;

use crate::cache::Tag;
use crate::names::{KeyId, Name, from_hex};
use crate::tokens::TokenRecord;

/// Why the store did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The location is not one.
    #[error("`{location}` is not a store: {reason}; give a folder or s3://BUCKET/PREFIX")]
    Location {
        /// As given.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder or the bucket's server refused or did not answer.
    #[error("the store could not {action}: {source}")]
    Backend {
        /// What was asked of it.
        action: &'static str,
        /// What it says.
        source: ObjectError,
    },
    /// The system refused an operation on the folder.
    #[error("the store could not {action}: {source}")]
    Io {
        /// What was asked of it.
        action: &'static str,
        /// What it says.
        source: std::io::Error,
    },
}

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
}

impl Store {
    /// A store that ends with the process, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            objects: Arc::new(object_store::memory::InMemory::new()),
            folder: None,
        }
    }

    /// Whether it can be read.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn probe(&self) -> Result<(), StoreError> {
        let mut listed = self.objects.list(Some(&Path::from("tokens")));
        listed.try_next().await.map_err(failed("be listed"))?;
        Ok(())
    }

    /// Bytes of all objects.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn size(&self) -> Result<u64, StoreError> {
        let sizes = self.objects.list(None).map_ok(|meta| meta.size);
        sizes
            .try_fold(0, async |sum, size| Ok(sum + size))
            .await
            .map_err(failed("be listed"))
    }

    /// All models, by name.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn models(&self) -> Result<Vec<Entry>, StoreError> {
        self.entries("models", ".tnb").await
    }

    /// Tag and size of a model.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn model_entry(&self, name: &Name) -> Result<Option<Entry>, StoreError> {
        let found = found(
            self.objects.head(&model_path(name)).await,
            "look for a model",
        )?;
        Ok(found.map(|meta| entry(name.clone(), &meta)))
    }

    /// A framed server program.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn model(&self, name: &Name) -> Result<Option<(Entry, Bytes)>, StoreError> {
        let got = self.read(&model_path(name), "read a model").await?;
        Ok(got.map(|(meta, bytes)| (entry(name.clone(), &meta), bytes)))
    }

    /// The first bytes of a framed server program, at most `len`.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn model_head(&self, name: &Name, len: u64) -> Result<Option<Bytes>, StoreError> {
        let options = GetOptions {
            range: Some((0..len).into()),
            ..GetOptions::default()
        };
        let got = self.objects.get_opts(&model_path(name), options).await;
        match found(got, "read a model")? {
            Some(got) => Ok(Some(got.bytes().await.map_err(failed("read a model"))?)),
            None => Ok(None),
        }
    }

    /// Writes a model, over one of that name; its tag.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn put_model(&self, name: &Name, program: Bytes) -> Result<Tag, StoreError> {
        let path = model_path(name);
        let put = self
            .objects
            .put(&path, program.into())
            .await
            .map_err(failed("write a model"))?;
        Ok(put.e_tag.unwrap_or_default().into())
    }

    /// Removes a model and every key made for it; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn delete_model(&self, name: &Name) -> Result<bool, StoreError> {
        let deleted = self.delete(&model_path(name)).await?;
        let listed = self.objects.list(Some(&Path::from("keys")));
        let keys: Vec<ObjectMeta> = listed.try_collect().await.map_err(failed("be listed"))?;
        for key in keys {
            let of_model = key
                .location
                .parts()
                .nth(2)
                .is_some_and(|part| part.as_ref() == name.as_str());
            if of_model {
                self.delete(&key.location).await?;
            }
        }
        Ok(deleted)
    }

    /// The keys of a client for a model.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn keys(&self, client: &Name, model: &Name) -> Result<Vec<KeyEntry>, StoreError> {
        let metas = self
            .list(&Path::from_iter(["keys", client.as_str(), model.as_str()]))
            .await?;
        Ok(metas.iter().filter_map(key_entry).collect())
    }

    /// How many keys a client has, for all models.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn count_keys(&self, client: &Name) -> Result<usize, StoreError> {
        Ok(self
            .list(&Path::from_iter(["keys", client.as_str()]))
            .await?
            .len())
    }

    /// Looks for a key among those of a client for a model.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn key_entry(
        &self,
        client: &Name,
        model: &Name,
        id: KeyId,
    ) -> Result<Option<KeyEntry>, StoreError> {
        let keys = self.keys(client, model).await?;
        Ok(keys.into_iter().find(|key| key.id == id))
    }

    /// A framed evaluation key.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn key(
        &self,
        client: &Name,
        model: &Name,
        key: &KeyEntry,
    ) -> Result<Option<Bytes>, StoreError> {
        let path = key_path(client, model, key.spec_id, key.id);
        Ok(self
            .read(&path, "read a key")
            .await?
            .map(|(_, bytes)| bytes))
    }

    /// Writes a framed evaluation key.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn put_key(
        &self,
        client: &Name,
        model: &Name,
        spec_id: SpecId,
        key: Bytes,
    ) -> Result<KeyId, StoreError> {
        let id = KeyId::of(&key);
        let path = key_path(client, model, spec_id, id);
        self.objects
            .put(&path, key.into())
            .await
            .map_err(failed("write a key"))?;
        Ok(id)
    }

    /// Removes a key; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn delete_key(
        &self,
        client: &Name,
        model: &Name,
        id: KeyId,
    ) -> Result<bool, StoreError> {
        match self.key_entry(client, model, id).await? {
            Some(key) => self.delete(&key_path(client, model, key.spec_id, id)).await,
            None => Ok(false),
        }
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn tokens(&self) -> Result<Vec<Entry>, StoreError> {
        self.entries("tokens", ".json").await
    }

    /// The record of a token; none too if it is not one.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn token(&self, name: &Name) -> Result<Option<TokenRecord>, StoreError> {
        let got = self.read(&token_path(name), "read a token").await?;
        Ok(got.and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes the record of a token; false if there is one of that name.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn put_token(&self, name: &Name, record: &TokenRecord) -> Result<bool, StoreError> {
        let json = serde_json::json!(record).to_string();
        let create = PutOptions::from(PutMode::Create);
        match self
            .objects
            .put_opts(&token_path(name), json.into(), create)
            .await
        {
            Ok(_) => Ok(true),
            Err(ObjectError::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(failed("write a token")(source)),
        }
    }

    /// Removes a token; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    pub async fn delete_token(&self, name: &Name) -> Result<bool, StoreError> {
        self.delete(&token_path(name)).await
    }

    async fn list(&self, prefix: &Path) -> Result<Vec<ObjectMeta>, StoreError> {
        self.objects
            .list(Some(prefix))
            .try_collect()
            .await
            .map_err(failed("be listed"))
    }

    async fn entries(&self, folder: &str, suffix: &str) -> Result<Vec<Entry>, StoreError> {
        let named = |meta: &ObjectMeta| {
            let name = meta
                .location
                .filename()?
                .strip_suffix(suffix)?
                .parse()
                .ok()?;
            Some(entry(name, meta))
        };
        let metas = self.list(&Path::from(folder)).await?;
        let mut entries: Vec<Entry> = metas.iter().filter_map(named).collect();
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    async fn read(
        &self,
        path: &Path,
        action: &'static str,
    ) -> Result<Option<(ObjectMeta, Bytes)>, StoreError> {
        let Some(got) = found(self.objects.get(path).await, action)? else {
            return Ok(None);
        };
        let meta = got.meta.clone();
        Ok(Some((meta, got.bytes().await.map_err(failed(action))?)))
    }

    async fn delete(&self, path: &Path) -> Result<bool, StoreError> {
        // S3 does not say whether there was anything to delete.
        let there = found(self.objects.head(path).await, "delete")?.is_some();
        if !there || found(self.objects.delete(path).await, "delete")?.is_none() {
            return Ok(false);
        }
        self.sync_parent(path).await?;
        Ok(true)
    }
}

fn model_path(name: &Name) -> Path {
    Path::from_iter(["models".to_owned(), format!("{name}.tnb")])
}

fn token_path(name: &Name) -> Path {
    Path::from_iter(["tokens".to_owned(), format!("{name}.json")])
}

fn key_path(client: &Name, model: &Name, spec_id: SpecId, id: KeyId) -> Path {
    let file = format!("{spec_id}.{id}.tnb");
    Path::from_iter(["keys", client.as_str(), model.as_str(), &file])
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

fn failed(action: &'static str) -> impl Fn(ObjectError) -> StoreError {
    move |source| StoreError::Backend { action, source }
}

/// What was found, if there is anything of that name.
fn found<T>(result: Result<T, ObjectError>, action: &'static str) -> Result<Option<T>, StoreError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(ObjectError::NotFound { .. }) => Ok(None),
        Err(source) => Err(failed(action)(source)),
    }
}
