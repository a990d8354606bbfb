//! Why the store did not do what it was asked.

use core::error::Error;
use std::io::ErrorKind;

use object_store::Error as ObjectError;
use thiserror::Error;

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
    /// There is no store, and none was to be made.
    #[error(
        "there is no store: its marker `store.json` is missing; mount its disk, or leave out --no-create to make a new one"
    )]
    Missing,
    /// It is not the store that was opened.
    #[error(
        "the store is gone: {0}; bring back the disk or bucket that the server was started with"
    )]
    Gone(&'static str),
    /// It did not answer in time.
    #[error("the store does not answer: to {action} took more than {seconds} s")]
    Slow {
        /// What was asked of it.
        action: &'static str,
        /// Time there was.
        seconds: u64,
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

impl StoreError {
    /// Whether the disk has no room, or its user may not have more of it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::FileTooLarge,
        ];
        self.io_kind().is_some_and(|kind| full.contains(&kind))
    }

    /// Whether it takes no writes, though it may be read.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let read_only = [ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied];
        self.io_kind().is_some_and(|kind| read_only.contains(&kind))
    }

    /// What the system said, however deep it stands.
    fn io_kind(&self) -> Option<ErrorKind> {
        let mut error: Option<&dyn Error> = Some(self);
        while let Some(inner) = error {
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return Some(io.kind());
            }
            error = inner.source();
        }
        None
    }
}
