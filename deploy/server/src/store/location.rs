//! From what the operator typed to a store: a folder, or a bucket by its URL.

use alloc::sync::Arc;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, RetryConfig};

use super::health::{MARKER, State};
use super::{Store, StoreError};

/// The folders of a store.
const FOLDERS: [&str; 4] = ["models", "history", "keys", "tokens"];
/// A temporary file this old belongs to no upload that still runs.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How long a request to S3 is tried again.
const S3_PATIENCE: Duration = Duration::from_secs(30);

impl Store {
    /// Opens `location`: a folder, which is made if it is not there, or `s3://BUCKET/PREFIX`. Region, endpoint and
    /// credentials of S3 come from the environment (`AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …).
    ///
    /// # Errors
    /// [`StoreError::Location`], [`StoreError::Io`].
    pub fn open(location: &str) -> Result<Self, StoreError> {
        Self::open_as(location, true)
    }

    /// As [`open`](Self::open), but makes no store: where there is none, a disk may not have been mounted. A store of an earlier
    /// version has no marker; [`open`](Self::open) it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`], now or when a bucket is first asked; [`StoreError::Location`], [`StoreError::Io`].
    pub fn open_existing(location: &str) -> Result<Self, StoreError> {
        Self::open_as(location, false)
    }

    fn open_as(location: &str, create: bool) -> Result<Self, StoreError> {
        match location.split_once("://") {
            None => Self::folder(Path::new(location), create),
            Some(("file", path)) => Self::folder(Path::new(path), create),
            Some(("s3", path)) => Self::s3(location, path, create),
            Some((scheme, _)) => Err(StoreError::Location {
                location: location.to_owned(),
                reason: format!("{scheme} is not known"),
            }),
        }
    }

    fn folder(folder: &Path, create: bool) -> Result<Self, StoreError> {
        if !create && !folder.join(MARKER).is_file() {
            return Err(StoreError::Missing);
        }
        let refused = |source| StoreError::Io {
            action: "make its folder",
            source,
        };
        for name in FOLDERS {
            make_private(&folder.join(name)).map_err(refused)?;
        }
        sync_folder(folder).map_err(refused)?;
        // `object_store` makes absolute paths of its own, and a folder replaced by a link to another must be noticed.
        let folder = &std::path::absolute(folder).map_err(refused)?;
        for name in FOLDERS {
            remove_abandoned(&folder.join(name));
        }
        let objects =
            LocalFileSystem::new_with_prefix(folder).map_err(|source| StoreError::Backend {
                action: "be opened",
                source,
            })?;
        Ok(Self {
            objects: Arc::new(objects.with_fsync(true)),
            folder: Some(folder.to_owned()),
            state: Arc::new(State::new(create)),
        })
    }

    fn s3(location: &str, path: &str, create: bool) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Location {
            location: location.to_owned(),
            reason,
        };
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let retry = RetryConfig {
            max_retries: 4,
            retry_timeout: S3_PATIENCE,
            backoff: BackoffConfig::default(),
        };
        // Fails if another part of the process chose already, which is as good.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retry);
        let objects = builder.build().map_err(|e| refused(e.to_string()))?;
        let prefix = ObjectPath::parse(prefix).map_err(|e| refused(e.to_string()))?;
        Ok(Self {
            objects: Arc::new(PrefixStore::new(objects, prefix)),
            folder: None,
            state: Arc::new(State::new(create)),
        })
    }
}

/// A folder that its owner alone may look into.
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let private = fs::Permissions::from_mode(0o700);
        match fs::set_permissions(folder, private) {
            // A folder that is somebody else's, or a disk that takes no writes, is their owner's business.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {}
            set => set?,
        }
    }
    Ok(())
}

pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// Removes what uploads left behind that were killed: they are invisible, but take room. Another server may be writing into
/// the same folder, so only old ones go, and failures do not matter.
fn remove_abandoned(folder: &Path) {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                folders.push(entry.path());
            } else if is_staged(&entry.file_name().to_string_lossy()) && is_old(&meta) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// `object_store` writes `NAME#1` before it is `NAME`; no name of ours holds a `#`.
fn is_staged(name: &str) -> bool {
    name.contains('#')
}

fn is_old(meta: &fs::Metadata) -> bool {
    let age = meta
        .modified()
        .ok()
        .and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_some_and(|age| age > ABANDONED)
}
