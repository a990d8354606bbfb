//! Models in the store.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, PutMode};
use sha2::{Digest, Sha256};

use super::{Action, Deployment, Entry, Store, StoreError, entry, found};
use crate::cache::Tag;
use crate::names::{Name, Version};

impl Store {
    /// All models, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn models(&self) -> Result<Vec<Entry>, StoreError> {
        self.entries("models", ".tnb").await
    }

    /// Passes over a model that is not one; says so once.
    pub(crate) fn skip_model(&self, name: &Name, reason: &str) {
        self.state.skip(model_path(name).as_ref(), reason);
    }

    /// Tag and size of a model.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn model_entry(&self, name: &Name) -> Result<Option<Entry>, StoreError> {
        let found = self.head(&model_path(name)).await?;
        Ok(found.map(|meta| entry(name.clone(), &meta)))
    }

    /// A framed server program.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn model(&self, name: &Name) -> Result<Option<(Entry, Bytes)>, StoreError> {
        let got = self.read(&model_path(name)).await?;
        Ok(got.map(|(meta, bytes)| (entry(name.clone(), &meta), bytes)))
    }

    /// The first bytes of a framed server program, at most `len`, of which there must be some; and its version, which takes
    /// reading the rest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn model_head(
        &self,
        name: &Name,
        len: usize,
    ) -> Result<Option<(Vec<u8>, Version)>, StoreError> {
        let (store, path) = (self.clone(), model_path(name));
        let read = async move {
            if !store.is_regular(&path).await {
                return Ok(None);
            }
            let got = store.objects.get_opts(&path, GetOptions::default()).await;
            let Some(got) = found(got)? else {
                return Ok(None);
            };
            let (mut head, mut hash) = (Vec::new(), Sha256::new());
            let mut stream = got.into_stream();
            while let Some(chunk) = stream.try_next().await? {
                hash.update(&chunk);
                let more = chunk.len().min(len - head.len());
                head.extend_from_slice(&chunk[..more]);
            }
            Ok(Some((head, Version::finish(hash))))
        };
        match self.ask(Action::Read, read).await? {
            Some(read) => Ok(Some(read)),
            None => self.verify().await.map(|()| None),
        }
    }

    /// Writes a model, over one of that name, and into its history; the tag that these bytes have, whoever replaces them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_model(
        &self,
        name: &Name,
        program: Bytes,
        owner: &Name,
    ) -> Result<Tag, StoreError> {
        let path = model_path(name);
        let size = program.len() as u64;
        let deployment = Deployment::now(Version::of(&program), owner, size);
        let kept = deployment.path(name);
        let mut tag = self
            .write(&kept, program.clone(), PutMode::Overwrite)
            .await?;
        // Not every file system has second names.
        if self.copy(&kept, &path).await.is_err() {
            tag = self.write(&path, program, PutMode::Overwrite).await?;
        }
        self.prune(name).await?;
        self.verify().await?;
        // A copy has the tag of its original where tags say what the contents are; where not, it is read again.
        Ok(tag.unwrap_or_else(|| Tag::from("")))
    }

    /// Removes a model, its history, and every key made for it; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_model(&self, name: &Name) -> Result<bool, StoreError> {
        let deleted = self.delete(&model_path(name)).await?;
        for deployment in self.history(name).await? {
            self.remove(&deployment.path(name)).await?;
        }
        for key in self.list(&Path::from("keys")).await? {
            let model = key.location.parts().nth(2);
            if model.is_some_and(|part| part.as_ref() == name.as_str()) {
                self.delete(&key.location).await?;
            }
        }
        Ok(deleted)
    }

    /// Bytes of all models and their histories.
    pub(super) async fn model_sizes(&self) -> Result<u64, StoreError> {
        let mut sizes: HashMap<String, (u64, u64)> = HashMap::new();
        for meta in self.list(&Path::from("models")).await? {
            let file = meta.location.filename().unwrap_or_default();
            let name = file.strip_suffix(".tnb").unwrap_or(file);
            sizes.entry(name.to_owned()).or_default().0 += meta.size;
        }
        for meta in self.list(&Path::from("history")).await? {
            if let Some(name) = meta.location.parts().nth(1) {
                sizes.entry(name.as_ref().to_owned()).or_default().1 += meta.size;
            }
        }
        Ok(sizes.values().map(|(now, history)| now.max(history)).sum())
    }
}

pub(super) fn model_path(name: &Name) -> Path {
    Path::from_iter(["models".to_owned(), format!("{name}.tnb")])
}
