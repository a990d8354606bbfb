//! A folder as a store: what `object_store` leaves open. Its lists end at the first entry that it cannot look at, and it
//! deletes without `fsync`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use futures_util::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{Error as ObjectError, ObjectMeta};

use super::health::State;
use super::location::sync_folder;
use super::{Store, StoreError};

/// Folders below the one that is listed: `keys/{holder}/{model}/`.
const DEPTH: usize = 2;

impl Store {
    pub(super) async fn list_now(
        &self,
        prefix: &ObjectPath,
    ) -> Result<Vec<ObjectMeta>, ObjectError> {
        let Some(folder) = &self.folder else {
            return self.objects.list(Some(prefix)).try_collect().await;
        };
        let (folder, prefix) = (folder.join(prefix.as_ref()), prefix.clone());
        let state = alloc::sync::Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || {
            let mut listed = Vec::new();
            walk(&folder, &prefix, DEPTH, &state, &mut listed).map_err(|source| {
                ObjectError::Generic {
                    store: "folder",
                    source: Box::new(source),
                }
            })?;
            Ok(listed)
        })
        .await?
    }

    /// Whether an object's file is one, or there is none: opening a pipe would wait for ever.
    pub(super) async fn is_regular(&self, path: &ObjectPath) -> bool {
        let Some(folder) = &self.folder else {
            return true;
        };
        let file = folder.join(path.as_ref());
        let metadata = tokio::task::spawn_blocking(move || fs::metadata(file)).await;
        match metadata {
            Ok(Ok(metadata)) if !metadata.is_file() => {
                self.state.skip(path.as_ref(), "it is not a file");
                false
            }
            _ => true,
        }
    }

    /// Makes a deletion last: the folder's entries are on the disk.
    pub(super) async fn sync_parent(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let Some(mut parent) = self.parent(path) else {
            return Ok(());
        };
        let refused = |source| StoreError::Io {
            action: "make a deletion last",
            source,
        };
        let synced = tokio::task::spawn_blocking(move || {
            // The folder may have gone with its last object.
            while !parent.exists() && parent.pop() {}
            sync_folder(&parent)
        });
        synced
            .await
            .map_err(|e| refused(e.into()))?
            .map_err(refused)
    }

    /// Removes the folders of a deleted object that hold nothing else.
    pub(super) fn remove_empty_folders(&self, path: &ObjectPath) {
        let Some(mut parent) = self.parent(path) else {
            return;
        };
        for _ in 1..path.parts().count() - 1 {
            // Fails if there is something else in it.
            if fs::remove_dir(&parent).is_err() {
                return;
            }
            parent.pop();
        }
    }

    fn parent(&self, path: &ObjectPath) -> Option<PathBuf> {
        let mut parent = self.folder.as_ref()?.join(path.as_ref());
        parent.pop();
        Some(parent)
    }
}

/// The files below a folder. What cannot be looked at is passed over.
fn walk(
    folder: &Path,
    prefix: &ObjectPath,
    depth: usize,
    state: &State,
    listed: &mut Vec<ObjectMeta>,
) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        // Before the first object is in it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name();
        let shown = format!("{prefix}/{}", file.to_string_lossy());
        // What an upload is written to before it is whole.
        if shown.contains('#') {
            continue;
        }
        let path = file
            .to_str()
            .and_then(|name| ObjectPath::parse(format!("{prefix}/{name}")).ok());
        let Some(path) = path else {
            state.skip(&shown, "it is no name");
            continue;
        };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match fs::metadata(entry.path()) {
            Ok(_) if is_folder && depth > 0 => {
                if let Err(error) = walk(&entry.path(), &path, depth - 1, state, listed) {
                    state.skip(&shown, &error.to_string());
                }
            }
            Ok(metadata) if metadata.is_file() => listed.push(meta(path, &metadata)),
            Ok(_) => state.skip(&shown, "it is not a file"),
            // Deleted since it was listed.
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && !entry_is_link(&entry) => {}
            Err(error) => state.skip(&shown, &error.to_string()),
        }
    }
    Ok(())
}

fn entry_is_link(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

/// With the tag that `object_store` gives a file; a test holds that they are the same.
fn meta(location: ObjectPath, metadata: &fs::Metadata) -> ObjectMeta {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let micros = modified
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    ObjectMeta {
        location,
        last_modified: modified.into(),
        size: metadata.len(),
        e_tag: Some(format!(
            "\"{:x}-{micros:x}-{:x}\"",
            inode(metadata),
            metadata.len()
        )),
        version: None,
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
