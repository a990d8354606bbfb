//! Why a model was given up.

use thiserror::Error;

/// Why a model was given up.
#[derive(Debug, Error)]
pub(crate) enum TrialError {
    #[error(
        "verifying and preparing it takes more than {seconds} s; use fewer or simpler operations"
    )]
    Slow { seconds: u64 },
    #[error(
        "verifying and preparing it takes more than {allowed} bytes of memory; use fewer or larger trees"
    )]
    Large { allowed: u64 },
    #[error("the process that verified it broke down; the server's log says more")]
    BrokeDown,
}
